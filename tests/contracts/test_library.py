"""The contract of `ports.Library`: songs and stories, and where they play."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contracts.conftest import OpenDatabase
from tests.world import NOW, add_guardian, add_person, add_toy, new_id, sound
from toybackend.databases.sql import SqlDatabase
from toybackend.errors import NotFound, TooMany
from toybackend.models import Item, ItemId, ItemState, Party, PartyId, PlayId, ShelfKind
from toybackend.ports import Unconverted, Wanted

MINUTE = 60_000
EVERYTHING = Wanted()


def item(owner: Party | None, title: str = "Song", category: str = "music", at: int = NOW) -> Item:
    owner_id = owner.id if owner else None
    return Item(ItemId(new_id("i")), owner_id, title, category, ItemState.CONVERTING, at)


async def add(database: SqlDatabase, owner: Party | None, title: str = "Song", category: str = "music") -> Item:
    """A converting one."""
    added = item(owner, title, category)
    await database.add_item(added, None, most=100)
    return added


async def add_ready(database: SqlDatabase, owner: Party | None = None, minutes: float = 10) -> Item:
    added = await add(database, owner)
    assert await database.settle_item(added.id, sound=sound(int(minutes * MINUTE)))
    return added


async def titles(database: SqlDatabase, reader: Party, wanted: Wanted = EVERYTHING) -> list[str]:
    return [one.title for one in await database.items(reader.id, wanted, limit=100)]


# ── items ──


async def test_an_item_is_found_as_it_was_added(database: SqlDatabase, mum: Party) -> None:
    own, shared = item(mum), item(None)
    await database.add_item(own, b"a picture", most=1)
    await database.add_item(shared, None, most=1)
    assert await database.item(own.id) == replace(own, has_cover=True)
    assert await database.item(shared.id) == shared
    assert await database.cover(own.id) == b"a picture"
    assert await database.cover(shared.id) is None


async def test_what_is_not_there_is_not_found(database: SqlDatabase) -> None:
    nothing = ItemId("i_nothing")
    assert await database.item(nothing) is None
    assert await database.cover(nothing) is None
    assert not await database.settle_item(nothing, failure="bad_audio")
    with pytest.raises(NotFound):
        await database.change_item(nothing, title="x")


async def test_one_more_than_allowed_is_refused_but_not_on_the_shelf(database: SqlDatabase, mum: Party) -> None:
    for _ in range(2):
        await database.add_item(item(mum), None, most=2)
        await database.add_item(item(None), None, most=2)
    with pytest.raises(TooMany):
        await database.add_item(item(mum), None, most=2)
    await database.add_item(item(None), None, most=2)


async def test_one_byte_more_than_a_family_keeps_is_refused(database: SqlDatabase, mum: Party, dad: Party) -> None:
    await database.add_item(item(mum), None, most=9, size=60, most_bytes=100)
    with pytest.raises(TooMany):
        await database.add_item(item(mum), None, most=9, size=41, most_bytes=100)
    await database.add_item(item(mum), None, most=9, size=40, most_bytes=100)
    await database.add_item(item(dad), None, most=9, size=100, most_bytes=100)
    await database.add_item(item(None), None, most=9, size=101, most_bytes=100)
    assert [await database.kept_bytes(one.id) for one in (mum, dad)] == [100, 100]
    assert sorted(one.size for one in await database.unconverted_items()) == [40, 60, 100, 101]


async def test_a_conversion_settles_once(database: SqlDatabase) -> None:
    good, bad = await add(database, None), await add(database, None)
    assert await database.settle_item(good.id, sound=sound(1234))
    assert await database.settle_item(bad.id, failure="bad_audio")
    for settled in (good, bad):
        assert await database.settle_item(settled.id, failure="internal")
    assert await database.item(good.id) == replace(good, state=ItemState.READY, duration_ms=1234)
    assert await database.item(bad.id) == replace(bad, state=ItemState.FAILED, failure="bad_audio")


async def test_what_is_not_settled_is_picked_up_oldest_first(database: SqlDatabase, mum: Party) -> None:
    late, early = item(mum, at=NOW + 1), item(None, at=NOW)
    for one in (late, early):
        await database.add_item(one, None, most=9)
    await add_ready(database)
    assert await database.unconverted_items() == [
        Unconverted(early.id, PartyId(""), ""),
        Unconverted(late.id, mum.id, mum.id),
    ]


async def test_a_crash_is_counted_for_what_was_being_converted(database: SqlDatabase, mum: Party) -> None:
    converting, ready = await add(database, mum), await add_ready(database)
    await database.note_crash([converting.id, ready.id])
    assert [one.crashes for one in await database.unconverted_items()] == [1]


async def test_the_size_of_an_mp3_is_known_once_it_is_there(database: SqlDatabase) -> None:
    song = item(None)
    await database.add_item(song, None, most=9, size=1000)
    assert await database.mp3_bytes(song.id) == 0
    await database.settle_item(song.id, sound=sound(), mp3_bytes=4321)
    assert await database.mp3_bytes(song.id) == 4321


async def test_its_sound_is_known_unless_it_failed(database: SqlDatabase, mum: Party) -> None:
    converting, ready, failed = await add(database, mum), await add_ready(database), await add(database, mum)
    await database.settle_item(failed.id, failure="bad_audio")
    known = await database.known([converting.id, ready.id, failed.id, "i_orphan"])
    assert known == {converting.id, ready.id}


async def test_title_and_category_can_be_changed(database: SqlDatabase, mum: Party) -> None:
    song = await add(database, mum, "Old", "music")
    assert (await database.change_item(song.id, title="New")).title == "New"
    changed = await database.change_item(song.id, category="story")
    assert changed == replace(song, title="New", category="story") == await database.item(song.id)
    assert await database.change_item(song.id) == changed


# ── who sees what ──


async def test_everybody_sees_the_shelf_and_their_own(database: SqlDatabase, mum: Party, dad: Party) -> None:
    for owner, title in ((None, "Shared"), (mum, "Mum's"), (dad, "Dad's")):
        await add(database, owner, title)
    assert await titles(database, mum) == ["Mum's", "Shared"]
    assert await titles(database, dad) == ["Dad's", "Shared"]
    assert await titles(database, mum, Wanted(shelf=ShelfKind.OWN)) == ["Mum's"]
    assert await titles(database, mum, Wanted(shelf=ShelfKind.SHARED)) == ["Shared"]


async def test_a_family_sees_each_others(database: SqlDatabase, mum: Party, dad: Party, bear: Party) -> None:
    granny = await add_person(database, "Granny")
    await add_guardian(database, bear, mum, dad)
    await add_guardian(database, await add_toy(database, "Fox", dad), dad, granny)
    for owner in (mum, dad, granny):
        await add(database, owner, owner.name)
    assert await titles(database, mum) == ["Dad", "Mum"]
    assert await titles(database, dad) == ["Dad", "Granny", "Mum"]
    assert await titles(database, granny) == ["Dad", "Granny"]


async def test_titles_are_searched_in_any_case(database: SqlDatabase, mum: Party) -> None:
    for title in ("Élan and the bear", "BEAR 100%", "The fox", "小熊"):
        await add(database, mum, title)
    assert await titles(database, mum, Wanted(search="bear")) == ["BEAR 100%", "Élan and the bear"]
    assert await titles(database, mum, Wanted(search="éLAN")) == ["Élan and the bear"]
    assert await titles(database, mum, Wanted(search="0%")) == ["BEAR 100%"]
    assert await titles(database, mum, Wanted(search="%")) == ["BEAR 100%"]
    assert await titles(database, mum, Wanted(search="熊")) == ["小熊"]


async def test_a_category_chooses(database: SqlDatabase, mum: Party) -> None:
    await add(database, mum, "Song", "music")
    await add(database, mum, "Story", "stories")
    assert await titles(database, mum, Wanted(category="stories")) == ["Story"]
    assert await titles(database, mum, Wanted(search="song", category="stories")) == []


async def test_items_come_in_pages(database: SqlDatabase, mum: Party, dad: Party) -> None:
    for title in ("A", "B", "B", "C", "B"):
        await add(database, mum, title)
    seen: list[Item] = []
    while page := await database.items(mum.id, EVERYTHING, after=seen[-1].id if seen else None, limit=2):
        assert len(page) <= 2
        seen += page
    assert [one.title for one in seen] == ["A", "B", "B", "B", "C"]
    assert len({one.id for one in seen}) == 5
    hidden = await add(database, dad, "A")
    assert await database.items(mum.id, EVERYTHING, after=hidden.id, limit=9) == []


# ── plays ──


async def start(database: SqlDatabase, toy: Party, song: Item, at: int = NOW) -> PlayId:
    play_id = PlayId(new_id("y"))
    assert await database.start_plays(song.id, {toy.id: play_id}, at) == {toy.id}
    return play_id


async def listened(database: SqlDatabase, toy: Party, since: int, now: int) -> int:
    return (await database.listened_ms({toy.id: since}, now))[toy.id]


async def test_a_play_counts_until_it_is_stopped(database: SqlDatabase, bear: Party) -> None:
    play_id = await start(database, bear, await add_ready(database))
    assert await listened(database, bear, NOW, NOW + MINUTE) == MINUTE
    await database.stop_plays([bear.id], NOW + 2 * MINUTE, play_id)
    await database.stop_plays([bear.id], NOW + 9 * MINUTE, play_id)
    assert await listened(database, bear, NOW, NOW + 60 * MINUTE) == 2 * MINUTE


async def test_a_play_whose_end_was_never_said_lasts_as_long_as_its_item(database: SqlDatabase, bear: Party) -> None:
    await start(database, bear, await add_ready(database, minutes=10))
    assert await database.playing(NOW + 10 * MINUTE - 1) == [bear.id]
    assert await database.playing(NOW + 10 * MINUTE) == []
    assert await listened(database, bear, NOW, NOW + 60 * MINUTE) == 10 * MINUTE


async def test_only_what_was_played_since_then_counts(database: SqlDatabase, bear: Party, mum: Party) -> None:
    song, fox = await add_ready(database, minutes=10), await add_toy(database, "Fox", mum)
    await start(database, bear, song, NOW)
    await start(database, bear, song, NOW + 20 * MINUTE)
    now = NOW + 60 * MINUTE
    found = await database.listened_ms({bear.id: NOW + 4 * MINUTE, fox.id: NOW}, now)
    assert found == {bear.id: 16 * MINUTE, fox.id: 0}
    assert await listened(database, bear, NOW + 10 * MINUTE, now) == 10 * MINUTE
    assert await listened(database, bear, NOW + 30 * MINUTE, now) == 0


async def test_the_next_play_ends_the_one_before(database: SqlDatabase, bear: Party) -> None:
    song = await add_ready(database)
    await start(database, bear, song, NOW)
    second = await start(database, bear, song, NOW + MINUTE)
    await database.stop_plays([bear.id], NOW + 3 * MINUTE, second)
    assert await database.playing(NOW + 3 * MINUTE) == []
    assert await listened(database, bear, NOW, NOW + 60 * MINUTE) == 3 * MINUTE


async def test_several_toys_start_and_stop_together(database: SqlDatabase, bear: Party, mum: Party) -> None:
    song, fox = await add_ready(database), await add_toy(database, "Fox", mum)
    started = await database.start_plays(song.id, {bear.id: PlayId("y_1"), fox.id: PlayId("y_2")}, NOW)
    assert started == {bear.id, fox.id}
    assert await database.playing(NOW) == sorted([bear.id, fox.id])
    await database.stop_plays([bear.id, fox.id], NOW)
    assert await database.playing(NOW) == []


async def test_only_this_toys_play_is_stopped(database: SqlDatabase, bear: Party, mum: Party) -> None:
    song, fox = await add_ready(database), await add_toy(database, "Fox", mum)
    play_id = await start(database, bear, song)
    await database.stop_plays([fox.id], NOW, play_id)
    await database.stop_plays([bear.id], NOW, PlayId("y_other"))
    await database.stop_plays([], NOW)
    assert await database.playing(NOW) == [bear.id]


async def test_what_is_gone_does_not_start(database: SqlDatabase, bear: Party) -> None:
    song = await add_ready(database)
    assert await database.start_plays(song.id, {PartyId("t_gone"): PlayId("y_1")}, NOW) == set()
    with pytest.raises(NotFound):
        await database.start_plays(ItemId("i_gone"), {bear.id: PlayId("y_1")}, NOW)
    assert await database.playing(NOW) == []


async def test_what_was_started_lately_is_known(database: SqlDatabase, bear: Party, mum: Party) -> None:
    song, other = await add_ready(database, mum), await add_ready(database, mum)
    play_id = await start(database, bear, song)
    assert await database.was_started(bear.id, song.id, NOW)
    assert not await database.was_started(bear.id, song.id, NOW + 1)
    assert not await database.was_started(bear.id, other.id, NOW)
    assert not await database.was_started(mum.id, song.id, NOW)
    await database.stop_plays([bear.id], NOW, play_id)
    assert not await database.was_started(bear.id, song.id, NOW)


async def test_another_process_sees_what_plays(database: SqlDatabase, connect: OpenDatabase, bear: Party) -> None:
    await start(database, bear, await add_ready(database))
    async with connect() as other:
        assert await other.playing(NOW) == [bear.id]
