"""The contract of `ports.AudioStore`."""

from __future__ import annotations

import asyncio
import hashlib
import time
from pathlib import Path

import pytest

from tests.contracts.conftest import OpenStore
from toybackend.errors import ConverterUnavailable, Gone
from toybackend.models import MessageId, SoundId
from toybackend.ports import AudioStore

ONE, OTHER = MessageId("m_one"), MessageId("m_other")
MEGABYTE = bytes(range(256)) * 4096


async def keep(store: AudioStore, message_id: MessageId, data: bytes = b"#!AMR\nsound") -> None:
    async with store.receive() as incoming:
        await incoming.write(data)
        await incoming.keep(message_id)


async def keep_mp3(store: AudioStore, message_id: MessageId, data: bytes = b"mp3") -> None:
    """And the store says how large it is."""
    async with store.workshop(message_id) as (_, folder):
        (folder / "out.mp3").write_bytes(data)
        assert await store.keep_mp3(message_id, folder / "out.mp3") == len(data)


async def original_of(store: AudioStore, message_id: MessageId) -> bytes:
    async with store.workshop(message_id) as (original, _):
        return original.read_bytes()


async def ids(store: AudioStore) -> list[SoundId]:
    return sorted([one async for batch in store.sound_ids() for one in batch])


def files_below(folder: Path) -> list[Path]:
    return [one for one in folder.rglob("*") if one.is_file()]


# ── receive ──


@pytest.mark.parametrize("parts", [[b"x"], [b"#!A", b"MR\n", b"sound"], [MEGABYTE], [MEGABYTE, b"x", MEGABYTE]])
async def test_what_comes_in_is_kept_whole(store: AudioStore, parts: list[bytes]) -> None:
    whole = b"".join(parts)
    async with store.receive() as incoming:
        for part in parts:
            await incoming.write(part)
        assert (incoming.size, incoming.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())
        await incoming.keep(ONE)
    assert await original_of(store, ONE) == whole


async def test_nothing_yet_is_an_empty_blob(store: AudioStore) -> None:
    async with store.receive() as incoming:
        assert (incoming.size, incoming.sha256) == (0, hashlib.sha256(b"").hexdigest())


@pytest.mark.parametrize("data", [b"x", MEGABYTE])
async def test_what_is_not_kept_leaves_nothing(store: AudioStore, tmp_path: Path, data: bytes) -> None:
    async with store.receive() as incoming:
        await incoming.write(data)
    assert files_below(tmp_path) == []


@pytest.mark.parametrize("data", [b"x", MEGABYTE])
async def test_an_error_leaves_nothing(store: AudioStore, tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ZeroDivisionError):
        async with store.receive() as incoming:
            await incoming.write(data)
            raise ZeroDivisionError
    assert files_below(tmp_path) == []


@pytest.mark.parametrize("data", [b"x", MEGABYTE])
async def test_a_sender_that_goes_away_leaves_nothing(store: AudioStore, tmp_path: Path, data: bytes) -> None:
    writing = asyncio.Event()

    async def receive() -> None:
        async with store.receive() as incoming:
            await incoming.write(data)
            writing.set()
            await asyncio.Event().wait()

    receiving = asyncio.create_task(receive())
    await writing.wait()
    receiving.cancel()
    await asyncio.wait([receiving])
    assert files_below(tmp_path) == []


async def test_blobs_that_come_in_together_stay_apart(store: AudioStore) -> None:
    async with store.receive() as one, store.receive() as other:
        for _ in range(3):
            await one.write(b"a" * 50_000)
            await other.write(b"b" * 50_000)
        await one.keep(ONE)
        await other.keep(OTHER)
    assert await original_of(store, ONE) == b"a" * 150_000
    assert await original_of(store, OTHER) == b"b" * 150_000


# ── workshop ──


