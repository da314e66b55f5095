"""Erasing: rows, files and traces go, and whoever is concerned learns of it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.contracts.test_erasing import add_guardian
from tests.services.conftest import Home
from tests.world import NOW, accept, message, sound
from toybackend.errors import NotAllowed, NotFound, Overloaded
from toybackend.models import Erased, MessageId, Party, PartyId, SoundId
from toybackend.ports import Changed, Wake
from toybackend.protocol import Notice
from toybackend.services.erasing import Erasing


@pytest.fixture
def erasing(home: Home) -> Erasing:
    return Erasing(home.database, home.audio, home.bus)


async def voice(home: Home, sender: Party, to: Party, *, settled: bool = True) -> MessageId:
    """A message with sound on disk."""
    said = message(sender, to)
    async with home.audio.receive() as incoming:
        await incoming.write(b"sound")
        await incoming.keep(said.id)
    await accept(home.database, said)
    if settled:
        async with home.audio.workshop(said.id) as (_, folder):
            (folder / "out.mp3").write_bytes(b"mp3")
            await home.audio.keep_mp3(said.id, folder / "out.mp3")
        await home.database.settle(said.id, NOW, sound=sound())
    return said.id


def kept(folder: Path) -> list[str]:
    return sorted(file.stem for file in (folder / "audio" / "kept").rglob("*") if file.is_file())


async def test_files_go_with_their_message(home: Home, erasing: Erasing, tmp_path: Path) -> None:
    going, staying = await voice(home, home.mum, home.bear), await voice(home, home.mum, home.bear)
    erased = await erasing.erase_message(going)
    assert (erased.rows, erased.files) == ({"messages": 1, "deliveries": 1}, 2)
    assert kept(tmp_path) == [staying, staying]


async def test_what_is_gone_is_erased_once(home: Home, erasing: Erasing) -> None:
    going = await voice(home, home.mum, home.bear)
    assert (await erasing.erase_message(going)).files == 2
    assert await erasing.erase_message(going) == Erased({}, ())


async def test_nothing_of_an_erased_account_can_be_found_on_disk(home: Home, erasing: Erasing, tmp_path: Path) -> None:
    spoken = [await voice(home, home.mum, home.bear), await voice(home, home.bear, home.mum)]
    await accept(home.database, message(home.mum, home.bear, text="sleep well, my darling"))
    await erasing.erase_account(home.mum.id)
    traces = [*spoken, home.mum.id, home.bear.id, "Mum", "sleep well, my darling"]
    licence = b"digest of " + home.bear.id.encode()  # what the tests call that of the board, which stays
    assert found_below(tmp_path, traces, but=licence) == []


def found_below(folder: Path, traces: list[str], but: bytes) -> list[str]:
    """Those of the traces that are in the name or the bytes of any file."""
    files = [(file.name.encode(), file.read_bytes()) for file in folder.rglob("*") if file.is_file()]
    written = b"".join(part for file in files for part in file).replace(but, b"")
    return [one for one in traces if one.encode() in written]


async def test_sockets_of_those_who_went_look_again(home: Home, erasing: Erasing) -> None:
    await erasing.erase_account(home.mum.id)
    assert {one.party_id for one in home.events if isinstance(one, Changed)} == {home.mum.id, home.bear.id}


async def test_whoever_waited_for_a_message_that_went_is_woken(home: Home, erasing: Erasing) -> None:
    first = await voice(home, home.mum, home.bear, settled=False)
    await voice(home, home.mum, home.bear)
    await erasing.erase_message(first)
    assert home.events == [Wake(home.bear.id)]


async def test_a_file_that_cannot_go_now_does_not_keep_the_others(
    home: Home, erasing: Erasing, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stuck, going = await voice(home, home.mum, home.bear), await voice(home, home.mum, home.bear)
    delete = home.audio.delete

    async def fails_once(sound_id: SoundId) -> int:
        if sound_id == stuck:
            raise Overloaded
        return await delete(sound_id)

    monkeypatch.setattr(home.audio, "delete", fails_once)
    with caplog.at_level(logging.WARNING):
        assert (await erasing.erase_sayings(home.bear.id)).files == 2
    assert await home.audio.mp3(going) is None
    assert "1 sounds" in caplog.text
    assert stuck not in caplog.text


async def test_traces_that_cannot_be_scrubbed_now_do_not_fail_the_erasure(
    home: Home, erasing: Erasing, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def is_busy(*, whole: bool = False) -> bool:
        raise Overloaded

    monkeypatch.setattr(home.database, "scrub", is_busy)
    assert (await erasing.erase_message(await voice(home, home.mum, home.bear))).files == 2


# ── unbinding ──


async def test_the_owner_gives_a_toy_away(home: Home, erasing: Erasing, tmp_path: Path) -> None:
    await voice(home, home.mum, home.bear)
    erased = await erasing.unbind(home.mum.id, home.bear.id)
    assert (erased.rows["toys"], erased.files) == (1, 2)
    assert (await home.database.toys_of(home.mum.id), kept(tmp_path)) == ([], [])


async def test_the_toy_and_its_guardians_hear_of_it_before_its_socket_closes(home: Home, erasing: Erasing) -> None:
    await erasing.unbind(home.mum.id, home.bear.id)
    notice = Notice(event="unbound", id=home.bear.id)
    assert [home.told(one) for one in (home.bear, home.mum, home.dad)] == [[notice], [notice], []]
    assert home.events[-1] == Changed(home.bear.id)


@pytest.mark.parametrize("toy_id", [None, PartyId("t_none")])
async def test_a_stranger_unbinds_nothing(home: Home, erasing: Erasing, toy_id: PartyId | None) -> None:
    with pytest.raises(NotFound):
        await erasing.unbind(home.dad.id, toy_id or home.bear.id)
    assert await home.database.toy(home.bear.id) is not None
    assert home.events == []


async def test_a_co_guardian_may_not_unbind(home: Home, erasing: Erasing) -> None:
    await add_guardian(home.database, home.bear, home.dad)
    with pytest.raises(NotAllowed):
        await erasing.unbind(home.dad.id, home.bear.id)
