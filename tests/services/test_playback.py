"""What plays where, and what does not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.services.conftest import Home
from tests.world import NOW, add_toy, new_id, sound
from toybackend.errors import NotFound, NotReady, Overloaded
from toybackend.models import (
    Item,
    ItemId,
    ItemState,
    Party,
    PartyId,
    PlayId,
    PlayResult,
    QuietHours,
    QuietWindow,
    StopResult,
    ToySettings,
    Weekday,
)
from toybackend.ports import ToyChange
from toybackend.protocol import Play, Stop
from toybackend.services.erasing import Erasing
from toybackend.services.library import Library
from toybackend.services.listening import Links
from toybackend.services.playback import Playback, Started, Stopped, day_began, day_ends
from toybackend.settings import Shelf

MINUTE = 60_000


@dataclass
class Presence:
    """Who is there; `leaves` go after they were asked for once."""

    there: set[PartyId] = field(default_factory=set)
    leaves: set[PartyId] = field(default_factory=set)

    def is_online(self, party_id: PartyId) -> bool:
        was_there = party_id in self.there
        if party_id in self.leaves:
            self.there.discard(party_id)
        return was_there

    def heard_at(self, party_id: PartyId) -> int | None:
        return NOW if party_id in self.there else None


@pytest.fixture
def presence(home: Home) -> Presence:
    return Presence({home.bear.id})


@pytest.fixture
def playback(home: Home, presence: Presence) -> Playback:
    links = Links(b"key", base=lambda: "", seconds=600, clock=home.clock)
    library = Library(
        home.database,
        home.audio,
        home.converter,
        Erasing(home.database, home.audio, home.bus),
        links,
        home.queue.append,
        limits=Shelf(),
        kept_bytes=1 << 30,
        link_seconds=600,
        clock=home.clock,
        new_id=new_id,
    )
    return Playback(home.database, library, presence, links, home.bus, clock=home.clock, new_id=new_id)


async def add_song(home: Home, owner: Party | None = None, minutes: float = 10) -> ItemId:
    owner_id = owner.id if owner else None
    item = Item(ItemId(new_id("i")), owner_id, "Song", "", ItemState.CONVERTING, NOW)
    await home.database.add_item(item, None, most=100)
    await home.database.settle_item(item.id, sound=sound(int(minutes * MINUTE)))
    return item.id


async def set_limit(home: Home, toy: Party, minutes: int) -> None:
    await home.database.change_toy(toy.id, ToyChange(daily_limit_minutes=minutes))


async def set_rest(home: Home, toy: Party, start: int, end: int, zone: str = "UTC") -> None:
    """Every day, from hour to hour."""
    window = QuietWindow(frozenset(Weekday), start * 60, end * 60)
    await home.database.change_toy(toy.id, ToyChange(time_zone=zone, quiet_windows=(window,)))


async def play(playback: Playback, home: Home, item_id: ItemId, *toys: Party) -> dict[PartyId, PlayResult]:
    started = await playback.play(home.mum, [toy.id for toy in toys or (home.bear,)], item_id)
    return {one.toy_id: one.result for one in started}


def frames(home: Home, toy: Party) -> list[str]:
    """The kinds of what this toy was told."""
    return [type(frame).__name__ for frame in home.told(toy)]


# ── starting ──


async def test_a_song_is_handed_to_a_toy_that_is_there(playback: Playback, home: Home) -> None:
    song = await add_song(home)
    assert await playback.play(home.mum, [home.bear.id], song) == [Started(home.bear.id, PlayResult.PLAYING)]
    [frame] = home.told(home.bear)
    assert isinstance(frame, Play)
    assert frame.id.startswith("y_")
    assert (frame.item_id, frame.title, frame.duration_ms) == (song, "Song", 10 * MINUTE)
    assert f"/{song}.mp3?for={home.bear.id}&" in frame.url
    assert await home.database.playing(NOW) == [home.bear.id]


async def test_each_toy_has_a_result_in_the_order_asked_and_once(playback: Playback, home: Home) -> None:
    song, fox = await add_song(home), await add_toy(home.database, "Fox", home.mum)
    stranger = await add_toy(home.database, "Owl", home.dad)
    unknown = PartyId("t_unknown")
    asked = [unknown, fox.id, home.bear.id, stranger.id, fox.id, home.mum.id]
    assert await playback.play(home.mum, asked, song) == [
        Started(unknown, PlayResult.NOT_FOUND),
        Started(fox.id, PlayResult.OFFLINE),
        Started(home.bear.id, PlayResult.PLAYING),
        Started(stranger.id, PlayResult.NOT_FOUND),
        Started(home.mum.id, PlayResult.NOT_FOUND),
    ]
    assert [frames(home, one) for one in (fox, stranger, home.mum)] == [[], [], []]


async def test_a_toy_that_leaves_just_then_is_offline(playback: Playback, home: Home, presence: Presence) -> None:
    presence.leaves = {home.bear.id}
    assert await play(playback, home, await add_song(home)) == {home.bear.id: PlayResult.OFFLINE}
    assert (frames(home, home.bear), await home.database.playing(NOW)) == ([], [])


async def test_what_is_not_ours_to_hear_is_not_found(playback: Playback, home: Home) -> None:
    for item_id in (await add_song(home, home.dad), ItemId("i_unknown")):
        with pytest.raises(NotFound):
            await playback.play(home.mum, [home.bear.id], item_id)


async def test_what_is_not_converted_is_not_played(playback: Playback, home: Home) -> None:
    item = Item(ItemId("i_1"), home.mum.id, "Song", "", ItemState.CONVERTING, NOW)
    await home.database.add_item(item, None, most=9)
    with pytest.raises(NotReady):
        await playback.play(home.mum, [home.bear.id], item.id)


# ── stopping ──


async def test_a_toy_is_stopped(playback: Playback, home: Home) -> None:
    await play(playback, home, await add_song(home))
    fox = await add_toy(home.database, "Fox", home.mum)
    stranger = await add_toy(home.database, "Owl", home.dad)
    assert await playback.stop(home.mum, [fox.id, home.bear.id, stranger.id, home.bear.id]) == [
        Stopped(fox.id, StopResult.OFFLINE),
        Stopped(home.bear.id, StopResult.STOPPED),
        Stopped(stranger.id, StopResult.NOT_FOUND),
    ]
    assert home.told(home.bear)[1:] == [Stop()]
    assert frames(home, stranger) == []
    assert await home.database.playing(NOW) == []


async def test_a_toy_is_silenced_whoever_started_it(playback: Playback, home: Home) -> None:
    await set_rest(home, home.bear, 9, 10)
    await play(playback, home, await add_song(home, minutes=90))
    await playback.silence(home.bear.id)
    assert frames(home, home.bear) == ["Play", "Stop"]
    assert await home.database.playing(NOW) == []
    home.clock.pass_seconds(3600)
    await playback.look()
    assert frames(home, home.bear) == ["Play", "Stop"]  # it is looked at no more


async def test_nothing_of_ours_is_nothing_to_stop(playback: Playback, home: Home) -> None:
    assert await playback.stop(home.mum, [PartyId("t_1")]) == [Stopped(PartyId("t_1"), StopResult.NOT_FOUND)]


async def test_a_song_that_was_played_to_its_end_plays_no_more(playback: Playback, home: Home) -> None:
    await play(playback, home, await add_song(home))
    [frame] = home.told(home.bear)
    assert isinstance(frame, Play)
    await playback.finished(await add_toy(home.database, "Fox", home.mum), frame.id)
    assert await home.database.playing(NOW) == [home.bear.id]
    await playback.finished(home.bear, frame.id)
    assert await home.database.playing(NOW) == []
    await playback.finished(home.bear, "y_unknown")


# ── rest ──


async def test_a_toy_at_rest_plays_nothing(playback: Playback, home: Home) -> None:
    await set_rest(home, home.bear, 7, 9)
    song = await add_song(home)
    ends = NOW + 60 * MINUTE
    assert await playback.play(home.mum, [home.bear.id], song) == [Started(home.bear.id, PlayResult.QUIET_HOURS, ends)]
    assert frames(home, home.bear) == []
    home.clock.now = ends
    assert await play(playback, home, song) == {home.bear.id: PlayResult.PLAYING}


async def test_what_plays_when_rest_begins_is_stopped(playback: Playback, home: Home) -> None:
    await set_rest(home, home.bear, 9, 10)
    await play(playback, home, await add_song(home, minutes=90))
    home.clock.pass_seconds(3599)
    await playback.look()
    assert frames(home, home.bear) == ["Play"]
    home.clock.pass_seconds(1)
    await playback.look()
    await playback.look()
    assert frames(home, home.bear) == ["Play", "Stop"]
    assert await home.database.playing(home.clock()) == []


async def test_what_starts_while_we_look_is_not_forgotten(
    playback: Playback, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_rest(home, home.bear, 9, 10)
    song = await add_song(home, minutes=90)
    await play(playback, home, song)
    await home.database.stop_plays([home.bear.id], home.clock())  # as when it was played to its end
    real = home.database.playing

    async def slow(now: int) -> Sequence[PartyId]:
        found = await real(now)
        await play(playback, home, song)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(home.database, "playing", slow)
        await playback.look()
    home.clock.pass_seconds(3600)
    await playback.look()
    assert frames(home, home.bear)[-1] == "Stop"


# ── the daily limit ──


async def test_a_day_has_so_many_minutes(playback: Playback, home: Home) -> None:
    await set_limit(home, home.bear, 15)
    song = await add_song(home, minutes=10)
    for _ in range(2):
        assert await play(playback, home, song) == {home.bear.id: PlayResult.PLAYING}
        home.clock.pass_seconds(600)
    midnight = int(datetime(2026, 11, 22, tzinfo=UTC).timestamp() * 1000)
    assert await playback.play(home.mum, [home.bear.id], song) == [
        Started(home.bear.id, PlayResult.DAILY_LIMIT, midnight)
    ]
    home.clock.now = midnight
    assert await play(playback, home, song) == {home.bear.id: PlayResult.PLAYING}


async def test_what_plays_when_the_limit_is_reached_is_stopped(playback: Playback, home: Home) -> None:
    await set_limit(home, home.bear, 5)
    await play(playback, home, await add_song(home))
    home.clock.pass_seconds(299)
    await playback.look()
    assert frames(home, home.bear) == ["Play"]
    home.clock.pass_seconds(1)
    await playback.look()
    assert frames(home, home.bear) == ["Play", "Stop"]


async def test_the_day_is_that_of_the_child(playback: Playback, home: Home) -> None:
    """It is 8:00 in London and 21:00 in Auckland, where three hours are left of the day."""
    await set_rest(home, home.bear, 1, 2, "Pacific/Auckland")
    await set_limit(home, home.bear, 10)
    song = await add_song(home)
    await play(playback, home, song)
    home.clock.pass_seconds(3 * 3600 - 1)
    assert await play(playback, home, song) == {home.bear.id: PlayResult.DAILY_LIMIT}
    home.clock.pass_seconds(1)
    assert await play(playback, home, song) == {home.bear.id: PlayResult.PLAYING}


async def test_only_the_toy_that_used_it_up_is_held(playback: Playback, home: Home, presence: Presence) -> None:
    fox, song = await add_toy(home.database, "Fox", home.mum), await add_song(home)
    presence.there.add(fox.id)
    for toy in (home.bear, fox):
        await set_limit(home, toy, 5)
    await home.database.start_plays(song, {home.bear.id: PlayId("y_1")}, NOW)
    home.clock.pass_seconds(600)
    assert await play(playback, home, song, home.bear, fox) == {
        home.bear.id: PlayResult.DAILY_LIMIT,
        fox.id: PlayResult.PLAYING,
    }


def settings_in(zone: str) -> ToySettings:
    return ToySettings(QuietHours(ZoneInfo(zone)))


def at(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1000)


DAYS: Mapping[str, tuple[str, str, str, str]] = {
    "an ordinary day": ("Europe/Berlin", "2026-11-21T12:00+01:00", "2026-11-21T00:00+01:00", "2026-11-22T00:00+01:00"),
    "a day of 23 hours": (
        "Europe/Berlin",
        "2026-03-29T12:00+02:00",
        "2026-03-29T00:00+01:00",
        "2026-03-30T00:00+02:00",
    ),
    "a day without a midnight": (
        "Asia/Beirut",
        "2025-03-30T12:00+03:00",
        "2025-03-30T00:00+02:00",
        "2025-03-31T00:00+03:00",
    ),
    "a midnight that comes twice": (
        "America/Havana",
        "2025-11-02T12:00-05:00",
        "2025-11-02T00:00-04:00",
        "2025-11-03T00:00-05:00",
    ),
}


@pytest.mark.parametrize("day", DAYS.values(), ids=DAYS)
def test_a_day_goes_from_midnight_to_midnight(day: tuple[str, str, str, str]) -> None:
    zone, moment, began, ends = day
    settings = settings_in(zone)
    assert (day_began(settings, at(moment)), day_ends(settings, at(moment))) == (at(began), at(ends))


@given(
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Beirut", "America/Havana", "Pacific/Auckland", "Asia/Kathmandu"]),
    st.integers(0, 2 * 10**12),
)
def test_every_moment_is_in_its_day(zone: str, moment: int) -> None:
    settings = settings_in(zone)
    assert day_began(settings, moment) <= moment < day_ends(settings, moment)


# ── the watch ──


async def test_the_watch_knows_what_played_before_the_server_started(playback: Playback, home: Home) -> None:
    await home.database.start_plays(await add_song(home), {home.bear.id: PlayId("y_1")}, NOW)
    await set_limit(home, home.bear, 5)
    home.clock.pass_seconds(300)
    async with playback.watching(every_seconds=0.01):
        async with asyncio.timeout(2):
            while frames(home, home.bear) != ["Stop"]:
                await asyncio.sleep(0.01)


async def test_the_watch_outlives_a_busy_database(
    playback: Playback, home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failures: list[Exception] = [Overloaded(), RuntimeError()]
    looked = asyncio.Event()

    async def look() -> None:
        if failures:
            raise failures.pop(0)
        looked.set()

    monkeypatch.setattr(playback, "look", look)
    async with playback.watching(every_seconds=0.01), asyncio.timeout(2):
        await looked.wait()
    assert [one.message for one in caplog.records] == ["what plays could not be looked at"]


async def test_where_nothing_plays_nothing_is_asked(
    playback: Playback, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home.database, "playing", None)
    await playback.look()
