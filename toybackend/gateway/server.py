"""The listener: handshakes, who is there, and the heartbeat of all sockets."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, cast

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.protocol import State

from toybackend.errors import NotAuthenticated, Overloaded, Refused, ToybackendError
from toybackend.gateway.changes import Changes
from toybackend.gateway.closing import CLOSE_SECONDS, Closing, closing, hang_up, say_goodbye
from toybackend.gateway.connection import Connection
from toybackend.gateway.crowd import Crowd
from toybackend.gateway.doorway import Doorway
from toybackend.gateway.hub import Hub
from toybackend.gateway.mailbox_reader import MailboxReader
from toybackend.gateway.outbox import Outbox
from toybackend.gateway.sockets import Socket
from toybackend.metrics import Metrics
from toybackend.models import Party, PartyKind, ToySettings
from toybackend.ports import Bus, Changed, Clock, Event
from toybackend.protocol import MAX_FRAME_BYTES, CloseCode, Hello, Welcome, parse_client_frame
from toybackend.services.delivery import Delivery
from toybackend.services.mailboxes import Mailboxes
from toybackend.services.playback import Playback
from toybackend.services.receipts import Receipts
from toybackend.services.tokens import COOKIE, Tokens, bearer_token, digest
from toybackend.services.toys import Toys
from toybackend.settings import Settings

log = logging.getLogger(__name__)

PATHS = {
    "/app": frozenset({PartyKind.PERSON}),
    "/toy": frozenset({PartyKind.TOY, PartyKind.WAITING_TOY}),
}
BEATS = 8
"""Looks at every socket within one ping interval."""
AT_ONCE = 32
"""Sockets that are looked at before it is somebody else's turn."""
COME_IN_AT_ONCE = 1
"""Connections taken in one go. A handshake costs most of a millisecond, and those who are here already have their turn
in between."""
PAUSE_SECONDS = 0.002
"""Between two handshakes of those who showed no token, where many come: they take a third of the time at most."""
QUEUE_OUTSIDE = 1024
"""Connections that the kernel keeps for us until it is their turn."""
AGAIN_SECONDS = 5
"""After which somebody may try again who was refused because there are too many."""
HARD_LIMIT = 4
"""A binary message this many times too large is not read to its end: the socket is closed with 1009."""


@dataclass(frozen=True, slots=True)
class Rooms:
    """What the gateway needs of the house."""

    settings: Settings
    bus: Bus
    hub: Hub
    tokens: Tokens
    toys: Toys
    playback: Playback
    delivery: Delivery
    mailboxes: Mailboxes
    receipts: Receipts
    metrics: Metrics
    clock: Clock


