"""The contract of `ports.Tokens`."""

from __future__ import annotations

import pytest

from tests.world import NOW, add_licensed_toy
from toybackend.databases.sql import SqlDatabase
from toybackend.models import Party, PartyKind

LATER = NOW + 1000


async def test_a_token_speaks_for_its_party(database: SqlDatabase, mum: Party, bear: Party) -> None:
    await database.add_token("mums", mum.id, PartyKind.PERSON, NOW, LATER)
    await database.add_token("bears", bear.id, PartyKind.TOY, NOW, LATER)
    assert [await database.bearer(one, NOW) for one in ("mums", "bears", "nobodys")] == [mum, bear, None]


async def test_a_waiting_toys_token_speaks_for_a_waiting_toy(database: SqlDatabase) -> None:
    toy_id = await add_licensed_toy(database)
    await database.add_token("waits", toy_id, PartyKind.WAITING_TOY, NOW, LATER)
    found = await database.bearer("waits", NOW)
    assert found is not None
    assert (found.id, found.kind) == (toy_id, PartyKind.WAITING_TOY)


@pytest.mark.parametrize(("now", "works"), [(LATER - 1, True), (LATER, False), (LATER + 1, False)])
async def test_a_token_ends_on_time(database: SqlDatabase, mum: Party, now: int, works: bool) -> None:
    await database.add_token("mums", mum.id, PartyKind.PERSON, NOW, LATER)
    assert (await database.bearer("mums", now) is not None) is works


async def test_a_person_may_have_several_tokens(database: SqlDatabase, mum: Party) -> None:
    for digest in ("phone", "tablet"):
        await database.add_token(digest, mum.id, PartyKind.PERSON, NOW, LATER)
    await database.remove_token("tablet")
    assert [await database.bearer(one, NOW) for one in ("phone", "tablet")] == [mum, None]


@pytest.mark.parametrize("newer", [PartyKind.TOY, PartyKind.WAITING_TOY])
async def test_a_toys_older_tokens_end(database: SqlDatabase, mum: Party, bear: Party, newer: PartyKind) -> None:
    await database.add_token("mums", mum.id, PartyKind.PERSON, NOW, LATER)
    await database.add_token("first", bear.id, PartyKind.WAITING_TOY, NOW, LATER)
    await database.add_token("second", bear.id, newer, NOW, LATER)
    found = [await database.bearer(one, NOW) for one in ("mums", "first", "second")]
    assert found == [mum, None, Party(bear.id, newer, bear.name)]


async def test_removing_an_unknown_token_is_fine(database: SqlDatabase, mum: Party) -> None:
    await database.add_token("mums", mum.id, PartyKind.PERSON, NOW, LATER)
    await database.remove_token("nobodys")
    assert await database.bearer("mums", NOW) == mum
