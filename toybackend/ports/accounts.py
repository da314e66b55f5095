"""Grown-ups, and the tokens that speak for them and for toys."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Protocol

from toybackend.models import Account, Party, PartyId, PartyKind, Session


def name_key(name: str) -> str:
    """What makes a log-in name unique: neither case nor the way its accents were typed does."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


class Accounts(Protocol):
    """Who can log in. Two names are the same when their `name_key` is."""

    async def add_account(self, account: Account, invitation: str | None = None) -> None:
        """With the digest of an `invitation`, use that up in the same transaction.
        Raises NameTaken, or InvitationWrong (also: expired at the account's `created_at`)."""

    async def account(self, name: str) -> Account | None:
        """By log-in name."""

    async def account_of(self, account_id: PartyId) -> Account | None: ...

    async def accounts(self) -> Sequence[Account]:
        """Everybody, by name."""

    async def set_password(self, account_id: PartyId, password_hash: str, keep: str | None) -> None:
        """And end every token of this person but the one of digest `keep`."""

    async def replace_hash(self, account_id: PartyId, old: str, new: str) -> None:
        """Keep the same password in another way. Does nothing if the hash is not `old` any more."""

    async def rename_account(self, account_id: PartyId, name: str) -> None:
        """Raises NameTaken."""

    async def set_operator(self, account_id: PartyId, is_operator: bool) -> None: ...

    async def add_invitations(self, digests: Sequence[str], expires_at: int) -> None: ...


class Tokens(Protocol):
    """Bearer tokens, kept as SHA-256 and never as themselves."""

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
        """For a toy this ends every token it had: it has one life at a time. Raises NotAuthenticated when the party
        was erased a moment ago."""

    async def bearer(self, digest: str, now: int) -> Party | None:
        """Whom a token speaks for; None when it is unknown or expired."""

    async def bearers(self, digests: Sequence[str], now: int) -> Mapping[str, Party]:
        """The same for many at once; those that are over are missing."""

    async def has_token(self, party_id: PartyId, now: int) -> bool:
        """Is there any token that speaks for this party?"""

    async def remove_token(self, digest: str) -> PartyId | None:
        """Whose it was; None when there was none."""

    async def sessions(self, person_id: PartyId, current: str, now: int) -> Sequence[Session]:
        """Where this person is logged in, newest first; `current` is the digest of the token that asks."""

    async def remove_session(self, person_id: PartyId, session_id: str) -> bool:
        """Log this person out in one place. False where there is no such session."""

    async def revision(self) -> int:
        """A number that grows whenever something changes that open sockets must learn of, whichever process changed
        it: tokens that ended, a toy that found its owner, what its guardians set."""
