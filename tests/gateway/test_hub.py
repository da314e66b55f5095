"""Who is here, and who gives way."""

from __future__ import annotations

from typing import cast

from tests.gateway.fakes import BEAR, MUM
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

    def wake(self) -> None:
        self.outbox.look()


def added(hub: Hub, party: Party) -> FakeConnection:
    made = FakeConnection(party)
    hub.add(real(made))
    return made


def real(fake: FakeConnection) -> Connection:
    return cast(Connection, fake)


def test_a_toy_has_one_socket_and_the_newer_one_stays() -> None:
    hub = Hub(per_person=3)
    for party in (BEAR, WAITING):
        older, newer = added(hub, party), added(hub, party)
        assert (older.outbox.closed, newer.outbox.closed) == ([4409], [])
        assert hub.of(party.id) == (real(newer),)


def test_a_person_has_so_many_and_the_oldest_gives_way() -> None:
    hub = Hub(per_person=3)
    first, *others = [added(hub, MUM) for _ in range(4)]
    assert first.outbox.closed == [4409]
    assert [one.outbox.closed for one in others] == [[], [], []]
    assert hub.of(MUM.id) == tuple(real(one) for one in others)


def test_the_leaving_of_a_replaced_socket_does_not_take_the_newer_one_along() -> None:
    hub = Hub(per_person=3)
    older, newer = added(hub, BEAR), added(hub, BEAR)
    hub.remove(real(older))
    assert hub.of(BEAR.id) == (real(newer),)
    hub.remove(real(newer))
    hub.remove(real(newer))
    assert hub.of(BEAR.id) == ()
    assert list(hub) == []


def test_events_reach_every_socket_of_the_party_and_nobody_else() -> None:
    hub = Hub(per_person=3)
    phone, tablet, bear = added(hub, MUM), added(hub, MUM), added(hub, BEAR)
    hub.receive(Tell(MUM.id, "frame"))
    hub.receive(Wake(MUM.id))
    hub.receive(Wake(PartyId("p_nobody")))
    for one in (phone, tablet):
        assert (one.outbox.frames, one.outbox.looks) == (["frame"], 1)
    assert (bear.outbox.frames, bear.outbox.looks) == ([], 0)


def test_sockets_may_come_and_go_while_all_are_visited() -> None:
    hub = Hub(per_person=3)
    phone, bear = added(hub, MUM), added(hub, BEAR)
    seen = []
    for one in hub:
        seen.append(one)
        hub.remove(real(bear))
        added(hub, WAITING)
    assert seen == [real(phone), real(bear)]