async def test_the_workshop_has_an_empty_folder_for_a_while(store: AudioStore) -> None:
    await keep(store, ONE)
    async with store.workshop(ONE) as (_, folder):
        assert list(folder.iterdir()) == []
        (folder / "below").mkdir()
        (folder / "below" / "left.pcm").write_bytes(b"x")
    assert not folder.exists()


async def test_every_workshop_is_a_place_of_its_own(store: AudioStore) -> None:
    await keep(store, ONE)
    async with store.workshop(ONE) as (_, folder), store.workshop(ONE) as (_, other):
        assert folder != other


async def test_the_workshop_is_cleared_after_an_error(store: AudioStore) -> None:
    await keep(store, ONE)
    with pytest.raises(ZeroDivisionError):
        async with store.workshop(ONE) as (_, folder):
            (folder / "left.pcm").write_bytes(b"x")
            raise ZeroDivisionError
    assert not folder.exists()


async def test_what_cannot_be_converted_because_it_was_deleted_meanwhile_is_gone(store: AudioStore) -> None:
    await keep(store, ONE, b"voice")
    with pytest.raises(ConverterUnavailable):
        async with store.workshop(ONE):
            raise ConverterUnavailable
    with pytest.raises(Gone):
        async with store.workshop(ONE):
            await store.delete(ONE)
            raise ConverterUnavailable


async def test_a_workshop_that_was_left_says_nothing_to_the_next_life(store: AudioStore) -> None:
    await keep(store, ONE)
    async with store.workshop(ONE), store.desk():
        pass
    async with store.desk():
        assert await store.begun() == []


@pytest.mark.parametrize("left", [b"", b"#!AMR\nsou"], ids=["nothing", "a part"])
async def test_what_a_power_cut_left_of_a_recording_does_not_pass_for_it(
    left: bytes, store: AudioStore, tmp_path: Path
) -> None:
    whole = b"#!AMR\nsound"
    await keep(store, ONE, whole)
    async with store.workshop(ONE, len(whole)) as (original, _):
        original.write_bytes(left)
    with pytest.raises(Gone):
        async with store.workshop(ONE, len(whole)):
            pytest.fail("a part is converted as if it were the whole")


async def test_there_is_no_workshop_without_an_original(store: AudioStore, tmp_path: Path) -> None:
    with pytest.raises(Gone):
        async with store.workshop(ONE):
            pytest.fail("there is nothing to work on")
    assert files_below(tmp_path) == []


# ── keep_mp3, mp3, delete, sound_ids ──


async def test_an_original_is_there_until_it_is_deleted(store: AudioStore) -> None:
    assert not await store.has_original(ONE)
    await keep(store, ONE)
    assert await store.has_original(ONE)
    await store.delete_original(ONE)
    assert not await store.has_original(ONE)


async def test_an_mp3_is_there_once_it_was_kept(store: AudioStore) -> None:
    await keep(store, ONE)
    assert await store.mp3(ONE) is None
    await keep_mp3(store, ONE, b"sound")
    file = await store.mp3(ONE)
    assert file is not None
    assert file.read_bytes() == b"sound"
    assert await store.mp3(OTHER) is None


async def test_a_second_mp3_takes_the_place_of_the_first(store: AudioStore) -> None:
    await keep(store, ONE)
    for data in (b"first", b"second"):
        await keep_mp3(store, ONE, data)
    file = await store.mp3(ONE)
    assert file is not None
    assert file.read_bytes() == b"second"


async def test_what_is_deleted_is_gone(store: AudioStore, tmp_path: Path) -> None:
    for message_id in (ONE, OTHER):
        await keep(store, message_id)
        await keep_mp3(store, message_id)
    before = len(files_below(tmp_path))
    assert await store.delete(ONE) == 2
    assert await store.mp3(ONE) is None
    with pytest.raises(Gone):
        await original_of(store, ONE)
    assert len(files_below(tmp_path)) == before / 2
    assert await ids(store) == [OTHER]


