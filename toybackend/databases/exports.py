"""All that is kept about a person and the toys they guard, in one look, so that the parts agree.

What was said by and to a toy is in it from when they began to guard it. Of others only what such a person sees anyway:
whom they talk with, by id and name. Never a digest or a password's
hash: those prove something, and are about nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, case, or_, select

from toybackend.databases.contacts import exists_for_us
from toybackend.databases.engine import Engine
from toybackend.databases.tables import (
    accounts,
    consents,
    contacts,
    deliveries,
    groups,
    guardians,
    items,
    members,
    messages,
    parties,
    plays,
    tokens,
    toys,
)
from toybackend.models import ContactState, MessageState

Record = dict[str, Any]

BATCH = 500


class SqlExports:
    """Satisfies `ports.Erasing.everything_of`."""

    _engine: Engine

    async def everything_of(self, account_id: str) -> Record:
        return await self._engine.read_long(lambda connection: _Export(connection, account_id).everything())


class _Export:
    def __init__(self, connection: Connection, account_id: str) -> None:
        self._connection = connection
        self._me = account_id
        guarded = select(guardians.c.toy_id, guardians.c.since).where(guardians.c.account_id == account_id)
        self._toys: dict[str, int] = {row.toy_id: row.since for row in connection.execute(guarded)}
        """And since when they are guarded."""
        self._ours = [account_id, *self._toys]

    def everything(self) -> Record:
        return {
            "account": self._account(),
            "sessions": self._rows(
                select(tokens.c.label, tokens.c.since.label("since_at"), tokens.c.expires_at)
                .where(tokens.c.party_id == self._me)
                .order_by(tokens.c.since)
            ),
            "toys": [self._toy(toy_id) for toy_id in self._toys],
            "contacts": self._contacts(),
            "groups": self._groups(),
            "conversations": self._conversations(),
            "library": self._rows(
                _without(items, "owner_id", "cover").where(items.c.owner_id == self._me).order_by(items.c.added_at)
            ),
        }

    # ── the parts ──

    def _account(self) -> Record:
        mine = select(parties.c.id, parties.c.name, accounts.c.created_at, accounts.c.is_operator)
        mine = mine.join_from(parties, accounts, accounts.c.id == parties.c.id).where(parties.c.id == self._me)
        return next(iter(self._rows(mine)), {})

    def _toy(self, toy_id: str) -> Record:
        toy = select(parties.c.name, toys).join_from(toys, parties, parties.c.id == toys.c.id)
        (found,) = self._rows(toy.where(toys.c.id == toy_id))
        answer_for_it = select(parties.c.id, parties.c.name, guardians.c.role, guardians.c.since.label("since_at"))
        played = select(plays.c.item_id, items.c.title, plays.c.started_at, plays.c.stopped_at)
        return {
            **found,
            "guardians": self._rows(
                answer_for_it.join_from(guardians, parties, parties.c.id == guardians.c.account_id)
                .where(guardians.c.toy_id == toy_id)
                .order_by(guardians.c.since)
            ),
            "consents": self._rows(
                _without(consents, "toy_id").where(consents.c.toy_id == toy_id).order_by(consents.c.given_at)
            ),
            "played": self._rows(
                played.join_from(plays, items, items.c.id == plays.c.item_id)
                .where(plays.c.toy_id == toy_id)
                .order_by(plays.c.started_at)
            ),
        }

    def _contacts(self) -> list[Record]:
        """Seen from our side; what the other side calls us is theirs."""
        found = []
        for ours, others in (("lower", "upper"), ("upper", "lower")):
            other = parties.alias("other")
            is_open = and_(contacts.c.state == ContactState.ASKED, contacts.c.asked_by == contacts.c[f"{ours}_id"])
            statement = (
                select(
                    contacts.c.id,
                    contacts.c[f"{ours}_id"].label("side"),
                    other.c.id.label("other"),
                    case((is_open, ""), else_=other.c.name).label("name"),
                    contacts.c.state,
                    contacts.c.asked_by,
                    contacts.c[f"{ours}_nickname"].label("nickname"),
                    contacts.c[f"{ours}_blocks"].label("is_blocked"),
                    contacts.c.since.label("since_at"),
                )
                .join_from(contacts, other, other.c.id == contacts.c[f"{others}_id"])
                .where(contacts.c[f"{ours}_id"].in_(self._ours), exists_for_us(contacts.c[f"{others}_blocks"]))
            )
            found += self._rows(statement)
        return sorted(found, key=lambda one: (one["since_at"], one["id"]))

    def _groups(self) -> list[Record]:
        ours = select(members.c.group_id).where(members.c.party_id.in_(self._ours))
        found = self._rows(select(groups).where(groups.c.id.in_(ours)).order_by(groups.c.created_at))
        people = select(members.c.group_id, parties.c.id, parties.c.name, members.c.since.label("since_at"))
        people = people.join_from(members, parties, parties.c.id == members.c.party_id).order_by(
            members.c.since, parties.c.id
        )
        for group in found:
            rows = self._rows(people.where(members.c.group_id == group["id"]))
            group["members"] = [{name: row[name] for name in ("id", "name", "since_at")} for row in rows]
        return found

    def _conversations(self) -> list[Record]:
        """Messages that we, or toys then ours, sent or have a copy of, in the order in which they were accepted."""
        found: dict[str, list[Record]] = defaultdict(list)
        for message in self._messages():
            found[message.pop("conversation")].append(message)
        return [{"id": key, "messages": said} for key, said in found.items()]

    def _messages(self) -> list[Record]:
        got = messages.alias("got")
        received = (
            select(deliveries.c.message_id)
            .join(got, got.c.id == deliveries.c.message_id)
            .where(self._was_ours(deliveries.c.recipient_id, got.c.accepted_at), deliveries.c.position.is_not(None))
        )
        sent = self._was_ours(messages.c.sender_id, messages.c.accepted_at)
        statement = (
            _without(messages, "family", "waveform", "ref", parties.c.name.label("sender_name"))
            .join(parties, parties.c.id == messages.c.sender_id)
            .where(or_(sent, messages.c.id.in_(received)))
            .order_by(messages.c.seq)
        )
        said = self._rows(statement)
        copies = self._copies([one["id"] for one in said])
        for one in said:
            ours = {self._me, *(toy_id for toy_id, since in self._toys.items() if since <= one["accepted_at"])}
            everybodys = copies.get(one["id"], [])
            mine = one["sender_id"] in ours
            one["copies"] = everybodys if mine else [copy for copy in everybodys if copy["id"] in ours]
            one["has_sound"] = one["text"] is None and one["state"] in _HEARABLE
        return said

    def _was_ours(self, party_id: ColumnElement[str], at: ColumnElement[int]) -> ColumnElement[bool]:
        toys_then = (and_(party_id == toy_id, at >= since) for toy_id, since in self._toys.items())
        return or_(party_id == self._me, *toys_then)

    def _copies(self, ids: Sequence[str]) -> Mapping[str, list[Record]]:
        statement = select(
            deliveries.c.message_id,
            parties.c.id,
            parties.c.name,
            deliveries.c.state,
            deliveries.c.delivered_at,
            deliveries.c.heard_at,
        ).join_from(deliveries, parties, parties.c.id == deliveries.c.recipient_id)
        found: dict[str, list[Record]] = defaultdict(list)
        for start in range(0, len(ids), BATCH):
            some = deliveries.c.message_id.in_(ids[start : start + BATCH])
            for row in self._rows(statement.where(some).order_by(parties.c.name)):
                found[row.pop("message_id")].append(row)
        return found

    # ── reading ──

    def _rows(self, statement: Select[Any]) -> list[Record]:
        return [dict(row) for row in self._connection.execute(statement).mappings()]


_HEARABLE = (MessageState.CONVERTED, MessageState.PUBLISHED)


def _without(table: Table, *names: Any) -> Select[Any]:
    """Every column but those named; columns that are given are selected as well."""
    hidden = {name for name in names if isinstance(name, str)}
    more = [column for column in names if not isinstance(column, str)]
    return select(*(column for column in table.c if column.name not in hidden), *more)
