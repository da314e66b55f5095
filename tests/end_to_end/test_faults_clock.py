"""What people see when the clock of the server jumps: by hours, days and years, forward and back, while it runs.

                                 the mother's phone                           the toy
  into a rest, out of one        «held» until when it says now                falls asleep, or wakes up, within a sweep;
                                                                              what was held comes then, in order
  summer time begins or ends     the same, by the wall of the child           wakes up when its wall says so
  years ahead                    its socket stays; a new one is 4401 until    the same; nothing is erased; it plays what
                                 the clock is right, then the token works     it has, and what comes by its socket
  days ahead                     the toy's code can still be typed            links from before are over, its token gets
                                                                              the sound; its code is prolonged
  back by days or years          it may log in at once, whatever it had       its code ends in time; links from before
                                 tried by the later clock                     work; links made ahead do not live on
  to and fro                     its messages in the order in which they      the same
                                 were sent, receipts for all of them

Whatever the clock says, messages have the order in which they were accepted, and whoever was logged out or taken
something back from stays so. That nothing is erased by a clock that jumped is in `services/test_retention.py`, too.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import aiohttp
import pytest
import pytest_asyncio

from tests.end_to_end.conftest import settings_in
from tests.end_to_end.family import Family, add_family, count_rows, waiting_toy
from tests.end_to_end.faults import at_home
from tests.end_to_end.line import Line, bare
from tests.end_to_end.observing import everything, sound_of
from tests.world import NOW, Clock
from toybackend.app import serving
from toybackend.house import House
from toybackend.models import QuietWindow, Weekday
from toybackend.ports import ToyChange
from toybackend.services.retention import DAY
from toybackend.settings import Service, Settings

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("cheap_hashes")]

HOUR = 3600
YEAR = 365 * 24 * HOUR
SWEEP_SECONDS = 0.1
NIGHT = QuietWindow(frozenset(Weekday), 20 * 60, 7 * 60)


@pytest.fixture(scope="module")
def server_clock() -> Clock:
    return Clock()


@pytest.fixture
def clock(server_clock: Clock) -> Iterator[Clock]:
    """The server's, right at the start of a test and at its end."""
    server_clock.now = NOW
    yield server_clock
    server_clock.now = NOW


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(
    tmp_path_factory: pytest.TempPathFactory, cheap_hashes: None, server_clock: Clock
) -> AsyncIterator[House]:
    settings: Settings = replace(
        settings_in(tmp_path_factory.mktemp("server")), service=Service(sweep_seconds=SWEEP_SECONDS)
    )
    async with serving(settings, clock=server_clock) as house:
        yield house


async def a_sweep() -> None:
    await asyncio.sleep(3 * SWEEP_SECONDS)


async def rests(family: Family, zone: str = "UTC") -> None:
    """The toy, at night."""
    change = ToyChange(time_zone=zone, quiet_windows=(NIGHT,))
    await family.house.toys.change(family.mum.party.id, family.bear.party.id, change)


async def hears_of_rest(line: Line, until: str | None) -> None:
    frame = await line.hear("notice", event="settings")
    assert frame["settings"]["quiet_until"] == until


