"""Quiet hours through real sockets: held and not lost, in order and once, and by the clock on the wall."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from tests.end_to_end.conftest import settings_in
from tests.end_to_end.family import Family, Somebody, add_family, add_somebody, database_of
from tests.end_to_end.line import PATIENCE, Line
from tests.world import Clock, add_contact
from toybackend.app import serving
from toybackend.databases.toys import family_group
from toybackend.house import House
from toybackend.models import QuietWindow, Weekday
from toybackend.ports.toys import ToyChange
from toybackend.protocol import rfc3339
from toybackend.settings import Service, Settings

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("calm_log", "cheap_hashes")]

HOUR = 3600
SILENCE_SECONDS = 0.4
"""Four sweeps; whatever is not held comes within a tenth of it."""
EVERY_DAY = frozenset(Weekday)


@pytest.fixture(scope="module")
def clock() -> Clock:
    """The server's. It only ever goes forward, and never by itself."""
    return Clock()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory, cheap_hashes: None, clock: Clock) -> AsyncIterator[House]:
    settings: Settings = replace(
        settings_in(tmp_path_factory.mktemp("server")), service=Service(sweep_seconds=SILENCE_SECONDS / 4)
    )
    async with serving(settings, clock=clock) as house:
        yield house


# ── what the tests say ──


async def set_hours(family: Family, *windows: QuietWindow, zone: str = "UTC") -> None:
    change = ToyChange(time_zone=zone, quiet_windows=windows)
    await family.house.toys.change(family.mum.party.id, family.bear.party.id, change)


async def let_rest(family: Family, clock: Clock, *, from_hours: int = -1, to_hours: int = 2) -> str:
    """From so many hours from now to so many; the end as it goes over the wire."""
    now = datetime.fromtimestamp(clock() / 1000, UTC)
    minutes = now.hour * 60 + now.minute
    start, end = ((minutes + hours * 60) % 1440 for hours in (from_hours, to_hours))
    await set_hours(family, QuietWindow(EVERY_DAY, start, end))
    return rfc3339(clock() + to_hours * HOUR * 1000)


@asynccontextmanager
async def both(family: Family) -> AsyncIterator[tuple[Line, Line]]:
    async with family.mum.line() as mum, family.bear.line() as bear:
        yield mum, bear


async def hears_nothing(line: Line) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(SILENCE_SECONDS):
            pytest.fail(f"it heard {await line.next()}")


async def converted(somebody: Somebody, count: int) -> None:
    """So many messages wait in the mailbox."""
    async with asyncio.timeout(PATIENCE):
        while (await somebody.house.mailboxes.state(somebody.party)).unread < count:
            await asyncio.sleep(0.01)


async def texts(line: Line, count: int) -> list[str]:
    """The next messages, each acknowledged; nothing else may come in between."""
    said = []
    for _ in range(count):
        frame = await line.next()
        await line.ack(frame["id"])
        said.append(str(frame["msg"]))
    return said


async def wakes_up(line: Line) -> None:
    notice = await line.next()
    assert (notice["type"], notice["event"], notice["settings"]["quiet_until"]) == ("notice", "settings", None)


async def guardian_too(family: Family, name: str) -> Somebody:
    somebody = await add_somebody(family.house, name)
    claim = await family.house.toys.open_window(family.mum.party.id, family.bear.party.id)
    await family.house.toys.bind(somebody.party.id, claim.code)
    return somebody


# ── held ──


async def test_what_is_said_to_a_resting_toy_is_held_and_the_sender_knows_until_when(
    family: Family, clock: Clock, clip: bytes
) -> None:
    until = await let_rest(family, clock)
    async with both(family) as (mum, bear):
        assert bear.welcome["settings"]["quiet_until"] == until
        held = {"type": "notice", "event": "held", "code": "quiet_hours", "to_user": family.bear.id, "until": until}
        voice_id = await mum.voice(family.bear.id, clip)
        assert await mum.next() == {**held, "id": voice_id}
        text_id = await mum.text(family.bear.id, "sleep well")
        assert await mum.next() == {**held, "id": text_id}
        await converted(family.bear, 2)
        await hears_nothing(bear)
        clock.pass_seconds(2 * HOUR)
        await wakes_up(bear)
        voice = await bear.next()
        assert (voice["type"], voice["id"]) == ("voice", voice_id)
        assert (await bear.next())["id"] == text_id
        await bear.ack(voice_id)
        assert await mum.next() == {"type": "delivered", "id": voice_id, "to_user": family.bear.id}
        await hears_nothing(bear)


