"""What a client sends: messages until they are accepted, acknowledgements once. No I/O.

A message is written on every new socket until the server says «accepted», each time under the same `ref`, which
makes that safe: the server keeps one. Somebody who waits for «delivered» or «heard» may have missed it while there
was no socket; writing the message again with its `ref` makes the server tell it once more.

Only the caller holds on to a `Sent`. Once nobody does, nothing of it is kept, so memory stays what the caller uses.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from weakref import WeakValueDictionary

from toybackend.client.failures import refused
from toybackend.client.waiting import Pulse
from toybackend.protocol import (
    MAX_FRAME_BYTES,
    Accepted,
    Ack,
    Delivered,
    Error,
    Failed,
    HaveHeard,
    Heard,
    Notice,
    ServerFrame,
    TextMessage,
    VoiceHeader,
    encode_client_frame,
    parse_client_frame,
)

MOST_RECEIPTS = 64
"""The last acknowledgements, repeated on a new socket: the old one may have taken them to its grave."""


class Outcome(IntEnum):
    """How far a message of ours has come; each step includes those before it."""

    PENDING = 0
    ACCEPTED = 1
    DELIVERED = 2
    HEARD = 3
    FAILED = 4


NewRef = Callable[[], str]
"""A fresh key for a message of ours, unique among those of this sender; at most 64 characters."""


def random_ref() -> str:
    return secrets.token_urlsafe(12)


@dataclass(frozen=True, slots=True, eq=False)
class Letter:
    """What is written in one go: a frame, and right behind it, where the frame is a header, its audio."""

    frame: str
    audio: bytes | None = None


_READ = Letter("")


class Sent:
    """A message of ours and what became of it. Waiting raises the reason when it was refused or failed."""

    __slots__ = (
        "__weakref__",
        "_changed",
        "_waiting",
        "cut_off",
        "delivered_to",
        "error",
        "heard_by",
        "held_until",
        "id",
        "letter",
        "ref",
    )

    def __init__(self, ref: str, letter: Letter) -> None:
        self.ref = ref
        self.letter = letter
        #: Given by the server when it accepts the message; empty before.
        self.id = ""
        #: Until when it waits for the quiet hours of its recipient to end; of a group, of the one who rests longest.
        self.held_until: datetime | None = None
        #: Recipients that have it, and that played it to its end; more than one for a group.
        self.delivered_to: set[str] = set()
        self.heard_by: set[str] = set()
        #: Why it was refused, or failed after it was accepted.
        self.error: BaseException | None = None
        #: Why nothing more can be learnt about it.
        self.cut_off: BaseException | None = None
        self._changed = Pulse()
        self._waiting = 0

    @property
    def outcome(self) -> Outcome:
        """For a group: the furthest that any recipient has come."""
        if self.error is not None:
            return Outcome.FAILED
        if self.heard_by:
            return Outcome.HEARD
        if self.delivered_to:
            return Outcome.DELIVERED
        return Outcome.ACCEPTED if self.id else Outcome.PENDING

    async def accepted(self) -> None:
        """Return when the server has it safely."""
        await self._reaches(Outcome.ACCEPTED)

    async def delivered(self) -> None:
        """Return when a recipient has it."""
        await self._reaches(Outcome.DELIVERED)

    async def heard(self) -> None:
        """Return when a recipient has played it to its end."""
        await self._reaches(Outcome.HEARD)

    @property
    def is_awaited(self) -> bool:
        return self._waiting > 0

    @property
    def is_open(self) -> bool:
        """Writing it (again) would tell somebody something."""
        return self.outcome is Outcome.PENDING or (self.is_awaited and self.outcome < Outcome.HEARD)

    def change(self) -> None:
        """Something happened: whoever waits shall look again."""
        if self.outcome >= Outcome.HEARD:
            self.letter = _READ  # nothing is left to learn, so its audio need not stay in memory
        self._changed.fire()

    def hold(self, until: str) -> None:
        """It waits for the end of quiet hours, a time as it goes over the wire."""
        with suppress(ValueError):
            moment = datetime.fromisoformat(until)
            if moment.tzinfo is not None:  # else nobody knows when that is
                self.held_until = max(self.held_until or moment, moment)
                self._changed.fire()

    def start_again(self, letter: Letter) -> None:
        """It is offered once more; the server will tell again how far it came."""
        self.letter, self.id, self.error, self.held_until = letter, "", None, None
        self.delivered_to.clear()
        self.heard_by.clear()

    async def _reaches(self, step: Outcome) -> None:
        def has_reached() -> bool:
            if self.id and step is Outcome.ACCEPTED:
                return True  # even if it has failed since
            if self.error is not None:
                raise self.error
            if self.outcome < step and self.cut_off is not None:
                raise self.cut_off
            return self.outcome >= step

        with self._awaited():
            await self._changed.until(has_reached)

    @contextmanager
    def _awaited(self) -> Iterator[None]:
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    def __repr__(self) -> str:
        return f"<Sent {self.id or self.ref} {self.outcome.name.lower()}>"


class Outbox:
    """What still has to be written, for one client and over all its sockets."""

    def __init__(self) -> None:
        #: Longest text that the server takes, in characters; as long as it is unknown, what a frame can hold.
        self.max_text = MAX_FRAME_BYTES
        self._by_ref: WeakValueDictionary[str, Sent] = WeakValueDictionary()
        self._by_id: WeakValueDictionary[str, Sent] = WeakValueDictionary()
        self._receipts: deque[Letter] = deque(maxlen=MOST_RECEIPTS)
        self._queue: deque[Letter] = deque()
        self._has_socket = False
        self._changed = Pulse()

    # ── from the caller ──

    def send(self, ref: str, frame: VoiceHeader | TextMessage, audio: bytes | None = None) -> Sent:
        """Queue a message. The same `ref` again is the same `Sent`: the server would keep one message as well.
        Raises MissingField or TooLong for a frame that could not be understood."""
        sent = self._by_ref.get(ref)
        if sent is not None and sent.outcome is Outcome.PENDING:
            return sent
        letter = Letter(encode_client_frame(frame), audio)
        # A frame that cannot be read is refused without its `ref`: nobody could tell which message that was.
        parse_client_frame(letter.frame, max_text=self.max_text)
        if sent is None:
            sent = self._by_ref[ref] = Sent(ref, letter)
        else:
            sent.start_again(letter)
        self._put(letter)
        return sent

    def withdraw(self, sent: Sent) -> None:
        """Nobody waits for it any more: do not write it unless that has begun."""
        if not sent.is_awaited and sent.outcome is Outcome.PENDING:
            self._by_ref.pop(sent.ref, None)
            if sent.letter in self._queue:
                self._queue.remove(sent.letter)

    def say(self, receipt: Ack | HaveHeard) -> None:
        letter = Letter(encode_client_frame(receipt))
        self._receipts.append(letter)
        self._put(letter)

    # ── from the socket ──

    def reopen(self) -> None:
        """There is a new socket: what is not known to have arrived has to be written again."""
        unsettled = [sent.letter for sent in self._by_ref.values() if sent.is_open]
        self._queue = deque([*self._receipts, *unsettled])
        self._has_socket = True
        self._changed.fire()

    def shut(self) -> None:
        """The socket is gone; the next one starts with a list made afresh."""
        self._queue.clear()
        self._has_socket = False
        self._changed.fire()

    async def next(self) -> Letter:
        """The letter to write now, as soon as there is one; it stays first until `written`."""
        return await self._changed.until(lambda: self._queue[0] if self._queue else None)

    def written(self, letter: Letter) -> None:
        if self._queue and self._queue[0] is letter:
            self._queue.popleft()
        self._changed.fire()

    async def emptied(self) -> None:
        """Return when everything has been written, or there is no socket to write to."""
        await self._changed.until(lambda: not self._queue)

    def take(self, frame: ServerFrame) -> None:
        """A frame came that may be about a message of ours."""
        match frame:
            case Accepted(ref=str(ref)) if (sent := self._by_ref.get(ref)) is not None:
                sent.id = frame.id
                self._by_id[frame.id] = sent
                sent.change()
            case Notice(event="held", id=str(message_id), until=str(until)) if message_id in self._by_id:
                self._by_id[message_id].hold(until)
            case Error(ref=str(ref)) if (sent := self._by_ref.get(ref)) is not None:
                self._fail(sent, refused(frame.code, frame.message, frame.retry_after))
            case Failed() if (sent := self._by_id.get(frame.id)) is not None:
                self._fail(sent, refused(frame.code))
            case Delivered() | Heard() if (sent := self._by_id.get(frame.id)) is not None:
                sent.delivered_to.add(frame.to_user)
                if isinstance(frame, Heard):
                    sent.heard_by.add(frame.to_user)
                sent.change()

    def end(self, reason: BaseException) -> None:
        """No socket will come any more: what is open stays open."""
        for sent in list(self._by_ref.values()):
            sent.cut_off = reason
            sent.change()

    @staticmethod
    def _fail(sent: Sent, reason: BaseException) -> None:
        sent.error = reason
        sent.change()

    def _put(self, letter: Letter) -> None:
        if self._has_socket:
            self._queue.append(letter)
            self._changed.fire()
