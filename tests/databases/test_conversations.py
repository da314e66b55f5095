"""Chats cost what they show: the same few statements however many there are, and no walk through a whole table."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from tests.world import NOW, accept, add_contact, add_group, add_person, add_toy, message
from toybackend.databases.sql import SqlDatabase, open_database
from toybackend.models import Party

Statement = tuple[str, Any]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqlDatabase]:
    async with open_database("", tmp_path) as opened:
        yield opened


@contextmanager
def watched(database: SqlDatabase) -> Iterator[list[Statement]]:
    """What is read from the database meanwhile: each statement with what is bound to it."""
    seen: list[Statement] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        seen.append((statement, parameters))

    engine = database._engine._reader._engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def plan(database: SqlDatabase, statement: Statement) -> list[str]:
    """How SQLite goes about it, a step a line."""
    words, parameters = statement
    rows = await database._engine.read(
        lambda connection: connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {words}", parameters).all()
    )
    return [row.detail for row in rows]


async def acquaint(database: SqlDatabase, mum: Party, count: int) -> None:
    """So many more people and groups, each of whom mum talked with."""
    for number in range(count):
        friend = await add_person(database, f"Friend {number} of {count}")
        await add_contact(database, mum, friend)
        group_id = await add_group(database, mum, friend)
        for said in (
            message(mum, friend, text="hi"),
            message(friend, mum, text="ho"),
            message(friend, group_id, text="!"),
        ):
            await accept(database, said)


async def test_as_many_statements_for_twenty_conversations_as_for_one(database: SqlDatabase) -> None:
    mum = await add_person(database, "Mum")
    counts = []
    for more in (0, 1, 9):
        await acquaint(database, mum, more)
        with watched(database) as seen:
            found = await database.conversations(mum.id)
        counts.append((len(found), len([words for words, _ in seen if words != "BEGIN"])))
    assert [conversations for conversations, _ in counts] == [0, 2, 20]
    assert len({statements for _, statements in counts}) == 1
    assert counts[0][1] <= 8


async def test_no_statement_walks_through_a_whole_table(database: SqlDatabase) -> None:
    mum = await add_person(database, "Mum")
    bear = await add_toy(database, "Bear", mum)
    said = [message(*two, text="hi") for two in ((mum, bear), (bear, mum))]
    for one in said:
        await accept(database, one)
    asks: list[Callable[[], Awaitable[object]]] = [
        lambda: database.conversations(mum.id),
        lambda: database.history(mum.id, bear.id, None, 50),
        lambda: database.history(mum.id, bear.id, said[1].id, 50),
        lambda: database.waiting(bear.id, after=0, seen=0, limit=8),
        lambda: database.urgent(bear.id, limit=8),
        lambda: database.mailbox(bear.id),
    ]
    tables = ("messages", "deliveries", "parties", "contacts", "members", "groups", "toys", "guardians", "mailboxes")
    for ask in asks:
        with watched(database) as seen:
            await ask()
        for statement in [one for one in seen if one[0] != "BEGIN"]:
            steps = await plan(database, statement)
            assert not [step for step in steps if step in {f"SCAN {table}" for table in tables}], statement[0]


async def test_chats_are_found_in_indexes_alone(database: SqlDatabase) -> None:
    """Of ten thousand messages only the last of each conversation is looked at."""
    mum = await add_person(database, "Mum")
    with watched(database) as seen:
        await database.conversations(mum.id)
        await database.history(mum.id, mum.id, None, 50)
    steps = [step for one in seen if one[0] != "BEGIN" for step in await plan(database, one)]
    for index in (
        "messages USING COVERING INDEX ix_messages_said",
        "deliveries USING COVERING INDEX ix_deliveries_got",
    ):
        assert len([step for step in steps if index in step]) == 2


async def test_publishing_looks_only_at_what_waits(database: SqlDatabase, tmp_path: Path) -> None:
    """And not at everything that was ever said in the conversation."""
    mum = await add_person(database, "Mum")
    bear = await add_toy(database, "Bear", mum)
    seen: list[Statement] = []
    engine = database._engine._writer._engine
    event.listen(
        engine, "before_cursor_execute", lambda c, cursor, words, parameters, *_: seen.append((words, parameters))
    )
    await accept(database, message(mum, bear, text="hi", at=NOW))
    [unpublished] = [one for one in seen if "messages.state IN" in one[0]]
    assert await plan(database, unpublished) == ["SEARCH messages USING INDEX ix_messages_unpublished (conversation=?)"]
