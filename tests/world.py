"""Who the tests are about: a clock that stands still, people, toys, and messages between them."""

from __future__ import annotations

import functools
import itertools
from pathlib import Path
from typing import Any

from sqlalchemy import Table, insert

from toybackend.databases.sql import SqlDatabase
from toybackend.databases.tables import groups, members
from toybackend.models import (
    WAVEFORM_BARS,
    Account,
    Claim,
    ContactId,
    ContactState,
    DeviceId,
    GroupId,
    Message,
    MessageId,
    MessageState,
    Party,
    PartyId,
    PartyKind,
    Sound,
)
from toybackend.ports import Acceptance
from toybackend.web.pages import read_pages

NOW = 1_795_248_000_000
"""2026-11-21T08:00:00Z, in milliseconds since the epoch."""

_numbers = itertools.count(1)

known_pages = functools.cache(read_pages)
"""The pages, read once for all tests."""


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += int(seconds * 1000)


def new_id(prefix: str) -> str:
    """Fresh ids that tell in a failing test what came first."""
    return f"{prefix}_{next(_numbers):06d}"


# ── who there is ──


async def add_person(database: SqlDatabase, name: str) -> Party:
    account = Account(PartyId(new_id("p")), name, "$argon2id$…", NOW)
    await database.add_account(account)
    return Party(account.id, PartyKind.PERSON, name)


async def add_licensed_toy(database: SqlDatabase, licence_digest: str | None = None) -> PartyId:
    """A toy that was switched on and belongs to nobody."""
    toy_id = PartyId(new_id("t"))
    licence_digest = licence_digest or f"digest of {toy_id}"
    await database.add_devices([(licence_digest, DeviceId(new_id("d")))], NOW)
    assert await database.switch_on(licence_digest, toy_id, f"token of {toy_id}", NOW, NOW + 1)
    return toy_id


FAR = 10 * 365 * 86_400_000


async def add_toy(database: SqlDatabase, name: str, guardian: Party) -> Party:
    """A toy that this person took home; also where a server with a clock of today's looks for codes that are over."""
    claim = Claim(new_id("CLAIM"), await add_licensed_toy(database), NOW + FAR)
    await database.set_claim(claim)
    toy = await database.bind(claim.code, guardian.id, name, NOW, most_guardians=8, most_toys=50)
    return Party(toy.id, PartyKind.TOY, toy.name)


async def add_guardian(database: SqlDatabase, toy: Party, guardian: Party, company: Party) -> None:
    """The guardian lets one more grown-up join."""
    claim = Claim(new_id("CLAIM"), toy.id, NOW + 1000, opened_by=guardian.id)
    await database.set_claim(claim)
    await database.bind(claim.code, company.id, "", NOW, most_guardians=8, most_toys=50)


async def add_contact(
    database: SqlDatabase,
    one: Party,
    other: Party,
    state: ContactState = ContactState.AGREED,
    *,
    blocks: bool = False,
) -> ContactId:
    """Asked by `one`, and blocked by the other if at all."""
    is_agreed = state is ContactState.AGREED
    asked = await database.ask(ContactId(new_id("c")), one.id, other.id, NOW, is_agreed=is_agreed, most=1000)
    if blocks:
        await database.set_block(asked.contact.id, other.id, blocks=True)
    return asked.contact.id


# ── what no port does: rows put in by hand ──


async def add_rows(database: SqlDatabase, table: Table, *rows: dict[str, Any]) -> None:
    await database._engine.write(lambda connection: connection.execute(insert(table), list(rows)))


async def add_group(database: SqlDatabase, *parties: Party) -> GroupId:
    """A group of whoever, without an owner and without asking whether they may talk with each other."""
    group_id = GroupId(new_id("g"))
    await add_rows(database, groups, {"id": group_id, "name": "family", "created_at": NOW})
    await add_rows(database, members, *({"group_id": group_id, "party_id": one.id, "since": NOW} for one in parties))
    return group_id


# ── what is said ──


def message(
    sender: Party, to: Party | GroupId, *, text: str | None = None, ref: str | None = None, at: int = NOW
) -> Message:
    """A voice message, or a text when there is one."""
    to_user = to.id if isinstance(to, Party) else None
    return Message(
        id=MessageId(new_id("m")),
        sender_id=sender.id,
        sender_name=sender.name,
        conversation="+".join(sorted((sender.id, to_user))) if to_user else str(to),
        to_user=to_user,
        to_group=None if isinstance(to, Party) else to,
        ref=ref,
        text=text,
        state=MessageState.ACCEPTED,
        accepted_at=at,
    )


async def accept(database: SqlDatabase, offered: Message) -> Acceptance:
    """Store a message, whatever the policy says of it."""
    return await database.accept(offered, lambda relation: None)


def sound(duration_ms: int = 1500) -> Sound:
    return Sound(Path("unused.mp3"), duration_ms, tuple(range(WAVEFORM_BARS)))
