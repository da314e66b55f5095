"""The contract of `ports.Devices`: boards with licences, and switching them on."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from tests.contracts.conftest import OpenDatabase
from tests.world import NOW, add_person
from toybackend.databases.sql import SqlDatabase
from toybackend.databases.tables import devices
from toybackend.errors import ClaimWrong, NotFound
from toybackend.models import Claim, Device, DeviceId, Party, PartyId, PartyKind, Toy

LATER = NOW + 1000


async def add(database: SqlDatabase, *names: str) -> int:
    return await database.add_devices([(name, DeviceId(f"d_{name}")) for name in names], NOW)


async def switch_on(
    database: SqlDatabase, licence: str, toy_id: str = "t_1", token: str = "token", expires_at: int = LATER
) -> Toy | None:
    return await database.switch_on(licence, PartyId(toy_id), token, NOW, expires_at)


async def take_home(database: SqlDatabase, toy_id: str, owner: Party) -> None:
    await database.set_claim(Claim("CODE", PartyId(toy_id), LATER))
    await database.bind("CODE", owner.id, "Bear", NOW, most_guardians=8, most_toys=50)


# ── licences ──


async def test_new_licences_are_counted_and_known_ones_left_as_they_are(database: SqlDatabase) -> None:
    assert await add(database, "one", "two") == 2
    await database.revoke(DeviceId("d_one"), LATER)
    assert await database.add_devices([("one", DeviceId("d_one")), ("three", DeviceId("d_three"))], LATER) == 1
    assert await database.device(DeviceId("d_one")) == Device(DeviceId("d_one"), NOW, revoked_at=LATER)
    assert await add(database, "four", "four", "one") == 1
    assert await add(database) == 0


async def test_what_proves_a_device(database: SqlDatabase) -> None:
    await add(database, "one", "two")
    await database.revoke(DeviceId("d_two"), NOW)
    found = [await database.digest_of(DeviceId(f"d_{name}")) for name in ("one", "two", "three")]
    assert found == ["one", None, None]


async def test_a_device_as_its_maker_sees_it(database: SqlDatabase) -> None:
    await add(database, "one")
    mum, one = await add_person(database, "Mum"), DeviceId("d_one")
    assert await database.device(one) == Device(one, NOW)
    await switch_on(database, "one")
    assert await database.device(one) == Device(one, NOW)
    await take_home(database, "t_1", mum)
    assert await database.device(one) == Device(one, NOW, is_bound=True)
    assert await database.device(DeviceId("d_none")) is None


async def test_the_device_of_a_licence(database: SqlDatabase) -> None:
    await add(database, "one", "two")
    await database.revoke(DeviceId("d_two"), LATER)
    assert await database.device_of("one") == Device(DeviceId("d_one"), NOW)
    assert await database.device_of("two") == Device(DeviceId("d_two"), NOW, revoked_at=LATER)
    await switch_on(database, "one")
    await take_home(database, "t_1", await add_person(database, "Mum"))
    assert await database.device_of("one") == await database.device(DeviceId("d_one"))
    assert [await database.device_of(wrong) for wrong in ("none", "", "d_one")] == [None, None, None]


@pytest.mark.parametrize(
    ("beginning", "after", "limit", "found"),
    [
        ("", "", 9, ["a2", "aa", "ab", "abz", "b"]),
        ("", "", 2, ["a2", "aa"]),
        ("", "d_aa", 2, ["ab", "abz"]),
        ("d_a", "", 9, ["a2", "aa", "ab", "abz"]),
        ("d_ab", "", 9, ["ab", "abz"]),
        ("d_ab", "d_ab", 9, ["abz"]),
        ("d_a", "d_abz", 9, []),
        ("D_A", "", 9, []),
        ("%", "", 9, []),
        ("d_c", "", 9, []),
    ],
)
async def test_devices_by_the_beginning_of_their_ids_a_page_at_a_time(
    database: SqlDatabase, beginning: str, after: str, limit: int, found: list[str]
) -> None:
    await add(database, "b", "abz", "ab", "aa", "a2")
    assert [one.id for one in await database.devices(beginning, after, limit)] == [f"d_{name}" for name in found]


# ── switching on ──


async def test_a_device_becomes_a_toy_when_it_is_switched_on_first(database: SqlDatabase) -> None:
    await add(database, "one", "two")
    assert await database.toy(PartyId("t_1")) is None
    toy = await switch_on(database, "one", "t_1")
    assert toy is not None
    assert (toy.id, toy.name, toy.child_name, toy.bound_at) == ("t_1", "toy", "", None)
    assert await switch_on(database, "one", "t_other") == toy == await database.toy(PartyId("t_1"))
    assert await database.toy(PartyId("t_other")) is None


async def test_an_unknown_licence_is_nobody(database: SqlDatabase) -> None:
    assert await switch_on(database, "none") is None
    assert await database.bearer("token", NOW) is None
    assert await database.toy(PartyId("t_1")) is None


async def test_its_token_is_that_of_a_waiting_toy_and_then_of_a_toy(database: SqlDatabase, mum: Party) -> None:
    await add(database, "one")
    await switch_on(database, "one", token="waits")
    assert await database.bearer("waits", LATER - 1) == Party(PartyId("t_1"), PartyKind.WAITING_TOY, "toy")
    assert await database.bearer("waits", LATER) is None
    await take_home(database, "t_1", mum)
    await switch_on(database, "one", token="ready")
    assert await database.bearer("ready", NOW) == Party(PartyId("t_1"), PartyKind.TOY, "Bear")


async def test_it_has_one_token_at_a_time(database: SqlDatabase) -> None:
    await add(database, "one", "two")
    await switch_on(database, "one", "t_1", "first")
    await switch_on(database, "two", "t_2", "of another")
    await switch_on(database, "one", "t_1", "second")
    assert set(await database.bearers(["first", "second", "of another"], NOW)) == {"second", "of another"}


async def test_a_device_that_is_nobody_again_becomes_a_new_toy(database: SqlDatabase) -> None:
    await add(database, "one")
    await switch_on(database, "one", "t_1", "first")
    erase = update(devices).where(devices.c.digest == "one").values(toy_id=None)
    await database._engine.write(lambda connection: connection.execute(erase))
    toy = await switch_on(database, "one", "t_2", "second")
    assert toy is not None
    assert (toy.id, toy.bound_at) == ("t_2", None)


async def test_a_toy_that_is_switched_on_many_times_at_once_is_one_toy(
    database: SqlDatabase, connect: OpenDatabase
) -> None:
    await add(database, "one")
    async with connect() as other:
        found = await asyncio.gather(
            *(switch_on(node, "one", f"t_{n}", f"token {n}") for n, node in enumerate((database, other) * 5))
        )
    assert {one.id for one in found if one} == {one.id for one in found[:1] if one}
    assert len(await database.bearers([f"token {n}" for n in range(10)], NOW)) == 1


# ── ending ──


async def test_a_revoked_device_is_unknown_and_its_toy_cut_off(database: SqlDatabase) -> None:
    await add(database, "one", "two")
    await switch_on(database, "one", "t_1", "first")
    await switch_on(database, "two", "t_2", "other")
    before = await database.revision()
    assert await database.revoke(DeviceId("d_one"), LATER) == "t_1"
    assert await database.revision() > before
    assert set(await database.bearers(["first", "other"], NOW)) == {"other"}
    assert await switch_on(database, "one", "t_1", "again") is None
    assert await database.bearer("again", NOW) is None
    assert await switch_on(database, "two", "t_2", "other") is not None


async def test_nobody_takes_home_a_waiting_toy_that_was_revoked(database: SqlDatabase, mum: Party) -> None:
    await add(database, "one")
    await switch_on(database, "one")
    await database.set_claim(Claim("CODE", PartyId("t_1"), LATER))
    await database.revoke(DeviceId("d_one"), NOW)
    with pytest.raises(ClaimWrong):
        await database.bind("CODE", mum.id, "Bear", NOW, most_guardians=8, most_toys=50)


async def test_a_device_that_was_never_on_is_revoked(database: SqlDatabase) -> None:
    await add(database, "one")
    assert await database.revoke(DeviceId("d_one"), LATER) is None
    assert await switch_on(database, "one") is None


async def test_revoking_a_revoked_one_changes_nothing(database: SqlDatabase) -> None:
    await add(database, "one")
    await switch_on(database, "one")
    await database.revoke(DeviceId("d_one"), NOW)
    before = await database.revision()
    assert await database.revoke(DeviceId("d_one"), LATER) == "t_1"
    assert await database.device(DeviceId("d_one")) == Device(DeviceId("d_one"), NOW, revoked_at=NOW)
    assert await database.revision() == before


async def test_what_is_not_there_is_not_revoked(database: SqlDatabase) -> None:
    before = await database.revision()
    with pytest.raises(NotFound):
        await database.revoke(DeviceId("d_none"), NOW)
    assert await database.revision() == before


async def test_of_switching_on_and_revoking_at_once_revoking_wins(database: SqlDatabase, connect: OpenDatabase) -> None:
    names = [f"n{number}" for number in range(20)]
    await add(database, *names)
    async with connect() as other:
        for name in names:
            await asyncio.gather(
                switch_on(database, name, f"t_{name}", f"token {name}"), other.revoke(DeviceId(f"d_{name}"), NOW)
            )
    assert await database.bearers([f"token {name}" for name in names], NOW) == {}


# ── challenges ──


async def test_a_nonce_is_used_once(database: SqlDatabase) -> None:
    assert await database.use_nonce("one", LATER, NOW)
    assert not await database.use_nonce("one", LATER, NOW)
    assert await database.use_nonce("two", LATER, NOW)
    assert not await database.use_nonce("one", LATER, LATER - 1)


async def test_of_many_at_once_one_uses_a_nonce(database: SqlDatabase, connect: OpenDatabase) -> None:
    async with connect() as other:
        used = await asyncio.gather(*(node.use_nonce("one", LATER, NOW) for node in (database, other) * 5))
    assert sum(used) == 1


async def test_nonces_are_forgotten_once_they_expired(database: SqlDatabase) -> None:
    await database.use_nonce("one", LATER, NOW)
    assert await database.use_nonce("two", LATER + 1, LATER)
    assert await database.use_nonce("one", LATER + 1, LATER)  # nobody asks any more: it expired


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text("abz27", min_size=1, max_size=4), min_size=1, max_size=12, unique=True), st.integers(1, 5))
def test_pages_together_are_everything(connect: OpenDatabase, names: list[str], limit: int) -> None:
    async def walk() -> list[str]:
        async with connect() as database:
            await add(database, *names)
            found: list[str] = []
            while page := await database.devices("d_", found[-1] if found else "", limit):
                found += [one.id for one in page]
            return found

    found = asyncio.run(walk())
    assert found == sorted(set(found))
    assert {f"d_{name}" for name in names} <= set(found)
