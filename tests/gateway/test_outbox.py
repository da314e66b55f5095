"""One bounded queue, one mailbox, one writer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tests.gateway.fakes import FakeSocket, Tasks, delivery, gone
from toybackend.errors import Overloaded
from toybackend.gateway.outbox import Outbox
from toybackend.models import Delivery

MOST = 4


class FakeSource:
    """Batches of a mailbox; an exception among them is raised."""

    def __init__(self, *batches: Sequence[Delivery] | Exception) -> None:
        self.batches = list(batches)
        self.looks = 0
        self.written_ids: list[str] = []
        self.trouble: list[Exception] = []
        """Raised when something was written, one a call."""
        self.gate = asyncio.Event()
        self.gate.set()

    async def next(self) -> tuple[Sequence[Delivery], bool]:
        self.looks += 1
        await self.gate.wait()
        batch = self.batches.pop(0) if self.batches else ()
        if isinstance(batch, Exception):
            raise batch
        return batch, bool(self.batches)

    def encode(self, delivery: Delivery) -> str:
        return delivery.message.id

    async def written(self, delivery: Delivery) -> None:
        if self.trouble:
            raise self.trouble.pop()
        self.written_ids.append(delivery.message.id)


@pytest.fixture
def tasks() -> Tasks:
    return Tasks()


def outbox(socket: FakeSocket, source: FakeSource, tasks: Tasks, *, timeout: float = 5) -> Outbox:
    return Outbox(socket.as_connection(), source, tasks.spawn, most=MOST, timeout=timeout)


async def test_frames_are_written_one_after_another_by_one_writer(tasks: Tasks) -> None:
    socket = FakeSocket()
    box = outbox(socket, FakeSource(), tasks)
    for frame in "abc":
        box.put(frame)
    await tasks.settle()
    assert socket.sent == ["a", "b", "c"]
    assert tasks.spawned == 1


async def test_who_waits_costs_no_task(tasks: Tasks) -> None:
    socket = FakeSocket()
    box = outbox(socket, FakeSource(), tasks)
    assert not tasks.running
    for frame in "ab":
        box.put(frame)
        await tasks.settle()
    assert socket.sent == ["a", "b"]
    assert tasks.spawned == 2


async def test_one_frame_too_many_closes_the_socket(tasks: Tasks) -> None:
    socket = FakeSocket()
    socket.gate.clear()
    box = outbox(socket, FakeSource(), tasks)
    box.put("under way")
    await tasks.pause()
    for n in range(MOST):
        box.put(str(n))
    await tasks.pause()
    assert socket.closed == []
    box.put("one too many")
    box.put("and another")
    await tasks.settle()
    assert socket.closed == [1013]
    assert socket.sent == []


async def test_a_write_that_takes_too_long_closes_the_socket(tasks: Tasks) -> None:
    socket = FakeSocket()
    socket.gate.clear()
    source = FakeSource([delivery(1)])
    outbox(socket, source, tasks, timeout=0.01).look()
    await tasks.settle()
    assert socket.closed == [1013]
    assert source.written_ids == []


async def test_the_mailbox_is_read_in_order_to_its_end(tasks: Tasks) -> None:
    socket, source = FakeSocket(), FakeSource([delivery(1), delivery(2)], [delivery(3)])
    outbox(socket, source, tasks).look()
    await tasks.settle()
    assert socket.sent == source.written_ids == ["m_1", "m_2", "m_3"]
    assert source.looks == 2


async def test_looks_while_one_is_under_way_become_one(tasks: Tasks) -> None:
    socket, source = FakeSocket(), FakeSource()
    source.gate.clear()
    box = outbox(socket, source, tasks)
    box.look()
    await tasks.pause()
    for _ in range(10):
        box.look()
    source.gate.set()
    await tasks.settle()
    assert source.looks == 2


async def test_what_was_put_comes_before_what_the_mailbox_has_next(tasks: Tasks) -> None:
    socket, source = FakeSocket(), FakeSource([delivery(1)], [delivery(2)])
    box = outbox(socket, source, tasks)
    source.gate.clear()
    box.look()
    await tasks.pause()
    box.put("accepted")
    source.gate.set()
    await tasks.settle()
    assert socket.sent == ["m_1", "accepted", "m_2"]


async def test_nothing_is_written_after_close_and_it_closes_once(tasks: Tasks) -> None:
    socket, source = FakeSocket(), FakeSource([delivery(1)])
    box = outbox(socket, source, tasks)
    box.close(4409, "replaced")
    box.put("late")
    box.look()
    box.close(1013, "too slow")
    await tasks.settle()
    assert socket.closed == [4409]
    assert socket.sent == []
    assert source.looks == 0


async def test_close_ends_the_writer(tasks: Tasks) -> None:
    socket = FakeSocket()
    socket.gate.clear()
    box = outbox(socket, FakeSource(), tasks)
    box.put("never")
    await tasks.pause()
    box.close(4409, "replaced")
    await tasks.settle()
    assert socket.closed == [4409]
    assert not tasks.errors


async def test_finish_writes_what_is_queued_and_then_closes(tasks: Tasks) -> None:
    socket = FakeSocket()
    box = outbox(socket, FakeSource(), tasks)
    for frame in "abc":
        box.put(frame)
    box.finish(4403, "revoked")
    box.put("late")
    await tasks.settle()
    assert (socket.sent, socket.closed) == (["a", "b", "c"], [4403])


async def test_finish_leaves_the_frame_under_way_to_its_writer(tasks: Tasks) -> None:
    """Two who write at once would mix up frames; the fake socket fails when they do."""
    socket = FakeSocket()
    socket.gate.clear()
    box = outbox(socket, FakeSource(), tasks)
    for frame in "abc":
        box.put(frame)
    await tasks.pause()
    box.finish(4403, "revoked")
    await tasks.pause()
    assert socket.closed == []
    socket.gate.set()
    await tasks.settle()
    assert (socket.sent, socket.closed) == (["a", "b", "c"], [4403])
    assert not tasks.errors


async def test_finish_with_nothing_queued_closes_at_once(tasks: Tasks) -> None:
    socket = FakeSocket()
    outbox(socket, FakeSource(), tasks).finish(4403, "revoked")
    await tasks.settle()
    assert socket.closed == [4403]


async def test_a_revoked_toy_gets_nothing_more_of_its_mailbox(tasks: Tasks) -> None:
    socket, source = FakeSocket(), FakeSource([delivery(1), delivery(2)], [delivery(3)])
    socket.gate.clear()
    box = outbox(socket, source, tasks)
    box.look()
    await tasks.pause()
    box.finish(4403, "revoked")
    socket.gate.set()
    await tasks.settle()
    assert socket.sent == ["m_1"], "that was on its way"
    assert (source.looks, socket.closed) == (1, [4403])


async def test_who_does_not_read_holds_up_no_finish(tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toybackend.gateway.outbox.FINISH_SECONDS", 0.01)
    socket = FakeSocket()
    socket.gate.clear()
    box = outbox(socket, FakeSource(), tasks)
    box.put("never")
    await tasks.pause()
    box.finish(4403, "revoked")
    await tasks.settle()
    assert (socket.sent, socket.closed) == ([], [4403])
    assert not tasks.errors


async def test_it_ends_once_however_often_it_is_told_to(tasks: Tasks) -> None:
    socket = FakeSocket()
    box = outbox(socket, FakeSource(), tasks)
    box.finish(4403, "revoked")
    box.finish(4403, "revoked")
    box.close(4409, "replaced")
    await tasks.settle()
    assert socket.closed == [4403]


async def test_a_socket_that_is_gone_ends_the_writer_quietly(tasks: Tasks) -> None:
    socket, source = FakeSocket(), FakeSource([delivery(1)])
    socket.fails = gone()
    outbox(socket, source, tasks).look()
    await tasks.settle()
    assert source.written_ids == []
    assert not tasks.errors


async def test_a_mailbox_that_cannot_be_read_now_is_not_forgotten(tasks: Tasks) -> None:
    """It is looked into again, or the client is told to come later; it is not left waiting for a message it has."""
    socket, source = FakeSocket(), FakeSource(Overloaded(retry_after=0), [delivery(1)])
    outbox(socket, source, tasks).look()
    await tasks.settle()
    assert socket.closed == [1013] or socket.sent == ["m_1"]
    assert not tasks.errors


async def test_a_receipt_that_cannot_be_recorded_now_holds_nothing_back(tasks: Tasks) -> None:
    """The messages behind it are written, or the client is told to come later and gets them then."""
    socket, source = FakeSocket(), FakeSource([delivery(1), delivery(2)])
    source.trouble = [Overloaded(retry_after=0)]
    outbox(socket, source, tasks).look()
    await tasks.settle()
    assert socket.closed == [1013] or socket.sent == ["m_1", "m_2"]
    assert not tasks.errors
