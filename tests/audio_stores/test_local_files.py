"""What local files promise beyond the contract: durability, memory, room on the disk, and who may read."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.scarcity import no_descriptors
from toybackend.audio_stores import local_files
from toybackend.audio_stores.local_files import BUFFER_BYTES, LocalFiles
from toybackend.errors import Overloaded
from toybackend.models import MessageId

ONE = MessageId("m_one")
MORE_THAN_ANY_DISK = 1 << 60


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[LocalFiles]:
    async with LocalFiles(tmp_path, min_free_bytes=0).opened() as opened:
        yield opened


async def keep(store: LocalFiles, data: bytes = b"sound") -> None:
    async with store.receive() as incoming:
        await incoming.write(data)
        await incoming.keep(ONE)


def files_in(folder: Path) -> list[Path]:
    return [one for one in folder.rglob("*") if one.is_file()]


# ── memory ──


async def test_a_small_blob_touches_no_disk_until_it_is_kept(store: LocalFiles, tmp_path: Path) -> None:
    async with store.receive() as incoming:
        await incoming.write(bytes(BUFFER_BYTES))
        assert files_in(tmp_path) == []
        await incoming.keep(ONE)
    assert [one.name for one in files_in(tmp_path)] == ["m_one.original"]


async def test_a_big_blob_is_not_held_in_memory(store: LocalFiles, tmp_path: Path) -> None:
    async with store.receive() as incoming:
        for _ in range(100):
            await incoming.write(bytes(40_000))
            assert len(incoming._buffer) <= BUFFER_BYTES
        assert sum(one.stat().st_size for one in files_in(tmp_path / "incoming")) >= 4_000_000 - BUFFER_BYTES
        await incoming.keep(ONE)
    assert [one.stat().st_size for one in files_in(tmp_path)] == [4_000_000]


# ── durability ──


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was synced and renamed, each by the name of the folder that it is in."""
    found: list[str] = []

    def fsync(descriptor: int, real: Callable[[int], None] = os.fsync) -> None:
        found.append(f"sync {Path(os.readlink(f'/proc/self/fd/{descriptor}')).parent.name}")
        real(descriptor)

    def replace(file: Path, target: Path, real: Callable[[Path, Path], Path] = Path.replace) -> Path:
        found.append(f"rename {file.parent.name}")
        return real(file, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    return found


async def test_a_file_is_synced_before_it_gets_its_name_and_its_folder_after(
    store: LocalFiles, steps: list[str]
) -> None:
    await keep(store)
    assert steps == ["sync incoming", "rename incoming", "sync kept"]


async def test_what_was_deleted_does_not_come_back(store: LocalFiles, steps: list[str]) -> None:
    await keep(store)
    steps.clear()
    await store.delete_original(ONE)
    assert steps == ["sync kept"]
    await store.delete(ONE)
    assert steps == ["sync kept"], "there was nothing to delete"


async def test_the_folders_of_a_new_store_have_their_names_for_good(tmp_path: Path, steps: list[str]) -> None:
    (tmp_path / "data").mkdir()
    async with LocalFiles(tmp_path / "data" / "audio", min_free_bytes=0).opened():
        assert steps == ["sync audio", "sync data", f"sync {tmp_path.name}"]


# ── room ──


async def test_below_the_reserve_nothing_is_taken(tmp_path: Path) -> None:
    async with LocalFiles(tmp_path, min_free_bytes=MORE_THAN_ANY_DISK).opened() as store:
        with pytest.raises(Overloaded) as refused:
            await keep(store)
        assert refused.value.retry_after
        with pytest.raises(Overloaded):
            async with store.receive() as incoming:
                await incoming.write(bytes(BUFFER_BYTES + 1))
        with pytest.raises(Overloaded):
            await store.ping()
        assert files_in(tmp_path) == []


@pytest.mark.parametrize("size", [1, BUFFER_BYTES + 1])
async def test_a_disk_that_fills_up_meanwhile_is_overloaded(
    store: LocalFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Overloaded):
        await keep(store, bytes(size))
    assert files_in(tmp_path) == []
    monkeypatch.undo()
    await keep(store, bytes(size))


async def test_a_full_disk_in_the_workshop_is_overloaded(
    store: LocalFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keep(store)
    monkeypatch.setattr(store, "_root", tmp_path / "away")
    with pytest.raises(Overloaded):
        async with store.workshop(ONE):
            pytest.fail("there is no place to work")
    with pytest.raises(Overloaded):
        await store.keep_mp3(ONE, tmp_path / "none.mp3")


async def test_folders_that_hold_nothing_of_worth_are_made_again(store: LocalFiles, tmp_path: Path) -> None:
    for room in ("incoming", "work"):
        shutil.rmtree(tmp_path / room)
    await keep(store, bytes(2 * BUFFER_BYTES))
    async with store.workshop(ONE) as (_, folder):
        assert folder.exists()
    shutil.rmtree(tmp_path / "work")
    async with store.desk() as folder:
        assert folder.exists()


@pytest.mark.parametrize("room", ["kept", "."])
async def test_folders_that_hold_sound_are_not(room: str, store: LocalFiles, tmp_path: Path) -> None:
    """The volume may only be away: made again, it would be in its way when it comes back."""
    shutil.rmtree(tmp_path / room, ignore_errors=True)
    with pytest.raises(Overloaded):
        await keep(store)
    with pytest.raises(Overloaded):
        await store.ping()
    assert not (tmp_path / "kept").exists()


async def test_a_store_that_cannot_write_is_not_well(
    store: LocalFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(**where: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", read_only)
    with pytest.raises(Overloaded):
        await store.ping()


# ── a sender that goes away at the worst moment ──


async def _cancelled_in_the_thread(
    store: LocalFiles, monkeypatch: pytest.MonkeyPatch, use: Callable[[local_files.IncomingFile], object]
) -> None:
    """Cancel a task whose file work has begun in a thread, and let the thread finish."""
    begun, go_on = threading.Event(), threading.Event()
    real = store.check_room

    def slow(size: int) -> None:
        begun.set()
        go_on.wait(5)
        real(size)

    async def receive() -> None:
        async with store.receive() as incoming:
            await use(incoming)  # type: ignore[misc]

    monkeypatch.setattr(store, "check_room", slow)
    receiving = asyncio.create_task(receive())
    await asyncio.to_thread(begun.wait, 5)
    receiving.cancel()
    await asyncio.sleep(0.05)
    go_on.set()
    await asyncio.wait([receiving])
    await asyncio.sleep(0.2)


async def test_going_away_while_a_part_is_written_leaves_nothing(
    store: LocalFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _cancelled_in_the_thread(store, monkeypatch, lambda incoming: incoming.write(bytes(BUFFER_BYTES + 1)))
    assert files_in(tmp_path) == []


async def test_going_away_while_the_whole_is_kept_leaves_nothing(
    store: LocalFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def write_and_keep(incoming: local_files.IncomingFile) -> None:
        await incoming.write(b"sound")
        await incoming.keep(ONE)

    await _cancelled_in_the_thread(store, monkeypatch, write_and_keep)
    assert files_in(tmp_path) == []


# ── who may read, and what names say ──


async def test_only_the_owner_may_look_in(store: LocalFiles, tmp_path: Path) -> None:
    await keep(store)
    for folder in (tmp_path / "incoming", tmp_path / "work", tmp_path / "kept"):
        assert folder.stat().st_mode & 0o077 == 0


async def test_many_messages_are_listed_in_batches(store: LocalFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_files, "BATCH", 2)
    folder = store.path(ONE, ".mp3").parent
    for number in range(5):
        (folder / f"m_{number}.mp3").write_bytes(b"x")
    batches = [batch async for batch in store.sound_ids()]
    assert [len(batch) for batch in batches] == [2, 2, 1]
    assert sorted(one for batch in batches for one in batch) == [f"m_{number}" for number in range(5)]


async def test_a_sound_with_one_fresh_file_is_fresh(store: LocalFiles) -> None:
    """Its conversion may have ended just now."""
    await keep(store)
    os.utime(store.path(ONE, ".original"), ns=(0, 0))
    assert [batch async for batch in store.sound_ids(before=1000)] == [[ONE]]
    store.path(ONE, ".mp3").write_bytes(b"mp3")
    assert [batch async for batch in store.sound_ids(before=1000)] == []


async def test_what_cannot_be_deleted_now_is_overloaded(store: LocalFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    await keep(store)

    def is_read_only(self: Path, missing_ok: bool = False) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", is_read_only)
    for deleting in (store.delete, store.delete_original):
        with pytest.raises(Overloaded):
            await deleting(ONE)


@pytest.mark.parametrize("step", ["copy_to", "copy_from"])
async def test_a_copy_that_does_not_fit_is_overloaded(
    store: LocalFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def is_full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    await keep(store)
    monkeypatch.setattr(shutil, "copyfile", is_full)
    with pytest.raises(Overloaded):
        await getattr(store, step)(tmp_path, ONE)


# ── no file descriptors ──


@pytest.mark.parametrize("size", [5, 2 * BUFFER_BYTES])
@pytest.mark.parametrize("but", [0, 1, 2])
async def test_without_descriptors_it_is_overloaded_and_keeps_nothing(
    size: int, but: int, store: LocalFiles, tmp_path: Path
) -> None:
    with no_descriptors(but=but):
        try:
            await keep(store, bytes(size))
        except Overloaded as full:
            assert full.retry_after
            assert but == 0
    assert len(files_in(tmp_path)) == bool(but)
    await keep(store)


async def test_a_workshop_that_cannot_be_cleared_is_cleared_later(store: LocalFiles, tmp_path: Path) -> None:
    await keep(store)
    async with store.workshop(ONE) as (_, folder):
        (folder / "sound.pcm").write_bytes(b"a voice")
        with no_descriptors():
            async with store.desk() as desk:
                pass
            assert desk.exists()
    assert [*(tmp_path / "work").iterdir()] == []
