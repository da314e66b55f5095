"""Mum, who has an account, and her toy bear; with tokens for both."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from tests.end_to_end.line import Line, hello, line
from tests.world import add_person, add_toy, new_id
from toybackend.databases.sql import SqlDatabase
from toybackend.house import House
from toybackend.models import Party, PartyKind

PATHS = {PartyKind.PERSON: "/app", PartyKind.TOY: "/toy", PartyKind.WAITING_TOY: "/toy"}


@dataclass(frozen=True, slots=True)
class Somebody:
    """A party with a token."""

    house: House
    party: Party
    token: str

    @property
    def id(self) -> str:
        return self.party.id

    @property
    def url(self) -> str:
        return socket_url(self.house, PATHS[self.party.kind])

    def line(self, **options: Any) -> AbstractAsyncContextManager[Line]:
        """A socket of theirs, welcomed."""
        return line(self.url, self.token, **options)

    def hello(self, **fields: Any) -> AbstractAsyncContextManager[Line]:
        """The same for a client that cannot set headers."""
        return hello(self.url, self.token, **fields)

    def at(self, house: House) -> Somebody:
        """The same one after the server was started again."""
        return Somebody(house, self.party, self.token)


@dataclass(frozen=True, slots=True)
class Family:
    house: House
    mum: Somebody
    bear: Somebody

    def at(self, house: House) -> Family:
        return Family(house, self.mum.at(house), self.bear.at(house))


def socket_url(house: House, path: str) -> str:
    return house.listeners.bound().ws_url + path


def database_of(house: House) -> SqlDatabase:
    assert isinstance(house.database, SqlDatabase)
    return house.database


async def introduce(house: House, party: Party) -> Somebody:
    return Somebody(house, party, await house.tokens.give(party.id, party.kind))


async def add_somebody(house: House, name: str) -> Somebody:
    """A person; the name is made unique."""
    return await introduce(house, await add_person(database_of(house), new_id(name)))


async def add_family(house: House) -> Family:
    mum = await add_somebody(house, "Mum")
    bear = await add_toy(database_of(house), "Bear", mum.party)
    return Family(house, mum, await introduce(house, bear))


async def count_rows(house: House, table: str) -> int:
    def query(connection: Connection) -> int:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())

    return await database_of(house)._engine.read(query)


def files(house: House) -> dict[str, set[str]]:
    """The names of the files in each room of the audio store."""
    root = house.settings.storage.data_dir / "audio"
    return {
        room: {one.name for one in (root / room).rglob("*") if one.is_file()} for room in ("incoming", "work", "kept")
    }


async def issue_licence(house: House) -> str:
    [(_, licence)] = [one async for batch in house.devices.issue(1) for one in batch]
    return licence


async def waiting_toy(house: House) -> tuple[Somebody, str]:
    """A toy that was switched on and belongs to nobody, and its claim code."""
    boot = await house.devices.power_on(await issue_licence(house))
    assert boot.toy and boot.token and boot.claim
    return Somebody(house, Party(boot.toy.id, PartyKind.WAITING_TOY, "toy"), boot.token), boot.claim.code
