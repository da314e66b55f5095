"""The contract of `ports.Database` as a whole: what is stored stays stored."""

from __future__ import annotations

from tests.contracts.conftest import OpenDatabase
from tests.world import NOW, accept, add_person, add_toy, message, sound
from toybackend.databases.sql import SqlDatabase


async def test_a_database_answers(database: SqlDatabase) -> None:
    await database.ping()


async def test_what_was_stored_is_there_after_closing(connect: OpenDatabase) -> None:
    async with connect() as before:
        mum = await add_person(before, "Mum")
        bear = await add_toy(before, "Bear", mum)
        waits, published = message(bear, mum), message(mum, bear, text="hi", ref="r")
        await accept(before, published)
        await accept(before, waits)
    async with connect() as after:
        assert [job.id for job in await after.unconverted()] == [waits.id]
        assert (await after.mailbox(bear.id)).unread == 1
        assert not (await accept(after, message(mum, bear, text="hi", ref="r"))).is_new
        assert await after.settle(waits.id, NOW, sound=sound()) == [mum.id]
