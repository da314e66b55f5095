"""The contract of `ports.Bus`."""

from __future__ import annotations

import asyncio

import pytest

from toybackend.models import PartyId
from toybackend.ports import Bus, Event, Tell, Wake

EVENTS: list[Event] = [Wake(PartyId("p_1")), Tell(PartyId("p_2"), '{"type":"stop"}'), Wake(PartyId("p_1"))]
SOON = 2.0


async def arrived(events: list[Event], count: int) -> list[Event]:
    """What has arrived once it is this many; a bus between processes takes its time."""
    async with asyncio.timeout(SOON):
        while len(events) < count:
            await asyncio.sleep(0.01)
    return events


async def test_every_listener_gets_every_event_in_order(bus: Bus) -> None:
    one: list[Event] = []
    other: list[Event] = []
    async with bus.subscribe(one.append), bus.subscribe(other.append):
        for event in EVENTS:
            await bus.publish(event)
        assert await arrived(one, 3) == EVENTS
        assert await arrived(other, 3) == EVENTS


async def test_who_no_longer_listens_gets_nothing(bus: Bus) -> None:
    one: list[Event] = []
    other: list[Event] = []
    async with bus.subscribe(other.append):
        async with bus.subscribe(one.append):
            await bus.publish(EVENTS[0])
            await arrived(one, 1)
        await bus.publish(EVENTS[1])
        await arrived(other, 2)
    assert one == EVENTS[:1]


async def test_a_listener_is_let_go_after_an_error(bus: Bus) -> None:
    got: list[Event] = []
    with pytest.raises(ZeroDivisionError):
        async with bus.subscribe(got.append):
            raise ZeroDivisionError
    async with bus.subscribe(lambda event: None):
        await bus.publish(EVENTS[0])
    assert got == []


async def test_publishing_to_nobody_is_fine(bus: Bus) -> None:
    await bus.publish(EVENTS[0])
    await bus.ping()
