"""A house to test in: as the server has it, behind real HTTP. Anna has a bear and sent it a voice, Bela is a stranger
to both, and a toy waits for a family. Nothing is pretended but the clock and the sound itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import update
from yarl import URL

from tests.world import NOW, Clock, accept, known_pages, message, sound
from toybackend.app import web_rooms
from toybackend.audio_stores.local_files import MP3, LocalFiles
from toybackend.databases.sql import SqlDatabase
from toybackend.databases.tables import toys
from toybackend.house import House as WholeHouse
from toybackend.house import open_house
from toybackend.models import Account, Claim, MessageId, Party, PartyId, PartyKind
from toybackend.services.accounts import Accounts
from toybackend.services.devices import fingerprint
from toybackend.services.tokens import Tokens, digest
from toybackend.settings import Settings, Storage
from toybackend.web.application import make_web_app, make_web_runner
from toybackend.web.rooms import Addresses, Check

ANNA = Party(PartyId("p_annaannaanna"), PartyKind.PERSON, "Anna")
BELA = Party(PartyId("p_belabelabela"), PartyKind.PERSON, "Bela")
BEAR = Party(PartyId("t_bearbearbear"), PartyKind.TOY, "Bear")
LOST = Party(PartyId("t_lostlostlost"), PartyKind.WAITING_TOY, "")

MESSAGE = MessageId("m_0123456789abcdef")

BEARS_LICENCE = "0123456789abcdef0123456789abcdef"
LOST_LICENCE = "fedcba9876543210fedcba9876543210"
WRONG_LICENCE = "00000000000000000000000000000000"
PASSWORD = "correct horse"


@dataclass(frozen=True, slots=True)
class Store:
    """The MP3 files that the house has."""

    files: LocalFiles

    def path(self, message_id: MessageId) -> Path:
        return self.files.path(message_id, MP3)

    def keep(self, message_id: MessageId, sound: bytes) -> Path:
        self.path(message_id).write_bytes(sound)
        return self.path(message_id)


class Server(TestServer):
    """A test server that runs as the real one does, with its log."""

    async def _make_runner(self, **_: Any) -> web.AppRunner:
        return make_web_runner(self.app)


Client = TestClient[web.Request, web.Application]


@dataclass(frozen=True, slots=True)
class House:
    """Everything a test may want to look at or change."""

    client: Client
    whole: WholeHouse
    clock: Clock

    @property
    def database(self) -> SqlDatabase:
        return cast(SqlDatabase, self.whole.database)

    @property
    def store(self) -> Store:
        return Store(cast(LocalFiles, self.whole.audio))

    @property
    def tokens(self) -> Tokens:
        return self.whole.tokens

    @property
    def accounts(self) -> Accounts:
        return self.whole.accounts

    async def token(self, party: Party) -> str:
        return await self.tokens.give(party.id, party.kind)

    async def bearer(self, party: Party) -> dict[str, str]:
        return {"Authorization": f"Bearer {await self.token(party)}"}

    def link(self, listener: Party = BEAR, message_id: MessageId = MESSAGE) -> str:
        """Path and query of a signed link."""
        return str(URL(self.whole.mailboxes._links.audio(message_id, listener.id)).relative())

    @property
    def port(self) -> int:
        assert self.client.port is not None
        return self.client.port


@asynccontextmanager
async def opened(
    folder: Path, settings: Settings, addresses: Addresses | None, checks: dict[str, Check]
) -> AsyncIterator[House]:
    """A house in this folder, with its server started. What `/readyz` asks is the test's, and so are its addresses:
    None for those that it has without a test, where the ports of listeners that are not open are 0."""
    clock = Clock()
    async with open_house(replace(settings, storage=Storage(data_dir=folder)), clock=clock) as whole:
        await _furnish(cast(SqlDatabase, whole.database))
        rooms = replace(web_rooms(whole), ready=checks)
        if addresses is not None:
            rooms = replace(rooms, addresses=lambda called: addresses)
        client: Client = TestClient(Server(make_web_app(rooms, whole.metrics, await asyncio.to_thread(known_pages))))
        async with client:
            yield House(client, whole, clock)


async def _furnish(database: SqlDatabase) -> None:
    for person in (ANNA, BELA):
        await database.add_account(Account(person.id, person.name, "$argon2id$…", NOW))
    for toy, licence in ((BEAR, BEARS_LICENCE), (LOST, LOST_LICENCE)):
        await database.add_devices([(digest(licence), fingerprint(digest(licence)))], NOW)
        await database.switch_on(digest(licence), toy.id, f"token of {toy.id}", NOW, NOW + 1)
    await database.set_claim(Claim("BEARSCODE", BEAR.id, NOW + 1))
    await database.bind("BEARSCODE", ANNA.id, BEAR.name, NOW, most_guardians=8, most_toys=50)
    childs = update(toys).where(toys.c.id == BEAR.id).values(child_name="Mia", volume_cap=70)
    await database._engine.write(lambda connection: connection.execute(childs))
    await accept(database, replace(message(ANNA, BEAR), id=MESSAGE))
    await database.settle(MESSAGE, NOW, sound=sound())
