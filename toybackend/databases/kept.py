"""How many bytes of sound are kept for everybody.

Counted along with every row that comes, changes or goes, in the same transaction, because to add them up for every
message would take longer and longer. Whatever is said counts for whoever said it, and a song for whoever owns it; what
is asked for is the family: everybody who guards a toy together, however far that reaches, and all their toys.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import CTE, Connection, Select, String, bindparam, case, func, or_, select, update

from toybackend.databases.tables import guardians, messages, parties

SAID = messages.c.mp3_bytes + case((messages.c.has_original, messages.c.original_bytes), else_=0)
"""Of one message, now."""


def _family() -> CTE:
    """Those grown-ups of which the party is one, or one of whose toys it is."""
    mine, theirs = guardians.alias("mine"), guardians.alias("theirs")
    itself: Select[Any] = select(bindparam("party", type_=String).label("id"))
    family = itself.cte("family", recursive=True)
    its_guardians = select(guardians.c.account_id).where(guardians.c.toy_id == bindparam("party"))
    together = select(theirs.c.account_id).join_from(mine, theirs, mine.c.toy_id == theirs.c.toy_id)
    return family.union(its_guardians, together.join(family, mine.c.account_id == family.c.id))


def _kept() -> Select[int]:
    family = _family()
    theirs = select(guardians.c.toy_id).where(guardians.c.account_id.in_(select(family.c.id)))
    belongs = or_(parties.c.id.in_(select(family.c.id)), parties.c.id.in_(theirs))
    return select(func.coalesce(func.sum(parties.c.kept_bytes), 0)).where(belongs)


_KEPT = _kept()
_CHARGE = (
    update(parties)
    .where(parties.c.id == bindparam("party"))
    .values(kept_bytes=parties.c.kept_bytes + bindparam("more"))
)


def kept_by_family(connection: Connection, party_id: str) -> int:
    """Bytes kept for the family of this person or toy."""
    return int(connection.execute(_KEPT, {"party": party_id}).scalar_one())


def charge(connection: Connection, more: Mapping[str | None, int]) -> None:
    """So many bytes more are kept for each of these, or fewer. What belongs to nobody counts for nobody."""
    rows = [{"party": party_id, "more": size} for party_id, size in more.items() if party_id is not None and size]
    if rows:
        connection.execute(_CHARGE, rows)
