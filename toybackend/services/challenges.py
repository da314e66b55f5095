"""Proving a licence without showing it: a fresh nonce, and HMAC-SHA256 over it.

    toy    → its device id
    server ← a nonce, good for a minute, for this device alone, and once
    toy    → proof = HMAC-SHA256(key = SHA-256(licence in 32 lower-case hex digits), nonce), as hex digits

The key is the digest that we keep of the licence, 32 bytes, so the licence itself is never on the wire. Anybody may
ask for a nonce, and so nothing is kept of one until it was answered well: it carries its time of expiry and is signed,
like a link to audio, under a key of its own. Asking tells nobody whether a device exists.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from toybackend.errors import NotAuthenticated
from toybackend.models import DeviceId
from toybackend.ports import Clock, Devices

PURPOSE = b"toybackend: challenges of devices"
RANDOM_BYTES = 16


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a device is to sign."""

    nonce: str
    """Three fields for us, opaque to the toy: `random.expires_at.signature`."""
    expires_at: int


class Challenges:
    """Makes nonces and checks what comes back."""

    def __init__(self, key: bytes, devices: Devices, *, seconds: int, clock: Clock) -> None:
        self._key = hmac.digest(key, PURPOSE, "sha256")
        self._devices = devices
        self._lifetime = seconds * 1000
        self._clock = clock

    def ask(self, device_id: DeviceId) -> Challenge:
        expires_at = self._clock() + self._lifetime
        fresh = secrets.token_hex(RANDOM_BYTES)
        return Challenge(f"{fresh}.{expires_at}.{self._sign(device_id, fresh, str(expires_at))}", expires_at)

    async def proved(self, device_id: DeviceId, nonce: str, proof: str) -> str | None:
        """The digest of the licence that this proof shows; None for a device that is unknown or revoked.
        Raises NotAuthenticated when the proof is wrong, or its nonce is another device's, too old or was used."""
        now = self._clock()
        expires_at = self._expiry(device_id, nonce)
        # One that was given while the clock was ahead is over, too: its time may be years away.
        if expires_at is None or not now < expires_at <= now + 2 * self._lifetime:
            raise NotAuthenticated("this challenge is over; ask for a new one")
        key = await self._devices.digest_of(device_id)
        if key is None:
            return None
        if not _same(prove(key, nonce), proof.lower()):
            raise NotAuthenticated("this is not the answer to the challenge")
        if not await self._devices.use_nonce(nonce, expires_at, now):
            raise NotAuthenticated("this challenge was answered before; ask for a new one")
        return key

    def _expiry(self, device_id: DeviceId, nonce: str) -> int | None:
        """When a nonce that we gave to this device expires; None for any other."""
        fresh, _, rest = nonce.partition(".")
        expires_at, _, signature = rest.partition(".")
        return int(expires_at) if _same(self._sign(device_id, fresh, expires_at), signature) else None

    def _sign(self, device_id: DeviceId, fresh: str, expires_at: str) -> str:
        text = f"{device_id}\n{fresh}\n{expires_at}".encode("utf-8", "surrogatepass")
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()


def prove(licence_digest: str, nonce: str) -> str:
    """What a device of this licence answers."""
    return hmac.new(bytes.fromhex(licence_digest), nonce.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _same(ours: str, theirs: str) -> bool:
    return hmac.compare_digest(ours.encode(), theirs.encode("utf-8", "surrogatepass"))
