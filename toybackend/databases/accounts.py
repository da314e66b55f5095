"""Grown-ups who can log in, and the tokens that speak for them and for toys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, literal, select, update
from sqlalchemy.exc import IntegrityError

from toybackend.databases.engine import Engine
from toybackend.databases.revisions import raise_revision, read_revision
from toybackend.databases.tables import accounts, invitations, parties, tokens
from toybackend.errors import InvitationWrong, NameTaken, NotAuthenticated, NotFound
from toybackend.models import Account, Party, PartyId, PartyKind, Session
from toybackend.ports.accounts import name_key

_ACCOUNTS = select(
    accounts.c.id,
    parties.c.name,
    accounts.c.password_hash,
    accounts.c.created_at,
    accounts.c.is_operator,
).join(parties, parties.c.id == accounts.c.id)

MOST_SESSIONS = 50
"""Places where one person can be logged in; one more logs out the oldest."""

_NEWEST = (
    select(tokens.c.digest)
    .where(tokens.c.party_id == bindparam("party"))
    .order_by(tokens.c.since.desc(), tokens.c.digest)
    .limit(bindparam("kept"))
)
_DISPLACED = delete(tokens).where(tokens.c.party_id == bindparam("party"), tokens.c.digest.not_in(_NEWEST))

# Built once: building a statement costs SQLAlchemy more than SQLite needs to run it.
_BEARERS = (
    select(tokens.c.digest, parties.c.id, parties.c.name, tokens.c.kind, accounts.c.is_operator)
    .join_from(tokens, parties, parties.c.id == tokens.c.party_id)
    .outerjoin(accounts, accounts.c.id == parties.c.id)
    .where(tokens.c.digest.in_(bindparam("digests", expanding=True)), tokens.c.expires_at > bindparam("now"))
)
_ANY_TOKEN = (
    select(tokens.c.digest)
    .where(tokens.c.party_id == bindparam("party"), tokens.c.expires_at > bindparam("now"))
    .limit(1)
)


class SqlAccounts:
    """Satisfies `ports.Accounts` and `ports.Tokens`."""

    _engine: Engine

    async def add_account(self, account: Account, invitation: str | None = None) -> None:
        def query(connection: Connection) -> None:
            if invitation is not None:
                _use_up(connection, invitation, account.created_at)
            connection.execute(insert(parties).values(id=account.id, kind=PartyKind.PERSON, name=account.name))
            connection.execute(
                insert(accounts).values(
                    id=account.id,
                    name_key=name_key(account.name),
                    password_hash=account.password_hash,
                    created_at=account.created_at,
                    is_operator=account.is_operator,
                )
            )

        try:
            await self._engine.write(query)
        except IntegrityError:
            raise NameTaken from None

    async def account(self, name: str) -> Account | None:
        statement = _ACCOUNTS.where(accounts.c.name_key == name_key(name))
        row = await self._engine.read(lambda connection: connection.execute(statement).one_or_none())
        return _account(row) if row else None

    async def account_of(self, account_id: PartyId) -> Account | None:
        statement = _ACCOUNTS.where(accounts.c.id == account_id)
        row = await self._engine.read(lambda connection: connection.execute(statement).one_or_none())
        return _account(row) if row else None

    async def accounts(self) -> Sequence[Account]:
        statement = _ACCOUNTS.order_by(accounts.c.name_key)
        rows = await self._engine.read(lambda connection: connection.execute(statement).all())
        return [_account(row) for row in rows]

    async def set_password(self, account_id: PartyId, password_hash: str, keep: str | None) -> None:
        def query(connection: Connection) -> None:
            connection.execute(update(accounts).where(accounts.c.id == account_id).values(password_hash=password_hash))
            connection.execute(delete(tokens).where(tokens.c.party_id == account_id, tokens.c.digest != (keep or "")))
            raise_revision(connection)

        await self._engine.write(query)

    async def replace_hash(self, account_id: PartyId, old: str, new: str) -> None:
        same = update(accounts).where(accounts.c.id == account_id, accounts.c.password_hash == old)
        await self._engine.write(lambda connection: connection.execute(same.values(password_hash=new)))

    async def rename_account(self, account_id: PartyId, name: str) -> None:
        def query(connection: Connection) -> None:
            connection.execute(update(accounts).where(accounts.c.id == account_id).values(name_key=name_key(name)))
            connection.execute(update(parties).where(parties.c.id == account_id).values(name=name))
            raise_revision(connection)

        try:
            await self._engine.write(query)
        except IntegrityError:
            raise NameTaken from None

    async def set_operator(self, account_id: PartyId, is_operator: bool) -> None:
        statement = update(accounts).where(accounts.c.id == account_id).values(is_operator=is_operator)
        await self._engine.write(lambda connection: connection.execute(statement))

    async def add_invitations(self, digests: Sequence[str], expires_at: int) -> None:
        rows = [{"digest": one, "expires_at": expires_at} for one in digests]
        await self._engine.write(lambda connection: connection.execute(insert(invitations), rows))

    # ── tokens ──

    async def add_token(
        self,
        digest: str,
        party_id: PartyId,
        kind: PartyKind,
        now: int,
        expires_at: int,
        *,
        session_id: str = "",
        label: str = "",
    ) -> None:
        row = {"digest": digest, "party_id": party_id, "kind": kind, "expires_at": expires_at, "since": now}

        def query(connection: Connection) -> None:
            outlived = tokens.c.expires_at <= now if kind is PartyKind.PERSON else literal(True)
            connection.execute(delete(tokens).where(tokens.c.party_id == party_id, outlived))
            if connection.execute(_DISPLACED, {"party": party_id, "kept": MOST_SESSIONS - 1}).rowcount:
                raise_revision(connection)
            connection.execute(insert(tokens).values(**row, session_id=session_id, label=label))

        try:
            await self._engine.write(query)
        except NotFound:  # erased while the password was looked at
            raise NotAuthenticated from None

    async def bearer(self, digest: str, now: int) -> Party | None:
        return (await self.bearers([digest], now)).get(digest)

    async def bearers(self, digests: Sequence[str], now: int) -> Mapping[str, Party]:
        asked = {"digests": digests, "now": now}
        rows = await self._engine.read(lambda connection: connection.execute(_BEARERS, asked).all())
        return {
            row.digest: Party(PartyId(row.id), PartyKind(row.kind), row.name, bool(row.is_operator)) for row in rows
        }

    async def has_token(self, party_id: PartyId, now: int) -> bool:
        asked = {"party": party_id, "now": now}
        return await self._engine.read(lambda connection: connection.execute(_ANY_TOKEN, asked).first() is not None)

    async def remove_token(self, digest: str) -> PartyId | None:
        statement = delete(tokens).where(tokens.c.digest == digest).returning(tokens.c.party_id)

        def query(connection: Connection) -> str | None:
            found = connection.execute(statement).scalar_one_or_none()
            if found is not None:
                raise_revision(connection)
            return found

        found = await self._engine.write(query)
        return PartyId(found) if found is not None else None

    async def sessions(self, person_id: PartyId, current: str, now: int) -> Sequence[Session]:
        statement = (
            select(tokens.c.session_id, tokens.c.label, tokens.c.since, tokens.c.digest)
            .where(tokens.c.party_id == person_id, tokens.c.kind == PartyKind.PERSON, tokens.c.expires_at > now)
            .order_by(tokens.c.since.desc(), tokens.c.session_id)
        )
        rows = await self._engine.read(lambda connection: connection.execute(statement).all())
        return [Session(row.session_id, row.label, row.since, is_current=row.digest == current) for row in rows]

    async def remove_session(self, person_id: PartyId, session_id: str) -> bool:
        statement = delete(tokens).where(tokens.c.party_id == person_id, tokens.c.session_id == session_id)

        def query(connection: Connection) -> bool:
            is_gone = connection.execute(statement).rowcount > 0
            if is_gone:
                raise_revision(connection)
            return is_gone

        return await self._engine.write(query)

    async def revision(self) -> int:
        return await self._engine.read(read_revision)


def _account(row: Row[*tuple[Any, ...]]) -> Account:
    return Account(PartyId(row.id), row.name, row.password_hash, row.created_at, bool(row.is_operator))


def _use_up(connection: Connection, digest: str, now: int) -> None:
    """Raises InvitationWrong, also for one that somebody else used up a moment ago."""
    good = delete(invitations).where(invitations.c.digest == digest, invitations.c.expires_at > now)
    if connection.execute(good).rowcount == 0:
        raise InvitationWrong
