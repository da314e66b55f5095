"""Secrets that prove something, and what we keep of them: only their SHA-256.

Tokens and licences have 128 random bits or more, so a plain digest is enough; passwords have not, and get
argon2id (`passwords.py`).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence

from toybackend.errors import NotAuthenticated, NotFound
from toybackend.models import Party, PartyId, PartyKind, Session
from toybackend.ports import Bus, Changed, Clock
from toybackend.ports import Tokens as TokenTable

COOKIE = "toybackend_session"
"""Name of the cookie in which a page holds its token; scripts cannot read it. A browser sends it to both listeners,
because cookies do not know ports."""
MILLISECONDS_PER_DAY = 86_400_000


def digest(secret: str) -> str:
    """SHA-256 of a token or licence, as hex digits. Takes whatever a client may send, surrogates included."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def bearer_token(lines: Sequence[str]) -> str | None:
    """What the `Authorization` lines of a request or handshake show (RFC 6750). None where they are of another kind, or
    there are none; empty where they say nothing, or are several: whatever stands in front of us may have looked at the
    other one."""
    scheme, _, token = (lines[0] if lines else "").partition(" ")
    if len(lines) > 1:
        return ""
    return token.strip(" \t") if scheme.lower() == "bearer" else None


class Tokens:
    """Bearer tokens (RFC 6750) for people and toys."""

    def __init__(self, table: TokenTable, bus: Bus, *, days: int, clock: Clock) -> None:
        self._table = table
        self._bus = bus
        self._lifetime = days * MILLISECONDS_PER_DAY
        self._clock = clock

    async def give(self, party_id: PartyId, kind: PartyKind, *, session_id: str = "", label: str = "") -> str:
        """A fresh token. People call theirs by `session_id` and `label`. Raises NotAuthenticated when the party was
        erased a moment ago."""
        token, now, expires_at = self.fresh()
        await self._table.add_token(digest(token), party_id, kind, now, expires_at, session_id=session_id, label=label)
        return token

    def fresh(self) -> tuple[str, int, int]:
        """A token that is not stored yet, since when and until when it works: for whoever stores it together with
        something else."""
        now = self._clock()
        return secrets.token_urlsafe(32), now, now + self._lifetime

    async def bearer(self, token: str) -> Party:
        """Whom this token speaks for. Raises NotAuthenticated."""
        party = await self._table.bearer(digest(token), self._clock())
        if party is None:
            raise NotAuthenticated
        return party

    async def bearers(self, digests: Sequence[str]) -> Mapping[str, Party]:
        """Whom these tokens, known by their digests, still speak for; those that are over are missing."""
        return await self._table.bearers(digests, self._clock())

    async def revision(self) -> int:
        """See `ports.Tokens.revision`."""
        return await self._table.revision()

    async def end(self, token: str) -> None:
        """Log out: the token is no good any more, and what it opened closes."""
        party_id = await self._table.remove_token(digest(token))
        if party_id is not None:
            await self._bus.publish(Changed(party_id))

    async def sessions(self, person_id: PartyId, token: str) -> Sequence[Session]:
        """Where this person is logged in, newest first; `token` is the one that asks."""
        return await self._table.sessions(person_id, digest(token), self._clock())

    async def end_session(self, person_id: PartyId, session_id: str) -> None:
        """Log this person out in one place; what was opened there closes. Raises NotFound."""
        if not await self._table.remove_session(person_id, session_id):
            raise NotFound
        await self._bus.publish(Changed(person_id))
