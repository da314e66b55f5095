"""Boards with licences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from toybackend.models import Device, DeviceId, PartyId, Toy


class Devices(Protocol):
    """Licences, by the SHA-256 that is all we keep of them."""

    async def add_devices(self, devices: Sequence[tuple[str, DeviceId]], now: int) -> int:
        """Store new ones as (SHA-256 hex digest, id); those known already are left as they are.
        Returns how many are new."""

    async def switch_on(
        self, licence_digest: str, new_toy_id: PartyId, token_digest: str, now: int, expires_at: int
    ) -> Toy | None:
        """Who the device of this licence is now; None when it is unknown or revoked. A device that is nobody yet
        becomes `new_toy_id`. In the same transaction the toy gets this token in place of every older one: that of a
        waiting toy, or of one that has a family."""

    async def digest_of(self, device_id: DeviceId) -> str | None:
        """What proves this device: the key of its challenges. None when it is unknown or revoked."""

    async def use_nonce(self, nonce: str, expires_at: int, now: int) -> bool:
        """Note that a challenge was answered; False when it was before. Forgets those that expired by `now`."""

    async def device(self, device_id: DeviceId) -> Device | None: ...

    async def device_of(self, licence_digest: str) -> Device | None:
        """The device of this licence, revoked or not."""

    async def devices(self, beginning: str, after: str, limit: int) -> Sequence[Device]:
        """In the order of their ids: those whose id begins so, and comes after that one."""

    async def revoke(self, device_id: DeviceId, now: int) -> PartyId | None:
        """Its licence counts no more, its toy's tokens end and so does the code that it shows. Returns who it was, if
        anybody. Raises NotFound. Revoking a revoked one changes nothing."""
