"""The bytes that are counted are the bytes that are there: whatever comes and goes, and whoever belongs to whom."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from tests.world import NOW, accept, add_contact, add_group, add_guardian, add_person, add_toy, message, new_id, sound
from toybackend.databases.kept import SAID, charge, kept_by_family
from toybackend.databases.sql import SqlDatabase, open_database
from toybackend.databases.tables import items, messages, parties
from toybackend.errors import TooMany
from toybackend.models import Item, ItemId, ItemState, Message, MessageId, Party, PartyId
from toybackend.ports import Expiry

DAY = 86_400_000


@pytest.fixture
async def database(migrated_folder: Path) -> AsyncIterator[SqlDatabase]:
    async with open_database("", migrated_folder) as opened:
        yield opened


async def counted(database: SqlDatabase, party_id: PartyId) -> int:
    """Of this one alone."""
    query = select(parties.c.kept_bytes).where(parties.c.id == party_id)
    return int(await database._engine.read(lambda connection: connection.execute(query).scalar_one()))


async def check(database: SqlDatabase) -> None:
    """Everybody's number is the sum of what there is of theirs."""

    def look(connection: Connection) -> tuple[dict[str, int], Counter[str]]:
        numbers = {row.id: row.kept_bytes for row in connection.execute(select(parties)) if row.kept_bytes}
        there: Counter[str] = Counter()
        for row in connection.execute(select(messages.c.sender_id, SAID.label("bytes"))):
            there[row.sender_id] += row.bytes
        for row in connection.execute(
            select(items.c.owner_id, items.c.kept_bytes).where(items.c.owner_id.is_not(None))
        ):
            there[row.owner_id] += row.kept_bytes
        return numbers, +there

    numbers, there = await database._engine.read(look)
    assert numbers == there


# ── one step after the other ──


async def voice(database: SqlDatabase, sender: Party, to: Party, size: int = 100, at: int = NOW) -> Message:
    return (await accept(database, replace(message(sender, to, at=at), size=size))).message


async def test_the_life_of_a_voice(database: SqlDatabase) -> None:
    mum = await add_person(database, "Mum")
    bear = await add_toy(database, "Bear", mum)
    said = await voice(database, mum, bear)
    assert await counted(database, mum.id) == 100
    for _ in range(2):
        await database.settle(said.id, NOW, sound=sound(), mp3_bytes=40)
        assert await counted(database, mum.id) == 140
    for _ in range(2):
        await database.originals_gone([said.id])
        assert await counted(database, mum.id) == 40
    for _ in range(2):
        await database.erase_message(said.id)
        assert await counted(database, mum.id) == 0
    assert await counted(database, bear.id) == 0


async def test_one_that_has_no_sound_is_not_kept(database: SqlDatabase) -> None:
    mum = await add_person(database, "Mum")
    said = await voice(database, mum, await add_toy(database, "Bear", mum))
    for _ in range(2):
        await database.settle(said.id, NOW, failure="bad_audio")
        assert await counted(database, mum.id) == 0
    await database.originals_gone([said.id])
    await database.erase_message(said.id)
    assert await counted(database, mum.id) == 0


async def test_a_text_and_a_repetition_take_no_room(database: SqlDatabase) -> None:
    mum = await add_person(database, "Mum")
    bear = await add_toy(database, "Bear", mum)
    await accept(database, message(mum, bear, text="hi"))
    for _ in range(2):
        await accept(database, replace(message(mum, bear, ref="same"), size=100))
    assert await counted(database, mum.id) == 100


async def add_item(database: SqlDatabase, owner: Party | None, size: int = 1000, most_bytes: float = 1e9) -> ItemId:
    item = Item(ItemId(new_id("i")), owner.id if owner else None, "Song", "", ItemState.CONVERTING, NOW)
    await database.add_item(item, None, most=100, size=size, most_bytes=most_bytes)
    return item.id


async def test_the_life_of_a_song(database: SqlDatabase) -> None:
    mum = await add_person(database, "Mum")
    good, bad = await add_item(database, mum), await add_item(database, mum)
    assert await counted(database, mum.id) == 2000
    for _ in range(2):
        await database.settle_item(good, sound=sound(), mp3_bytes=300)
        await database.settle_item(bad, failure="bad_audio")
        assert await counted(database, mum.id) == 300
    await database.erase_item(good)
    await database.erase_item(bad)
    assert await counted(database, mum.id) == 0


async def test_the_shelf_counts_for_nobody(database: SqlDatabase) -> None:
    song = await add_item(database, None, most_bytes=1)
    await database.settle_item(song, sound=sound(), mp3_bytes=300)
    await database.erase_item(song)
    await check(database)


async def test_a_song_that_is_too_much_is_not_added(database: SqlDatabase) -> None:
    mum, dad = await add_person(database, "Mum"), await add_person(database, "Dad")
    await add_guardian(database, await add_toy(database, "Bear", mum), mum, dad)
    await add_item(database, mum, size=600, most_bytes=1000)
    with pytest.raises(TooMany):
        await add_item(database, dad, size=401, most_bytes=1000)
    await add_item(database, dad, size=400, most_bytes=1000)
    assert await database.kept_bytes(mum.id) == await database.kept_bytes(dad.id) == 1000


# ── whose it is ──