class Gateway:
    """Serves `/app` and `/toy`."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._limits = rooms.settings.sockets
        self._hub = rooms.hub
        self._changes = Changes(
            rooms.hub,
            rooms.tokens,
            rooms.toys,
            clock=rooms.clock,
            sweep_seconds=rooms.settings.service.sweep_seconds,
            claim_seconds=rooms.settings.access.claim_seconds,
        )
        self._welcome_sockets = 0
        self._lobby = Crowd(self._limits.max_handshakes, Socket.turn_away)
        self._doorway = Doorway(PAUSE_SECONDS)
        self._unfinished = Crowd(self._limits.unfinished_bytes, Socket.give_way)
        self._tasks: set[asyncio.Task[None]] = set()
        self._handlers: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def serving(self, host: str, port: int, origins: Callable[[str], frozenset[str]]) -> AsyncIterator[int]:
        """Listen; gives the port. `origins` says, by the `Host` header of a handshake, whose pages may come. On
        leaving, sockets close with 1001."""

        async def admit(socket: ServerConnection, request: Request) -> Response | None:
            refused = _refuse(socket, request, origins(_called(request.headers)))
            if refused is None and self._is_full():
                refused = _busy(socket)
            if refused is None and "Authorization" not in request.headers and not _cookie(request.headers):
                await self._doorway.turn()
            return refused or await self._look_at_bearer(cast(Socket, socket), request)

        # The library asks for a class; whatever makes a connection will do.
        make_socket: Any = partial(Socket, self._lobby, self._unfinished, self._limits)
        async with self._rooms.bus.subscribe(self._receive), self._heart(), self._changes.running():
            server = await serve(
                self._handle,
                host,
                port,
                process_request=admit,
                create_connection=make_socket,
                compression=None,
                max_size=MAX_FRAME_BYTES,  # until we know who it is
                max_queue=1,  # frames that are whole, and then no more is read: each may be large
                ping_interval=None,  # one heart beats for all, see `_beat`
                close_timeout=CLOSE_SECONDS,
                open_timeout=self._limits.hello_seconds,
                server_header=None,
                logger=logging.getLogger("toybackend.websockets"),
                backlog=COME_IN_AT_ONCE,
            )
            _lengthen_queue(server)
            try:
                yield server.sockets[0].getsockname()[1]
            finally:
                await self._stop(server)

    async def _stop(self, server: Server) -> None:
        goodbyes = [say_goodbye(connection.socket, CloseCode.GOING_AWAY, "going away") for connection in self._hub]
        server.close(close_connections=False)
        await asyncio.gather(*goodbyes)
        for socket in (*self._lobby, *server.connections):  # those that have not shaken hands, or not been welcomed
            socket.transport.abort()
        await self._end_handlers()
        await server.wait_closed()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _end_handlers(self) -> None:
        """One may wait for a database that is locked; what it wants to keep there was accepted from nobody yet."""
        if self._handlers:
            await asyncio.wait(self._handlers, timeout=CLOSE_SECONDS)
        for handler in self._handlers:
            handler.cancel()

    # ── one socket ──

    async def _look_at_bearer(self, socket: Socket, request: Request) -> Response | None:
        """Find out during the handshake who this is: a client may send its first voice right behind it."""
        headers = request.headers.get_all("Authorization")
        if not headers:
            return None
        try:
            # With a wrong token, or two, it becomes a socket all the same, to be closed with 4401 which browsers see.
            with contextlib.suppress(NotAuthenticated):
                socket.bearer = await self._bearer(socket, bearer_token(headers) or "")
        except Overloaded:
            return _busy(socket)
        return None

    async def _bearer(self, socket: Socket, token: str) -> Party:
        """Whom the token speaks for; from here on the socket may send voices."""
        socket.noticed = self._changes.noticed
        party = await self._rooms.tokens.bearer(token)
        socket.token_digest = digest(token)
        socket.protocol.max_message_size = HARD_LIMIT * self._rooms.settings.audio.max_bytes
        return party

    async def _handle(self, connection: ServerConnection) -> None:
        socket, handler = cast(Socket, connection), asyncio.current_task()
        assert handler is not None  # noqa: S101  # a coroutine is run by a task
        self._handlers.add(handler)
        try:
            await self._converse(socket)
        except ConnectionClosed:
            pass  # a toy that vanishes is ordinary
        except Closing as end:
            await hang_up(socket, end)
        except ToybackendError as error:
            await hang_up(socket, closing(error))
        finally:
            self._handlers.discard(handler)

    async def _converse(self, socket: Socket) -> None:
        party, acks = await self._authenticate(socket)
        with self._let_in(socket):
            connection = await self._welcome(socket, party, acks=acks)
            try:
                await connection.read()
            finally:
                self._remove(connection)
                log.info("socket of %s closed", party.kind, extra={"close_code": socket.close_code})

    def _is_full(self) -> bool:
        return self._welcome_sockets >= self._limits.max_sockets

    @contextmanager
    def _let_in(self, socket: Socket) -> Iterator[None]:
        """Its place. Raises Closing where there is none, or not for this one any more."""
        if not self._lobby.leave(socket) or self._is_full():
            raise Closing(CloseCode.TRY_AGAIN_LATER, "try again later")
        self._welcome_sockets += 1
        try:
            yield
        finally:
            self._welcome_sockets -= 1

    async def _authenticate(self, socket: Socket) -> tuple[Party, bool]:
        """Who this is, and whether it will acknowledge."""
        assert socket.request is not None  # noqa: S101  # the handshake is over
        headers = socket.request.headers
        has_said, cookie = "Authorization" in headers, _cookie(headers)
        headers.clear()  # no token is kept for as long as the socket lives, nor whatever else there was
        party, acks = socket.bearer, True
        if not has_said:
            hello = await self._hello(socket)
            token = cookie if hello.token is None else hello.token
            party, acks = await self._bearer(socket, token), hello.acks
        if party is None or party.kind not in PATHS[socket.request.path]:
            raise NotAuthenticated
        return party, acks

    async def _hello(self, socket: Socket) -> Hello:
        try:
            async with asyncio.timeout(self._limits.hello_seconds):
                first = await socket.recv()
        except TimeoutError:
            raise Closing(CloseCode.NO_HELLO, "no hello") from None
        if isinstance(first, str):
            with contextlib.suppress(Refused):
                frame = parse_client_frame(first, max_text=0)
                if isinstance(frame, Hello):
                    return frame
        raise NotAuthenticated

    async def _welcome(self, socket: Socket, party: Party, *, acks: bool) -> Connection:
        rooms, limits = self._rooms, self._limits
        start = await rooms.mailboxes.state(party)
        mailbox = MailboxReader(
            party, rooms.mailboxes, rooms.receipts, start=start, window=limits.unacknowledged if acks else 0
        )
        outbox = Outbox(socket, mailbox, self._spawn, most=limits.outbox_frames, timeout=limits.write_seconds)
        connection = Connection(
            socket,
            party,
            outbox,
            mailbox,
            delivery=rooms.delivery,
            receipts=rooms.receipts,
            playback=rooms.playback,
            limits=limits,
            audio=rooms.settings.audio,
            metrics=rooms.metrics,
            clock=rooms.clock,
        )
        settings = await self._settings_of(party)
        connection.send(
            Welcome(
                id=party.id,
                name=party.name,
                unread=start.unread,
                max_audio_bytes=rooms.settings.audio.max_bytes,
                max_audio_seconds=rooms.settings.audio.max_seconds,
                settings=connection.obey(settings),
            )
        )
        self._hub.add(connection)
        self._changes.came(connection, socket.noticed)
        connection.wake()
        log.info("socket of %s opened", party.kind)
        return connection

    async def _settings_of(self, party: Party) -> ToySettings | None:
        """What was set for a toy that has a family."""
        if party.kind is not PartyKind.TOY:
            return None
        return (await self._rooms.toys.settings([party.id])).get(party.id)

    def _remove(self, connection: Connection) -> None:
        self._hub.remove(connection)
        self._changes.went(connection)
        if connection.awaits_owner and not self._hub.of(connection.party.id):
            self._spawn(self._rooms.toys.switched_off(connection.party.id))

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """A task of ours: kept until it is done, cancelled when we stop, its failure logged."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a socket's task failed", exc_info=task.exception())

    def _receive(self, event: Event) -> None:
        if isinstance(event, Changed):
            self._changes.receive(event)
        else:
            self._hub.receive(event)

    # ── the heart ──

    @asynccontextmanager
    async def _heart(self) -> AsyncIterator[None]:
        beat = self._spawn(self._beat())
        try:
            yield
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)

    async def _beat(self) -> None:
        """Ping every socket in its time, and drop those that were not heard for too long."""
        while True:
            await asyncio.sleep(self._limits.ping_seconds / BEATS)
            await self._check_all()

    async def _check_all(self) -> None:
        # Apart from the loop above, which would remember the last one until there is another.
        now = asyncio.get_running_loop().time()
        for number, connection in enumerate(self._hub, start=1):
            if not number % AT_ONCE:
                await asyncio.sleep(0)
            try:
                await self._check(cast(Socket, connection.socket), now)
            except Exception:  # one odd socket must not stop the heart of all
                log.exception("a socket could not be pinged")

    async def _check(self, socket: Socket, now: float) -> None:
        if socket.state is not State.OPEN:
            return  # somebody said goodbye, and counts the seconds
        if now - socket.heard_at > self._limits.pong_seconds:
            socket.transport.abort()  # nobody is there to say goodbye to
        elif socket.heard_at - socket.framed_at > self._limits.upload_seconds:
            socket.give_way()
        elif now - socket.pinged_at >= self._limits.ping_seconds and not socket.transport.get_write_buffer_size():
            # Behind what a slow reader has not read yet a ping would wait, and the heart with it.
            socket.pinged_at = now
            with contextlib.suppress(ConnectionClosed):
                await socket.ping()