async def test_deleting_what_is_not_there_is_fine(store: AudioStore) -> None:
    await keep(store, OTHER)
    assert await store.delete(ONE) == 0
    assert await ids(store) == [OTHER]


async def test_the_original_alone_is_deleted(store: AudioStore) -> None:
    await keep(store, ONE)
    await keep_mp3(store, ONE)
    await store.delete_original(ONE)
    await store.delete_original(ONE)
    assert await store.mp3(ONE) is not None
    with pytest.raises(Gone):
        await original_of(store, ONE)
    assert await store.delete(ONE) == 1


async def test_every_message_with_a_file_is_listed_once(store: AudioStore) -> None:
    expected = [MessageId(f"m_{number:04}") for number in range(40)]
    assert await ids(store) == []
    for message_id in expected:
        await keep(store, message_id)
    await keep_mp3(store, expected[0])
    assert await ids(store) == expected


async def test_what_came_in_lately_can_be_left_out(store: AudioStore) -> None:
    await keep(store, ONE)
    now = time.time_ns() // 1_000_000
    assert [one async for batch in store.sound_ids(before=now + 1000) for one in batch] == [ONE]
    assert [one async for batch in store.sound_ids(before=now - 60_000) for one in batch] == []


# ── desk ──


async def test_the_desk_is_an_empty_folder_for_a_while(store: AudioStore) -> None:
    async with store.desk() as one, store.desk() as other:
        assert one != other
        assert list(one.iterdir()) == []
        (one / "export.zip").write_bytes(b"zip")
    assert not one.exists()


async def test_the_desk_is_cleared_after_an_error(store: AudioStore, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with store.desk() as desk:
            (desk / "export.zip").write_bytes(b"zip")
            raise ZeroDivisionError
    assert files_below(tmp_path) == []


# ── copies ──


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    (tmp_path / "shelf").mkdir()
    return tmp_path / "shelf"


async def test_a_copy_has_every_file_and_comes_back(store: AudioStore, shelf: Path) -> None:
    await keep(store, ONE, b"said")
    await keep_mp3(store, ONE, b"heard")
    copied = await store.copy_to(shelf, ONE)
    assert {(file.suffix == ".mp3", file.read_bytes()) for file in copied} == {(False, b"said"), (True, b"heard")}
    await store.delete(ONE)
    assert await store.copy_from(shelf, ONE) == 2
    file = await store.mp3(ONE)
    assert file is not None
    assert (await original_of(store, ONE), file.read_bytes()) == (b"said", b"heard")


async def test_of_nothing_there_is_no_copy(store: AudioStore, shelf: Path) -> None:
    assert await store.copy_to(shelf, ONE) == []
    assert await store.copy_from(shelf, ONE) == 0
    assert (files_below(shelf), await ids(store)) == ([], [])


# ── opened ──


async def test_opening_again_keeps_what_was_kept_and_nothing_else(open_store: OpenStore, tmp_path: Path) -> None:
    async with open_store() as before:
        await keep(before, ONE)
        await keep_mp3(before, ONE)
        kept = len(files_below(tmp_path))
        # A life that ended by a power cut never leaves these contexts.
        work, blob = before.workshop(ONE), before.receive()
        _, folder = await work.__aenter__()
        (folder / "left.pcm").write_bytes(b"x")
        await (await blob.__aenter__()).write(MEGABYTE)
        assert len(files_below(tmp_path)) > kept
        async with open_store() as after:
            assert await after.begun() == [ONE]
            await after.discard_unfinished(but=[ONE])
            assert (await after.begun(), len(files_below(tmp_path))) == ([ONE], kept + 1)
            await after.discard_unfinished()
            assert await after.begun() == []
            assert len(files_below(tmp_path)) == kept
            assert await ids(after) == [ONE]
            assert await original_of(after, ONE)
            assert await after.mp3(ONE)
        await blob.__aexit__(None, None, None)
        await work.__aexit__(None, None, None)


async def test_a_store_answers(store: AudioStore) -> None:
    await store.ping()
