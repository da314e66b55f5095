"""What becomes of a song, from the file that comes in to the one that goes out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.services.conftest import Home
from tests.test_covers import picture
from tests.world import NOW, add_guardian, add_person, add_toy, new_id
from toybackend.audio_stores.local_files import MP3, ORIGINAL
from toybackend.errors import (
    AudioTooLarge,
    BadAudio,
    BadImage,
    ConverterUnavailable,
    EmptyAudio,
    NotAllowed,
    NotFound,
    RateLimited,
    TooLong,
    TooMany,
)
from toybackend.models import Item, ItemId, ItemState, Party, PartyId, PlayId, ShelfKind, Sound
from toybackend.ports import Incoming, Progress, Unconverted, Wanted
from toybackend.services.erasing import Erasing
from toybackend.services.library import Library, Offered
from toybackend.services.listening import Links
from toybackend.settings import Shelf

LINK_SECONDS = 600
LIMITS = Shelf(max_bytes=1000, max_cover_bytes=100_000, items=3)
SONG = b"a song"
KEPT_BYTES = 2000


@pytest.fixture
def library(home: Home) -> Library:
    return Library(
        home.database,
        home.audio,
        home.converter,
        Erasing(home.database, home.audio, home.bus),
        Links(b"key", base=lambda: "", seconds=LINK_SECONDS, clock=home.clock),
        home.queue.append,
        limits=LIMITS,
        kept_bytes=KEPT_BYTES,
        link_seconds=LINK_SECONDS,
        clock=home.clock,
        new_id=new_id,
    )


@pytest.fixture
async def operator(home: Home) -> Party:
    return replace(await add_person(home.database, "Operator"), is_operator=True)


@asynccontextmanager
async def received(library: Library, person: Party, song: bytes = SONG) -> AsyncIterator[Incoming]:
    async with library.receive(person) as blob:
        await library.take(blob, song)
        yield blob


async def add(library: Library, person: Party, offered: Offered | None = None, song: bytes = SONG) -> Item:
    async with received(library, person, song) as blob:
        return await library.add(person, offered or Offered("Song"), blob)


async def add_ready(library: Library, home: Home, person: Party, shelf: ShelfKind = ShelfKind.OWN) -> Item:
    item = await add(library, person, Offered("Song", shelf=shelf))
    await library.convert(home.queue.pop())
    return await library.item(person, item.id)


async def kept(home: Home) -> set[str]:
    return {sound_id async for batch in home.audio.sound_ids() for sound_id in batch}


def files(home: Home, item: Item) -> list[bool]:
    return [home.audio.path(item.id, suffix).exists() for suffix in (ORIGINAL, MP3)]


# ── in ──


async def test_what_is_added_waits_for_its_conversion(library: Library, home: Home) -> None:
    item = await add(library, home.mum, Offered("Song", "music"))
    assert item == Item(item.id, home.mum.id, "Song", "music", ItemState.CONVERTING, NOW)
    assert await library.item(home.mum, item.id) == item
    assert home.queue == [Unconverted(item.id, home.mum.id, home.mum.id, len(SONG))]
    assert files(home, item) == [True, False]


async def test_only_operators_fill_the_shelf(library: Library, home: Home, operator: Party) -> None:
    with pytest.raises(NotAllowed):
        await add(library, home.mum, Offered("Song", shelf=ShelfKind.SHARED))
    assert await kept(home) == set()
    item = await add(library, operator, Offered("Song", shelf=ShelfKind.SHARED))
    assert item.owner_id is None
    assert home.queue[0].family == ""


async def test_the_cover_is_painted_anew(library: Library, home: Home) -> None:
    original = await asyncio.to_thread(picture, 600, 600)
    item = await add(library, home.mum, Offered("Song", cover=original))
    assert item.has_cover
    cover = await library.cover(home.mum, item.id)
    assert cover.startswith(b"\xff\xd8\xff")
    assert cover != original


async def test_without_a_cover_there_is_none(library: Library, home: Home) -> None:
    item = await add(library, home.mum)
    with pytest.raises(NotFound):
        await library.cover(home.mum, item.id)


@pytest.mark.parametrize(
    ("cover", "error"), [(b"no picture", BadImage), (bytes(LIMITS.max_cover_bytes + 1), TooLong), (b"", BadImage)]
)
async def test_a_bad_cover_keeps_nothing(library: Library, home: Home, cover: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        await add(library, home.mum, Offered("Song", cover=cover))
    assert (await kept(home), home.queue) == (set(), [])


async def test_too_many_bytes_are_refused_while_they_come(library: Library, home: Home) -> None:
    async with library.receive(home.mum) as blob:
        await library.take(blob, bytes(LIMITS.max_bytes))
        with pytest.raises(AudioTooLarge):
            await library.take(blob, b"x")
    assert await kept(home) == set()


async def test_no_bytes_are_refused(library: Library, home: Home) -> None:
    with pytest.raises(EmptyAudio):
        await add(library, home.mum, song=b"")


async def test_one_recording_more_than_allowed_keeps_nothing(library: Library, home: Home) -> None:
    items = [await add(library, home.mum) for _ in range(LIMITS.items)]
    with pytest.raises(TooMany):
        await add(library, home.mum)
    assert await kept(home) == {item.id for item in items}
    await add(library, home.dad)


async def test_a_family_that_keeps_as_much_as_it_may_adds_nothing(
    library: Library, home: Home, operator: Party
) -> None:
    song = b"#" * LIMITS.max_bytes
    first, second = await add(library, home.mum, song=song), await add(library, home.mum, song=song)
    assert 2 * len(song) == KEPT_BYTES
    for one in (home.mum, home.bear):
        with pytest.raises(TooMany):
            async with library.receive(one):
                pytest.fail("nothing has to be sent for that")
    await add(library, home.dad, song=song)
    await library.remove(home.mum, first.id)
    await add(library, home.mum, song=song[1:])
    with pytest.raises(TooMany):
        await add(library, home.mum)
    assert await kept(home) >= {second.id}
    async with library.receive(operator):
        pass


async def test_what_is_converted_takes_as_much_as_its_mp3(library: Library, home: Home) -> None:
    item = await add(library, home.mum)
    await library.convert(home.queue[0])
    mp3 = await home.audio.mp3(item.id)
    assert mp3 is not None
    assert await home.database.kept_bytes(home.bear.id) == mp3.stat().st_size
    await library.remove(home.mum, item.id)
    assert await home.database.kept_bytes(home.mum.id) == 0


async def test_a_person_sends_two_at_a_time(library: Library, home: Home) -> None:
    async with library.receive(home.mum), library.receive(home.mum):
        with pytest.raises(RateLimited):
            async with library.receive(home.mum):
                pass
        async with library.receive(home.dad):
            pass
    async with library.receive(home.mum), library.receive(home.mum):
        pass


async def test_a_commit_that_failed_keeps_nothing(
    library: Library, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(item: Item, cover: bytes | None, *, most: int, size: int, most_bytes: float) -> None:
        raise RuntimeError

    monkeypatch.setattr(home.database, "add_item", fails)
    with pytest.raises(RuntimeError):
        await add(library, home.mum)
    assert (await kept(home), home.queue) == (set(), [])


# ── conversion ──


async def test_a_converted_song_is_ready_and_its_original_is_gone(library: Library, home: Home) -> None:
    item = await add_ready(library, home, home.mum)
    assert (item.state, item.duration_ms) == (ItemState.READY, 1000)
    assert files(home, item) == [False, True]
    assert library.progress(item) == 100
    link = library.link(home.mum, item)
    assert link
    assert f"/{item.id}.mp3?for={home.mum.id}&" in link


async def test_a_second_turn_that_finds_it_done_spoils_nothing(library: Library, home: Home) -> None:
    """Two processes may convert the same: a command that stocks the shelf, and a server that starts meanwhile."""
    item = await add_ready(library, home, home.mum)
    await library.convert(Unconverted(item.id, home.mum.id, home.mum.id))
    assert files(home, item) == [False, True]
    found = await home.database.item(item.id)
    assert found is not None and found.state is ItemState.READY


async def test_a_song_without_sound_fails(library: Library, home: Home) -> None:
    item = await add(library, home.mum)
    home.converter.fails.append(BadAudio())
    await library.convert(home.queue[0])
    item = await library.item(home.mum, item.id)
    assert (item.state, item.failure) == (ItemState.FAILED, "bad_audio")
    assert files(home, item) == [False, False]
    assert (library.progress(item), library.link(home.mum, item)) == (0, None)


async def test_a_song_whose_file_is_lost_fails(library: Library, home: Home) -> None:
    item = await add(library, home.mum)
    await home.audio.delete(item.id)
    await library.convert(home.queue[0])
    assert (await library.item(home.mum, item.id)).failure == "internal"


async def test_with_a_sick_converter_it_waits(library: Library, home: Home) -> None:
    item = await add(library, home.mum)
    home.converter.fails.append(ConverterUnavailable("no ffmpeg"))
    with pytest.raises(ConverterUnavailable):
        await library.convert(home.queue[0])
    await library.delayed(home.queue[0])
    assert (await library.item(home.mum, item.id)).state is ItemState.CONVERTING
    assert files(home, item) == [True, False]
    await library.convert(home.queue[0])
    assert (await library.item(home.mum, item.id)).state is ItemState.READY


async def test_what_waited_is_picked_up(library: Library, home: Home) -> None:
    item = await add(library, home.mum)
    await add_ready(library, home, home.mum)
    home.queue.clear()
    assert await library.pick_up() == 1
    assert home.queue == [Unconverted(item.id, home.mum.id, home.mum.id, len(SONG))]


async def test_its_progress_is_seen_while_it_is_converted(
    library: Library, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    item = await add(library, home.mum)

    async def convert(original: Path, folder: Path, progress: Progress) -> Sound:
        for part in (0.0, 0.256, 1.0):
            progress(part)
            seen.append(library.progress(item))
        raise BadAudio

    monkeypatch.setattr(home.converter, "convert", convert)
    assert library.progress(item) == 0
    await library.convert(home.queue[0])
    assert seen == [0, 25, 100]
    assert library.progress(item) == 0, "nothing is kept of it"


@pytest.mark.parametrize("outcome", [None, BadAudio()])
async def test_removed_while_it_is_converted_leaves_nothing(
    library: Library, home: Home, monkeypatch: pytest.MonkeyPatch, outcome: Exception | None
) -> None:
    item = await add(library, home.mum)
    pretended = home.converter.convert

    async def convert(original: Path, folder: Path, progress: Progress) -> Sound:
        sound = await pretended(original, folder)
        await library.remove(home.mum, item.id)
        if outcome:
            raise outcome
        return sound

    monkeypatch.setattr(home.converter, "convert", convert)
    await library.convert(home.queue[0])
    assert await kept(home) == set()
    with pytest.raises(NotFound):
        await library.item(home.mum, item.id)


# ── who sees and hears it ──


async def test_the_shelf_is_for_everybody_who_is_there(library: Library, home: Home, operator: Party) -> None:
    item = await add_ready(library, home, operator, ShelfKind.SHARED)
    for listener in (home.mum, home.dad):
        assert await library.item(listener, item.id) == item
        assert await library.may_hear(listener.id, item.id) is True
    assert await library.may_hear(PartyId("p_gone"), item.id) is False


async def test_a_recording_is_for_its_family(library: Library, home: Home) -> None:
    granny = await add_person(home.database, "Granny")
    await add_guardian(home.database, home.bear, home.mum, granny)
    item = await add_ready(library, home, home.mum)
    heard = {one.name: await library.may_hear(one.id, item.id) for one in (home.mum, granny, home.dad, home.bear)}
    assert heard == {"Mum": True, "Granny": True, "Dad": False, "Bear": False}
    assert await library.item(granny, item.id) == item
    for stranger in (home.dad, home.bear):
        with pytest.raises(NotFound):
            await library.item(stranger, item.id)


@pytest.mark.parametrize("shelf", [ShelfKind.OWN, ShelfKind.SHARED])
async def test_a_toy_hears_nothing_that_does_not_play_on_it(
    library: Library, home: Home, operator: Party, shelf: ShelfKind
) -> None:
    item = await add_ready(library, home, home.mum if shelf is ShelfKind.OWN else operator, shelf)
    heard = [await library.may_hear(home.bear.id, item.id)]
    await home.database.start_plays(item.id, {home.bear.id: PlayId("y_1")}, home.clock())
    heard.append(await library.may_hear(home.bear.id, item.id))
    await home.database.stop_plays([home.bear.id], home.clock())
    heard.append(await library.may_hear(home.bear.id, item.id))
    assert heard == [False, True, False]


async def test_a_toy_hears_what_was_started_on_it_for_as_long_as_a_link_lasts(library: Library, home: Home) -> None:
    item, fox = await add_ready(library, home, home.mum), await add_toy(home.database, "Fox", home.mum)
    await home.database.start_plays(item.id, {home.bear.id: PlayId("y_1")}, home.clock())
    assert await library.may_hear(home.bear.id, item.id) is True
    assert await library.may_hear(fox.id, item.id) is False
    home.clock.pass_seconds(LINK_SECONDS + 1)
    assert await library.may_hear(home.bear.id, item.id) is False


async def test_nobody_hears_what_is_not_ready(library: Library, home: Home) -> None:
    item = await add(library, home.mum)
    assert await library.may_hear(home.mum.id, item.id) is False
    assert await library.may_hear(home.mum.id, ItemId("i_unknown")) is None


async def test_items_are_listed(library: Library, home: Home) -> None:
    item = await add(library, home.mum, Offered("Bear song"))
    await add(library, home.dad)
    assert await library.items(home.mum, Wanted(search="bear"), after=None, limit=9) == [item]
    assert await library.items(home.mum, Wanted(), after=item.id, limit=9) == []


# ── changing ──


async def test_the_owner_changes_and_removes(library: Library, home: Home) -> None:
    item = await add_ready(library, home, home.mum)
    changed = await library.change(home.mum, item.id, title="New", category=None)
    assert changed == replace(item, title="New")
    await library.remove(home.mum, item.id)
    assert await kept(home) == set()
    assert await library.may_hear(home.mum.id, item.id) is None


async def test_others_do_not(library: Library, home: Home, operator: Party) -> None:
    await add_guardian(home.database, home.bear, home.mum, home.dad)
    stranger = await add_person(home.database, "Stranger")
    own = await add_ready(library, home, home.mum)
    shared = await add_ready(library, home, operator, ShelfKind.SHARED)
    for person, item, error in (
        (home.dad, own, NotAllowed),
        (stranger, own, NotFound),
        (operator, own, NotFound),
        (home.mum, shared, NotAllowed),
    ):
        with pytest.raises(error):
            await library.change(person, item.id, title="x", category=None)
        with pytest.raises(error):
            await library.remove(person, item.id)
    await library.remove(operator, shared.id)
    assert await kept(home) == {own.id}


# ── the operator's command ──


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "song.mp3"
    file.write_bytes(SONG)
    return file


async def test_a_file_is_stocked_and_converted_at_once(library: Library, home: Home, file: Path) -> None:
    item = await library.stock(file, Offered("Song", "music"), lambda part: None)
    assert (item.owner_id, item.title, item.state) == (None, "Song", ItemState.READY)
    assert home.queue == []
    assert [one async for one in library.shelf()] == [item]


@pytest.mark.parametrize("failure", [BadAudio(), ConverterUnavailable("no ffmpeg"), RuntimeError()], ids=repr)
async def test_what_cannot_be_converted_is_not_stocked(
    library: Library, home: Home, file: Path, failure: Exception
) -> None:
    home.converter.fails.append(failure)
    with pytest.raises(type(failure)):
        await library.stock(file, Offered("Song"), lambda part: None)
    assert await kept(home) == set()
    assert [one async for one in library.shelf()] == []


async def test_a_file_that_is_too_large_is_not_stocked(library: Library, home: Home, file: Path) -> None:
    await asyncio.to_thread(file.write_bytes, bytes(LIMITS.max_bytes + 1))
    with pytest.raises(AudioTooLarge):
        await library.stock(file, Offered("Song"), lambda part: None)
    assert await kept(home) == set()


async def test_only_the_shelf_is_cleared(library: Library, home: Home, operator: Party) -> None:
    own, shared = await add(library, home.mum), await add(library, operator, Offered("Song", shelf=ShelfKind.SHARED))
    with pytest.raises(NotFound):
        await library.clear(own.id)
    assert await library.clear(shared.id) == shared
    assert await kept(home) == {own.id}
