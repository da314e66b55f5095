"""How the parts that serve a party now learn that there is something for it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from toybackend.models import PartyId


@dataclass(frozen=True, slots=True)
class Wake:
    """Something waits for this party: look into the mailbox. Losing one costs latency, never a message."""

    party_id: PartyId


@dataclass(frozen=True, slots=True)
class Tell:
    """A frame, as it goes over the wire, for every socket of this party that is open now."""

    party_id: PartyId
    frame: str


@dataclass(frozen=True, slots=True)
class Changed:
    """Something about this party changed: look again at what its tokens are good for and what was set for it.
    Losing one costs latency: `Tokens.revision` has grown as well."""

    party_id: PartyId


Event = Wake | Tell | Changed


class Bus(Protocol):
    """Carries events to whoever serves the party now, on this node or another."""

    async def publish(self, event: Event) -> None: ...

    def subscribe(self, receive: Callable[[Event], None]) -> AbstractAsyncContextManager[None]:
        """Call `receive`, which must not block, for every event while the context is open."""

    async def ping(self) -> None: ...


class Presence(Protocol):
    """Who is there now, as whoever serves the sockets knows it."""

    def is_online(self, party_id: PartyId) -> bool: ...

    def heard_at(self, party_id: PartyId) -> int | None:
        """When a party that is online was last heard from; None for one that is not."""