async def test_a_family_is_everybody_who_guards_a_toy_together(database: SqlDatabase) -> None:
    """Mum and dad the bear, dad and gran the lion: one family. Aunt, who is a friend, is another."""
    mum, dad, gran, aunt = [await add_person(database, name) for name in ("Mum", "Dad", "Gran", "Aunt")]
    bear, lion, rabbit = (
        await add_toy(database, "Bear", mum),
        await add_toy(database, "Lion", dad),
        await add_toy(database, "Rabbit", aunt),
    )
    await add_guardian(database, bear, mum, dad)
    await add_guardian(database, lion, dad, gran)
    await add_contact(database, mum, aunt)
    sizes = {mum: 1, dad: 2, gran: 4, bear: 8, lion: 16, aunt: 32, rabbit: 64}

    def give(connection: Connection) -> None:
        charge(connection, {one.id: size for one, size in sizes.items()} | {None: 128, "p_nobody": 256})

    await database._engine.write(give)
    for party in (mum, dad, gran, bear, lion):
        assert await database.kept_bytes(party.id) == 31
    for party in (aunt, rabbit):
        assert await database.kept_bytes(party.id) == 96
    assert (await database.relation(mum.id, to_user=aunt.id, to_group=None)).kept_bytes == 31
    assert (await database.relation(aunt.id, to_user=mum.id, to_group=None)).kept_bytes == 96
    group = await add_group(database, mum, aunt)
    assert (await database.relation(aunt.id, to_user=None, to_group=group)).kept_bytes == 96
    assert await database.kept_bytes(PartyId("p_nobody")) == 0


async def test_it_is_found_without_looking_at_everybody(database: SqlDatabase) -> None:
    """Every step of the plan searches an index, or looks at what was found so far."""
    plans: list[str] = []

    def explain(connection: Connection) -> None:
        real = connection.connection.driver_connection
        assert real is not None
        seen: list[str] = []
        real.set_trace_callback(seen.append)
        kept_by_family(connection, "p_mum")
        real.set_trace_callback(None)
        (asked,) = (one for one in seen if "kept_bytes" in one)
        plans.extend(str(row[-1]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}"))

    await database._engine.read(explain)
    assert any("parties USING INDEX" in step for step in plans)
    assert {step for step in plans if step.startswith("SCAN")} <= {"SCAN family", "SCAN CONSTANT ROW"}


# ── everything at once ──


@dataclass
class Village:
    """People who talk, toys that come and go, and dice."""

    database: SqlDatabase
    dice: random.Random
    people: list[Party] = field(default_factory=list)
    toys: list[Party] = field(default_factory=list)
    said: list[MessageId] = field(default_factory=list)
    songs: list[ItemId] = field(default_factory=list)

    async def arrive(self) -> None:
        person = await add_person(self.database, new_id("Anna"))
        self.toys.append(await add_toy(self.database, "Bear", person))
        if self.people:
            friend = self.dice.choice(self.people)
            await add_contact(self.database, person, friend)
            if self.dice.random() < 0.3:
                await add_guardian(self.database, self.toys[-1], person, friend)
        self.people.append(person)

    async def say(self) -> None:
        sender, to = self.dice.sample(self.people + self.toys, 2)
        if (await self.database.relation(sender.id, to_user=to.id, to_group=None)).recipients:
            at = NOW + self.dice.randrange(100 * DAY)
            self.said.append((await voice(self.database, sender, to, self.dice.randrange(1000), at)).id)

    async def settle(self) -> None:
        if self.said:
            ends = [{"sound": sound(), "mp3_bytes": self.dice.randrange(500)}, {"failure": "bad_audio"}]
            await self.database.settle(self.dice.choice(self.said), NOW, **self.dice.choice(ends))  # type: ignore[arg-type]

    async def sing(self) -> None:
        self.songs.append(
            await add_item(self.database, self.dice.choice([*self.people, None]), self.dice.randrange(9999))
        )

    async def settle_song(self) -> None:
        if self.songs:
            await self.database.settle_item(self.dice.choice(self.songs), sound=sound(), mp3_bytes=5)

    async def forget(self) -> None:
        old = await self.database.expired_originals(Expiry(heard=0, unheard=0, originals=NOW), 3)
        await self.database.originals_gone(old)

    async def delete(self) -> None:
        if self.said:
            await self.database.erase_message(self.dice.choice(self.said))
        if self.songs:
            await self.database.erase_item(self.dice.choice(self.songs))

    async def grow_old(self) -> None:
        await self.database.erase_expired(Expiry(heard=0, unheard=NOW + self.dice.randrange(20 * DAY), originals=0), 5)

    async def leave(self) -> None:
        if len(self.people) > 3:
            who = self.dice.choice(self.people)
            ways = (self.database.erase_account, self.database.erase_family)
            await self.dice.choice(ways)(who.id)
            self.toys = [toy for toy in self.toys if await self.database.toy(toy.id)]
            self.people = [one for one in self.people if await self.database.account_of(one.id)]

    async def hand_on(self) -> None:
        if self.toys:
            toy = self.dice.choice(self.toys)
            await self.database.erase_sayings(toy.id)
            if self.dice.random() < 0.3:
                self.toys.remove(toy)
                await self.database.erase_toy(toy.id)


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_the_numbers_are_the_truth(database: SqlDatabase, seed: int) -> None:
    village = Village(database, random.Random(seed))
    for _ in range(4):
        await village.arrive()
    often = [village.say] * 8 + [village.settle] * 4 + [village.sing] * 2 + [village.arrive]
    seldom = [village.settle_song, village.forget, village.delete, village.grow_old, village.hand_on, village.leave]
    for _ in range(150):
        await village.dice.choice(often + seldom)()
        await check(database)