def at(text: str) -> int:
    """Milliseconds since the epoch of a time such as `2026-10-25T06:00`, in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


# ── rests ──


async def test_a_toy_falls_asleep_and_wakes_up_by_the_clock_as_it_is_now(server: House, clock: Clock) -> None:
    """Eight in the morning; to ten at night; back by a year to eight in the morning."""
    async with at_home(server) as (family, mum, bear):
        await rests(family)
        await hears_of_rest(bear, None)
        clock.pass_seconds(14 * HOUR)
        await hears_of_rest(bear, "2026-11-22T07:00:00.000Z")
        said = [await mum.text(family.bear.id, word) for word in ("good", "morning")]
        held = await mum.hear("notice", event="held", id=said[0])
        assert held["until"] == "2026-11-22T07:00:00.000Z"
        clock.pass_seconds(-14 * HOUR - YEAR)
        await hears_of_rest(bear, None)
        assert [(await bear.next())["id"] for _ in said] == said
        clock.pass_seconds(-10 * HOUR)  # ten at night, the evening before
        await hears_of_rest(bear, "2025-11-21T07:00:00.000Z")


@pytest.mark.parametrize(
    ("asleep", "wakes"),
    [("2027-03-28T04:59:59", "2027-03-28T05:00:01"), ("2026-10-25T05:59:59", "2026-10-25T06:00:01")],
    ids=["an hour less", "an hour more"],
)
async def test_a_night_in_which_summer_time_begins_or_ends(
    asleep: str, wakes: str, server: House, clock: Clock
) -> None:
    """Seven in the morning in Berlin is five in summer and six in winter, by UTC."""
    clock.now = at(asleep)
    await a_sweep()
    async with at_home(server) as (family, mum, bear):
        await rests(family, "Europe/Berlin")
        await bear.hear("notice", event="settings")
        said = await mum.text(family.bear.id, "are you awake?")
        await a_sweep()
        assert await everything(bear, SWEEP_SECONDS) == []
        clock.now = at(wakes)
        await hears_of_rest(bear, None)
        await bear.hear("text", id=said)


# ── what is good for a time ──


async def status(url: str, **headers: str) -> int:
    async with aiohttp.ClientSession(headers=headers) as http, http.get(url) as answer:
        return answer.status


async def test_links_are_over_by_the_clock_as_it_is_now(server: House, clock: Clock, clip: bytes) -> None:
    async with at_home(server) as (family, mum, bear):
        sent = await mum.voice(family.bear.id, clip)
        link = (await bear.hear("voice", id=sent))["url"]
        assert await status(link) == 200
        clock.pass_seconds(2 * 24 * HOUR)
        assert await status(link) == 404
        assert await status(link, Authorization=f"Bearer {family.bear.token}") == 200
        later = (await bear.hear("voice", id=await mum.voice(family.bear.id, clip)))["url"]
        clock.pass_seconds(-2 * 24 * HOUR)
        assert await status(link) == 200
        assert await status(later) == 404  # it would live for longer than any link of ours

        headers = {"Authorization": f"Bearer {family.mum.token}"}
        url = f"{server.listeners.bound().http_url}/api/v1/messages/{sent}"
        async with aiohttp.ClientSession(headers=headers) as http, http.delete(url) as answer:
            assert answer.status < 300
        clock.pass_seconds(-HOUR)
        assert await status(link) == 410


async def test_ten_years_ahead_and_back(
    server: House, clock: Clock, clip: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody can come in, and nothing goes: when the clock is right, everything is as it was."""
    async with at_home(server) as (family, mum, bear):
        await server.retention.look()
        before = await mum.voice(family.bear.id, clip)
        await bear.hear("voice", id=before)
        rows = {table: await count_rows(server, table) for table in ("messages", "tokens", "claims")}
        clock.pass_seconds(10 * YEAR)
        for _ in range(3):
            assert sum((await server.retention.look()).values()) == 0
            clock.pass_seconds(DAY / 1000)
        assert "nothing is erased now: the clock is" in caplog.text
        assert await concerns(server) == ["clock"]
        async with bare(family.bear.url, additional_headers={"Authorization": f"Bearer {family.bear.token}"}) as late:
            assert await late.end() == 4401
        await bear.hear("text", id=await mum.text(family.bear.id, "still there?"))

        clock.now = NOW
        await server.retention.look()
        assert await concerns(server) == []
        assert {table: await count_rows(server, table) - (table == "messages") for table in rows} == rows
        async with family.bear.line() as bear:
            assert len(await sound_of(await bear.hear("voice", id=before))) > 4000


async def concerns(house: House) -> list[str]:
    await asyncio.sleep(1.1)  # an answer is fresh for a second
    async with aiohttp.ClientSession() as http, http.get(house.listeners.bound().http_url + "/readyz") as answer:
        assert answer.status == 200
        return list((await answer.json()).get("concerns", []))


async def test_codes_of_waiting_toys_live_by_the_clock_as_it_is_now(server: House, clock: Clock) -> None:
    family = await add_family(server)
    for jump in (24 * HOUR, -YEAR):
        toy, code = await waiting_toy(server)
        async with toy.line():
            await a_sweep()
            clock.pass_seconds(jump)
            await a_sweep()
            claim = await server.database.claim(code)
            assert claim is not None
            assert 0 < claim.expires_at - clock() <= server.settings.access.claim_seconds * 1000
            await server.toys.bind(family.mum.party.id, code)


async def test_nobody_is_locked_out_by_tries_of_a_later_clock(server: House, clock: Clock) -> None:
    await server.accounts.add("locked", "correct horse")
    clock.pass_seconds(YEAR)
    tries = [await log_in(server, "wrong horse") for _ in range(server.settings.access.login_tries + 1)]
    assert tries[-1] == 429
    clock.pass_seconds(-YEAR)
    assert await log_in(server, "correct horse") == 200


async def log_in(house: House, password: str) -> int:
    url = house.listeners.bound().http_url + "/api/v1/sessions"
    async with (
        aiohttp.ClientSession() as http,
        http.post(url, json={"name": "locked", "password": password}) as answer,
    ):
        return answer.status


# ── order ──


async def test_messages_keep_the_order_in_which_they_were_sent(
    server: House, clock: Clock, clip: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Their times go to and fro, and so does what the log says; they do not."""
    async with at_home(server) as (family, mum, bear):
        sent = []
        with caplog.at_level(logging.INFO):
            for number, jump in enumerate((HOUR, -3 * HOUR, 24 * HOUR, -20 * 24 * HOUR, 0)):
                clock.pass_seconds(jump)
                said = mum.voice(family.bear.id, clip) if number % 2 else mum.text(family.bear.id, f"{number}")
                sent.append(await said)
                assert await status(server.listeners.bound().http_url + "/healthz") == 200
        for message_id in sent:
            assert (await bear.next())["id"] == message_id
            await bear.ack(message_id)
            await mum.hear("delivered", id=message_id)
            await bear.say(type="heard", id=message_id)
            clock.pass_seconds(-HOUR)
            await mum.hear("heard", id=message_id)
        history = await server.conversations.history(family.mum.party, family.bear.party.id, before=None, limit=10)
        assert [one.message.id for one in reversed(history.entries)] == sent
    assert len(re.findall(r"GET /healthz 200 \d+\.\d ms", caplog.text)) == len(sent)
