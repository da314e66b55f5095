"""The contract of `ports.Counting`."""

from __future__ import annotations

import asyncio
import threading

from tests.world import NOW, add_licensed_toy, add_person, add_toy
from toybackend.databases.sql import SqlDatabase
from toybackend.models import DeviceId
from toybackend.ports import Counts


async def test_an_empty_house(database: SqlDatabase) -> None:
    assert await database.counts() == Counts(accounts=0, toys=0, bound_toys=0, licences=0, revoked_licences=0)


async def test_everything_is_counted(database: SqlDatabase) -> None:
    mum, _, _ = [await add_person(database, name) for name in ("Mum", "Dad", "Gran")]
    for name in ("Bear", "Lion"):
        await add_toy(database, name, mum)
    await add_licensed_toy(database)
    await database.add_devices([(f"{n}", DeviceId(f"d_{n}")) for n in range(7)], NOW)
    await database.revoke(DeviceId("d_1"), NOW)
    await database.revoke(DeviceId("d_1"), NOW)
    assert await database.counts() == Counts(accounts=3, toys=3, bound_toys=2, licences=10, revoked_licences=1)


async def test_a_toy_that_is_handed_back_is_none_and_its_licence_stays(database: SqlDatabase) -> None:
    bear = await add_toy(database, "Bear", await add_person(database, "Mum"))
    await database.erase_toy(bear.id)
    assert await database.counts() == Counts(accounts=1, toys=0, bound_toys=0, licences=1, revoked_licences=0)


async def test_nobody_waits_behind_a_count_that_takes_long(database: SqlDatabase) -> None:
    taken = threading.Event()
    reading = asyncio.create_task(database._engine.read_long(lambda connection: taken.wait(10)))
    counting = asyncio.create_task(database.counts())  # in the same lane, behind it
    try:
        await database.ping()
        assert await add_person(database, "Mum")
        assert not counting.done()
    finally:
        taken.set()
    assert await reading
    assert (await counting).accounts == 1
