"""Who is here, and who gives way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import cast

from tests.gateway.fakes import BEAR, MUM, FakeSocket
from tests.world import NOW, Clock
from toybackend.gateway.connection import Connection
from toybackend.gateway.hub import Hub
from toybackend.models import Party, PartyId, PartyKind
from toybackend.ports import Tell, Wake

WAITING = Party(PartyId("t_new"), PartyKind.WAITING_TOY, "toy")


class FakeOutbox:
    def __init__(self) -> None:
        self.frames: list[str] = []
        self.looks = 0
        self.closed: list[int] = []

    def put(self, frame: str) -> None:
        self.frames.append(frame)

    def look(self) -> None:
        self.looks += 1

    def close(self, code: int, reason: str) -> None:
        assert reason
        self.closed.append(code)


class FakeConnection:
    def __init__(self, party: Party) -> None:
        self.party = party
        self.outbox = FakeOutbox()
        self.socket = FakeSocket()
        self.awaits_owner = party.kind is PartyKind.WAITING_TOY

    def wake(self) -> None:
        self.outbox.look()


def added(hub: Hub, party: Party) -> FakeConnection:
    made = FakeConnection(party)
    hub.add(real(made))
    return made


def hub_of_three() -> Hub:
    return Hub(per_person=3, clock=Clock())


def real(fake: FakeConnection) -> Connection:
    return cast(Connection, fake)


def test_a_toy_has_one_socket_and_the_newer_one_stays() -> None:
    hub = hub_of_three()
    for party in (BEAR, WAITING):
        older, newer = added(hub, party), added(hub, party)
        assert (older.outbox.closed, newer.outbox.closed) == ([4409], [])
        assert hub.of(party.id) == (real(newer),)


def test_a_person_has_so_many_and_the_oldest_gives_way() -> None:
    hub = hub_of_three()
    first, *others = [added(hub, MUM) for _ in range(4)]
    assert first.outbox.closed == [4409]
    assert [one.outbox.closed for one in others] == [[], [], []]
    assert hub.of(MUM.id) == tuple(real(one) for one in others)


def test_the_leaving_of_a_replaced_socket_does_not_take_the_newer_one_along() -> None:
    hub = hub_of_three()
    older, newer = added(hub, BEAR), added(hub, BEAR)
    hub.remove(real(older))
    assert hub.of(BEAR.id) == (real(newer),)
    hub.remove(real(newer))
    hub.remove(real(newer))
    assert hub.of(BEAR.id) == ()
    assert list(hub) == []


def test_events_reach_every_socket_of_the_party_and_nobody_else() -> None:
    hub = hub_of_three()
    phone, tablet, bear = added(hub, MUM), added(hub, MUM), added(hub, BEAR)
    hub.receive(Tell(MUM.id, "frame"))
    hub.receive(Wake(MUM.id))
    hub.receive(Wake(PartyId("p_nobody")))
    for one in (phone, tablet):
        assert (one.outbox.frames, one.outbox.looks) == (["frame"], 1)
    assert (bear.outbox.frames, bear.outbox.looks) == ([], 0)


def test_sockets_may_come_and_go_while_all_are_visited() -> None:
    hub = hub_of_three()
    phone, bear = added(hub, MUM), added(hub, BEAR)
    seen = []
    for one in hub:
        seen.append(one)
        hub.remove(real(bear))
        added(hub, WAITING)
    assert seen == [real(phone), real(bear)]


# ── who is there ──


def test_a_party_is_online_while_it_has_a_socket() -> None:
    hub = hub_of_three()
    assert not hub.is_online(MUM.id)
    phone, tablet = added(hub, MUM), added(hub, MUM)
    hub.remove(real(phone))
    assert hub.is_online(MUM.id)
    hub.remove(real(tablet))
    assert not hub.is_online(MUM.id)


def test_a_toy_that_waits_for_its_owner_is_not_online() -> None:
    hub = hub_of_three()
    waiting = added(hub, WAITING)
    assert not hub.is_online(WAITING.id)
    waiting.awaits_owner = False
    assert hub.is_online(WAITING.id)


def test_parties_are_counted_however_many_sockets_they_have() -> None:
    hub = hub_of_three()
    _, tablet, waiting = added(hub, MUM), added(hub, MUM), added(hub, WAITING)
    kinds = (PartyKind.PERSON, PartyKind.TOY, PartyKind.WAITING_TOY)
    assert [hub.count_online(kind) for kind in kinds] == [1, 0, 1]
    assert [hub.count(kind) for kind in kinds] == [2, 0, 1]
    waiting.party = replace(WAITING, kind=PartyKind.TOY)  # it found its owner
    hub.remove(real(tablet))
    assert [hub.count_online(kind) for kind in kinds] == [1, 1, 0]


async def test_when_a_party_was_heard_is_when_any_of_its_sockets_was() -> None:
    hub = hub_of_three()
    assert hub.heard_at(MUM.id) is None
    phone, tablet = added(hub, MUM), added(hub, MUM)
    phone.socket.heard_at = asyncio.get_running_loop().time() - 30
    tablet.socket.heard_at = asyncio.get_running_loop().time() - 5
    assert NOW - 5_500 < (hub.heard_at(MUM.id) or 0) <= NOW - 5_000
    hub.remove(real(tablet))
    assert NOW - 30_500 < (hub.heard_at(MUM.id) or 0) <= NOW - 30_000
