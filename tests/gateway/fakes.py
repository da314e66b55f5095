"""A socket that goes nowhere, and what stands behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from typing import Any, cast

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosedOK

from toybackend.models import Delivery, DeliveryState, Message, MessageId, MessageState, Party, PartyId, PartyKind
from toybackend.ports import Mailbox

MUM = Party(PartyId("p_mum"), PartyKind.PERSON, "Mum")
BEAR = Party(PartyId("t_bear"), PartyKind.TOY, "Bear")


class FakeTransport:
    def __init__(self) -> None:
        self.is_aborted = False

    def abort(self) -> None:
        self.is_aborted = True

    def get_write_buffer_size(self) -> int:
        return 0


class FakeSocket:
    """Writes into a list while its gate is open; reads what it was given, then ends."""

    def __init__(self, *incoming: Sequence[str | bytes]) -> None:
        self.sent: list[str] = []
        self.closed: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails: Exception | None = None
        self.transport = FakeTransport()
        self.unread: list[str | bytes] = []
        """Fragments that nobody took."""
        self.heard_at = 0.0
        self.token_digest = ""
        self._incoming = list(incoming)
        self._is_writing = False

    async def send(self, frame: str) -> None:
        assert not self._is_writing, "two writers at once"
        self._is_writing = True
        try:
            await self.gate.wait()
            if self.fails is not None:
                raise self.fails
            self.sent.append(frame)
        finally:
            self._is_writing = False

    async def close(self, code: int, reason: str) -> None:
        assert reason
        self.closed.append(code)

    def come(self, message: str | bytes) -> None:
        self._incoming.append([message])

    async def recv_streaming(self) -> AsyncIterator[str | bytes]:
        assert not self.unread, "a message must be read to its end"
        if not self._incoming:
            raise gone()
        self.unread = list(self._incoming.pop(0))
        while self.unread:
            yield self.unread.pop(0)

    def as_connection(self) -> ServerConnection:
        return cast(ServerConnection, self)


def gone() -> ConnectionClosedOK:
    return ConnectionClosedOK(None, None)


class Tasks:
    """The owner of the tasks that are spawned."""

    def __init__(self) -> None:
        self.running: set[asyncio.Task[None]] = set()
        self.errors: list[BaseException] = []
        self.spawned = 0

    def spawn(self, coroutine: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self.spawned += 1
        self.running.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self.running.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.errors.append(error)

    async def settle(self) -> None:
        """Let everything that can run do so, until all are done."""
        async with asyncio.timeout(5):
            while self.running:
                await asyncio.wait(self.running)

    async def pause(self) -> None:
        """Let everything that can run do so, though it may have to wait for something."""
        for _ in range(20):
            await asyncio.sleep(0)


def delivery(
    position: int,
    state: DeliveryState = DeliveryState.WAITING,
    to: Party = BEAR,
    *,
    conversation: str = "p_mum+t_bear",
    is_urgent: bool = False,
) -> Delivery:
    message = Message(
        id=MessageId(f"m_{position}"),
        sender_id=MUM.id,
        sender_name=MUM.name,
        conversation=conversation,
        to_user=to.id,
        to_group=None,
        ref=None,
        text=f"text {position}",
        state=MessageState.PUBLISHED,
        accepted_at=0,
        is_urgent=is_urgent,
    )
    return Delivery(message, to.id, position, state)


class FakeMailboxes:
    """One mailbox, in memory; as `ports.Messages.waiting` describes it."""

    def __init__(self, deliveries: Iterable[Delivery] = ()) -> None:
        self.deliveries = list(deliveries)
        self.limits: list[int] = []
        """What was asked for, call by call."""

    def mailbox(self) -> Mailbox:
        last = max((one.position for one in self.deliveries), default=0)
        waiting = [one.position for one in self.deliveries if one.state is DeliveryState.WAITING]
        return Mailbox(last, min(waiting, default=last + 1), len(waiting))

    async def waiting(self, owner: Party, *, after: int, seen: int, limit: int) -> Sequence[Delivery]:
        self.limits.append(limit)
        found = [
            one
            for one in self.deliveries
            if one.position > after and (one.state is DeliveryState.WAITING or one.position > seen)
        ]
        return found[:limit]

    async def urgent(self, owner: Party, *, limit: int) -> Sequence[Delivery]:
        self.limits.append(limit)
        waiting = [one for one in self.deliveries if one.state is DeliveryState.WAITING]
        last = {one.message.conversation: one.position for one in waiting if one.message.is_urgent}
        return [one for one in waiting if one.position <= last.get(one.message.conversation, 0)][:limit]

    def frame(self, one: Delivery) -> Any:
        raise AssertionError("nothing is written here")


class FakeReceipts:
    def __init__(self) -> None:
        self.advanced: list[tuple[str, str, DeliveryState]] = []

    async def advance(self, recipient: Party, message_id: str, to: DeliveryState) -> None:
        self.advanced.append((recipient.id, message_id, to))
