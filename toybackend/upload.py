"""Whose the next blob is: the two-state upload as a table, without I/O.

The rule and the reasons for it are at the top of `protocol.py`.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from toybackend.errors import AudioWithoutHeader, HeaderPending, Refused, UnknownType
from toybackend.protocol import MAX_REF, Cancel, ClientFrame, VoiceHeader, recognise, understand


class UploadState(Enum):
    IDLE = "no header waits"
    AWAITING_AUDIO = "the next blob belongs to the header that waits"
    REFUSED = "the header was refused and answered; its blob may still come"


class UploadEvent(Enum):
    HEADER = "a header came, well-formed or not"
    REFUSAL = "we refused the header that waits"
    BLOB = "a binary message began"
    CANCEL = "the client took its header back"
    UNREADABLE = "a frame came that may have been meant as a header"


class BlobFate(Enum):
    """What happens to the binary message that begins now."""

    TAKE = "it belongs to the header"
    DISCARD = "read it, throw it away, say nothing: its header was answered already"


_S, _E = UploadState, UploadEvent

UPLOAD: dict[tuple[UploadState, UploadEvent], tuple[UploadState, type[Refused] | BlobFate | None]] = {
    (_S.IDLE, _E.HEADER): (_S.AWAITING_AUDIO, None),
    (_S.IDLE, _E.BLOB): (_S.IDLE, AudioWithoutHeader),
    (_S.IDLE, _E.CANCEL): (_S.IDLE, None),
    (_S.IDLE, _E.UNREADABLE): (_S.IDLE, None),
    (_S.AWAITING_AUDIO, _E.HEADER): (_S.IDLE, HeaderPending),
    (_S.AWAITING_AUDIO, _E.REFUSAL): (_S.REFUSED, None),
    (_S.AWAITING_AUDIO, _E.BLOB): (_S.IDLE, BlobFate.TAKE),
    (_S.AWAITING_AUDIO, _E.CANCEL): (_S.IDLE, None),
    (_S.AWAITING_AUDIO, _E.UNREADABLE): (_S.IDLE, None),
    (_S.REFUSED, _E.HEADER): (_S.AWAITING_AUDIO, None),
    (_S.REFUSED, _E.BLOB): (_S.IDLE, BlobFate.DISCARD),
    (_S.REFUSED, _E.CANCEL): (_S.IDLE, None),
    (_S.REFUSED, _E.UNREADABLE): (_S.REFUSED, None),
}
"""Every state and event. `(IDLE, REFUSAL)` and `(REFUSED, REFUSAL)` cannot be: there is no header to refuse."""


class Inbound:
    """What one socket's client says, frame by frame: understood, and every blob with the header it belongs to."""

    __slots__ = ("_header", "_max_text", "_state", "ref")

    def __init__(self, *, max_text: int) -> None:
        self._max_text = max_text
        self.ref: str | None = None
        """The client's own key in the text frame that came last, even where that frame is refused."""
        self._state = UploadState.IDLE
        self._header: VoiceHeader | None = None

    def text(self, frame: str | bytes) -> ClientFrame:
        """A text frame came. Raises BadJson, UnknownType, MissingField, TooLong or HeaderPending."""
        kind, self.ref = None, None
        try:
            kind, fields = recognise(frame)
            self.ref = _ref_in(fields)
            understood = understand(kind, fields, max_text=self._max_text)
        except Refused as refused:
            if kind is VoiceHeader or (kind is None and not isinstance(refused, UnknownType)):
                self._step(UploadEvent.UNREADABLE)
            raise
        if isinstance(understood, VoiceHeader):
            self._step(UploadEvent.HEADER)
            self._header = understood
        elif isinstance(understood, Cancel):
            self._step(UploadEvent.CANCEL)
        return understood

    def refuse_header(self) -> None:
        """The header that came last is refused, and the client is told so now."""
        self._step(UploadEvent.REFUSAL)

    def blob(self) -> VoiceHeader | None:
        """A binary message begins: its header, or None to discard it. Raises AudioWithoutHeader."""
        header = self._header
        return header if self._step(UploadEvent.BLOB) is BlobFate.TAKE else None

    def _step(self, event: UploadEvent) -> BlobFate | None:
        self._header = None  # whatever happens, no header outlives the next step
        self._state, effect = UPLOAD[self._state, event]
        if isinstance(effect, type):
            raise effect
        return effect


def _ref_in(fields: dict[str, Any]) -> str | None:
    ref = fields.get("ref")
    return ref if isinstance(ref, str) and len(ref) <= MAX_REF else None
