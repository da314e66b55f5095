"""How a town comes about: people, toys and friends come, songs are sent, days pass, and then it is this evening."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp

from tests.browser.people import PASSWORD
from tests.browser.restartable import Restartable
from tests.browser.screenshots.drawings import voice
from tests.browser.screenshots.town import HOUR_BEGINS, SAMPLE_MS, Town, TownClock, town_settings
from tests.browser.screenshots.words import Said, Words
from toybackend.client.phone import Phone
from toybackend.client.toy import Toy
from toybackend.errors import Refused

LOOKS: dict[str, dict[str, object]] = {
    "bear": {"picture": "bear", "colour": "honey"},
    "penguin": {"picture": "penguin", "colour": "sky"},
    "rabbit": {"picture": "rabbit", "colour": "rose"},
    "fox": {"picture": "fox", "colour": "plum"},
    "teddy": {"picture": "bear", "colour": "leaf"},
}
AWAKE = frozenset({"bear", "penguin", "rabbit"})
"""The others are switched off again."""
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SONG_SECONDS = (38, 52, 74, 41, 93, 66, 35)
TALKS = 200
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Safari/604.1"


@contextlib.asynccontextmanager
async def living(words: Words, folder: Path) -> AsyncIterator[Town]:
    """The whole town, in this folder; it is evening. Dad, Granny and the toys that are awake are online."""
    clock = TownClock(words.time_zone)
    async with Restartable(town_settings(folder), clock) as server, AsyncExitStack() as stack:
        town = Town(server, clock, words)
        async with AsyncExitStack() as mum_leaves:
            await _people_come(town, stack, mum_leaves)
            await _toys_come(town, stack)
            await _friends(town)
            songs = await _songs(town)
            await stack.enter_async_context(_listening(town))
            await _days_pass(town)
            await _converted(town, songs)
        await _log_in_with_a_phone(town)
        yield town


# ── who comes ──


async def _people_come(town: Town, stack: AsyncExitStack, mum_leaves: AsyncExitStack) -> None:
    for who, name in town.words.people.items():
        account = await town.server.house.accounts.add(name, PASSWORD, is_operator=who == "operator")
        town.ids[who] = account.id
        leaving = mum_leaves if who == "mum" else stack
        town.phones[who] = await leaving.enter_async_context(Phone(town.server.url, name, PASSWORD))


async def unpack(town: Town, stack: AsyncExitStack) -> Toy:
    """A new toy, switched on, which waits for a family."""
    licence = await town.licence()
    return await stack.enter_async_context(Toy(town.server.url, licence, clock=lambda: town.clock() / 1000))


async def _toys_come(town: Town, stack: AsyncExitStack) -> None:
    for part in ("bear", "penguin", "fox", "teddy", "rabbit"):
        async with AsyncExitStack() as leaving:
            toy = await unpack(town, leaving)
            await _take_home(town, part, toy)
            if part in AWAKE:
                town.toys[part] = toy
                stack.push_async_exit(leaving.pop_all())
    await _settle_the_bear(town)
    rest = {"days": DAYS, "start": "18:00", "end": "07:00"}
    await town.change_toy("mum", "penguin", quiet_hours=[rest])


async def _take_home(town: Town, part: str, toy: Toy) -> None:
    assert toy.claim is not None, "a new toy waits for its owner"
    owner = "dad" if part == "teddy" else "mum"
    bound = await town.do(owner, "POST", "/toys", {"claim": toy.claim.code, "name": town.words.toys[part]})
    town.ids[part] = bound["id"]
    await toy.wait_until_ready()
    await town.change_toy(owner, part, time_zone=town.words.time_zone, **LOOKS[part])


async def _settle_the_bear(town: Town) -> None:
    """It has two guardians, a child, and a night."""
    path = f"/toys/{town.ids['bear']}"
    claim = await town.do("mum", "POST", f"{path}/guardians")
    await town.do("dad", "POST", "/toys", {"claim": claim["code"]})
    version = (await town.do("mum", "GET", "/consent"))["version"]
    await town.do("mum", "POST", f"{path}/consent", {"version": version})
    rest = {"days": DAYS[:5], "start": "19:30", "end": "07:00"}
    await town.change_toy("mum", "bear", child_name=town.words.child, daily_limit_minutes=60, quiet_hours=[rest])


async def _friends(town: Town) -> None:
    ids = town.ids

    async def ask(who: str, other: str, side: str, agrees: str = "") -> None:
        asked = await town.do(who, "POST", "/contacts", {"with": ids[other], "for": ids[side]})
        if agrees:
            await town.do(agrees, "POST", f"/contacts/{asked['id']}/accept")

    for who, other, agrees in (
        ("granny", "mum", "mum"),
        ("cousin", "mum", "mum"),
        ("granny", "bear", "mum"),
        ("stranger", "neighbour", "neighbour"),
        ("stranger", "bear", ""),
    ):
        await ask(who, other, who, agrees)
    await ask("mum", "newcomer", "penguin")
    group = {"name": town.words.group, "members": [ids[who] for who in ("bear", "granny")]}
    ids["group"] = (await town.do("mum", "POST", "/groups", group))["id"]
    for one in (await town.do("dad", "GET", "/groups"))["groups"]:
        if one["kind"] == "family" and ids["bear"] in {member["id"] for member in one["members"]}:
            ids["family"] = one["id"]


# ── songs and stories ──


async def _songs(town: Town) -> dict[str, str]:
    """By id, who looks after them."""
    songs = {}
    for song, seconds in zip(town.words.songs, SONG_SECONDS, strict=True):
        songs[await town.add_song("operator", "shared", song, await asyncio.to_thread(voice, seconds))] = "operator"
    for song in town.words.own_songs:
        songs[await town.add_song("mum", "own", song, await asyncio.to_thread(voice, 45))] = "mum"
    broken = (town.words.broken_song, "", "")
    songs[await town.add_song("mum", "own", broken, b"No sound in these words.")] = "mum"
    return songs


async def _converted(town: Town, songs: dict[str, str]) -> None:
    for song, who in songs.items():
        while (await town.do(who, "GET", f"/library/{song}"))["state"] == "converting":
            await asyncio.sleep(0.5)


# ── days ──


@contextlib.asynccontextmanager
async def _listening(town: Town) -> AsyncIterator[None]:
    """Everybody who is online has what comes."""
    async with AsyncExitStack() as stack:
        for who in (*town.phones, *town.toys):
            task = asyncio.create_task(town.listen(who), name=f"{who} listens")
            stack.push_async_callback(_end, task)
        yield


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _story(words: Words) -> list[tuple[str, str, str, Said]]:
    """When, who, to whom, what: everything in its order."""
    story = [(when, who, "mum" if who == "bear" else "bear", what) for when, who, what in words.with_bear]
    story += [(when, who, "mum" if who == "granny" else "granny", what) for when, who, what in words.with_granny]
    story += [(when, who, "family", what) for when, who, what in words.with_family]
    story += [(when, who, "mum", what) for when, who, what in words.with_cousin]
    for turn in range(TALKS):
        who, text = words.small_talk[turn % len(words.small_talk)]
        minutes = 11 * 60 + turn % 100 * 5
        when = f"{3 - turn // 100} {minutes // 60:02}:{minutes % 60:02}"
        story.append((when, who, "dad" if who == "mum" else "mum", 2.0 + turn % 7 if turn % 19 == 9 else text))
    return sorted(story, key=lambda line: (-int(line[0][0]), line[0][2:]))


async def _days_pass(town: Town) -> None:
    for when, who, to, what in _story(town.words):
        is_new = when >= HOUR_BEGINS and when.startswith("0")
        town.hearing = {"bear"} if is_new else {"bear", "mum", "dad"}
        await _wait_until(town, when)
        await town.say(who, to, what)
    await _trouble(town)
    await _wait_until(town, "0 18:40")


async def _wait_until(town: Town, when: str) -> None:
    """In the last hour an operator watches, and others talk as well."""
    if not when.startswith("0") or when < HOUR_BEGINS:
        return town.clock.set(when)
    town.clock.set(HOUR_BEGINS)
    step = 0
    while town.clock() + SAMPLE_MS < town.clock.moment(when):
        town.clock.shift_ms += SAMPLE_MS
        step += 1
        if step % 17 in (1, 2, 5) or step % 40 > 33:
            await town.say("stranger", "neighbour", "…")
        if step % 24 == 5:
            await town.say("neighbour", "stranger", 1.0 + step % 5)
        town.server.house.observing.sample()


async def _trouble(town: Town) -> None:
    """A recording without sound; and a message for a toy that sleeps."""
    sent = await town.phones["mum"].send_voice(town.ids["bear"], b"No sound in these words.")
    with contextlib.suppress(Refused):
        await sent.delivered()
    await town.phones["mum"].send_text(town.ids["penguin"], town.words.held)
    await town.phones["mum"].send_voice(town.ids["penguin"], voice(5.0))


async def _log_in_with_a_phone(town: Town) -> None:
    login = {"name": town.words.people["mum"], "password": PASSWORD}
    url, header = f"{town.server.url}/api/v1/sessions", {"User-Agent": IPHONE}
    async with aiohttp.ClientSession() as http, http.post(url, json=login, headers=header) as answer:
        answer.raise_for_status()
