"""The sockets that are open on this node, by party: who is there now."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import cast

from toybackend.gateway.connection import Connection
from toybackend.gateway.sockets import Socket
from toybackend.models import PartyId, PartyKind
from toybackend.ports import Clock, Tell, Wake
from toybackend.protocol import CloseCode


class Hub:
    """A toy has one socket, a person a few; a newer one replaces the oldest. Satisfies `ports.Presence`."""

    def __init__(self, *, per_person: int, clock: Clock) -> None:
        self._per_person = per_person
        self._clock = clock
        self._connections: dict[PartyId, tuple[Connection, ...]] = {}

    def __iter__(self) -> Iterator[Connection]:
        """Every connection, as of now."""
        return (connection for several in list(self._connections.values()) for connection in several)

    def of(self, party_id: PartyId) -> tuple[Connection, ...]:
        return self._connections.get(party_id, ())

    def add(self, connection: Connection) -> None:
        most = self._per_person if connection.party.kind is PartyKind.PERSON else 1
        connections = (*self._connections.get(connection.party.id, ()), connection)
        for replaced in connections[:-most]:
            replaced.outbox.close(CloseCode.REPLACED, "replaced by a newer socket")
        self._connections[connection.party.id] = connections[-most:]

    def remove(self, connection: Connection) -> None:
        left = tuple(one for one in self._connections.get(connection.party.id, ()) if one is not connection)
        if left:
            self._connections[connection.party.id] = left
        else:
            self._connections.pop(connection.party.id, None)

    def count(self, kind: PartyKind) -> int:
        """Open sockets of this kind of party."""
        return sum(1 for connection in self if connection.party.kind is kind)

    def count_online(self, kind: PartyKind) -> int:
        """Parties of this kind with a socket or several."""
        return sum(1 for several in self._connections.values() if several[-1].party.kind is kind)

    def is_online(self, party_id: PartyId) -> bool:
        return any(not connection.awaits_owner for connection in self.of(party_id))

    def heard_at(self, party_id: PartyId) -> int | None:
        return max((self.last_heard(connection) for connection in self.of(party_id)), default=None)

    def last_heard(self, connection: Connection) -> int:
        """When anything came on this socket last."""
        silent_seconds = asyncio.get_running_loop().time() - cast(Socket, connection.socket).heard_at
        return self._clock() - int(silent_seconds * 1000)

    def receive(self, event: Tell | Wake) -> None:
        """Pass an event of the bus on to whom it concerns."""
        for connection in self.of(event.party_id):
            match event:
                case Tell():
                    connection.outbox.put(event.frame)
                case Wake():
                    connection.wake()
