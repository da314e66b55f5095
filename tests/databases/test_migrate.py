"""Migrations make what `tables.py` says, once, and know what they do not know."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, create_engine, func, insert, select
from sqlalchemy.exc import OperationalError

from tests.world import NOW, sound
from toybackend.databases.migrate import SCRIPTS, migrate, newest, revision_of
from toybackend.databases.sql import SqlDatabase, open_database
from toybackend.databases.tables import devices, metadata
from toybackend.errors import BadSettings
from toybackend.models import DeliveryState, GroupId, GroupKind, GuardianRole, MessageId, PartyId, PartyKind, Standing
from toybackend.ports import Expiry
from toybackend.services.devices import fingerprint

T = TypeVar("T")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "toybackend.sqlite3"


def run(file: Path, query: Callable[[Connection], T]) -> T:
    engine = create_engine(f"sqlite:///{file}")
    try:
        with engine.begin() as connection:
            return query(connection)
    finally:
        engine.dispose()


def schema(file: Path) -> list[str]:
    query = "SELECT sql FROM sqlite_master ORDER BY name"
    return [str(row.sql) for row in run(file, lambda connection: connection.exec_driver_sql(query).all())]


def set_revision(file: Path, revision: str) -> None:
    run(file, lambda connection: connection.exec_driver_sql(f"UPDATE alembic_version SET version_num='{revision}'"))


def test_migrations_make_the_tables(file: Path) -> None:
    run(file, migrate)
    found = run(file, lambda connection: compare_metadata(MigrationContext.configure(connection), metadata))
    assert found == []


def test_migrations_make_the_same_constraints_and_indexes(file: Path, tmp_path: Path) -> None:
    """Alembic compares no defaults, actions of foreign keys or conditions of indexes; SQLite's own words do."""
    run(file, migrate)
    run(tmp_path / "other", metadata.create_all)

    def words(name: Path) -> list[list[str]]:
        """Each definition as its parts in any order; spaces and line breaks mean nothing."""
        definitions = [" ".join(one.split()) for one in schema(name) if one != "None" and "alembic" not in one]
        return sorted(sorted(part.strip(" ()") for part in one.split(",")) for one in definitions)

    assert words(file) == words(tmp_path / "other")


def test_the_newest_is_the_one_that_alembic_calls_so() -> None:
    assert newest() == ScriptDirectory(str(SCRIPTS)).get_current_head()


def test_alembic_is_loaded_only_where_there_is_something_to_do(tmp_path: Path) -> None:
    program = f"""
import asyncio, pathlib, sys
from toybackend.databases.sql import open_database
async def main():
    async with open_database("", pathlib.Path({str(tmp_path)!r})):
        print("alembic" in sys.modules)
asyncio.run(main())
"""
    told = [subprocess.check_output([sys.executable, "-c", program], text=True).strip() for _ in range(2)]
    assert told == ["True", "False"]


def test_migrating_twice_changes_nothing(file: Path) -> None:
    run(file, migrate)
    before = schema(file)
    run(file, migrate)
    assert schema(file) == before


async def test_a_database_of_a_newer_version_is_not_touched(file: Path, tmp_path: Path) -> None:
    async with open_database("", tmp_path):
        pass
    newest = run(file, revision_of)
    assert newest is not None
    set_revision(file, "9999")
    before = schema(file)
    with pytest.raises(BadSettings, match="newer version"):
        async with open_database("", tmp_path):
            pytest.fail("it was opened")
    assert schema(file) == before
    set_revision(file, newest)
    async with open_database("", tmp_path) as database:
        await database.ping()