def _lengthen_queue(server: Server) -> None:
    """asyncio takes as many connections in one go as may queue outside, and a burst would stop everybody else."""
    for listener in server.sockets:
        with listener.dup() as twin:
            twin.listen(QUEUE_OUTSIDE)


def _refuse(socket: ServerConnection, request: Request, origins: frozenset[str]) -> Response | None:
    """Answer what must not become a socket."""
    if request.path not in PATHS:
        return socket.respond(HTTPStatus.NOT_FOUND, "there is nothing here\n")
    if not origins.issuperset(request.headers.get_all("Origin")):
        return socket.respond(HTTPStatus.FORBIDDEN, "this origin may not open sockets\n")
    return None


def _busy(socket: ServerConnection) -> Response:
    response = socket.respond(HTTPStatus.SERVICE_UNAVAILABLE, "try again later\n")
    response.headers["Retry-After"] = str(AGAIN_SECONDS)
    return response


def _called(headers: Headers) -> str:
    """The name by which a handshake came; empty when it says none, or more than one."""
    hosts = headers.get_all("Host")
    return hosts[0] if len(hosts) == 1 else ""


def _cookie(headers: Headers) -> str:
    """The session of the page of ours that shakes hands; empty when there is none, or more than one.

    A browser sends the cookie by itself, whoever wrote the page, and names the page in `Origin`: those of others did
    not come this far (`_refuse`). Without an `Origin` it is no page, and the cookie does not count.
    """
    if "Origin" not in headers:
        return ""
    # By hand: other servers on this machine have cookies here too, and `http.cookies` gives up at odd ones.
    pairs = (pair.strip().partition("=") for line in headers.get_all("Cookie") for pair in line.split(";"))
    found = [value for name, _, value in pairs if name == COOKIE]
    return found[0] if len(found) == 1 else ""
