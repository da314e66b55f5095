"""Who there is, what stands between them, and the tokens that speak for them."""

from __future__ import annotations

from sqlalchemy import (
    Connection,
    Exists,
    ScalarSelect,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
)
from sqlalchemy.exc import IntegrityError

from toybackend.databases.engine import Engine
from toybackend.databases.tables import accounts, contacts, guardians, members, parties, tokens, toys
from toybackend.errors import NameTaken
from toybackend.models import Account, GroupId, Party, PartyId, PartyKind
from toybackend.ports import Relation

AGREED, BLOCKED = "agreed", "blocked"


class SqlParties:
    """Accounts, and who is what to whom."""

    _engine: Engine

    async def add_account(self, account: Account) -> None:
        def query(connection: Connection) -> None:
            connection.execute(insert(parties).values(id=account.id, kind=PartyKind.PERSON, name=account.name))
            connection.execute(
                insert(accounts).values(
                    id=account.id,
                    name_key=account.name.casefold(),
                    password_hash=account.password_hash,
                    created_at=account.created_at,
                )
            )

        try:
            await self._engine.write(query)
        except IntegrityError:
            raise NameTaken from None

    async def account(self, name: str) -> Account | None:
        statement = (
            select(accounts.c.id, parties.c.name, accounts.c.password_hash, accounts.c.created_at)
            .join(parties, parties.c.id == accounts.c.id)
            .where(accounts.c.name_key == name.casefold())
        )
        row = await self._engine.read(lambda connection: connection.execute(statement).one_or_none())
        return Account(PartyId(row.id), row.name, row.password_hash, row.created_at) if row else None

    async def relation(self, sender_id: PartyId, *, to_user: PartyId | None, to_group: GroupId | None) -> Relation:
        if to_group is not None:
            return await self._engine.read(lambda connection: _to_group(connection, sender_id, to_group))
        return await self._engine.read(lambda connection: _to_user(connection, sender_id, to_user or PartyId("")))

    # ── tokens ──

    async def add_token(self, digest: str, party_id: PartyId, kind: PartyKind, now: int, expires_at: int) -> None:
        def query(connection: Connection) -> None:
            outlived = tokens.c.expires_at <= now if kind is PartyKind.PERSON else literal(True)
            connection.execute(delete(tokens).where(tokens.c.party_id == party_id, outlived))
            connection.execute(
                insert(tokens).values(digest=digest, party_id=party_id, kind=kind, expires_at=expires_at)
            )

        await self._engine.write(query)

    async def bearer(self, digest: str, now: int) -> Party | None:
        statement = (
            select(parties.c.id, parties.c.name, tokens.c.kind)
            .join(parties, parties.c.id == tokens.c.party_id)
            .where(tokens.c.digest == digest, tokens.c.expires_at > now)
        )
        row = await self._engine.read(lambda connection: connection.execute(statement).one_or_none())
        return Party(PartyId(row.id), PartyKind(row.kind), row.name) if row else None

    async def remove_token(self, digest: str) -> None:
        await self._engine.write(lambda connection: connection.execute(delete(tokens).where(tokens.c.digest == digest)))


def _is_reachable() -> ScalarSelect[bool]:
    """A person, or a toy that has a family."""
    return (
        select(func.count() > 0)
        .select_from(parties.outerjoin(toys, toys.c.id == parties.c.id))
        .where(_IS_RECIPIENT, or_(parties.c.kind == PartyKind.PERSON, toys.c.bound_at.is_not(None)))
        .scalar_subquery()
    )


def _is_guardian() -> Exists:
    """Of the two, one guards the other."""
    guardian, ward = guardians.c.account_id, guardians.c.toy_id
    return exists().where(
        or_(
            and_(ward == bindparam("recipient"), guardian == bindparam("sender")),
            and_(ward == bindparam("sender"), guardian == bindparam("recipient")),
        )
    )


def _family() -> ScalarSelect[str]:
    """One name for all who share a toy: the first of the guardians that the sender is among, or is guarded by."""
    ward, other = guardians.alias("ward"), guardians.alias("other")
    as_toy = select(func.min(guardians.c.account_id)).where(guardians.c.toy_id == bindparam("sender"))
    as_guardian = (
        select(func.min(other.c.account_id))
        .join_from(ward, other, ward.c.toy_id == other.c.toy_id)
        .where(ward.c.account_id == bindparam("sender"))
    )
    family = func.coalesce(as_toy.scalar_subquery(), as_guardian.scalar_subquery(), bindparam("sender"))
    return select(family).scalar_subquery()


# Built once: building a statement costs SQLAlchemy more than SQLite needs to run it.
_IS_RECIPIENT = parties.c.id == bindparam("recipient")
_CONTACT = select(contacts.c.state).where(
    contacts.c.lower_id == bindparam("lower"), contacts.c.upper_id == bindparam("upper")
)
_BETWEEN = select(
    _is_reachable().label("is_reachable"),
    _is_guardian().label("is_guardian"),
    _CONTACT.scalar_subquery().label("contact"),
    _family().label("family"),
)
_MEMBERS = select(members.c.party_id).where(members.c.group_id == bindparam("group"))
_FAMILY = select(_family())


def _to_user(connection: Connection, sender_id: PartyId, to_user: PartyId) -> Relation:
    lower, upper = sorted((sender_id, to_user))
    both = {"sender": sender_id, "recipient": to_user, "lower": lower, "upper": upper}
    row = connection.execute(_BETWEEN, both).one()
    is_there = row.is_reachable and to_user != sender_id
    return Relation(
        sender_id=sender_id,
        recipients=(to_user,) if is_there else (),
        is_guardian=row.is_guardian,
        is_contact=row.contact in (AGREED, BLOCKED),
        is_blocked=row.contact == BLOCKED,
        family=row.family,
    )


def _to_group(connection: Connection, sender_id: PartyId, group_id: GroupId) -> Relation:
    found = connection.execute(_MEMBERS, {"group": group_id}).scalars().all()
    family = connection.execute(_FAMILY, {"sender": sender_id}).scalar_one()
    is_member = sender_id in found
    others = tuple(PartyId(member) for member in found if member != sender_id) if is_member else ()
    return Relation(sender_id, others, is_member=is_member, family=family)
