"""Grown-ups who can log in."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import argon2
from argon2.exceptions import VerificationError

from toybackend.errors import MissingField, NotAuthenticated, Overloaded, RateLimited, TooLong
from toybackend.models import Account, PartyId, PartyKind
from toybackend.ports import Clock, NewId, Parties
from toybackend.services.tokens import Tokens

LEAST_PASSWORD = 8
MOST_PASSWORD = 1024
MOST_NAME = 64
WINDOW_MS = 300_000
MOST_NAMES_WATCHED = 10_000
MOST_HASHES = 32
"""Log-ins that may wait for their password to be checked."""

P = ParamSpec("P")
T = TypeVar("T")


class Accounts:
    """Adding accounts and logging in."""

    def __init__(self, parties: Parties, tokens: Tokens, *, login_tries: int, clock: Clock, new_id: NewId) -> None:
        self._parties = parties
        self._tokens = tokens
        self._tries = _Tries(login_tries)
        self._clock = clock
        self._new_id = new_id
        self._hasher = argon2.PasswordHasher()
        self._one_hash = asyncio.Lock()
        self._hashes = 0
        # What an unknown name is checked against, so that it takes as long as a wrong password.
        self._nobody = self._hasher.hash("nobody")

    async def add(self, name: str, password: str) -> Account:
        """Raises MissingField, TooLong or NameTaken."""
        name = name.strip()
        if not name or len(password) < LEAST_PASSWORD:
            raise MissingField(f"a name, and a password of at least {LEAST_PASSWORD} characters")
        if len(name) > MOST_NAME or len(password) > MOST_PASSWORD:
            raise TooLong(f"a name has at most {MOST_NAME} characters, a password {MOST_PASSWORD}")
        hashed = await self._hashing(self._hasher.hash, password)
        account = Account(PartyId(self._new_id("p")), name, hashed, self._clock())
        await self._parties.add_account(account)
        return account

    async def log_in(self, name: str, password: str) -> tuple[Account, str]:
        """The account and a fresh token. Raises NotAuthenticated, or RateLimited after too many wrong tries."""
        key = name.strip().casefold()
        self._tries.count(key, self._clock())
        account = await self._parties.account(name.strip())
        known = account.password_hash if account else self._nobody
        is_right = await self._hashing(self._verify, known, password[:MOST_PASSWORD])
        if account is None or not is_right:
            raise NotAuthenticated("name or password is wrong")
        self._tries.forget(key)
        return account, await self._tokens.give(account.id, PartyKind.PERSON)

    async def _hashing(self, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """Run argon2, which is meant to be slow, one at a time: a flood of log-ins must not hold up the voices.
        Raises Overloaded."""
        if self._hashes >= MOST_HASHES:
            raise Overloaded("too many are logging in", retry_after=1)
        self._hashes += 1
        try:
            async with self._one_hash:
                return await asyncio.to_thread(work, *given, **named)
        finally:
            self._hashes -= 1

    def _verify(self, known: str, password: str) -> bool:
        try:
            return self._hasher.verify(known, password)
        except VerificationError:
            return False


class _Tries:
    """Wrong passwords per name within a sliding window; the names watched are bounded."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._wrong: OrderedDict[str, deque[int]] = OrderedDict()

    def count(self, key: str, now: int) -> None:
        """One more try, counted before its outcome is known: many at once are many. Raises RateLimited."""
        times = self._wrong.setdefault(key, deque())
        self._wrong.move_to_end(key)
        if len(self._wrong) > MOST_NAMES_WATCHED:
            self._wrong.popitem(last=False)
        while times and times[0] <= now - WINDOW_MS:
            times.popleft()
        if len(times) >= self._most:
            raise RateLimited(retry_after=(times[0] + WINDOW_MS - now) // 1000 + 1)
        times.append(now)

    def forget(self, key: str) -> None:
        """The password was right."""
        self._wrong.pop(key, None)
