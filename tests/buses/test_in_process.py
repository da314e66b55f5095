"""The bus of a single process."""

from __future__ import annotations

from toybackend.buses.in_process import InProcessBus
from toybackend.models import PartyId
from toybackend.ports import Event, Wake


async def test_events_have_arrived_when_publish_returns() -> None:
    bus, got = InProcessBus(), list[Event]()
    async with bus.subscribe(got.append):
        await bus.publish(Wake(PartyId("p_1")))
        assert got == [Wake(PartyId("p_1"))]


async def test_the_same_listener_may_listen_twice() -> None:
    bus, got = InProcessBus(), list[Event]()
    async with bus.subscribe(got.append):
        async with bus.subscribe(got.append):
            await bus.publish(Wake(PartyId("p_1")))
        await bus.publish(Wake(PartyId("p_2")))
    assert [event.party_id for event in got] == ["p_1", "p_1", "p_2"]
