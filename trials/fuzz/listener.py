"""Whose the next blob is, worked out from the words of `protocol.py` by somebody who has not seen our code: with the
JSON reader of the standard library, and without a table.

    The addressee of a blob is the header just before it on the same socket, and nothing else. A second header while
    one waits drops both. A frame that cannot be read while a header waits drops it too, because it may have been
    another header; a text, an ack or a type we do not know never does. A header that is refused is answered at once
    and its blob is thrown away without a second error; the next header starts afresh.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, NoReturn

from toybackend.protocol import MAX_FRAME_BYTES, MAX_REF

Addressee = tuple[str | None, str | None]
"""(to_user, to_group): one of them."""
MOST_WHOLE_NUMBER = 2**63
"""Where JSON readers begin to differ on what a whole number is."""


class Kind(Enum):
    """What a text frame does to a header that waits."""

    HEADER = auto()
    DAMAGED = auto()
    """It may have been meant as a header."""
    CANCEL = auto()
    OTHER = auto()
    UNSURE = auto()
    """JSON readers may differ on it; nothing is claimed about what follows, up to the next blob."""


class Fate(Enum):
    """What becomes of a blob that goes to nobody."""

    ERROR = auto()
    SILENCE = auto()
    UNSURE = auto()


@dataclass(slots=True)
class Listener:
    """One socket."""

    waiting: Addressee | None = None
    was_answered: bool = False
    """The header before was refused, and its blob may still come."""
    is_unsure: bool = False

    def text(self, kind: Kind, addressee: Addressee | None) -> None:
        """A text frame came."""
        if kind is Kind.HEADER and self.waiting is None:
            self.waiting, self.was_answered = addressee, False
        elif kind in (Kind.HEADER, Kind.DAMAGED):
            self.waiting = None
        elif kind is Kind.CANCEL:
            self.waiting, self.was_answered = None, False
        self.is_unsure |= kind is Kind.UNSURE

    def refused(self) -> None:
        """The header that waited was refused."""
        self.waiting, self.was_answered = None, True

    def blob(self) -> Addressee | Fate:
        """A blob came: whose it is."""
        whose: Addressee | Fate = self.waiting or (Fate.SILENCE if self.was_answered else Fate.ERROR)
        if self.is_unsure:
            whose = Fate.UNSURE
        self.waiting, self.was_answered, self.is_unsure = None, False, False
        return whose


def kind_of(frame: bytes, max_text: int) -> tuple[Kind, Addressee | None]:
    """What a text frame is, and whom it names."""
    if len(frame) > MAX_FRAME_BYTES:
        return Kind.DAMAGED, None
    try:
        fields = _READER.decode(frame.decode())
        json.dumps(fields, ensure_ascii=False).encode()  # half a surrogate is no character
    except _Unsure:
        return Kind.UNSURE, None
    except (ValueError, RecursionError):
        return Kind.DAMAGED, None
    if not isinstance(fields, dict):
        return Kind.DAMAGED, None
    if "type" in fields:
        return _typed(fields["type"]), None
    if "to_user" not in fields and "to_group" not in fields:
        return Kind.DAMAGED, None
    if "msg" in fields:
        return Kind.OTHER, None
    return _header(fields)


def _typed(name: Any) -> Kind:
    return Kind.CANCEL if name == "cancel" else Kind.OTHER


def _header(fields: dict[str, Any]) -> tuple[Kind, Addressee | None]:
    user, group, ref = fields.get("to_user"), fields.get("to_group"), fields.get("ref")
    size, sha256, now = fields.get("bytes"), fields.get("sha256"), fields.get("now", False)
    is_whole = (
        all(one is None or isinstance(one, str) for one in (user, group, ref, sha256))
        and (user is None) != (group is None)
        and bool(user or group)
        and (ref is None or len(ref) <= MAX_REF)
        and (size is None or (type(size) is int and size >= 0))
        and type(now) is bool
    )
    return (Kind.HEADER, (user, group)) if is_whole else (Kind.DAMAGED, None)


class _Unsure(Exception):
    """JSON leaves it open."""


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _whole(text: str) -> int:
    if len(text) > 20 or not -MOST_WHOLE_NUMBER < int(text) < MOST_WHOLE_NUMBER:
        raise _Unsure
    return int(text)


def _part(text: str) -> float:
    number = float(text)
    if abs(number) == float("inf") or number.is_integer():
        raise _Unsure
    return number


_READER = json.JSONDecoder(parse_constant=_no_number, parse_int=_whole, parse_float=_part)
