"""Songs and stories, and where they are playing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, func, insert, or_, select, tuple_, update

from toybackend.databases.engine import Engine
from toybackend.databases.kept import charge, kept_by_family
from toybackend.databases.tables import guardians, items, plays, toys
from toybackend.errors import NotFound, TooMany
from toybackend.models import Item, ItemId, ItemState, PartyId, PlayId, ShelfKind, Sound, SoundId
from toybackend.ports import Unconverted, Wanted


class SqlLibrary:
    """Satisfies `ports.Library`."""

    _engine: Engine

    async def add_item(
        self, item: Item, cover: bytes | None, *, most: int, size: int = 0, most_bytes: float = math.inf
    ) -> None:
        def query(connection: Connection) -> None:
            if item.owner_id is not None:
                _check_room(connection, item.owner_id, most, size, most_bytes)
            _add(connection, item, cover, size)

        await self._engine.write(query)

    async def kept_bytes(self, party_id: PartyId) -> int:
        return await self._engine.read(lambda connection: kept_by_family(connection, party_id))

    async def item(self, item_id: ItemId) -> Item | None:
        return await self._engine.read(lambda connection: _find(connection, item_id))

    async def items(
        self, reader_id: PartyId, wanted: Wanted, *, after: ItemId | None = None, limit: int
    ) -> Sequence[Item]:
        statement = _ITEMS.where(*_chosen(reader_id, wanted, after)).order_by(items.c.title, items.c.id)

        def query(connection: Connection) -> list[Item]:
            return list(islice(_titled(connection.execute(statement), wanted.search), limit))

        return await self._engine.read(query)

    async def change_item(self, item_id: ItemId, *, title: str | None = None, category: str | None = None) -> Item:
        given = {name: value for name, value in (("title", title), ("category", category)) if value is not None}

        def query(connection: Connection) -> Item:
            if given:
                connection.execute(update(items).where(items.c.id == item_id).values(**given))
            found = _find(connection, item_id)
            if found is None:
                raise NotFound
            return found

        return await self._engine.write(query)

    async def settle_item(
        self, item_id: ItemId, *, sound: Sound | None = None, mp3_bytes: int = 0, failure: str | None = None
    ) -> bool:
        state = ItemState.FAILED if sound is None else ItemState.READY
        settle = (
            update(items)
            .where(items.c.id == item_id, items.c.state == ItemState.CONVERTING)
            .values(state=state, failure=failure, duration_ms=sound.duration_ms if sound else None)
        )

        def query(connection: Connection) -> bool:
            if not connection.execute(settle).rowcount:
                return _find(connection, item_id) is not None
            _keep(connection, item_id, mp3_bytes)
            return True

        return await self._engine.write(query)

    async def unconverted_items(self) -> Sequence[Unconverted]:
        rows = await self._engine.read(lambda connection: connection.execute(_UNCONVERTED).all())
        return [
            Unconverted(SoundId(row.id), PartyId(row.owner_id or ""), row.owner_id or "", row.kept_bytes, row.crashes)
            for row in rows
        ]

    async def cover(self, item_id: ItemId) -> bytes | None:
        statement = select(items.c.cover).where(items.c.id == item_id)
        return await self._engine.read(lambda connection: connection.execute(statement).scalar_one_or_none())

    # ── plays ──

    async def start_plays(self, item_id: ItemId, started: Mapping[PartyId, PlayId], now: int) -> set[PartyId]:
        return await self._engine.write(lambda connection: _start(connection, item_id, started, now))

    async def stop_plays(self, toy_ids: Sequence[PartyId], now: int, play_id: PlayId | None = None) -> None:
        await self._engine.write(lambda connection: _stop(connection, toy_ids, now, play_id))

    async def playing(self, now: int) -> Sequence[PartyId]:
        found = await self._engine.read(lambda connection: connection.execute(_PLAYING, {"now": now}).scalars().all())
        return [PartyId(one) for one in found]

    async def was_started(self, toy_id: PartyId, item_id: ItemId, since: int) -> bool:
        asked = {"toy": toy_id, "item": item_id, "since": since}
        return await self._engine.read(lambda connection: connection.execute(_WAS_STARTED, asked).first() is not None)

    async def listened_ms(self, since: Mapping[PartyId, int], now: int) -> Mapping[PartyId, int]:
        def query(connection: Connection) -> dict[PartyId, int]:
            return {toy_id: _listened(connection, toy_id, start, now) for toy_id, start in since.items()}

        return await self._engine.read(query)


# ── items ──

_ITEMS: Select[Any] = select(
    *(column for column in items.c if column is not items.c.cover), items.c.cover.is_not(None).label("has_cover")
)
_ONE = _ITEMS.where(items.c.id == bindparam("item"))
_UNCONVERTED = (
    select(items.c.id, items.c.owner_id, items.c.kept_bytes, items.c.crashes)
    .where(items.c.state == ItemState.CONVERTING)
    .order_by(items.c.added_at, items.c.id)
)


def _check_room(connection: Connection, owner_id: PartyId, most: int, size: int, most_bytes: float) -> None:
    kept = select(func.count()).where(items.c.owner_id == owner_id)
    if connection.execute(kept).scalar_one() >= most:
        raise TooMany(f"one person keeps at most {most} recordings")
    if kept_by_family(connection, owner_id) + size > most_bytes:
        raise TooMany(f"one family keeps at most {most_bytes} bytes of sound")


def _keep(connection: Connection, item_id: ItemId, size: int) -> None:
    """Of this item so many bytes are on the disk from now on."""
    row = connection.execute(select(items.c.owner_id, items.c.kept_bytes).where(items.c.id == item_id)).one()
    connection.execute(update(items).where(items.c.id == item_id).values(kept_bytes=size))
    charge(connection, {row.owner_id: size - row.kept_bytes})


def _add(connection: Connection, item: Item, cover: bytes | None, size: int) -> None:
    row = {
        "id": item.id,
        "owner_id": item.owner_id,
        "title": item.title,
        "category": item.category,
        "state": item.state,
        "added_at": item.added_at,
        "duration_ms": item.duration_ms,
        "failure": item.failure,
        "cover": cover,
        "kept_bytes": size,
    }
    connection.execute(insert(items), row)
    charge(connection, {item.owner_id: size})


def _find(connection: Connection, item_id: ItemId) -> Item | None:
    row = connection.execute(_ONE, {"item": item_id}).one_or_none()
    return _item_of(row) if row else None


def _chosen(reader_id: PartyId, wanted: Wanted, after: ItemId | None) -> Iterator[ColumnElement[bool]]:
    mine, theirs = guardians.alias("mine"), guardians.alias("theirs")
    companions = (
        select(theirs.c.account_id)
        .join_from(mine, theirs, mine.c.toy_id == theirs.c.toy_id)
        .where(mine.c.account_id == reader_id)
    )
    is_seen = or_(items.c.owner_id.is_(None), items.c.owner_id == reader_id, items.c.owner_id.in_(companions))
    yield is_seen
    if wanted.shelf is not None:
        yield items.c.owner_id.is_(None) if wanted.shelf is ShelfKind.SHARED else items.c.owner_id.is_not(None)
    if wanted.category:
        yield items.c.category == wanted.category
    if after is not None:
        place = select(items.c.title).where(items.c.id == after, is_seen).scalar_subquery()
        yield tuple_(items.c.title, items.c.id) > tuple_(place, after)


def _titled(rows: Iterable[Row[Any]], search: str) -> Iterator[Item]:
    """Those with this in their title. Not by SQL, whose idea of upper and lower case is English in SQLite."""
    wanted = search.casefold()
    return (_item_of(row) for row in rows if wanted in row.title.casefold())


def _item_of(row: Row[Any]) -> Item:
    return Item(
        id=ItemId(row.id),
        owner_id=PartyId(row.owner_id) if row.owner_id else None,
        title=row.title,
        category=row.category,
        state=ItemState(row.state),
        added_at=row.added_at,
        duration_ms=row.duration_ms,
        failure=row.failure,
        has_cover=bool(row.has_cover),
    )


# ── plays ──

_IS_OVER = plays.c.started_at + items.c.duration_ms
_PLAYING = (
    select(plays.c.toy_id)
    .join(items, items.c.id == plays.c.item_id)
    .where(plays.c.stopped_at.is_(None), bindparam("now") < _IS_OVER)
    .distinct()
    .order_by(plays.c.toy_id)
)
_WAS_STARTED = select(plays.c.id).where(
    plays.c.toy_id == bindparam("toy"),
    plays.c.item_id == bindparam("item"),
    plays.c.started_at >= bindparam("since"),
    plays.c.stopped_at.is_(None),
)
_LATELY = (
    select(plays.c.started_at, plays.c.stopped_at, items.c.duration_ms)
    .join(items, items.c.id == plays.c.item_id)
    .where(plays.c.toy_id == bindparam("toy"), bindparam("since") < _IS_OVER)
)


def _start(connection: Connection, item_id: ItemId, started: Mapping[PartyId, PlayId], now: int) -> set[PartyId]:
    if _find(connection, item_id) is None:
        raise NotFound
    there = select(toys.c.id).where(
        toys.c.id.in_(list(started)), toys.c.bound_at.is_not(None), toys.c.paused_at.is_(None)
    )
    toy_ids = [PartyId(one) for one in connection.execute(there).scalars()]
    _stop(connection, toy_ids, now, None)
    rows = [{"id": started[toy_id], "toy_id": toy_id, "item_id": item_id, "started_at": now} for toy_id in toy_ids]
    if rows:
        connection.execute(insert(plays), rows)
    return set(toy_ids)


def _stop(connection: Connection, toy_ids: Sequence[PartyId], now: int, play_id: PlayId | None) -> None:
    under_way = update(plays).where(plays.c.toy_id.in_(toy_ids), plays.c.stopped_at.is_(None))
    if play_id is not None:
        under_way = under_way.where(plays.c.id == play_id)
    connection.execute(under_way.values(stopped_at=now))


def _listened(connection: Connection, toy_id: PartyId, since: int, now: int) -> int:
    """Of a play, what lies between the two moments; one whose end was never said lasts as long as its item."""
    lately = connection.execute(_LATELY, {"toy": toy_id, "since": since})
    ends = ((row, min(row.stopped_at or now, row.started_at + row.duration_ms, now)) for row in lately)
    return sum(max(0, end - max(row.started_at, since)) for row, end in ends)
