"""Boards with licences: made by the maker, switched on at home."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from toybackend.errors import AlreadyBound, NotAllowed, NotFound
from toybackend.models import BootState, Claim, Device, DeviceId, PartyId, Toy
from toybackend.ports import Bus, Changed, Clock, Database, NewId
from toybackend.services.challenges import Challenge, Challenges
from toybackend.services.tokens import Tokens, digest
from toybackend.services.toys import Toys
from toybackend.services.tries import Tries
from toybackend.settings import Access

BATCH = 1000
"""Licences in one transaction."""
WRONG_SECONDS = 60
LOOKUP_SECONDS = 600


class DeviceState(StrEnum):
    """What somebody who is about to buy a toy is told about it."""

    FREE = "free"
    BOUND = "bound"
    UNLICENSED = "unlicensed"
    """Revoked, or not one of ours; which of the two is nobody's business."""


@dataclass(frozen=True, slots=True)
class Boot:
    """What a toy learns when it is switched on."""

    state: BootState
    toy: Toy | None = None
    token: str | None = None
    """Good for `/toy`; of an unbound toy only for waiting there, until it finds its owner."""
    claim: Claim | None = None


def fingerprint(licence_digest: str) -> DeviceId:
    """The id of a device: what its licence, known only to the board, makes everybody call it. A board that knows
    nothing but its licence works it out by itself: base32 of SHA-256 of SHA-256 of the licence's 32 hex digits in lower
    case, its first 20 characters, in lower case."""
    once_more = hashlib.sha256(bytes.fromhex(licence_digest)).digest()
    return DeviceId("d_" + base64.b32encode(once_more).decode().lower()[:20])


class Devices:
    """What makers and toys do with a device."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        toys: Toys,
        tokens: Tokens,
        challenges: Challenges,
        *,
        access: Access,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self._database = database
        self._bus = bus
        self._toys = toys
        self._tokens = tokens
        self._challenges = challenges
        self._takes_bare_licences = access.bare_licence
        self._wrong = Tries(access.licence_tries, WRONG_SECONDS)
        self._lookups = Tries(access.device_lookups, LOOKUP_SECONDS)
        self._clock = clock
        self._new_id = new_id

    # ── makers ──

    async def issue(self, count: int) -> AsyncIterator[list[tuple[DeviceId, str]]]:
        """New licences as (device id, 32 hex digits), a batch at a time. A batch is stored when it is handed out: a
        power cut leaves licences that nobody knows, never one that somebody was given and we do not know. They are
        shown this once: only their digests are kept."""
        for start in range(0, count, BATCH):
            made = [secrets.token_hex(16) for _ in range(min(BATCH, count - start))]
            _, ids = await self.add(made)
            yield list(zip(ids, made, strict=True))

    async def add(self, licences: Sequence[str]) -> tuple[int, list[DeviceId]]:
        """Licences of 32 hex digits that were made elsewhere; up to `BATCH`. Returns how many are new here, and the
        device id of each."""
        digests = [_digest(one) for one in licences]
        ids = [fingerprint(one) for one in digests]
        return await self._database.add_devices(list(zip(digests, ids, strict=True)), self._clock()), ids

    async def revoke(self, device_id: DeviceId) -> Device:
        """Its licence counts no more, and the socket of its toy closes. Raises NotFound."""
        toy_id = await self._database.revoke(device_id, self._clock())
        if toy_id is not None:
            await self._bus.publish(Changed(toy_id))
        device = await self._database.device(device_id)
        assert device is not None  # noqa: S101  # a device is never forgotten
        return device

    async def devices(self, beginning: str, after: str, limit: int) -> Sequence[Device]:
        """In the order of their ids: those whose id begins so, and comes after that one."""
        return await self._database.devices(beginning, after, limit)

    async def find(self, licence: str) -> Device:
        """The device of a licence, revoked or not. Raises NotFound."""
        device = await self._database.device_of(_digest(licence))
        if device is None:
            raise NotFound
        return device

    # ── buyers ──

    async def state(self, asker_id: PartyId, device_id: DeviceId) -> DeviceState:
        """Has this toy a family? Raises RateLimited."""
        self._lookups.count(asker_id, self._clock())
        device = await self._database.device(device_id)
        if device is None or device.revoked_at is not None:
            return DeviceState.UNLICENSED
        return DeviceState.BOUND if device.is_bound else DeviceState.FREE

    # ── toys ──

    async def power_on(self, licence: str) -> Boot:
        """Which of its three states a toy is in, by its licence itself. Raises NotAllowed where that does not do."""
        if not self._takes_bare_licences:
            raise NotAllowed("this server takes the answer to a challenge, not the licence itself")
        return await self._power_on(_digest(licence))

    def challenge(self, device_id: DeviceId) -> Challenge:
        """What this device, if it is one, has to answer next."""
        return self._challenges.ask(device_id)

    async def power_on_by_proof(self, device_id: DeviceId, nonce: str, proof: str) -> Boot:
        """The same by the answer to a challenge. Raises NotAuthenticated."""
        licence_digest = await self._challenges.proved(device_id, nonce, proof)
        return Boot(BootState.UNLICENSED) if licence_digest is None else await self._power_on(licence_digest)

    def count_wrong(self, address: str) -> None:
        """One more wrong licence or proof from this address. Raises RateLimited. Only what is wrong is held back: the
        other toys of the house share the address with one whose licence was revoked."""
        self._wrong.count(address, self._clock())

    async def _power_on(self, licence_digest: str) -> Boot:
        token, now, expires_at = self._tokens.fresh()
        new_toy_id = PartyId(self._new_id("t"))
        toy = await self._database.switch_on(licence_digest, new_toy_id, digest(token), now, expires_at)
        if toy is None:
            return Boot(BootState.UNLICENSED)
        if toy.bound_at is not None:
            return Boot(BootState.READY, toy, token)
        try:
            return Boot(BootState.UNBOUND, toy, token, await self._toys.new_claim(toy.id))
        except (AlreadyBound, NotFound):  # this very moment, by the code before; or even unbound again since
            return await self._power_on(licence_digest)


def _digest(licence: str) -> str:
    return digest(licence.strip().lower())