async def test_everything_held_comes_in_order_and_once(family: Family, clock: Clock) -> None:
    """More than may be under way at a time, from several, with one of each in between that could not wait."""
    dad = await guardian_too(family, "Dad")
    await let_rest(family, clock)
    async with both(family) as (mum, bear), dad.line() as father:
        for n in range(6):
            await mum.text(family.bear.id, f"mum {n}")
            await father.text(family.bear.id, f"dad {n}")
        await hears_nothing(bear)
        await mum.text(family.bear.id, "mum now", now=True)
        assert await texts(bear, 7) == [*(f"mum {n}" for n in range(6)), "mum now"]
        await mum.text(family.bear.id, "mum later")
        await hears_nothing(bear)
        clock.pass_seconds(2 * HOUR)
        await wakes_up(bear)
        assert await texts(bear, 7) == [*(f"dad {n}" for n in range(6)), "mum later"]
        await hears_nothing(bear)


async def test_what_was_not_acknowledged_when_the_rest_ended_comes_again_on_the_next_socket_only(
    family: Family, clock: Clock
) -> None:
    await let_rest(family, clock)
    async with family.mum.line() as mum:
        async with family.bear.line() as bear:
            now_id = await mum.text(family.bear.id, "now", now=True)
            later_id = await mum.text(family.bear.id, "later")
            assert (await bear.next())["id"] == now_id
            clock.pass_seconds(2 * HOUR)
            await wakes_up(bear)
            assert (await bear.next())["id"] == later_id
            await hears_nothing(bear)
        async with family.bear.line() as bear:
            assert await texts(bear, 2) == ["now", "later"]


async def test_a_group_hears_at_once_and_its_resting_toy_later(family: Family, clock: Clock) -> None:
    dad = await guardian_too(family, "Dad")
    until = await let_rest(family, clock)
    async with both(family) as (mum, bear), dad.line() as father:
        await mum.say(to_group=family_group(family.bear.party.id), msg="good night all")
        message_id = (await mum.hear("accepted"))["id"]
        held = await mum.hear("notice", event="held")
        assert (held["id"], held["to_user"], held["until"]) == (message_id, family.bear.id, until)
        assert (await father.hear("text"))["id"] == message_id
        await hears_nothing(bear)
        clock.pass_seconds(2 * HOUR)
        await wakes_up(bear)
        assert await texts(bear, 1) == ["good night all"]


# ── now ──


async def test_a_guardian_may_say_now_and_what_was_said_before_goes_first(
    family: Family, clock: Clock, clip: bytes
) -> None:
    dad = await guardian_too(family, "Dad")
    await let_rest(family, clock)
    async with both(family) as (mum, bear), dad.line() as father:
        await father.text(family.bear.id, "can wait")
        voice_id = await mum.voice(family.bear.id, clip)
        await mum.hear("notice", event="held", id=voice_id)
        now_id = await mum.text(family.bear.id, "wake up", now=True)
        assert [(await bear.next())["id"] for _ in range(2)] == [voice_id, now_id]
        await hears_nothing(bear)
        await hears_nothing(mum)  # nothing of it is held
        now_voice = await father.voice(family.bear.id, clip, now=True)
        assert (await bear.next())["msg"] == "can wait"
        assert (await bear.next())["id"] == now_voice


