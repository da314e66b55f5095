"""What changes while sockets are open: whose token is over, which toy found its family, what its guardians set, and
when it falls asleep and wakes up.

What this process changes, an event of the bus tells; a number in the database grows with what any process changes.
Either way the same look follows: what the socket's token is good for now, and what is set for its toy. Looks are taken
one after another, so that none can bring back what an earlier one saw.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import cast

from toybackend.errors import ToybackendError
from toybackend.gateway.connection import Connection
from toybackend.gateway.hub import Hub
from toybackend.gateway.sockets import Socket
from toybackend.models import PartyId, PartyKind
from toybackend.ports import Changed, Clock
from toybackend.services.tokens import Tokens
from toybackend.services.toys import Toys

log = logging.getLogger(__name__)

BATCH = 500
"""Sockets looked at again with one query."""
STEP_BACK_MS = 60_000
"""A clock that is set back by less than this changes nobody's rest by more."""


class Changes:
    """Keeps the sockets of a hub true to what the database says.

    `sweep_seconds` is how long another process's change may go unnoticed; `claim_seconds` how long the code of a
    waiting toy lives from the moment that it is there.
    """

    def __init__(
        self, hub: Hub, tokens: Tokens, toys: Toys, *, clock: Clock, sweep_seconds: float, claim_seconds: int
    ) -> None:
        self._hub = hub
        self._tokens = tokens
        self._toys = toys
        self._clock = clock
        self._sweep_seconds = sweep_seconds
        self._prolong_ms = claim_seconds * 1000 // 2
        self._revision: int | None = None
        self._changed: set[PartyId] = set()
        self._news = asyncio.Event()
        self._swept_at = 0
        self._left: dict[PartyId, int] = {}
        """When toys that went away were last heard from."""
        self.noticed = 0
        """Counts up with every change that was noticed."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self._look_again()), asyncio.create_task(self._sweep())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await _guarded(self._note_who_left)

    # ── what we are told ──

    def receive(self, event: Changed) -> None:
        self._notice([event.party_id])

    def came(self, connection: Connection, noticed: int) -> None:
        """A socket is in the hub now. Its token was looked at when so many changes had been noticed: if there are more
        now, one of them may have been about it."""
        if connection.awaits_owner:
            connection.due_at = self._clock()
        if noticed != self.noticed:
            self._notice([connection.party.id])

    def went(self, connection: Connection) -> None:
        """A socket has left the hub."""
        party = connection.party
        if party.kind is PartyKind.TOY:
            self._left[party.id] = max(self._hub.last_heard(connection), self._left.get(party.id, 0))

    def _notice(self, party_ids: Sequence[PartyId]) -> None:
        self.noticed += 1
        self._changed.update(party_ids)
        self._news.set()

    # ── looking again ──

    async def _look_again(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            await self._look_at_changed()

    async def _look_at_changed(self) -> None:
        # Apart from the loop above, which would remember them all until there are others.
        changed, self._changed = self._changed, set()
        connections = [connection for party_id in changed for connection in self._hub.of(party_id)]
        for start in range(0, len(connections), BATCH):
            batch = connections[start : start + BATCH]
            if not await _guarded(partial(self._look_at, batch)):
                self._revision = None  # the next sweep looks at everybody
                break

    async def _look_at(self, connections: Sequence[Connection]) -> None:
        digests = [cast(Socket, connection.socket).token_digest for connection in connections]
        bearers = await self._tokens.bearers(digests)
        settings = await self._toys.settings([one.id for one in bearers.values() if one.kind is PartyKind.TOY])
        for connection, token_digest in zip(connections, digests, strict=True):
            party = bearers.get(token_digest)
            connection.look_again(party, settings.get(party.id) if party else None)

    # ── what nobody tells us ──

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self._sweep_seconds)
            for step in (self._note_who_left, self._look_at_revision, self._do_what_is_due):
                await _guarded(step)

    async def _note_who_left(self) -> None:
        left, self._left = self._left, {}
        if not left:
            return
        try:
            await self._toys.heard_from(left)
        except BaseException:
            self._left = left | self._left
            raise

    async def _look_at_revision(self) -> None:
        before = self._revision
        revision = await self._tokens.revision()
        if revision != before:
            self._revision = revision
            self._notice([connection.party.id for connection in self._hub])

    async def _do_what_is_due(self) -> None:
        now = self._clock()
        went_back, self._swept_at = now < self._swept_at - STEP_BACK_MS, now
        for connection in self._hub:
            if went_back and connection.due_at is not None:
                connection.due_at = now  # when it is due by this clock, is to be found out again
            if connection.due_at is None or connection.due_at > now:
                continue
            if connection.awaits_owner:
                await self._prolong(connection)
            else:
                connection.keep_time()
            await asyncio.sleep(0)  # many children go to bed at the same time

    async def _prolong(self, connection: Connection) -> None:
        """The code of a waiting toy lives on, as long as the toy is there."""
        connection.due_at = self._clock() + self._prolong_ms
        await self._toys.switched_on(connection.party.id)


async def _guarded(step: Callable[[], Awaitable[None]]) -> bool:
    """Whether it went well; nothing that goes wrong once keeps us from trying again."""
    try:
        await step()
    except ToybackendError:
        return False  # the database is busy
    except Exception:
        log.exception("sockets could not be kept up to date")
        return False
    return True
