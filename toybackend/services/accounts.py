"""Grown-ups: how they come to have an account, log in, and change what they are called and log in with."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from toybackend.errors import (
    InvitationWrong,
    MissingField,
    NotAllowed,
    NotAuthenticated,
    TooLong,
    UnknownRecipient,
)
from toybackend.models import Account, PartyId, PartyKind
from toybackend.ports import Accounts as AccountTable
from toybackend.ports import Bus, Changed, Clock, NewId
from toybackend.ports.accounts import name_key
from toybackend.services.passwords import Passwords
from toybackend.services.tokens import MILLISECONDS_PER_DAY, Tokens, digest
from toybackend.services.tries import Tries
from toybackend.settings import Access, Registration

MOST_NAME = 64
LOGIN_SECONDS = 300
REGISTRATION_SECONDS = 3600

INVITATION_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""No 0 and O, no 1 and I: a code may come on paper."""
INVITATION_LENGTH = 16
"""80 random bits: nobody finds one, not even from its digest."""
INVITATION_PART = 4

NEVER_IN_NAMES = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode's control characters, halves of surrogates and line separators."""


@dataclass(frozen=True, slots=True)
class Client:
    """Where somebody comes from; one of this machine, such as a command, has neither."""

    address: str = ""
    """What its tries are counted under."""
    label: str = ""
    """What it calls itself."""


HERE = Client()


