"""The contract of `ports.Bus`."""

from __future__ import annotations

import asyncio

import pytest

from toybackend.models import PartyId
from toybackend.ports import Bus, Event, Tell, Wake

EVENTS: list[Event] = [Wake(PartyId("p_1")), Tell(PartyId("p_2"), '{"type":"stop"}'), Wake(PartyId("p_1"))]
SOON = 2.0


class Listener:
    """Remembers what it heard."""

    def __init__(self) -> None:
        self.heard: list[Event] = []
        self._more = asyncio.Event()

    def __call__(self, event: Event) -> None:
        self.heard.append(event)
        self._more.set()

    async def arrived(self, count: int) -> list[Event]:
        """What has arrived once it is this many; a bus between processes takes its time."""
        async with asyncio.timeout(SOON):
            while len(self.heard) < count:
                self._more.clear()
                await self._more.wait()
        return self.heard


async def test_every_listener_gets_every_event_in_order(bus: Bus) -> None:
    one, other = Listener(), Listener()
    async with bus.subscribe(one), bus.subscribe(other):
        for event in EVENTS:
            await bus.publish(event)
        assert await one.arrived(3) == EVENTS
        assert await other.arrived(3) == EVENTS


async def test_who_no_longer_listens_gets_nothing(bus: Bus) -> None:
    one, other = Listener(), Listener()
    async with bus.subscribe(other):
        async with bus.subscribe(one):
            await bus.publish(EVENTS[0])
            await one.arrived(1)
        await bus.publish(EVENTS[1])
        await other.arrived(2)
    assert one.heard == EVENTS[:1]


async def test_a_listener_is_let_go_after_an_error(bus: Bus) -> None:
    one, other = Listener(), Listener()
    with pytest.raises(ZeroDivisionError):
        async with bus.subscribe(one):
            raise ZeroDivisionError
    async with bus.subscribe(other):
        await bus.publish(EVENTS[0])
        await other.arrived(1)
    assert one.heard == []


async def test_publishing_to_nobody_is_fine(bus: Bus) -> None:
    await bus.publish(EVENTS[0])
    await bus.ping()
