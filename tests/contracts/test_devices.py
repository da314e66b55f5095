"""The contract of `ports.Devices`: licences, toys and their claims."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import update

from tests.contracts.conftest import OpenDatabase
from tests.world import NOW, add_licensed_toy
from toybackend.databases.sql import SqlDatabase
from toybackend.databases.tables import licences
from toybackend.errors import AlreadyBound, ClaimExpired, ClaimWrong
from toybackend.models import Claim, Party, PartyId, Toy

LATER = NOW + 1000


async def waiting_toy(database: SqlDatabase, code: str = "CODE") -> PartyId:
    toy_id = await add_licensed_toy(database)
    await database.set_claim(Claim(code, toy_id, LATER))
    return toy_id


async def is_guardian(database: SqlDatabase, person: Party, toy_id: PartyId) -> bool:
    return (await database.relation(person.id, to_user=toy_id, to_group=None)).is_guardian


# ── licences ──


async def test_a_licence_has_its_toy_from_the_first_time_it_is_asked_for(database: SqlDatabase) -> None:
    await database.add_licences([("one", PartyId("t_1")), ("two", PartyId("t_2"))], NOW)
    assert await database.toy(PartyId("t_1")) is None
    toy = await database.licensed_toy("one")
    assert toy == Toy(PartyId("t_1"), name="toy", child_name="", volume_cap=80, bound_at=None)
    assert [await database.licensed_toy("one"), await database.toy(PartyId("t_1"))] == [toy, toy]
    assert await database.toy(PartyId("t_2")) is None


async def test_an_unknown_licence_has_no_toy(database: SqlDatabase) -> None:
    assert await database.licensed_toy("none") is None


async def test_a_revoked_licence_has_no_toy(database: SqlDatabase) -> None:
    await database.add_licences([("one", PartyId("t_1")), ("two", PartyId("t_2"))], NOW)
    revoke = update(licences).where(licences.c.digest == "one").values(revoked_at=NOW)
    await database._engine.write(lambda connection: connection.execute(revoke))
    assert await database.licensed_toy("one") is None
    assert await database.licensed_toy("two") is not None


async def test_a_toy_that_is_switched_on_many_times_at_once_is_one_toy(
    database: SqlDatabase, connect: OpenDatabase
) -> None:
    await database.add_licences([("one", PartyId("t_1"))], NOW)
    async with connect() as other:
        found = await asyncio.gather(*(node.licensed_toy("one") for node in (database, other) * 5))
    assert set(found) == {await database.toy(PartyId("t_1"))}


# ── claims ──


async def test_binding_makes_the_toy_this_persons(database: SqlDatabase, mum: Party, dad: Party) -> None:
    toy_id = await waiting_toy(database)
    toy = await database.bind("CODE", mum.id, "Bear", LATER - 1)
    assert (toy.id, toy.name, toy.bound_at) == (toy_id, "Bear", LATER - 1)
    assert await database.toy(toy_id) == toy
    assert [await is_guardian(database, one, toy_id) for one in (mum, dad)] == [True, False]


async def test_binding_without_a_name_keeps_the_old_one(database: SqlDatabase, mum: Party) -> None:
    await waiting_toy(database)
    assert (await database.bind("CODE", mum.id, "", NOW)).name == "toy"


async def test_a_wrong_code_binds_nothing(database: SqlDatabase, mum: Party) -> None:
    toy_id = await waiting_toy(database)
    with pytest.raises(ClaimWrong):
        await database.bind("OTHER", mum.id, "Bear", NOW)
    assert not await is_guardian(database, mum, toy_id)


@pytest.mark.parametrize("now", [LATER, LATER + 1])
async def test_an_expired_code_binds_nothing(database: SqlDatabase, mum: Party, now: int) -> None:
    toy_id = await waiting_toy(database)
    with pytest.raises(ClaimExpired):
        await database.bind("CODE", mum.id, "Bear", now)
    assert not await is_guardian(database, mum, toy_id)


async def test_a_code_is_used_once(database: SqlDatabase, mum: Party, dad: Party) -> None:
    toy_id = await waiting_toy(database)
    await database.bind("CODE", mum.id, "Bear", NOW)
    with pytest.raises(ClaimWrong):
        await database.bind("CODE", dad.id, "Mine", NOW)
    assert [await is_guardian(database, one, toy_id) for one in (mum, dad)] == [True, False]


async def test_a_toy_with_an_owner_is_not_bound_again(database: SqlDatabase, mum: Party, dad: Party) -> None:
    toy_id = await waiting_toy(database)
    await database.bind("CODE", mum.id, "Bear", NOW)
    await database.set_claim(Claim("LATE", toy_id, LATER))
    with pytest.raises(AlreadyBound):
        await database.bind("LATE", dad.id, "Mine", NOW)
    assert not await is_guardian(database, dad, toy_id)


async def test_a_new_code_takes_the_place_of_the_old(database: SqlDatabase, mum: Party) -> None:
    toy_id = await waiting_toy(database, "OLD")
    await database.set_claim(Claim("NEW", toy_id, LATER))
    with pytest.raises(ClaimWrong):
        await database.bind("OLD", mum.id, "Bear", NOW)
    assert (await database.bind("NEW", mum.id, "Bear", NOW)).id == toy_id


async def test_two_toys_never_show_the_same_code(database: SqlDatabase, mum: Party) -> None:
    first, second = await waiting_toy(database, "SAME"), await waiting_toy(database, "ELSE")
    with pytest.raises(ClaimWrong):
        await database.set_claim(Claim("SAME", second, LATER))
    assert (await database.bind("SAME", mum.id, "", NOW)).id == first
    assert (await database.bind("ELSE", mum.id, "", NOW)).id == second  # kept its own


async def test_of_two_phones_at_once_exactly_one_gets_the_toy(
    database: SqlDatabase, connect: OpenDatabase, mum: Party, dad: Party
) -> None:
    toy_id = await waiting_toy(database)
    async with connect() as other:
        tries = [(database, mum), (other, dad)] * 4
        outcomes = await asyncio.gather(
            *(node.bind("CODE", person.id, "Bear", NOW) for node, person in tries), return_exceptions=True
        )
    assert sum(isinstance(one, Toy) for one in outcomes) == 1
    assert all(isinstance(one, Toy | ClaimWrong | AlreadyBound) for one in outcomes)
    assert sum([await is_guardian(database, mum, toy_id), await is_guardian(database, dad, toy_id)]) == 1


async def test_another_process_sees_a_bound_toy_at_once(
    database: SqlDatabase, connect: OpenDatabase, mum: Party
) -> None:
    toy_id = await waiting_toy(database)
    async with connect() as other:
        bound = await other.bind("CODE", mum.id, "Bear", NOW)
        assert await database.toy(toy_id) == bound
