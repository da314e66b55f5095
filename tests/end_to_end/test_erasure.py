"""A family leaves, and nothing of it is left: not in the database, not on disk, not in the log.

The server is a process of its own, at its most talkative; a second family lives beside the first, talks with it, and
keeps everything that is its own. What stays of the toy is its board, which goes back to the shop with its licence.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.commands.running import run
from tests.contracts.test_erasing import add_consent, add_guardian
from tests.end_to_end.family import Somebody, add_family, add_somebody, database_of, files
from tests.end_to_end.line import Line, line, until
from tests.end_to_end.sound import CLIP_SECONDS, fetch, seconds_of
from tests.end_to_end.test_privacy_of_logs import Server, talkative
from tests.world import add_contact
from toybackend.app import serving
from toybackend.house import House, open_house
from toybackend.models import Party, PartyId, PartyKind
from toybackend.services.tokens import digest
from toybackend.settings import Keeping, Settings

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("cheap_hashes"),
    pytest.mark.timeout(180),
]

VOICES, TEXTS = 48, 152
"""Of the family that leaves; together 200."""
OTHERS_VOICES, OTHERS_TEXTS = 8, 20
HOUSES_OWN = {"revisions", "alembic_version"}


@dataclass(slots=True)
class Member:
    party: Party
    token: str


@dataclass(slots=True)
class Household:
    """Grown-ups and their toy, and everything that may give them away."""

    grown_ups: list[Member]
    toy: Member
    traces: set[str] = field(default_factory=set)
    voices: list[str] = field(default_factory=list)

    @property
    def everybody(self) -> list[Member]:
        return [*self.grown_ups, self.toy]

    @property
    def group(self) -> str:
        return "g" + self.toy.party.id[1:]


# ── seeding ──


async def move_in(house: House, names: list[str], toy_name: str, child: str) -> Household:
    """As it happens: accounts, a licence, a power-on, a claim; a co-guardian, and consent."""
    database = database_of(house)
    people = []
    for name in names:
        account = await house.accounts.add(name, f"{name}'s password")
        party = Party(account.id, PartyKind.PERSON, account.name)
        people.append(Member(party, await house.tokens.give(account.id, PartyKind.PERSON, label=f"{name}'s phone")))
    [(_, licence)] = [one async for batch in house.devices.issue(1) for one in batch]
    boot = await house.devices.power_on(licence)
    assert boot.toy and boot.token and boot.claim
    await house.toys.bind(people[0].party.id, boot.claim.code, toy_name)
    toy = Member(Party(boot.toy.id, PartyKind.TOY, toy_name), boot.token)
    for one in people[1:]:
        await add_guardian(database, toy.party, one.party)
    await add_consent(database, toy.party, people[0].party, child)
    made = Household(people, toy)
    made.traces = {toy_name, child, boot.claim.code, made.group, *(name.casefold() for name in names), *names}
    for one in made.everybody:
        made.traces |= {one.party.id, one.token, digest(one.token)}
    made.traces |= {f"{name}'s phone" for name in names}
    return made


async def talk(server: Server, household: Household, clip: bytes, voices: int, texts: int) -> None:
    """Everybody with everybody, in twos and as a family, until all of it was heard."""
    expected: Counter[PartyId] = Counter()
    async with AsyncExitStack() as stack:
        lines = {
            one.party.id: await stack.enter_async_context(line(server.ws + path(one), one.token))
            for one in household.everybody
        }
        for number in range(voices + texts):
            sender = household.everybody[number % len(household.everybody)]
            to, recipients = addressees(household, sender, number)
            words = f"{household.toy.party.name} hears secret number {number}" if number >= voices else None
            ref = f"ref-{household.toy.party.id}-{number}"
            message_id = await say(lines[sender.party.id], clip, words, ref=ref, **to)
            household.traces |= {message_id, ref, words or ref}
            if words is None:
                household.voices.append(message_id)
            expected.update(recipients)
        await asyncio.gather(*(hear(lines[party_id], count) for party_id, count in expected.items()))


def path(member: Member) -> str:
    return "/app" if member.party.kind is PartyKind.PERSON else "/toy"


def addressees(household: Household, sender: Member, number: int) -> tuple[dict[str, str], list[PartyId]]:
    """To whom the message of this number goes, as it stands in the frame, and who gets it."""
    others = [one.party.id for one in household.everybody if one is not sender]
    if number % 4 == 0:
        return {"to_group": household.group}, list(others)
    other = others[number % len(others)]
    return {"to_user": other}, [other]


async def say(talker: Line, clip: bytes, words: str | None, **header: str) -> str:
    await talker.say(**header, **({"msg": words} if words else {}))
    if words is None:
        await talker.write(clip)
    return str((await talker.hear("accepted", ref=header["ref"]))["id"])


async def hear(listener: Line, count: int) -> None:
    """Take this many messages, and hear every other of them to its end."""
    for number in range(count):
        while (frame := await listener.next())["type"] not in ("voice", "text"):
            pass
        await listener.say(type="heard" if number % 2 else "ack", id=frame["id"])


# ── leaving ──


async def each_by_themselves(server: Server, household: Household, settings: Settings) -> list[dict[str, Any]]:
    """Every grown-up presses the button."""
    went = []
    async with aiohttp.ClientSession() as http:
        for one in household.grown_ups:
            bearer = {"Authorization": f"Bearer {one.token}"}
            async with http.delete(f"{server.http}/api/v1/me", headers=bearer) as answer:
                assert answer.status == 200
                went.append(await answer.json())
    return went


async def by_the_operator(server: Server, household: Household, settings: Settings) -> list[dict[str, Any]]:
    """A command of its own, while the server runs."""
    name, data = household.grown_ups[-1].party.name, settings.storage.data_dir
    done = await asyncio.to_thread(run, "user", "remove", name, "--family", "--yes", "--json", "--data", data)
    assert (done.code, done.err) == (0, "")
    return [json.loads(done.out)]


Leave = Callable[[Server, Household, Settings], Awaitable[list[dict[str, Any]]]]


# ── looking ──


def totals(data: Path) -> Counter[str]:
    """Rows by table."""
    with closing(sqlite3.connect(data / "toybackend.sqlite3")) as database:
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        counted = {one for one in tables if one not in HOUSES_OWN and not one.startswith("sqlite_")}
        return Counter({one: database.execute(f"SELECT count(*) FROM {one}").fetchone()[0] for one in counted})


def kept(data: Path) -> int:
    return sum(one.is_file() for one in (data / "audio").rglob("*"))


def found_below(folder: Path, traces: Iterable[str]) -> list[str]:
    """Those of the traces that are in the name or in the bytes of anything."""
    written = [one.name.encode() for one in folder.rglob("*")]
    written += [one.read_bytes() for one in folder.rglob("*") if one.is_file()]
    everything = b"\n".join(written)
    return sorted(one for one in traces if one.encode() in everything)


async def is_playable(server: Server, household: Household) -> None:
    """Every voice of this family, by its toy's or a grown-up's token."""
    async with aiohttp.ClientSession() as http:
        for voice in household.voices:
            for one in household.everybody:
                url, bearer = f"{server.http}/api/v1/audio/{voice}.mp3", {"Authorization": f"Bearer {one.token}"}
                async with http.get(url, headers=bearer) as answer:
                    if answer.status == 200:
                        assert seconds_of(await answer.read()) > CLIP_SECONDS - 0.02
                        break
            else:
                pytest.fail("nobody may hear it any more")


# ── the story ──


@pytest.mark.parametrize("leave", [each_by_themselves, by_the_operator])
async def test_a_family_that_leaves_leaves_nothing(
    settings: Settings, tmp_path: Path, clip: bytes, leave: Leave
) -> None:
    data, log = settings.storage.data_dir, tmp_path / "log"
    async with open_house(settings) as house:  # what the commands do
        going = await move_in(house, ["Theodora-Wilhelmine", "Balthasar-Konrad"], "Zottelbaer", "Rosalinde")
        staying = await move_in(house, ["Agathe-Sieglinde"], "Nachtkauz", "Konstantin")
        await add_contact(database_of(house), going.grown_ups[0].party, staying.grown_ups[0].party)
    async with talkative(settings, log) as server:
        await talk(server, staying, clip, OTHERS_VOICES, OTHERS_TEXTS)
        own = await asyncio.to_thread(totals, data)
        await talk(server, going, clip, VOICES, TEXTS)
        across = await talk_across(server, going, staying)
        assert len(await asyncio.to_thread(found_below, data, going.traces | across)) > len(going.traces) - 10
        before, sounds = await asyncio.to_thread(totals, data), await asyncio.to_thread(kept, data)
        async with AsyncExitStack() as stack:
            ends = [
                await stack.enter_async_context(line(server.ws + path(one), one.token)) for one in going.everybody
            ]  # fmt: skip
            went = await leave(server, going, settings)
            assert [await one.end() for one in ends] == [4403] * len(ends)
        after = await asyncio.to_thread(totals, data)
        rows: Counter[str] = Counter()
        for erased in went:
            rows.update(erased["rows"])
        assert (before - after, after - before) == (rows, Counter())
        assert rows["messages"] == VOICES + TEXTS + 2
        assert sum(erased["files"] for erased in went) == sounds - await asyncio.to_thread(kept, data) == 2 * VOICES
        assert await asyncio.to_thread(found_below, data, going.traces | across) == []
        assert after["messages"] == own["messages"] == OTHERS_VOICES + OTHERS_TEXTS
        assert after["deliveries"] == own["deliveries"]
        await is_playable(server, staying)
        for one in going.everybody:
            await is_refused(server, one, going.voices[0])
    assert await asyncio.to_thread(found_below, data, going.traces | across) == []
    assert len(await asyncio.to_thread(found_below, data, staying.traces)) > len(staying.traces) - 10
    written = log.read_text()
    assert written.count("DEBUG") > 0, "it was not talkative"
    assert [one for one in going.traces | across | staying.traces if one in written] == []


async def talk_across(server: Server, going: Household, staying: Household) -> set[str]:
    """Two families that know each other: a word either way."""
    mum, aunt = going.grown_ups[0], staying.grown_ups[0]
    said = set()
    for sender, other in ((mum, aunt), (aunt, mum)):
        words = f"{sender.party.name} greets {other.party.name}"
        async with line(server.ws + "/app", sender.token) as talker:
            said |= {words, await say(talker, b"", words, to_user=other.party.id, ref=f"ref of {words}")}
    return said


async def is_refused(server: Server, member: Member, voice: str) -> None:
    url, bearer = f"{server.http}/api/v1/audio/{voice}.mp3", {"Authorization": f"Bearer {member.token}"}
    async with aiohttp.ClientSession() as http, http.get(url, headers=bearer) as answer:
        assert answer.status == 401


async def test_the_next_family_of_a_toy_starts_empty(server: House, clip: bytes) -> None:
    [(_, licence)] = [one async for batch in server.devices.issue(1) for one in batch]
    first = await add_somebody(server, "Mum")
    toy = await taken_home(server, licence, first)
    async with first.line() as mum, toy.line() as bear:
        for _ in range(3):
            await mum.voice(toy.id, clip)
            await bear.voice(first.id, clip)
        url = f"{server.listeners.bound().http_url}/api/v1/toys/{toy.id}"
        bearer = {"Authorization": f"Bearer {first.token}"}
        async with aiohttp.ClientSession() as http, http.delete(url, headers=bearer) as answer:
            assert (answer.status, (await answer.json())["rows"]["messages"]) == (200, 6)
        await mum.hear("notice", event="unbound", id=toy.id)
        await bear.hear("notice", event="unbound", id=toy.id)
        assert await bear.end() == 4403
    second = await add_somebody(server, "Aunt")
    again = await taken_home(server, licence, second)
    assert again.id != toy.id
    async with second.line() as aunt, again.line() as owl:
        assert (owl.welcome["unread"], owl.welcome["name"]) == (0, "Owl")
        await owl.say(to_user=first.id, msg="do you remember me?")
        assert await owl.refusal() == "unknown_recipient"
        message_id = await aunt.text(again.id, "hello, owl")
        assert (await owl.next())["id"] == message_id  # the first that it hears


async def taken_home(house: House, licence: str, owner: Somebody) -> Somebody:
    boot = await house.devices.power_on(licence)
    assert boot.toy and boot.token and boot.claim
    await house.toys.bind(PartyId(owner.id), boot.claim.code, "Owl")
    return Somebody(house, Party(boot.toy.id, PartyKind.TOY, "Owl"), boot.token)


async def test_the_server_looks_for_what_is_over_by_itself(settings: Settings, clip: bytes) -> None:
    keeping = Keeping(original_days=0, sweep_minutes=0.005)
    async with serving(replace(settings, keeping=keeping)) as house:
        family = await add_family(house)
        async with family.mum.line() as mum, family.bear.line() as bear:
            message_id = await mum.voice(family.bear.id, clip)
            voice = await bear.hear("voice", id=message_id)
            await until(lambda: files(house)["kept"] == {f"{message_id}.mp3"})
            assert seconds_of(await fetch(voice["url"])) > CLIP_SECONDS - 0.02
