"""A database and an audio store in memory, as far as HTTP needs them, and a house to test in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from toybackend.models import (
    Account,
    Claim,
    DeliveryState,
    Message,
    MessageId,
    MessageState,
    Party,
    PartyId,
    PartyKind,
    Toy,
)
from toybackend.ports import AudioStore, Bus, Database, Receipt
from toybackend.services.accounts import Accounts
from toybackend.services.devices import Devices
from toybackend.services.listening import Links, Listening
from toybackend.services.tokens import Tokens, digest
from toybackend.settings import Settings
from toybackend.web.application import make_web_app, make_web_runner
from toybackend.web.rooms import Addresses, Check, Rooms

NOW = 1_795_248_000_000
"""When the tests happen, in milliseconds since the epoch: 2026-11-21T08:00:00Z."""

ANNA = Party(PartyId("p_annaannaanna"), PartyKind.PERSON, "Anna")
BELA = Party(PartyId("p_belabelabela"), PartyKind.PERSON, "Bela")
BEAR = Party(PartyId("t_bearbearbear"), PartyKind.TOY, "Bear")
LOST = Party(PartyId("t_lostlostlost"), PartyKind.WAITING_TOY, "")

MESSAGE = MessageId("m_0123456789abcdef")

BEARS_LICENCE = "0123456789abcdef0123456789abcdef"
LOST_LICENCE = "fedcba9876543210fedcba9876543210"
WRONG_LICENCE = "00000000000000000000000000000000"
PASSWORD = "correct horse"

BEAR_TOY = Toy(BEAR.id, "Bear", "Mia", 70, bound_at=NOW)
LOST_TOY = Toy(LOST.id, "", "", 80, bound_at=None)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


class FakeDatabase:
    """Knows Anna, Bela, a bear with an owner, a toy without, and one message from Anna to the bear."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.parties = {party.id: party for party in (ANNA, BELA, BEAR, LOST)}
        self.tokens: dict[str, tuple[PartyId, PartyKind, int]] = {}
        self.toys = {digest(BEARS_LICENCE): BEAR_TOY, digest(LOST_LICENCE): LOST_TOY}
        self.claims: list[Claim] = []
        self.messages: dict[str, tuple[Message, list[Receipt]]] = {
            MESSAGE: (_message(), [Receipt(MESSAGE, ANNA.id, BEAR.id, DeliveryState.WAITING)])
        }
        self.fails: Exception | None = None

    async def add_account(self, account: Account) -> None:
        self.accounts[account.name.casefold()] = account
        self.parties[account.id] = Party(account.id, PartyKind.PERSON, account.name)

    async def account(self, name: str) -> Account | None:
        if self.fails:
            raise self.fails
        return self.accounts.get(name.casefold())

    async def add_token(self, token: str, party_id: PartyId, kind: PartyKind, now: int, expires_at: int) -> None:
        self.tokens[token] = (party_id, kind, expires_at)

    async def bearer(self, token: str, now: int) -> Party | None:
        party_id, kind, expires_at = self.tokens.get(token, (PartyId(""), PartyKind.PERSON, 0))
        return Party(party_id, kind, self.parties[party_id].name) if expires_at > now else None

    async def remove_token(self, token: str) -> None:
        self.tokens.pop(token, None)

    async def licensed_toy(self, licence: str) -> Toy | None:
        if self.fails:
            raise self.fails
        return self.toys.get(licence)

    async def set_claim(self, claim: Claim) -> None:
        self.claims.append(claim)

    async def outcome(self, message_id: MessageId) -> tuple[Message, Sequence[Receipt]] | None:
        return self.messages.get(message_id)


def _message() -> Message:
    return Message(
        id=MESSAGE,
        sender_id=ANNA.id,
        sender_name=ANNA.name,
        conversation="",
        to_user=BEAR.id,
        to_group=None,
        ref=None,
        text=None,
        state=MessageState.PUBLISHED,
        accepted_at=NOW,
    )


class FakeStore:
    """MP3 files in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def mp3(self, message_id: MessageId) -> Path | None:
        file = self.folder / f"{message_id}.mp3"
        return file if message_id in self.kept else None

    kept: frozenset[str] = frozenset()

    def keep(self, message_id: MessageId, sound: bytes) -> Path:
        file = self.folder / f"{message_id}.mp3"
        file.write_bytes(sound)
        self.kept |= {message_id}
        return file


class Server(TestServer):
    """A test server that runs as the real one does, with its log."""

    async def _make_runner(self, **_: Any) -> web.AppRunner:
        return make_web_runner(self.app)


Client = TestClient[web.Request, web.Application]


@dataclass
class House:
    """Everything a test may want to look at or change."""

    client: Client
    database: FakeDatabase
    store: FakeStore
    clock: Clock
    tokens: Tokens
    accounts: Accounts
    links: Links

    async def token(self, party: Party) -> str:
        return await self.tokens.give(party.id, party.kind)

    async def bearer(self, party: Party) -> dict[str, str]:
        return {"Authorization": f"Bearer {await self.token(party)}"}

    def link(self, listener: Party = BEAR, message_id: MessageId = MESSAGE) -> str:
        """Path and query of a signed link."""
        return self.links.audio(message_id, listener.id)

    @property
    def port(self) -> int:
        assert self.client.port is not None
        return self.client.port


async def build(folder: Path, settings: Settings, addresses: Addresses, checks: dict[str, Check]) -> House:
    """A house with its server started; whoever builds it closes `client`."""
    database, store, clock = FakeDatabase(), FakeStore(folder), Clock()
    as_database = cast("Database", database)
    tokens = Tokens(as_database, days=settings.access.token_days, clock=clock)
    accounts = Accounts(as_database, tokens, login_tries=3, clock=clock, new_id=lambda prefix: f"{prefix}_newnewnew")
    devices = Devices(
        as_database, cast("Bus", None), tokens, claim_seconds=600, clock=clock, new_id=lambda prefix: f"{prefix}_new"
    )
    links = Links(b"key", base=lambda: "", seconds=3600, clock=clock)
    listening = Listening(as_database, cast("AudioStore", store), links)
    rooms = Rooms(settings, accounts, tokens, devices, listening, checks, lambda: addresses)
    client: Client = TestClient(Server(make_web_app(rooms)))
    await client.start_server()
    return House(client, database, store, clock, tokens, accounts, links)
