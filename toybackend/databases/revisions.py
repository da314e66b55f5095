"""One number that grows whenever open sockets must look again, whichever process made the change."""

from __future__ import annotations

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert as upsert

from toybackend.databases.tables import revisions

_SOCKETS = "sockets"
_RAISE = (
    upsert(revisions)
    .values(name=_SOCKETS, number=1)
    .on_conflict_do_update(index_elements=[revisions.c.name], set_={"number": revisions.c.number + 1})
)
_READ = select(revisions.c.number).where(revisions.c.name == _SOCKETS)


def raise_revision(connection: Connection) -> None:
    """In the transaction that makes the change."""
    connection.execute(_RAISE)


def read_revision(connection: Connection) -> int:
    return connection.execute(_READ).scalar_one_or_none() or 0
