"""The contract of `ports.Tokens`."""

from __future__ import annotations

import pytest

from tests.world import NOW, add_licensed_toy, add_person
from toybackend.databases.accounts import MOST_SESSIONS
from toybackend.databases.sql import SqlDatabase
from toybackend.errors import NotAuthenticated
from toybackend.models import Party, PartyId, PartyKind, Session

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


async def test_removing_a_token_says_whose_it_was(database: SqlDatabase, mum: Party) -> None:
    await database.add_token("mums", mum.id, PartyKind.PERSON, NOW, LATER)
    before = await database.revision()
    assert [await database.remove_token(one) for one in ("mums", "mums")] == [mum.id, None]
    assert await database.revision() > before


async def test_nobody_gets_a_token_who_is_not_there(database: SqlDatabase) -> None:
    with pytest.raises(NotAuthenticated):
        await database.add_token("nobodys", PartyId("p_nobody"), PartyKind.PERSON, NOW, LATER)


async def test_whether_anybody_has_a_token(database: SqlDatabase, mum: Party, dad: Party) -> None:
    assert not await database.has_token(mum.id, NOW)
    for digest in ("phone", "tablet"):
        await database.add_token(digest, mum.id, PartyKind.PERSON, NOW, LATER)
    assert [await database.has_token(one.id, NOW) for one in (mum, dad)] == [True, False]
    assert [await database.has_token(mum.id, at) for at in (LATER - 1, LATER)] == [True, False]
    await database.remove_token("phone")
    assert await database.has_token(mum.id, NOW)
    await database.remove_token("tablet")
    assert not await database.has_token(mum.id, NOW)


# ── sessions ──


async def log_in(database: SqlDatabase, party: Party, place: str, at: int = NOW) -> None:
    await database.add_token(
        f"token on the {place}", party.id, PartyKind.PERSON, at, LATER, session_id=f"s_{place}", label=place
    )


async def test_sessions_are_where_one_is_logged_in_and_newest_first(
    database: SqlDatabase, mum: Party, dad: Party
) -> None:
    await log_in(database, mum, "phone", NOW)
    await log_in(database, mum, "tablet", NOW + 2)
    await log_in(database, mum, "desk", NOW + 1)
    await log_in(database, dad, "radio")
    assert await database.sessions(mum.id, "token on the desk", NOW + 3) == [
        Session("s_tablet", "tablet", NOW + 2, is_current=False),
        Session("s_desk", "desk", NOW + 1, is_current=True),
        Session("s_phone", "phone", NOW, is_current=False),
    ]
    assert await database.sessions(mum.id, "token on the desk", LATER) == []


async def test_a_session_ends_alone(database: SqlDatabase, mum: Party) -> None:
    for place in ("phone", "tablet"):
        await log_in(database, mum, place)
    before = await database.revision()
    assert [await database.remove_session(mum.id, "s_phone") for _ in range(2)] == [True, False]
    assert await database.revision() > before
    assert [await database.bearer(f"token on the {one}", NOW) for one in ("phone", "tablet")] == [None, mum]


async def test_nobody_ends_the_session_of_another(database: SqlDatabase, mum: Party, dad: Party) -> None:
    await log_in(database, mum, "phone")
    assert not await database.remove_session(dad.id, "s_phone")
    assert await database.bearer("token on the phone", NOW) == mum


async def test_one_more_place_logs_out_the_oldest(database: SqlDatabase) -> None:
    mum = await add_person(database, "Mum")
    for number in range(MOST_SESSIONS + 1):
        await database.add_token(f"d{number:03}", mum.id, PartyKind.PERSON, NOW + number, NOW + 10_000)
    digests = [f"d{number:03}" for number in range(MOST_SESSIONS + 1)]
    assert set(await database.bearers(digests, NOW)) == set(digests[1:])


async def test_logging_out_where_nobody_is_makes_no_socket_look_again(database: SqlDatabase) -> None:
    mum = await add_person(database, "Mum")
    before = await database.revision()
    assert await database.remove_session(mum.id, "s_none") is False
    assert await database.remove_token("none") is None
    assert await database.revision() == before
