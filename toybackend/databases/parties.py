"""Who there is, what stands between them, and the tokens that speak for them."""

from __future__ import annotations

from sqlalchemy import Connection, ScalarSelect, and_, delete, exists, func, insert, literal, or_, select
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


def _to_user(connection: Connection, sender_id: PartyId, to_user: PartyId) -> Relation:
    lower, upper = sorted((sender_id, to_user))
    is_guardian = exists().where(
        or_(
            and_(guardians.c.toy_id == to_user, guardians.c.account_id == sender_id),
            and_(guardians.c.toy_id == sender_id, guardians.c.account_id == to_user),
        )
    )
    contact = (
        select(contacts.c.state).where(contacts.c.lower_id == lower, contacts.c.upper_id == upper).scalar_subquery()
    )
    row = connection.execute(
        select(
            _is_reachable(to_user).label("is_reachable"),
            is_guardian.label("is_guardian"),
            contact.label("contact"),
            _family(sender_id).label("family"),
        )
    ).one()
    is_there = row.is_reachable and to_user != sender_id
    return Relation(
        sender_id=sender_id,
        recipients=(to_user,) if is_there else (),
        is_guardian=row.is_guardian,
        is_contact=row.contact in (AGREED, BLOCKED),
        is_blocked=row.contact == BLOCKED,
        family=row.family,
    )


def _is_reachable(party_id: PartyId) -> ScalarSelect[bool]:
    """A person, or a toy that has a family."""
    return (
        select(func.count() > 0)
        .select_from(parties.outerjoin(toys, toys.c.id == parties.c.id))
        .where(parties.c.id == party_id, or_(parties.c.kind == PartyKind.PERSON, toys.c.bound_at.is_not(None)))
        .scalar_subquery()
    )


def _to_group(connection: Connection, sender_id: PartyId, group_id: GroupId) -> Relation:
    found = connection.execute(select(members.c.party_id).where(members.c.group_id == group_id)).scalars().all()
    family = connection.execute(select(_family(sender_id))).scalar_one()
    is_member = sender_id in found
    others = tuple(PartyId(member) for member in found if member != sender_id) if is_member else ()
    return Relation(sender_id, others, is_member=is_member, family=family)


def _family(party_id: PartyId) -> ScalarSelect[str]:
    """One name for all who share a toy: the first of the guardians that this party is among, or is guarded by."""
    ward, other = guardians.alias("ward"), guardians.alias("other")
    as_toy = select(func.min(guardians.c.account_id)).where(guardians.c.toy_id == party_id).scalar_subquery()
    as_guardian = (
        select(func.min(other.c.account_id))
        .join_from(ward, other, ward.c.toy_id == other.c.toy_id)
        .where(ward.c.account_id == party_id)
        .scalar_subquery()
    )
    return select(func.coalesce(as_toy, as_guardian, party_id)).scalar_subquery()
