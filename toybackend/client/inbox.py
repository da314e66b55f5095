"""What a client receives: each message once, in order, acknowledged when it is safe. No I/O.

The server repeats a message until it is acknowledged, also on a new socket, always under the same id. So an id
that is known is not handed out again, and if it was acknowledged before, that is said again: it got lost.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from enum import Enum, auto

from toybackend.client.waiting import Pulse
from toybackend.protocol import Ack, HaveHeard, Text, Voice

MOST_KNOWN = 1024
"""Ids remembered; far more than the server ever has under way on a socket."""
MOST_WAITING = 64
"""Messages nobody has asked for yet; one more is left for the server to repeat."""


class _Place(Enum):
    OURS = auto()
    ACKNOWLEDGED = auto()
    HEARD = auto()


class Received:
    """A message that came in. It counts as ours to lose until `ack` is called."""

    __slots__ = ("_inbox", "frame")

    def __init__(self, frame: Voice | Text, inbox: Inbox) -> None:
        self.frame = frame
        self._inbox = inbox

    def ack(self) -> None:
        """Tell the server that this message is safe with us; once is enough, more does no harm."""
        self._inbox.acknowledge(self.id)

    @property
    def id(self) -> str:
        return self.frame.id

    @property
    def from_user(self) -> str:
        return self.frame.from_user

    @property
    def from_name(self) -> str:
        return self.frame.from_name

    @property
    def to_group(self) -> str | None:
        """The group it was sent to; None when it was sent to us alone."""
        return self.frame.to_group

    @property
    def url(self) -> str | None:
        """Where the MP3 of a voice message is; None for a text."""
        return self.frame.url if isinstance(self.frame, Voice) else None

    @property
    def duration_ms(self) -> int | None:
        """How long a voice message lasts; None for a text."""
        return self.frame.duration_ms if isinstance(self.frame, Voice) else None

    @property
    def msg(self) -> str | None:
        """What a text says; None for a voice message."""
        return self.frame.msg if isinstance(self.frame, Text) else None

    def __repr__(self) -> str:
        # Not the frame: it holds a signed link, or what somebody wrote.
        return f"<Received {type(self.frame).__name__.lower()} {self.id}>"


class Inbox:
    """Messages on their way from the socket to whoever iterates over them.

    `say` is given the frames that go back: acknowledgements and `heard`.
    """

    def __init__(self, say: Callable[[Ack | HaveHeard], None]) -> None:
        self._say = say
        self._known: OrderedDict[str, _Place] = OrderedDict()
        self._waiting: deque[Received] = deque()
        self._arrived = Pulse()
        self._end: BaseException | None = None

    def take(self, frame: Voice | Text) -> None:
        """A message came, for the first time or again."""
        place = self._known.get(frame.id)
        if place is _Place.HEARD:
            self._say(HaveHeard(id=frame.id))
        elif place is _Place.ACKNOWLEDGED:
            self._say(Ack(id=frame.id))
        elif place is None and len(self._waiting) < MOST_WAITING:
            self._remember(frame.id, _Place.OURS)
            self._waiting.append(Received(frame, self))
            self._arrived.fire()

    def acknowledge(self, message_id: str) -> None:
        if self._known.get(message_id, _Place.OURS) is _Place.OURS:
            self._remember(message_id, _Place.ACKNOWLEDGED)
            self._say(Ack(id=message_id))

    def heard(self, message_id: str) -> None:
        """Say that it was played to its end, and before that, if it was not said, that it is safe."""
        self.acknowledge(message_id)
        self._remember(message_id, _Place.HEARD)
        self._say(HaveHeard(id=message_id))

    def end(self, reason: BaseException) -> None:
        """No more will come. What is here already can still be taken."""
        self._end = reason
        self._arrived.fire()

    async def next(self) -> Received:
        """The next message, as soon as there is one. Raises the reason of the end after the last one."""
        return await self._arrived.until(self._first)

    def _first(self) -> Received | None:
        if self._waiting:
            return self._waiting.popleft()
        if self._end is not None:
            raise self._end
        return None

    def _remember(self, message_id: str, place: _Place) -> None:
        self._known[message_id] = place
        self._known.move_to_end(message_id)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
