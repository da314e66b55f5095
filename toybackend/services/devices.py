"""Licences, switching on, and finding an owner."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from toybackend.errors import ClaimWrong, Overloaded, UnknownRecipient
from toybackend.models import BootState, Claim, PartyId, PartyKind, Toy
from toybackend.ports import Bus, Clock, Database, NewId, Wake
from toybackend.services.tokens import Tokens, digest

CLAIM_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""No 0 and O, 1, I and L: a code is read from a toy and typed by hand."""
CLAIM_LENGTH = 8
CLAIM_TRIES = 8
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Boot:
    """What a toy learns when it is switched on."""

    state: BootState
    toy: Toy | None = None
    token: str | None = None
    """Good for `/toy`; of an unbound toy only for waiting there."""
    claim: Claim | None = None


class Devices:
    """What makers, toys and new owners do with a device."""

    def __init__(
        self, database: Database, bus: Bus, tokens: Tokens, *, claim_seconds: int, clock: Clock, new_id: NewId
    ) -> None:
        self._database = database
        self._bus = bus
        self._tokens = tokens
        self._claim_seconds = claim_seconds
        self._clock = clock
        self._new_id = new_id

    async def issue(self, count: int) -> list[tuple[PartyId, str]]:
        """New licences as (toy id, 32 hex digits). They are shown this once: only their digests are kept."""
        made = [(PartyId(self._new_id("t")), secrets.token_hex(16)) for _ in range(count)]
        for start in range(0, count, BATCH):
            batch = made[start : start + BATCH]
            await self._database.add_licences([(digest(code), toy) for toy, code in batch], self._clock())
        return made

    async def power_on(self, licence: str) -> Boot:
        """Which of its three states a toy is in."""
        toy = await self._database.licensed_toy(digest(licence.strip().lower()))
        if toy is None:
            return Boot(BootState.UNLICENSED)
        if toy.bound_at is not None:
            return Boot(BootState.READY, toy, await self._tokens.give(toy.id, PartyKind.TOY))
        claim = await self._new_claim(toy)
        return Boot(BootState.UNBOUND, toy, await self._tokens.give(toy.id, PartyKind.WAITING_TOY), claim)

    async def bind(self, owner: str, code: str, name: str = "") -> Toy:
        """Make the waiting toy that shows this code the toy of this account (by log-in name).
        Raises UnknownRecipient, ClaimWrong, ClaimExpired or AlreadyBound."""
        account = await self._database.account(owner)
        if account is None:
            raise UnknownRecipient(f"there is no account {owner!r}")
        toy = await self._database.bind(code.strip().upper().replace("-", ""), account.id, name, self._clock())
        await self._bus.publish(Wake(toy.id))
        return toy

    async def is_bound(self, toy_id: PartyId) -> bool:
        toy = await self._database.toy(toy_id)
        return toy is not None and toy.bound_at is not None

    async def _new_claim(self, toy: Toy) -> Claim:
        expires_at = self._clock() + self._claim_seconds * 1000
        for _ in range(CLAIM_TRIES):
            code = "".join(secrets.choice(CLAIM_ALPHABET) for _ in range(CLAIM_LENGTH))
            claim = Claim(code, toy.id, expires_at)
            try:
                await self._database.set_claim(claim)
            except ClaimWrong:  # another waiting toy shows this very code
                continue
            return claim
        raise Overloaded("no claim code is free")
