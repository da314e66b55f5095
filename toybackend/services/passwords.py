"""Passwords: which are taken, and how they are kept.

They are kept as argon2id, which is meant to be slow, so it runs in a thread and one at a time: a flood of log-ins must
not hold up the voices. Weighing a new password (zxcvbn) is slow as well, and waits in the same line.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
import unicodedata
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

import argon2
from argon2.exceptions import VerificationError
from zxcvbn import zxcvbn

from toybackend.errors import Overloaded, TooLong, WeakPassword

LEAST_PASSWORD = 8
MOST_PASSWORD = 1024
LEAST_GUESSES = 1_000_000
"""Ten wrong tries for a name in five minutes are a million in a year: what is guessed with fewer is refused."""
MOST_WEIGHED = 24
"""Characters that are looked at. A password is as hard to guess as its beginning, or harder; and with all that may
stand for a letter, such as `@` for `a`, the time it takes to look at longer ones grows without bound."""
MOST_WAITING = 32
"""Passwords that may wait for their turn; one more is `overloaded`."""

P = ParamSpec("P")
T = TypeVar("T")


class Passwords:
    """Hashes and checks."""

    def __init__(self) -> None:
        self._hasher = argon2.PasswordHasher()
        self._nobodys = _hash_of_no_password(self._hasher)
        self._one_at_a_time = asyncio.Lock()
        self._waiting = 0

    async def new(self, password: str, *, names: Sequence[str] = ()) -> str:
        """What to keep of a new password. `names` are those of its owner, which are guessed first.
        Raises WeakPassword, TooLong or Overloaded."""
        if len(password) > MOST_PASSWORD:
            raise TooLong(f"a password has at most {MOST_PASSWORD} characters")
        if len(password) < LEAST_PASSWORD:
            raise WeakPassword(f"a password has at least {LEAST_PASSWORD} characters")
        return await self._in_turn(self._weigh_and_hash, _as_typed_anywhere(password), names)

    async def is_right(self, password: str, known: str | None) -> bool:
        """Is this the password that was kept as `known`? None, for nobody's, takes as long. Raises Overloaded."""
        return await self._in_turn(self._verify, known or self._nobodys, _as_typed_anywhere(password[:MOST_PASSWORD]))

    async def again(self, password: str, known: str) -> str | None:
        """The right password, kept as it is done today; None when `known` already is. Raises Overloaded."""
        if not self._hasher.check_needs_rehash(known):
            return None
        return await self._in_turn(self._hasher.hash, _as_typed_anywhere(password[:MOST_PASSWORD]))

    async def _in_turn(self, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        if self._waiting >= MOST_WAITING:
            raise Overloaded("too many passwords are being checked", retry_after=1)
        self._waiting += 1
        try:
            async with self._one_at_a_time:
                return await asyncio.to_thread(work, *given, **named)
        finally:
            self._waiting -= 1

    def _weigh_and_hash(self, password: str, names: Sequence[str]) -> str:
        words = {word for name in names for word in (name, *name.split())}
        if zxcvbn(password[:MOST_WEIGHED], user_inputs=sorted(words))["guesses"] < LEAST_GUESSES:
            raise WeakPassword("this password is one of those that are tried first; take a few words, or a longer one")
        return self._hasher.hash(password)

    def _verify(self, known: str, password: str) -> bool:
        try:
            return self._hasher.verify(known, password)
        except (VerificationError, ValueError):  # wrong, or kept as no hash at all
            return False


def _as_typed_anywhere(password: str) -> str:
    """One keyboard sends an accent with its letter, another behind it."""
    return unicodedata.normalize("NFC", password)


def _hash_of_no_password(hasher: argon2.PasswordHasher) -> str:
    """In the form and with the cost of all others (PHC string format), and there is no password to it."""
    salt, made = (
        base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=")
        for length in (hasher.salt_len, hasher.hash_len)
    )
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v={argon2.low_level.ARGON2_VERSION}${cost}${salt}${made}"
