"""Toys, what their guardians set, and to what they agreed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, Select, and_, bindparam, func, insert, select, update

from toybackend.databases.engine import Engine
from toybackend.databases.revisions import raise_revision
from toybackend.databases.tables import (
    consents,
    groups,
    guardians,
    parties,
    toys,
)
from toybackend.errors import ConsentNeeded, NotFound
from toybackend.models import (
    Consent,
    PartyId,
    QuietHours,
    QuietWindow,
    Toy,
    ToySettings,
    Weekday,
)
from toybackend.ports import ToyChange


class SqlToys:
    """Satisfies `ports.Toys`, together with `SqlClaims` and `SqlGuardians`."""

    _engine: Engine

    async def toy(self, toy_id: PartyId) -> Toy | None:
        return await self._engine.read(lambda connection: find_toy(connection, toy_id))

    async def toys_of(self, guardian_id: PartyId) -> Sequence[Toy]:
        statement = (
            select_toys()
            .join(guardians, guardians.c.toy_id == toys.c.id)
            .where(guardians.c.account_id == guardian_id)
            .order_by(parties.c.name, parties.c.id)
        )
        return await self._engine.read(lambda connection: [toy_of(row) for row in connection.execute(statement)])

    async def settings(self, toy_ids: Sequence[PartyId]) -> Mapping[PartyId, ToySettings]:
        def query(connection: Connection) -> dict[PartyId, ToySettings]:
            return {PartyId(row.id): settings_of(row) for row in connection.execute(_SETTINGS, {"toys": toy_ids})}

        return await self._engine.read(query)

    async def change_toy(self, toy_id: PartyId, change: ToyChange) -> None:
        await self._engine.write(lambda connection: _change(connection, toy_id, change))

    async def heard_from(self, times: Mapping[PartyId, int]) -> None:
        rows = [{"toy": toy_id, "at": at} for toy_id, at in times.items()]
        await self._engine.write(lambda connection: connection.execute(_HEARD_FROM, rows))

    # ── consent ──

    async def give_consent(self, consent: Consent) -> None:
        await self._engine.write(lambda connection: _give_consent(connection, consent))

    async def withdraw_consent(self, toy_id: PartyId, now: int) -> None:
        def query(connection: Connection) -> None:
            _set(connection, toy_id, {"paused_at": now, "child_name": ""})
            connection.execute(update(consents).where(_in_force([toy_id])).values(withdrawn_at=now))
            raise_revision(connection)

        await self._engine.write(query)

    async def consents(self, toy_id: PartyId) -> Sequence[Consent]:
        statement = select(consents).where(consents.c.toy_id == toy_id).order_by(consents.c.given_at.desc())
        return await self._engine.read(lambda connection: [_consent_of(row) for row in connection.execute(statement)])


_SETTINGS = select(toys).where(toys.c.id.in_(bindparam("toys", expanding=True)))
_HEARD_FROM = update(toys).where(toys.c.id == bindparam("toy")).values(heard_at=bindparam("at"))


# ── what guardians set ──


def _change(connection: Connection, toy_id: PartyId, change: ToyChange) -> None:
    if change.child_name and not consents_in_force(connection, [toy_id]):
        raise ConsentNeeded
    _set(connection, toy_id, _columns(change))
    if change.name is not None:
        rename_toy(connection, toy_id, change.name)
    raise_revision(connection)


def _columns(change: ToyChange) -> dict[str, Any]:
    """What of a change goes into the row of the toy."""
    given = {
        "child_name": change.child_name,
        "picture": change.picture,
        "colour": change.colour,
        "volume_cap": change.volume_cap,
        "time_zone": change.time_zone,
        "autoplay": change.autoplay,
    }
    row: dict[str, Any] = {column: value for column, value in given.items() if value is not None}
    if change.daily_limit_minutes is not None:
        row["daily_limit_minutes"] = change.daily_limit_minutes or None
    if change.quiet_windows is not None:
        row["quiet_hours"] = [[sorted(one.days), one.start, one.end] for one in change.quiet_windows]
    return row


def _set(connection: Connection, toy_id: PartyId, row: Mapping[str, Any]) -> None:
    """Raises NotFound."""
    if find_toy(connection, toy_id) is None:
        raise NotFound
    if row:
        connection.execute(update(toys).where(toys.c.id == toy_id).values(**row))


_NAME = update(parties).where(parties.c.id == bindparam("party")).values(name=bindparam("called"))
_NAME_GROUP = update(groups).where(groups.c.id == bindparam("group")).values(name=bindparam("called"))


def rename_toy(connection: Connection, toy_id: PartyId, name: str) -> None:
    """And the group that its family is."""
    connection.execute(_NAME, {"party": toy_id, "called": name})
    connection.execute(_NAME_GROUP, {"group": family_group(toy_id), "called": name})


def family_group(toy_id: PartyId) -> str:
    """The id of the group that a toy and its guardians are."""
    return "g" + toy_id.removeprefix("t")


# ── consent ──


def _in_force(toy_ids: Sequence[PartyId]) -> Any:
    return and_(consents.c.toy_id.in_(toy_ids), consents.c.withdrawn_at.is_(None))


def consents_in_force(connection: Connection, toy_ids: Sequence[PartyId]) -> dict[PartyId, Consent]:
    """The newest of each toy."""
    statement = select(consents).where(_in_force(toy_ids)).order_by(consents.c.given_at)
    return {PartyId(row.toy_id): _consent_of(row) for row in connection.execute(statement)}


def withdraw_consents_of(connection: Connection, toy_id: PartyId, guardian_id: PartyId, now: int) -> None:
    """Those that one guardian gave; the consent of another still counts."""
    theirs = and_(_in_force([toy_id]), consents.c.given_by == guardian_id)
    connection.execute(update(consents).where(theirs).values(withdrawn_at=now))
    forget_child_without_consent(connection, toy_id)


def forget_child_without_consent(connection: Connection, toy_id: PartyId) -> None:
    """No child's name is kept without a guardian's consent."""
    if not consents_in_force(connection, [toy_id]):
        connection.execute(update(toys).where(toys.c.id == toy_id).values(child_name=""))


def _give_consent(connection: Connection, consent: Consent) -> None:
    _set(connection, consent.toy_id, {"paused_at": None})
    newest = consents_in_force(connection, [consent.toy_id]).get(consent.toy_id)
    if newest and (newest.given_by, newest.version) == (consent.given_by, consent.version):
        return
    last = select(func.max(consents.c.given_at)).where(consents.c.toy_id == consent.toy_id)
    after_last = (connection.execute(last).scalar_one_or_none() or 0) + 1  # the time is part of the key
    connection.execute(
        insert(consents).values(
            toy_id=consent.toy_id,
            given_at=max(consent.given_at, after_last),
            given_by=consent.given_by,
            version=consent.version,
        )
    )
    raise_revision(connection)


def _consent_of(row: Row[Any]) -> Consent:
    return Consent(PartyId(row.toy_id), PartyId(row.given_by), row.version, row.given_at, row.withdrawn_at)


# ── rows ──


def select_toys() -> Select[Any]:
    return select(toys, parties.c.name).join_from(toys, parties, parties.c.id == toys.c.id)


# Built once: building a statement costs SQLAlchemy more than SQLite needs to run it.
_TOY = select_toys().where(toys.c.id == bindparam("toy"))


def find_toy(connection: Connection, toy_id: PartyId) -> Toy | None:
    row = connection.execute(_TOY, {"toy": toy_id}).one_or_none()
    return toy_of(row) if row else None


def made_toy(connection: Connection, toy_id: PartyId) -> Toy:
    """A toy that was written in this transaction."""
    toy = find_toy(connection, toy_id)
    assert toy is not None  # noqa: S101
    return toy


def toy_of(row: Row[Any]) -> Toy:
    return Toy(
        id=PartyId(row.id),
        name=row.name,
        child_name=row.child_name,
        settings=settings_of(row),
        bound_at=row.bound_at,
        picture=row.picture,
        colour=row.colour,
        paused_at=row.paused_at,
        heard_at=row.heard_at,
    )


def settings_of(row: Row[Any]) -> ToySettings:
    return ToySettings(quiet_hours_of(row), row.volume_cap, row.daily_limit_minutes, row.autoplay)


def quiet_hours_of(row: Row[Any]) -> QuietHours:
    """Reads the time zone's file the first time it is met: only for the database's own threads."""
    windows = tuple(
        QuietWindow(frozenset(Weekday(day) for day in days), start, end) for days, start, end in row.quiet_hours
    )
    return QuietHours(ZoneInfo(row.time_zone), windows)
