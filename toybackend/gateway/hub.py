"""The sockets that are open on this node, by party."""

from __future__ import annotations

from collections.abc import Iterator

from toybackend.gateway.connection import Connection
from toybackend.models import PartyId, PartyKind
from toybackend.ports import Event, Tell
from toybackend.protocol import CloseCode


class Hub:
    """A toy has one socket, a person a few; a newer one replaces the oldest."""

    def __init__(self, *, per_person: int) -> None:
        self._per_person = per_person
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

    def receive(self, event: Event) -> None:
        """Pass an event of the bus on to whom it concerns."""
        for connection in self.of(event.party_id):
            if isinstance(event, Tell):
                connection.outbox.put(event.frame)
            else:
                connection.wake()
