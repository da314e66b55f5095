"""Nobody hears a part of a message as if it were all of it."""

from __future__ import annotations

import asyncio

import pytest

from tests.services.conftest import Home
from tests.services.test_delivery import say, to
from toybackend.errors import Gone, Overloaded
from toybackend.models import MessageId
from toybackend.services.conversion import FairQueue
from toybackend.services.mending import TRIES, Mending

MP3, ORIGINAL = ".mp3", ".original"


@pytest.fixture
def queue() -> FairQueue:
    return FairQueue()


@pytest.fixture
def mending(home: Home, queue: FairQueue) -> Mending:
    return Mending(home.database, home.audio, queue)


async def converted(home: Home, queue: FairQueue) -> None:
    """The next one in the line, whatever comes of it."""
    job = await queue.get()
    await home.delivery.convert(job)
    queue.release(job, done=True)


@pytest.fixture
async def said(home: Home) -> MessageId:
    """A voice that was converted."""
    [message] = await say(home, home.mum, to(home.bear))
    await home.delivery.convert(home.queue.pop())
    return message.id


def write(home: Home, message_id: MessageId, suffix: str, data: bytes | None) -> None:
    """What a power cut left of it; None for nothing at all."""
    file = home.audio.path(message_id, suffix)
    if data is None:
        file.unlink()
    else:
        file.write_bytes(data)


async def test_what_is_whole_is_handed_out(home: Home, queue: FairQueue, mending: Mending, said: MessageId) -> None:
    assert await mending.mp3(said) == home.audio.path(said, MP3)
    assert not queue.waiting()


@pytest.mark.parametrize("left", [b"", b"mp3 of", None], ids=["nothing", "a part", "no file"])
async def test_what_is_not_is_made_again(
    left: bytes | None,
    home: Home,
    queue: FairQueue,
    mending: Mending,
    said: MessageId,
    caplog: pytest.LogCaptureFixture,
) -> None:
    file = home.audio.path(said, MP3)
    whole = await asyncio.to_thread(file.read_bytes)
    write(home, said, MP3, left)
    for _ in range(3):
        with pytest.raises(Overloaded) as later:
            await mending.mp3(said)
        assert later.value.retry_after
    told = f"an MP3 has {len(left or b'')} bytes and had {len(whole)}"
    assert [record.getMessage() for record in caplog.records] == [told]  # once, however often somebody asks
    assert queue.waiting() == 1
    events = len(home.events)
    await converted(home, queue)
    assert await asyncio.to_thread((await mending.mp3(said)).read_bytes) == whole
    assert len(home.events) == events  # nobody is told anything: it was published long ago


async def test_another_ffmpeg_may_make_another_size(
    home: Home, queue: FairQueue, mending: Mending, said: MessageId
) -> None:
    before = await home.database.mp3_bytes(said)
    kept = (await home.database.relation(home.mum.id, to_user=home.bear.id, to_group=None)).kept_bytes
    write(home, said, MP3, None)
    with pytest.raises(Overloaded):
        await mending.mp3(said)
    home.converter.more = b" and a little more"
    await converted(home, queue)
    assert await mending.mp3(said)
    more = await home.database.mp3_bytes(said) - before
    assert more == len(b" and a little more")
    assert (await home.database.relation(home.mum.id, to_user=home.bear.id, to_group=None)).kept_bytes == kept + more


async def test_as_long_as_it_waits_for_its_turn_it_is_not_gone(
    home: Home, queue: FairQueue, mending: Mending, said: MessageId
) -> None:
    write(home, said, MP3, None)
    for _ in range(10):
        with pytest.raises(Overloaded):
            await mending.mp3(said)
    queue.release(await queue.get(), done=False)  # the tool is sick: it is put off
    for _ in range(10):
        with pytest.raises(Overloaded):
            await mending.mp3(said)


async def test_without_the_recording_it_is_gone(
    home: Home, queue: FairQueue, mending: Mending, said: MessageId
) -> None:
    write(home, said, MP3, b"mp3")
    write(home, said, ORIGINAL, None)
    with pytest.raises(Gone):
        await mending.mp3(said)
    assert not queue.waiting()


async def test_where_the_recording_is_damaged_as_well_it_is_gone_in_the_end(
    home: Home, queue: FairQueue, mending: Mending, said: MessageId
) -> None:
    write(home, said, MP3, b"mp3")
    write(home, said, ORIGINAL, b"#!AMR")
    for _ in range(TRIES):
        with pytest.raises(Overloaded):
            await mending.mp3(said)
        await converted(home, queue)
    for _ in range(2):
        with pytest.raises(Gone):
            await mending.mp3(said)
    assert not queue.waiting()
    assert home.told(home.mum) == []
    assert await home.database.known([said]) == {said}


async def test_what_nobody_measured_is_believed(home: Home, mending: Mending, said: MessageId) -> None:
    await home.database._engine.write(
        lambda connection: connection.exec_driver_sql("UPDATE messages SET mp3_bytes = 0")
    )
    write(home, said, MP3, b"mp3")
    assert await mending.mp3(said)


@pytest.mark.parametrize("sound_id", ["m_unknown", "i_unknown"])
async def test_what_is_not_there_is_gone(sound_id: str, mending: Mending) -> None:
    with pytest.raises(Gone):
        await mending.mp3(sound_id)
