"""`toybackend backup` and `toybackend restore`, also while a server runs under load."""

from __future__ import annotations

import asyncio
import hashlib
import json
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.commands.running import Done, call, environment
from tests.end_to_end.family import Family, add_family, database_of
from tests.end_to_end.sound import CLIP_SECONDS, fetch, seconds_of
from tests.world import NOW, accept, message, sound
from toybackend.app import serving
from toybackend.commands import backup as module
from toybackend.foundations import RESTORING, only_server_on
from toybackend.house import open_house
from toybackend.models import MessageId
from toybackend.settings import Network, Settings, Sockets, Storage

pytestmark = pytest.mark.usefixtures("cheap_passwords")

CLIP = Path(__file__).parent.parent / "clips" / "hello_nb.amr"


def settings_on(data: Path) -> Settings:
    return Settings(
        network=Network(http_port=0, ws_port=0),
        storage=Storage(data_dir=data, min_free_bytes=0),
        sockets=Sockets(frames_per_minute=1_000_000, messages_per_minute=1_000_000),
    )


def kept(data: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (data / "audio" / "kept").rglob("*.*")}


async def seed(data: Path) -> tuple[MessageId, MessageId]:
    """A converted voice, and one that waits for its conversion."""
    async with open_house(settings_on(data)) as house:
        family = await add_family(house)
        ids = [await say(family) for _ in range(2)]
        async with house.audio.workshop(ids[0]) as (_, folder):
            (folder / "out.mp3").write_bytes(b"mp3")
            await house.audio.keep_mp3(ids[0], folder / "out.mp3")
        await database_of(house).settle(ids[0], NOW, sound=sound())
        return ids[0], ids[1]


async def say(family: Family) -> MessageId:
    said = message(family.mum.party, family.bear.party)
    async with family.house.audio.receive() as incoming:
        await incoming.write(CLIP.read_bytes())
        await incoming.keep(said.id)
    await accept(database_of(family.house), said)
    return said.id


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def seeded(data: Path) -> tuple[MessageId, MessageId]:
    return asyncio.run(seed(data))


@pytest.fixture
def copy(tmp_path: Path, data: Path, seeded: tuple[MessageId, MessageId]) -> Path:
    """A backup."""
    assert call("backup", tmp_path / "copy", "--data", data).code == 0
    return tmp_path / "copy"


def restore(copy: Path, there: Path) -> Done:
    return call("restore", copy, "--data", there)


# ── backup ──


def test_a_backup_is_the_database_the_sounds_and_a_manifest(
    copy: Path, seeded: tuple[MessageId, MessageId], data: Path
) -> None:
    converted, waiting = seeded
    names = {str(file.relative_to(copy)) for file in copy.rglob("*") if file.is_file()}
    sounds = {f"audio/{converted}.original", f"audio/{converted}.mp3", f"audio/{waiting}.original"}
    assert names == {"toybackend.sqlite3", "manifest.json", *sounds}
    manifest = json.loads((copy / "manifest.json").read_text())
    assert set(manifest["files"]) == names - {"manifest.json"}
    assert all((copy / name).stat().st_size == one["bytes"] for name, one in manifest["files"].items())
    assert (manifest["gone"], manifest["format"]) == ([], 1)