def test_a_migration_that_fails_leaves_the_database_as_it_was(file: Path) -> None:
    run(file, lambda connection: connection.exec_driver_sql("CREATE TABLE accounts (id)"))
    before = schema(file)

    def in_one_transaction(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")
        migrate(connection)

    with pytest.raises(OperationalError, match="already exists"):
        run(file, in_one_transaction)
    assert schema(file) == before


# ── from the first schema ──

AT, LATER = NOW - 2000, NOW - 1000
MUM, DAD, AUNT = "p_mum", "p_dad", "p_aunt"
BEAR, LION, WAITING = "t_bear", "t_lion", "t_waiting"
MANY = 1500
"""Licences that nobody switched on yet: more than one batch, and not a whole number of batches."""


def digest_of(licence: str) -> str:
    return hashlib.sha256(licence.encode()).hexdigest()


def fill_first_schema(connection: Connection) -> None:
    """Mum and dad guard the bear, dad the lion; a third toy waits. Mum knows aunt, whom dad only asked."""
    migrate(connection, to="0001")
    tables = MetaData()
    tables.reflect(connection)

    def put(table: str, *rows: Mapping[str, Any]) -> None:
        for row in rows:
            connection.execute(insert(tables.tables[table]), row)

    people = {MUM: "Mum", DAD: "Dad", AUNT: "Aunt"}
    toys = {BEAR: "Bear", LION: "Lion", WAITING: "toy"}
    put("parties", *({"id": one, "kind": "person", "name": name} for one, name in people.items()))
    put("parties", *({"id": one, "kind": "toy", "name": name} for one, name in toys.items()))
    put(
        "accounts",
        *(
            {"id": one, "name_key": name.lower(), "password_hash": "$", "created_at": AT}
            for one, name in people.items()
        ),
    )
    put("toys", *({"id": one, "child_name": "Mia", "volume_cap": 70, "bound_at": AT} for one in (BEAR, LION)))
    put("toys", {"id": WAITING, "child_name": "", "volume_cap": 80, "bound_at": None})
    put("licences", *({"digest": digest_of(one), "toy_id": one, "issued_at": AT} for one in (BEAR, LION, WAITING)))
    put("licences", *({"digest": digest_of(f"{n}"), "toy_id": f"t_{n}", "issued_at": AT} for n in range(MANY)))
    put("licences", {"digest": digest_of("revoked"), "toy_id": "t_revoked", "issued_at": AT, "revoked_at": LATER})
    put("claims", {"toy_id": WAITING, "code": "CODE", "expires_at": NOW + 1000})
    put("tokens", {"digest": "token of mum", "party_id": MUM, "kind": "person", "expires_at": NOW + 1000})
    put("tokens", {"digest": "token of waiting", "party_id": WAITING, "kind": "waiting_toy", "expires_at": NOW + 1000})
    put(
        "guardians",
        {"toy_id": BEAR, "account_id": MUM, "since": LATER},
        {"toy_id": BEAR, "account_id": DAD, "since": AT},
        {"toy_id": LION, "account_id": DAD, "since": AT},
    )
    put(
        "contacts",
        {"lower_id": AUNT, "upper_id": MUM, "state": "agreed", "since": AT},
        {"lower_id": AUNT, "upper_id": DAD, "state": "asked", "since": AT},
    )
    said = {"sender_id": MUM, "conversation": f"{MUM}+{BEAR}", "to_user": BEAR, "family": DAD}
    voice = {"text": None, "duration_ms": 1500, "waveform": bytes(range(48))}
    nothing = {"duration_ms": None, "waveform": None, "failure": None}
    put(
        "messages",
        {**said, **voice, "id": "m_heard", "ref": "r", "state": "published", "accepted_at": AT, "failure": None},
        {**said, **nothing, "id": "m_text", "text": "hi", "state": "published", "accepted_at": AT + 1, "ref": None},
        {**said, **nothing, "id": "m_bad", "state": "failed", "accepted_at": AT + 2, "failure": "bad_audio"},
        {**said, **nothing, "id": "m_waits", "state": "accepted", "accepted_at": AT + 3},
    )
    put(
        "deliveries",
        *(
            {"message_id": one, "recipient_id": BEAR, "position": place, "state": state, "heard_at": heard_at}
            for one, place, state, heard_at in (
                ("m_heard", 1, "heard", LATER),
                ("m_text", 2, "waiting", None),
                ("m_bad", None, "waiting", None),
                ("m_waits", None, "waiting", None),
            )
        ),
    )
    put("mailboxes", {"owner_id": BEAR, "last_position": 2})


@pytest.fixture
async def migrated(file: Path, tmp_path: Path) -> AsyncIterator[SqlDatabase]:
    """A database that the first version of the server filled, as this one opens it."""
    run(file, fill_first_schema)
    async with open_database("", tmp_path) as database:
        yield database


async def test_nothing_refers_to_what_is_not_there(migrated: SqlDatabase, file: Path) -> None:
    assert run(file, lambda connection: connection.exec_driver_sql("PRAGMA foreign_key_check").all()) == []
    assert run(file, lambda connection: connection.exec_driver_sql("PRAGMA integrity_check").scalar_one()) == "ok"
    assert run(file, lambda connection: compare_metadata(MigrationContext.configure(connection), metadata)) == []


async def test_every_licence_is_a_device_and_still_switches_its_toy_on(migrated: SqlDatabase) -> None:
    counts = select(func.count(), func.count(devices.c.toy_id))
    assert tuple(await migrated._engine.read(lambda connection: connection.execute(counts).one())) == (MANY + 4, 3)
    for known in (BEAR, WAITING):
        toy = await migrated.switch_on(digest_of(known), PartyId("t_new"), f"token of {known}", NOW, NOW + 1)
        assert toy is not None
        assert toy.id == known
    for last in ("0", str(MANY - 1)):
        toy = await migrated.switch_on(digest_of(last), PartyId(f"t_new{last}"), f"token {last}", NOW, NOW + 1)
        assert toy is not None
        assert (toy.id, toy.bound_at) == (f"t_new{last}", None)
    assert await migrated.switch_on(digest_of("revoked"), PartyId("t_none"), "token", NOW, NOW + 1) is None
    found = await migrated.device(fingerprint(digest_of(BEAR)))
    assert found is not None
    assert (found.issued_at, found.is_bound) == (AT, True)


async def test_toys_keep_their_families_and_settings(migrated: SqlDatabase) -> None:
    bear = await migrated.toy(PartyId(BEAR))
    assert bear is not None
    assert (bear.name, bear.child_name, bear.bound_at, bear.settings.volume_cap) == ("Bear", "Mia", AT, 70)
    assert bear.settings.quiet_hours.windows == ()
    assert bear.settings.autoplay
    guardians = [(one.id, one.role) for one in await migrated.guardians(PartyId(BEAR))]
    assert guardians == [(DAD, GuardianRole.OWNER), (MUM, GuardianRole.CO_GUARDIAN)]
    found = await migrated.group(GroupId("g_bear"))
    assert found is not None
    assert (found.kind, found.name, {one.id for one in found.members}) == (GroupKind.FAMILY, "Bear", {BEAR, MUM, DAD})
    assert await migrated.group(GroupId("g_waiting")) is None


async def test_what_was_agreed_stays_agreed(migrated: SqlDatabase) -> None:
    assert await migrated.standing(PartyId(MUM), PartyId(AUNT)) is Standing.CONTACT
    assert await migrated.standing(PartyId(DAD), PartyId(AUNT)) is Standing.STRANGER
    [contact] = await migrated.contacts_of([PartyId(MUM)])
    assert (contact.other.name, contact.since, contact.nickname) == ("Aunt", AT, "")


async def test_whoever_was_logged_in_still_is(migrated: SqlDatabase) -> None:
    bearers = await migrated.bearers(["token of mum", "token of waiting"], NOW)
    assert {one.id: one.kind for one in bearers.values()} == {MUM: PartyKind.PERSON, WAITING: PartyKind.WAITING_TOY}
    account = await migrated.account("MUM")
    assert account is not None
    assert not account.is_operator


async def test_what_was_said_is_still_there_and_on_its_way(migrated: SqlDatabase) -> None:
    bear, mum = PartyId(BEAR), PartyId(MUM)
    assert [one.message.id for one in await migrated.history(mum, bear, None, 10)] == [
        "m_waits",
        "m_bad",
        "m_text",
        "m_heard",
    ]
    [text, heard] = await migrated.history(bear, mum, None, 10)
    assert (text.state, heard.state) == (DeliveryState.WAITING, DeliveryState.HEARD)
    assert (heard.message.duration_ms, heard.message.is_urgent) == (1500, False)
    assert [one.unread for one in await migrated.conversations(bear) if one.id == mum] == [1]
    assert [job.id for job in await migrated.unconverted()] == ["m_waits"]
    assert await migrated.settle(MessageId("m_waits"), NOW, sound=sound()) == [bear]
    assert [one.position for one in await migrated.waiting(bear, after=0, seen=2, limit=10)] == [2, 3]


async def test_recordings_that_are_kept_are_known(migrated: SqlDatabase) -> None:
    """And go when their time is over, counted from about when they were converted."""
    everything = Expiry(heard=0, unheard=0, originals=NOW)
    assert await migrated.expired_originals(everything, 10) == ["m_heard"]
    assert await migrated.expired_originals(replace(everything, originals=AT - 1), 10) == []