class Accounts:
    """Accounts, and logging in to them."""

    def __init__(
        self,
        table: AccountTable,
        bus: Bus,
        tokens: Tokens,
        passwords: Passwords,
        *,
        access: Access,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self._table = table
        self._bus = bus
        self._tokens = tokens
        self._passwords = passwords
        self._access = access
        self._clock = clock
        self._new_id = new_id
        self._tries = Tries(access.login_tries, LOGIN_SECONDS)
        self._tries_from = Tries(access.login_tries_per_address, LOGIN_SECONDS)
        self._registrations_from = Tries(access.registrations_per_hour, REGISTRATION_SECONDS)
        self._renames = Tries(access.registrations_per_hour, REGISTRATION_SECONDS)

    # ── becoming somebody ──

    async def register(
        self, name: str, password: str, client: Client, invitation: str | None = None
    ) -> tuple[Account, str]:
        """An account for whoever asks, and a token: they are logged in. Raises NotAllowed, InvitationWrong,
        RateLimited, and what `add` does."""
        if self._access.registration is Registration.CLOSED:
            raise NotAllowed("registration is closed")
        self._registrations_from.count(client.address, self._clock())
        account = await self._add(name, password, invitation_digest=self._invitation(invitation))
        return account, await self._let_in(account, client)

    async def add(self, name: str, password: str, *, is_operator: bool = False) -> Account:
        """For whoever runs the server. Raises MissingField, TooLong, WeakPassword, NameTaken or Overloaded."""
        return await self._add(name, password, is_operator=is_operator)

    async def _add(
        self, name: str, password: str, *, invitation_digest: str | None = None, is_operator: bool = False
    ) -> Account:
        name = _tidy(name)
        password_hash = await self._passwords.new(password, names=[name])
        account = Account(PartyId(self._new_id("p")), name, password_hash, self._clock(), is_operator)
        await self._table.add_account(account, invitation_digest)
        return account

    def _invitation(self, code: str | None) -> str | None:
        """The digest of the invitation that is needed, if one is. Raises InvitationWrong."""
        if self._access.registration is not Registration.INVITATION:
            return None
        if not code:
            raise InvitationWrong("an invitation is needed to register")
        return _invitation_digest(code)

    async def invite(self, count: int) -> tuple[Sequence[str], int]:
        """So many codes, each good for one registration, and when they expire; they cannot be shown again."""
        codes = [_new_invitation() for _ in range(count)]
        expires_at = self._clock() + self._access.invitation_days * MILLISECONDS_PER_DAY
        await self._table.add_invitations([_invitation_digest(one) for one in codes], expires_at)
        return codes, expires_at

    # ── logging in ──

    async def log_in(self, name: str, password: str, client: Client = HERE) -> tuple[Account, str]:
        """The account and a fresh token. Raises NotAuthenticated, RateLimited after too many wrong tries, or
        Overloaded."""
        now = self._clock()
        account = await self._table.account(_composed(name))
        key = name_key(_composed(name))
        self._tries_from.count(client.address, now)
        self._tries.count(key, now)
        is_right = await self._passwords.is_right(password, account.password_hash if account else None)
        if account is None or not is_right:
            raise NotAuthenticated("name or password is wrong")
        self._tries.forget(key)
        self._tries_from.take_back(client.address)
        await self._keep_up_to_date(account, password)
        token = await self._let_in(account, client)
        await self._check_still_right(account, password, token)
        return account, token

    async def _let_in(self, account: Account, client: Client) -> str:
        return await self._tokens.give(account.id, PartyKind.PERSON, session_id=self._new_id("s"), label=client.label)

    async def _keep_up_to_date(self, account: Account, password: str) -> None:
        """Keep the password as it is done today: this is the only moment at which it is known."""
        better = await self._passwords.again(password, account.password_hash)
        if better is not None:
            await self._table.replace_hash(account.id, account.password_hash, better)

    async def _check_still_right(self, account: Account, password: str, token: str) -> None:
        """A password that was changed while it was checked ended every token, but not the one given since.
        Raises NotAuthenticated."""
        found = await self._table.account_of(account.id)
        if found is not None and found.password_hash == account.password_hash:
            return
        if found is None or not await self._passwords.is_right(password, found.password_hash):
            await self._tokens.end(token)
            raise NotAuthenticated("name or password is wrong")

    # ── being somebody ──

    async def profile(self, account_id: PartyId) -> Account:
        """Raises NotAuthenticated when it was erased a moment ago."""
        account = await self._table.account_of(account_id)
        if account is None:
            raise NotAuthenticated
        return account

    async def rename(self, account_id: PartyId, name: str) -> Account:
        """Raises MissingField, TooLong, NameTaken or RateLimited."""
        # Whether a name is taken is not for everybody to find out.
        self._renames.count(account_id, self._clock())
        await self._table.rename_account(account_id, _tidy(name))
        await self._bus.publish(Changed(account_id))
        return await self.profile(account_id)

    async def change_password(self, account_id: PartyId, old: str, new: str, *, token: str) -> None:
        """Whoever is logged in elsewhere is logged out; only `token` stays. Raises NotAuthenticated, RateLimited,
        WeakPassword, TooLong or Overloaded."""
        account = await self.profile(account_id)
        key = name_key(account.name)
        self._tries.count(key, self._clock())
        if not await self._passwords.is_right(old, account.password_hash):
            raise NotAuthenticated("the old password is wrong")
        self._tries.forget(key)
        await self._set_password(account, new, keep=digest(token))

    async def _set_password(self, account: Account, password: str, *, keep: str | None) -> None:
        password_hash = await self._passwords.new(password, names=[account.name])
        await self._table.set_password(account.id, password_hash, keep)
        await self._bus.publish(Changed(account.id))

    # ── for whoever runs the server ──

    async def find(self, name: str) -> Account:
        """By log-in name. Raises UnknownRecipient."""
        account = await self._table.account(_composed(name))
        if account is None:
            raise UnknownRecipient(f"there is no account {name!r}")
        return account

    async def everybody(self) -> Sequence[Account]:
        return await self._table.accounts()

    async def reset_password(self, name: str, password: str) -> Account:
        """And log them out everywhere. Raises UnknownRecipient, WeakPassword, TooLong or Overloaded."""
        account = await self.find(name)
        await self._set_password(account, password, keep=None)
        return account

    async def set_operator(self, name: str, is_operator: bool) -> Account:
        """Raises UnknownRecipient."""
        account = await self.find(name)
        await self._table.set_operator(account.id, is_operator)
        return await self.profile(account.id)


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name.strip())


def _tidy(name: str) -> str:
    """A name as it is kept. Raises MissingField or TooLong."""
    name = name.strip()
    if not name:
        raise MissingField("a name has at least one character")
    if len(name) > MOST_NAME:
        raise TooLong(f"a name has at most {MOST_NAME} characters")
    if any(unicodedata.category(letter) in NEVER_IN_NAMES for letter in name):
        raise MissingField("a name is on one line and has no control characters")
    return _composed(name)


def _new_invitation() -> str:
    code = "".join(secrets.choice(INVITATION_ALPHABET) for _ in range(INVITATION_LENGTH))
    return "-".join(code[at : at + INVITATION_PART] for at in range(0, INVITATION_LENGTH, INVITATION_PART))


def _invitation_digest(code: str) -> str:
    """Of the code however it was typed: small letters, spaces and no dashes are fine."""
    return digest("".join(letter for letter in code.upper() if letter.isalnum()))