async def test_nobody_else_may(family: Family, clock: Clock, clip: bytes) -> None:
    grandma = await add_somebody(family.house, "Grandma")
    await add_contact(database_of(family.house), grandma.party, family.bear.party)
    await let_rest(family, clock)
    async with grandma.line() as caller, family.bear.line() as bear:
        await caller.say(to_user=family.bear.id, msg="wake up", now=True)
        assert await caller.refusal() == "not_allowed"
        await caller.say(to_user=family.bear.id, now=True)
        assert await caller.refusal() == "not_allowed"
        await caller.write(clip)  # thrown away without a word
        held_id = await caller.text(family.bear.id, "when you are awake")
        await caller.hear("notice", event="held", id=held_id)
        await hears_nothing(bear)
        clock.pass_seconds(2 * HOUR)
        await wakes_up(bear)
        assert await texts(bear, 1) == ["when you are awake"]


# ── falling asleep, waking up ──


async def test_a_toy_is_told_when_it_falls_asleep(family: Family, clock: Clock) -> None:
    until = await let_rest(family, clock, from_hours=1, to_hours=3)
    async with both(family) as (mum, bear):
        assert bear.welcome["settings"]["quiet_until"] is None
        await mum.text(family.bear.id, "still awake")
        assert await texts(bear, 1) == ["still awake"]
        clock.pass_seconds(HOUR)
        notice = await bear.next()
        assert (notice["event"], notice["settings"]["quiet_until"]) == ("settings", until)
        await mum.text(family.bear.id, "asleep")
        await hears_nothing(bear)


async def test_a_guardian_who_switches_the_hours_off_wakes_it(family: Family, clock: Clock) -> None:
    await let_rest(family, clock)
    async with both(family) as (mum, bear):
        await mum.text(family.bear.id, "one")
        await mum.text(family.bear.id, "two")
        await hears_nothing(bear)
        await set_hours(family)
        await wakes_up(bear)
        assert await texts(bear, 2) == ["one", "two"]


async def test_a_guardian_who_sets_hours_sends_it_to_bed(family: Family, clock: Clock) -> None:
    async with both(family) as (mum, bear):
        until = await let_rest(family, clock)
        assert (await bear.next())["settings"]["quiet_until"] == until
        await mum.text(family.bear.id, "too late")
        await hears_nothing(bear)


async def test_a_toy_that_comes_back_during_its_rest_gets_nothing(family: Family, clock: Clock) -> None:
    async with family.mum.line() as mum:
        await mum.text(family.bear.id, "while you were away")
        until = await let_rest(family, clock)
        for _ in range(2):
            async with family.bear.line() as bear:
                assert (bear.welcome["settings"]["quiet_until"], bear.welcome["unread"]) == (until, 1)
                await hears_nothing(bear)
        async with family.bear.hello(acks=False) as bear:
            await hears_nothing(bear)
            clock.pass_seconds(2 * HOUR)
            await wakes_up(bear)
            assert (await bear.next())["msg"] == "while you were away"


async def test_a_resting_toy_may_talk(family: Family, clock: Clock) -> None:
    await let_rest(family, clock)
    async with both(family) as (mum, bear):
        said = await bear.text(family.mum.id, "I cannot sleep")
        assert (await mum.next())["id"] == said


# ── when the wall clock jumps ──


@pytest.mark.parametrize(
    ("evening", "wakes_at"),
    [
        ("2027-03-27T20:00:00Z", "2027-03-28T05:00:00.000Z"),  # an hour is left out: 7 o'clock is at 5 and not at 6
        ("2027-10-30T19:00:00Z", "2027-10-31T06:00:00.000Z"),  # an hour comes twice: it is at 6 and not at 5
    ],
    ids=["in spring", "in autumn"],
)
async def test_it_wakes_up_by_the_clock_on_the_wall(server: House, clock: Clock, evening: str, wakes_at: str) -> None:
    clock.now = milliseconds(evening)
    family = await add_family(server)
    await set_hours(family, QuietWindow(EVERY_DAY, 20 * 60, 7 * 60), zone="Europe/Berlin")
    async with both(family) as (mum, bear):
        assert bear.welcome["settings"]["quiet_until"] == wakes_at
        await mum.text(family.bear.id, "good morning")
        assert (await mum.hear("notice", event="held"))["until"] == wakes_at
        clock.now = milliseconds(wakes_at) - 1
        await hears_nothing(bear)
        clock.now += 1
        await wakes_up(bear)
        assert await texts(bear, 1) == ["good morning"]


def milliseconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1000)
