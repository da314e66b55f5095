"""The contract of `ports.Accounts`: names, passwords and invitations."""

from __future__ import annotations

import asyncio
import unicodedata
from dataclasses import replace

import pytest

from tests.contracts.conftest import OpenDatabase
from tests.world import NOW, add_person, new_id
from toybackend.databases.sql import SqlDatabase
from toybackend.errors import InvitationWrong, NameTaken
from toybackend.models import Account, Party, PartyId, PartyKind

LATER = NOW + 1000
INVITATION = "digest of an invitation"


def account(name: str = "Anna", *, at: int = NOW) -> Account:
    return Account(PartyId(new_id("p")), name, "hash", at)


async def logged_in(database: SqlDatabase, party: Party, *digests: str) -> None:
    for digest in digests:
        await database.add_token(digest, party.id, PartyKind.PERSON, NOW, LATER)


async def works(database: SqlDatabase, *digests: str) -> list[bool]:
    found = await database.bearers(digests, NOW)
    return [one in found for one in digests]


# ── names ──


@pytest.mark.parametrize("is_operator", [True, False])
async def test_an_account_is_found_as_it_was_added(database: SqlDatabase, is_operator: bool) -> None:
    added = replace(account("Jürgen Groß"), is_operator=is_operator)
    await database.add_account(added)
    assert await database.account("Jürgen Groß") == await database.account_of(added.id) == added
    assert await database.account("Jürgen") is None
    assert await database.account_of(PartyId("p_nobody")) is None


@pytest.mark.parametrize("name", ["jürgen groß", "JÜRGEN GROSS", unicodedata.normalize("NFD", "Jürgen Groß")])
async def test_neither_case_nor_accents_typed_apart_make_another_name(database: SqlDatabase, name: str) -> None:
    added = account("Jürgen Groß")
    await database.add_account(added)
    assert await database.account(name) == added
    with pytest.raises(NameTaken):
        await database.add_account(account(name))
    assert await database.accounts() == [added]


async def test_of_two_who_want_a_name_at_once_one_gets_it(database: SqlDatabase, connect: OpenDatabase) -> None:
    async with connect() as other:
        tries = [node.add_account(account()) for node in (database, other) * 3]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(str(type(one).__name__) for one in outcomes) == ["NameTaken"] * 5 + ["NoneType"]


async def test_everybody_comes_by_name(database: SqlDatabase) -> None:
    for name in ("bela", "Anna", "Ägidius", "Clara"):
        await add_person(database, name)
    assert [one.name for one in await database.accounts()] == ["Anna", "bela", "Clara", "Ägidius"]


async def test_who_is_renamed_is_found_by_the_new_name(database: SqlDatabase, mum: Party) -> None:
    await logged_in(database, mum, "phone")
    before = await database.revision()
    await database.rename_account(mum.id, "Mummy")
    assert await database.account("mum") is None
    found = await database.account("MUMMY")
    assert found is not None and (found.id, found.name) == (mum.id, "Mummy")
    assert await database.bearer("phone", NOW) == replace(mum, name="Mummy")
    assert await database.revision() > before


async def test_a_name_that_another_has_is_taken(database: SqlDatabase, mum: Party, dad: Party) -> None:
    with pytest.raises(NameTaken):
        await database.rename_account(dad.id, "mUM")
    assert [one.name for one in await database.accounts()] == ["Dad", "Mum"]
    await database.rename_account(dad.id, "DAD")  # one's own is not


# ── passwords ──


@pytest.mark.parametrize(("keep", "left"), [("phone", [True, False, True]), (None, [False, False, True])])
async def test_a_new_password_ends_every_token_but_one(
    database: SqlDatabase, mum: Party, dad: Party, keep: str | None, left: list[bool]
) -> None:
    await logged_in(database, mum, "phone", "tablet")
    await logged_in(database, dad, "dads")
    before = await database.revision()
    await database.set_password(mum.id, "new hash", keep)
    assert await works(database, "phone", "tablet", "dads") == left
    assert await database.revision() > before
    hashes = {one.name: one.password_hash for one in await database.accounts()}
    assert hashes["Mum"] == "new hash" != hashes["Dad"]


async def test_a_hash_is_replaced_only_while_it_is_that_of_the_password(database: SqlDatabase) -> None:
    added = account()
    await database.add_account(added)
    await logged_in(database, Party(added.id, PartyKind.PERSON, added.name), "phone")
    await database.replace_hash(added.id, "hash", "the same, better")
    await database.replace_hash(added.id, "hash", "of an older password")
    found = await database.account_of(added.id)
    assert found is not None and found.password_hash == "the same, better"
    assert await works(database, "phone") == [True]


# ── operators ──


async def test_an_operator_is_one_as_long_as_it_is_said(database: SqlDatabase, mum: Party, dad: Party) -> None:
    await logged_in(database, mum, "mums")
    await logged_in(database, dad, "dads")
    for is_operator in (True, False):
        await database.set_operator(mum.id, is_operator)
        found = await database.bearers(["mums", "dads"], NOW)
        assert [found[one].is_operator for one in ("mums", "dads")] == [is_operator, False]


# ── invitations ──


async def test_an_invitation_works_once(database: SqlDatabase) -> None:
    await database.add_invitations([INVITATION, "another"], LATER)
    await database.add_account(account("Anna"), INVITATION)
    with pytest.raises(InvitationWrong):
        await database.add_account(account("Bela"), INVITATION)
    await database.add_account(account("Clara"), "another")
    assert [one.name for one in await database.accounts()] == ["Anna", "Clara"]


@pytest.mark.parametrize(("now", "is_good"), [(LATER - 1, True), (LATER, False), (LATER + 1, False)])
async def test_an_invitation_ends_on_time(database: SqlDatabase, now: int, is_good: bool) -> None:
    await database.add_invitations([INVITATION], LATER)
    if is_good:
        await database.add_account(account(at=now), INVITATION)
    else:
        with pytest.raises(InvitationWrong):
            await database.add_account(account(at=now), INVITATION)
    assert len(await database.accounts()) == is_good


async def test_what_was_never_given_is_no_invitation(database: SqlDatabase) -> None:
    with pytest.raises(InvitationWrong):
        await database.add_account(account(), INVITATION)
    assert await database.accounts() == []


async def test_an_invitation_is_not_used_up_by_a_name_that_is_taken(database: SqlDatabase, mum: Party) -> None:
    await database.add_invitations([INVITATION], LATER)
    with pytest.raises(NameTaken):
        await database.add_account(account("mum"), INVITATION)
    await database.add_account(account("Anna"), INVITATION)


async def test_of_many_who_come_with_one_invitation_at_once_one_gets_in(
    database: SqlDatabase, connect: OpenDatabase
) -> None:
    await database.add_invitations([INVITATION], LATER)
    async with connect() as other:
        tries = [
            node.add_account(account(f"Anna {number}"), INVITATION) for number, node in enumerate((database, other) * 4)
        ]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(str(type(one).__name__) for one in outcomes) == ["InvitationWrong"] * 7 + ["NoneType"]
    assert len(await database.accounts()) == 1
