"""Secrets that prove something, and what we keep of them: only their SHA-256.

Tokens and licences have 128 random bits or more, so a plain digest is enough; passwords have not, and get
argon2id (`accounts.py`).
"""

from __future__ import annotations

import hashlib
import secrets

from toybackend.errors import NotAuthenticated
from toybackend.models import Party, PartyId, PartyKind
from toybackend.ports import Clock
from toybackend.ports import Tokens as TokenTable

MILLISECONDS_PER_DAY = 86_400_000


def digest(secret: str) -> str:
    """SHA-256 of a token or licence, as hex digits. Takes whatever a client may send, surrogates included."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class Tokens:
    """Bearer tokens (RFC 6750) for people and toys."""

    def __init__(self, table: TokenTable, *, days: int, clock: Clock) -> None:
        self._table = table
        self._lifetime = days * MILLISECONDS_PER_DAY
        self._clock = clock

    async def give(self, party_id: PartyId, kind: PartyKind) -> str:
        token = secrets.token_urlsafe(32)
        now = self._clock()
        await self._table.add_token(digest(token), party_id, kind, now, now + self._lifetime)
        return token

    async def bearer(self, token: str) -> Party:
        """Whom this token speaks for. Raises NotAuthenticated."""
        party = await self._table.bearer(digest(token), self._clock())
        if party is None:
            raise NotAuthenticated
        return party

    async def end(self, token: str) -> None:
        await self._table.remove_token(digest(token))
