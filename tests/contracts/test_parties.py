"""The contract of `ports.Parties`: accounts, and what stands between two parties."""

from __future__ import annotations

import asyncio

import pytest

from tests.contracts.conftest import OpenDatabase
from tests.world import NOW, add_contact, add_group, add_licensed_toy, add_person, add_rows, new_id
from toybackend.databases.sql import SqlDatabase
from toybackend.databases.tables import guardians
from toybackend.errors import NameTaken
from toybackend.models import Account, GroupId, Party, PartyId, PartyKind
from toybackend.ports import Relation


async def test_an_account_is_found_by_its_name_in_any_case(database: SqlDatabase) -> None:
    account = Account(PartyId("p_1"), "Jürgen Groß", "hash", NOW)
    await database.add_account(account)
    for name in ("Jürgen Groß", "jürgen groß", "JÜRGEN GROSS"):
        assert await database.account(name) == account
    assert await database.account("Jürgen") is None


@pytest.mark.parametrize("taken", ["Mum", "mUM"])
async def test_a_name_is_taken_in_every_case(database: SqlDatabase, mum: Party, taken: str) -> None:
    with pytest.raises(NameTaken):
        await add_person(database, taken)
    found = await database.account("mum")
    assert found is not None
    assert found.id == mum.id


async def test_of_two_who_want_a_name_at_once_one_gets_it(database: SqlDatabase, connect: OpenDatabase) -> None:
    async with connect() as other:
        tries = [node.add_account(Account(PartyId(new_id("p")), "Mum", "hash", NOW)) for node in (database, other) * 3]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(str(type(one).__name__) for one in outcomes) == ["NameTaken"] * 5 + ["NoneType"]


# ── relation: to one party ──


async def to(database: SqlDatabase, sender: Party, other: PartyId) -> Relation:
    return await database.relation(sender.id, to_user=other, to_group=None)


async def test_a_guardian_and_the_toy_know_each_other(database: SqlDatabase, mum: Party, bear: Party) -> None:
    assert await to(database, mum, bear.id) == Relation(mum.id, (bear.id,), is_guardian=True, family=mum.id)
    assert await to(database, bear, mum.id) == Relation(bear.id, (mum.id,), is_guardian=True, family=mum.id)


async def test_a_stranger_is_nothing_to_a_toy(database: SqlDatabase, dad: Party, bear: Party) -> None:
    assert await to(database, dad, bear.id) == Relation(dad.id, (bear.id,), family=dad.id)


@pytest.mark.parametrize(
    ("state", "is_contact", "is_blocked"),
    [("asked", False, False), ("agreed", True, False), ("blocked", True, True)],
)
async def test_contacts_stand_in_a_state_that_both_sides_see(
    database: SqlDatabase, dad: Party, bear: Party, state: str, is_contact: bool, is_blocked: bool
) -> None:
    await add_contact(database, dad, bear, state)
    for sender, other in ((dad, bear), (bear, dad)):
        relation = await to(database, sender, other.id)
        assert relation.recipients == (other.id,)
        assert (relation.is_contact, relation.is_blocked) == (is_contact, is_blocked)
        assert not (relation.is_guardian or relation.is_member)


async def test_a_contact_is_one_of_two_and_of_nobody_else(database: SqlDatabase, mum: Party, dad: Party) -> None:
    aunt = await add_person(database, "Aunt")
    await add_contact(database, mum, dad)
    assert not (await to(database, mum, aunt.id)).is_contact
    assert not (await to(database, aunt, dad.id)).is_contact


async def test_nobody_can_be_reached_under_an_unknown_id(database: SqlDatabase, mum: Party) -> None:
    assert await to(database, mum, PartyId("p_none")) == Relation(mum.id, (), family=mum.id)


async def test_nobody_reaches_themselves(database: SqlDatabase, mum: Party) -> None:
    assert (await to(database, mum, mum.id)).recipients == ()


async def test_a_toy_without_an_owner_cannot_be_reached(database: SqlDatabase, mum: Party) -> None:
    assert (await to(database, mum, await add_licensed_toy(database))).recipients == ()


async def test_an_addressee_is_needed(database: SqlDatabase, mum: Party) -> None:
    assert (await database.relation(mum.id, to_user=None, to_group=None)).recipients == ()


# ── relation: to a group ──


async def test_a_member_reaches_every_other_member(database: SqlDatabase, mum: Party, dad: Party, bear: Party) -> None:
    group_id = await add_group(database, mum, dad, bear)
    relation = await database.relation(mum.id, to_user=None, to_group=group_id)
    assert (relation.is_member, set(relation.recipients)) == (True, {dad.id, bear.id})
    assert (relation.sender_id, relation.family) == (mum.id, mum.id)


async def test_who_is_no_member_reaches_nobody(database: SqlDatabase, mum: Party, dad: Party, bear: Party) -> None:
    group_id = await add_group(database, mum, bear)
    relation = await database.relation(dad.id, to_user=None, to_group=group_id)
    assert relation == Relation(dad.id, (), family=dad.id)
    assert await database.relation(dad.id, to_user=None, to_group=GroupId("g_none")) == relation


async def test_a_member_alone_reaches_nobody(database: SqlDatabase, mum: Party) -> None:
    relation = await database.relation(mum.id, to_user=None, to_group=await add_group(database, mum))
    assert (relation.is_member, relation.recipients) == (True, ())


# ── relation: the family ──


async def test_all_who_share_a_toy_are_one_family(database: SqlDatabase, mum: Party, dad: Party, bear: Party) -> None:
    await add_rows(database, guardians, {"toy_id": bear.id, "account_id": dad.id, "since": NOW})
    aunt = await add_person(database, "Aunt")
    families = [(await to(database, one, aunt.id)).family for one in (mum, dad, bear)]
    assert len(set(families)) == 1
    assert (await to(database, aunt, mum.id)).family not in families


async def test_a_toy_is_a_party_under_its_name(database: SqlDatabase, mum: Party, bear: Party) -> None:
    toy = await database.toy(bear.id)
    assert toy is not None
    assert (toy.name, bear.kind) == ("Bear", PartyKind.TOY)