def test_nobody_else_may_read_it(copy: Path) -> None:
    for path in (copy, *copy.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_the_key_is_not_in_it(copy: Path, data: Path) -> None:
    key = (data / "secret.key").read_bytes().strip()
    assert not [file for file in copy.rglob("*") if file.is_file() and key in file.read_bytes()]


def test_it_takes_no_folder_that_has_something_in_it(copy: Path, data: Path) -> None:
    before = (copy / "manifest.json").read_bytes()
    done = call("backup", copy, "--data", data)
    assert done.code == 1
    assert "is not empty" in done.err
    assert (copy / "manifest.json").read_bytes() == before


def test_where_no_house_is_none_is_made(tmp_path: Path) -> None:
    done = call("backup", tmp_path / "copy", "--data", tmp_path / "typo")
    assert done.code == 2
    assert "there is nothing in" in done.err
    assert list(tmp_path.iterdir()) == []


def test_what_was_converted_meanwhile_is_converted_again(
    tmp_path: Path, data: Path, seeded: tuple[MessageId, MessageId]
) -> None:
    """In the copy of the database it still waits; of its files only the MP3 is left by the time they are copied."""
    _, waits = seeded

    async def converted_between() -> None:
        async with open_house(settings_on(data)) as house:
            copy_to = house.database.copy_to

            async def then_convert(folder: Path) -> Path:
                copied = await copy_to(folder)
                async with house.audio.workshop(waits) as (_, work):
                    (work / "out.mp3").write_bytes(b"mp3 of it")
                    await house.audio.keep_mp3(waits, work / "out.mp3")
                await house.audio.delete_original(waits)
                return copied

            house.database.copy_to = then_convert  # type: ignore[method-assign]
            assert (await house.backups.write(tmp_path / "copy")).gone == []

    asyncio.run(converted_between())
    assert restore(tmp_path / "copy", tmp_path / "there").code == 0
    assert kept(tmp_path / "there")[f"{waits}.original"] == b"mp3 of it"


def test_what_was_deleted_meanwhile_is_gone_and_stays_so(
    tmp_path: Path, data: Path, seeded: tuple[MessageId, MessageId]
) -> None:
    gone, there = seeded

    async def deleted_between() -> None:
        async with open_house(settings_on(data)) as house:
            copy_to = house.database.copy_to

            async def then_delete(folder: Path) -> Path:
                copied = await copy_to(folder)
                await house.erasing.erase_message(gone)
                return copied

            house.database.copy_to = then_delete  # type: ignore[method-assign]
            manifest = await house.backups.write(tmp_path / "copy")
            assert (manifest.gone, manifest.sounds) == ([gone], [there])

    asyncio.run(deleted_between())
    assert restore(tmp_path / "copy", tmp_path / "there").code == 0
    assert set(kept(tmp_path / "there")) == {f"{there}.original"}
    written = (tmp_path / "there" / "toybackend.sqlite3").read_bytes()
    assert (gone.encode() in written, there.encode() in written) == (False, True)


# ── restore ──


def test_a_restored_house_is_the_same(copy: Path, data: Path, tmp_path: Path) -> None:
    done = restore(copy, tmp_path / "there")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("2 sounds and the database of 20")
    assert kept(tmp_path / "there") == kept(data)
    assert call("user", "list", "--data", tmp_path / "there").out == call("user", "list", "--data", data).out
    assert not (tmp_path / "there" / RESTORING).exists()
    assert (tmp_path / "there" / "secret.key").read_bytes() != (data / "secret.key").read_bytes()


def test_one_house_is_not_put_into_another(copy: Path, data: Path) -> None:
    before = kept(data)
    done = restore(copy, data)
    assert done.code == 1
    assert "is not empty" in done.err
    assert kept(data) == before


def test_nothing_is_restored_under_a_running_server(copy: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    with only_server_on(there):
        done = restore(copy, there)
    assert done.code == 2
    assert "another server" in done.err
    assert [one.name for one in there.iterdir()] == ["server.lock"]


def unfinished(copy: Path) -> None:
    (copy / "manifest.json").unlink()


def bent(copy: Path) -> None:
    file = next((copy / "audio").iterdir())
    file.write_bytes(b"x" + file.read_bytes()[1:])


def short(copy: Path) -> None:
    next((copy / "audio").iterdir()).unlink()


def other_database(copy: Path) -> None:
    file = copy / "toybackend.sqlite3"
    file.write_bytes(file.read_bytes()[:-1] + b"x")


def no_json(copy: Path) -> None:
    (copy / "manifest.json").write_text("{")


def leads_out(copy: Path) -> None:
    change(copy, lambda manifest: manifest["files"].update({"../elsewhere": {"bytes": 0, "sha256": ""}}))


def forgets_a_sound(copy: Path) -> None:
    change(copy, lambda manifest: manifest["files"].pop(next(name for name in manifest["files"] if "mp3" in name)))


def no_database(copy: Path) -> None:
    change(copy, lambda manifest: manifest.update({"database": "audio/x"}))


def change(copy: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    edit(manifest)
    (copy / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "spoil", [unfinished, bent, short, other_database, no_json, leads_out, forgets_a_sound, no_database]
)
def test_a_spoilt_backup_is_refused_and_leaves_nothing(
    copy: Path, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(copy)
    there = tmp_path / "there"
    done = restore(copy, there)
    assert done.code == 1
    assert done.err.startswith("toybackend: bad_backup: ")
    assert {one.name for one in there.iterdir()} <= {"server.lock", "secret.key"}


def test_a_database_that_is_damaged_inside_is_refused(copy: Path, tmp_path: Path) -> None:
    """Its hash may be right, if it was damaged before."""
    file = copy / "toybackend.sqlite3"
    pages = bytearray(file.read_bytes())
    pages[4096 * 3 : 4096 * 5] = b"\xff" * 8192
    file.write_bytes(pages)
    right = {"bytes": len(pages), "sha256": hashlib.sha256(pages).hexdigest()}
    change(copy, lambda manifest: manifest["files"].update({file.name: right}))
    done = restore(copy, tmp_path / "there")
    assert done.code in (1, 2)
    assert "Traceback" not in done.err
    assert not (tmp_path / "there" / RESTORING).exists()


def test_a_restore_that_was_cut_off_starts_no_house(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "there"

    class PowerCut(BaseException):
        pass

    def cut(path: Path) -> None:
        raise PowerCut

    monkeypatch.setattr(module, "sync", cut)
    with pytest.raises(PowerCut):
        restore(copy, there)
    monkeypatch.undo()
    for command in (("user", "list"), ("db", "upgrade"), ("serve", "--http-port", "0", "--ws-port", "0")):
        done = call(*command, "--data", there)
        assert done.code == 2
        assert "was not finished" in done.err
    assert "was not finished" in restore(copy, there).err


def test_an_address_of_a_database_elsewhere_is_refused(copy: Path, tmp_path: Path) -> None:
    done = call("restore", copy, "--data", tmp_path / "there", DATABASE_URL=f"sqlite:///{tmp_path}/other.sqlite3")
    assert done.code == 2
    assert "DATABASE_URL" in done.err


# ── under load ──


@pytest.fixture
async def talkative(data: Path) -> AsyncIterator[Family]:
    async with serving(settings_on(data)) as house:
        yield await add_family(house)


async def backup_beside(data: Path, copy: Path) -> None:
    """The command as an operator runs it, while our server goes on."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "toybackend", "backup", str(copy), "--data", str(data)),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, (out, err)


async def test_a_backup_of_a_busy_server_has_all_that_was_accepted_before(
    talkative: Family, data: Path, tmp_path: Path
) -> None:
    clip = CLIP.read_bytes()
    async with talkative.mum.line() as mum, talkative.bear.line() as bear:
        before = [await mum.voice(talkative.bear.id, clip) for _ in range(5)]
        for message_id in before[:2]:
            await bear.hear("voice", id=message_id)
        copying = asyncio.create_task(backup_beside(data, tmp_path / "copy"))
        meanwhile = 0
        while not copying.done():
            await mum.voice(talkative.bear.id, clip)
            await mum.text(talkative.bear.id, "and another thing")
            meanwhile += 1
        await copying
    assert meanwhile > 3
    there = tmp_path / "there"
    done = await asyncio.to_thread(restore, tmp_path / "copy", there)
    assert (done.code, done.err) == (0, "")
    async with serving(settings_on(there)) as house, talkative.at(house).bear.line() as bear:
        playable: dict[str, str] = {}
        while set(before) - set(playable):
            voice = await bear.hear("voice")
            playable[voice["id"]] = voice["url"]
            await bear.say(type="ack", id=voice["id"])
        for message_id in before:
            assert seconds_of(await fetch(playable[message_id])) > CLIP_SECONDS - 0.02
