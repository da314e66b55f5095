"""Every HTTP connection, looked after: what aiohttp leaves to whoever is at the other end has an end here.

    waits       for the head of a request, or for the rest of it      `HTTP_HEADER_SECONDS`, `HTTP_KEEP_ALIVE_SECONDS`
    is served   from there to the end of the answer                   the body: `bodies.py`, `library.py`
    reads       what it was sent and has not taken yet                `HTTP_LEAST_BYTES_PER_SECOND`

Reading is no third state: the system holds the end of an answer for a slow reader while we wait for the next request
already. So it is the system that is asked, once in a while, how much was taken. A connection that is cut is aborted,
not closed: closing would wait for the reader.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
import sys
from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus
from typing import Any, cast

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from toybackend import heap
from toybackend.errors import Overloaded
from toybackend.settings import Http
from toybackend.web.problems import HEADERS, NOT_KEPT, problem_of, whole_answer

log = logging.getLogger(__name__)

MOST_LINE = 4096
"""Bytes of the address in a request; ours have a few hundred, with a signed link."""
MOST_FIELD = 8192
"""Bytes of one header field; cookies are the longest."""
MOST_FIELDS = 100
MOST_HEAD = 32 << 10
"""Bytes of all of them together."""
MOST_AHEAD = 8
"""Requests that may come before the answer to the one before them; no browser sends any."""
GRACE_SECONDS = 30.0
"""How long a reader may be as slow as it likes: a phone walks through a tunnel."""
HELD_BYTES = 64 << 10
"""What the system takes from us before the network does; the rest of a file waits on the disk."""
PIECE_BYTES = 16 << 10
"""What we hold ourselves, above that."""
BEATS = 8
"""Looks at every connection while one may send its headers."""
AT_ONCE = 32
"""Connections that are looked at before it is somebody else's turn."""
LOOKS = 8
"""Connections that are looked at to find one that may go for a new one."""
RETRY_SECONDS = 5

_ON_LINUX = sys.platform == "linux"
_TCP_INFO_BYTES = 148
"""Of `struct tcp_info` (linux/tcp.h): up to `tcpi_notsent_bytes`, which Linux has since 4.6."""


class Connection(web.RequestHandler):
    """One connection. Everything here runs on the loop."""

    __slots__ = ("_answering", "_body", "_connections", "_reading", "deadline", "head_bytes", "wire")

    def __init__(self, server: Server, connections: Connections, **options: Any) -> None:
        super().__init__(server, **options)
        self._connections = connections
        self._answering: asyncio.Task[Any] | None = None
        self._body: StreamReader = EMPTY_PAYLOAD
        self._reading: tuple[float, int] | None = None
        """Since when something waits to be read, and how much had been taken by then."""
        self.deadline: float | None = None
        """When waiting ends; None while it is served."""
        self.head_bytes = 0
        """Of the request that it waits for."""

    # ── what aiohttp tells us ──

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire = cast(asyncio.Transport, transport)
        _hold_little(self.wire)
        super().connection_made(transport)
        self._connections.came(self)

    def data_received(self, data: bytes) -> None:
        # What comes of a body that nobody wants any more is aiohttp's: it waits a little, for us to be heard.
        if data and self._body.is_eof():
            if self.head_bytes > MOST_HEAD:
                return self._say_too_long()
            if not self.head_bytes:
                self._connections.began(self)
            self.head_bytes += len(data)
        super().data_received(data)
        if len(self._messages) > MOST_AHEAD:
            self.cut()

    def _say_too_long(self) -> None:
        if self.deadline is None:  # we are answering something else
            self.cut()
        else:
            self.refuse(web.HTTPRequestHeaderFieldsTooLarge())

    def served(self, body: StreamReader) -> None:
        """The turn of its next request has come, whose head is complete."""
        self._body = body
        self._connections.serves(self)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        if isinstance(resp, web.HTTPException) and resp.status >= HTTPStatus.BAD_REQUEST:
            resp = problem_of(resp).response()  # aiohttp itself refused it, before our middlewares heard of it
        self._answering = asyncio.current_task()
        try:
            if isinstance(resp, web.Response) and isinstance(resp.body, bytes) and len(resp.body) > HELD_BYTES:
                await _write_in_pieces(request, resp, resp.body)
            return await super().finish_response(request, resp, start_time)
        finally:
            self._answering = None
            self._connections.waits(self)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        answer = super().handle_error(request, status, exc, message)  # which writes it down, see `access_log.calm`
        heap.forget_ways(exc)
        if not isinstance(exc, HttpProcessingError):
            return answer
        problem = problem_of(_understood(exc)).response()
        problem.headers.update(HEADERS | NOT_KEPT)
        problem.force_close()
        return problem

    def connection_lost(self, exc: BaseException | None) -> None:
        self._connections.went(self)
        super().connection_lost(exc)
        self._let_go()

    def _let_go(self) -> None:
        """Of what refers to it again, see `heap.py`."""
        heap.let_go(self.wire)
        self._body = EMPTY_PAYLOAD

    # ── looking after it ──

    def is_behind(self) -> bool:
        """Is there something that it was sent and has not taken yet?"""
        return _taken(self.wire)[1]

    def is_too_slow(self, now: float, least: int) -> bool:
        """Does it take less than `least` bytes a second of what waits for it, for too long already?"""
        taken, is_behind = _taken(self.wire)
        if not is_behind:
            self._reading = None
            return False
        began_at, taken_before = self._reading = self._reading or (now, taken)
        seconds = now - began_at
        return seconds > GRACE_SECONDS and taken - taken_before < least * seconds

    def refuse(self, error: Exception) -> None:
        """Say why, as far as it is taken at once, and hang up."""
        self.wire.write(whole_answer(problem_of(error)))
        self.cut()

    def cut(self) -> None:
        """Hang up now. Its descriptor and its task are free soon after."""
        self._connections.went(self)
        if self._answering is not None and not self.wire.get_write_buffer_size():
            # It may be that the loop copies a file to this descriptor, which will be somebody else's: first stop that.
            self._answering.add_done_callback(lambda answered: self.wire.abort())
            self._answering.cancel()
        else:
            self.wire.abort()


class Connections:
    """All that are open, and those that wait, in the order in which they began to."""

    def __init__(self, limits: Http) -> None:
        self._limits = limits
        self._all: set[Connection] = set()
        self._waiting: dict[Connection, None] = {}

    def __len__(self) -> int:
        return len(self._all)

    async def watched(self, app: web.Application) -> AsyncIterator[None]:
        """While the context is open, those that are over their time are cut; see `Application.cleanup_ctx`."""
        watch = asyncio.create_task(self._watch(), name="http-connections")
        try:
            yield
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
            for one in [*self._all]:
                one.cut()

    # ── what connections tell us ──

    def came(self, one: Connection) -> None:
        if len(self._all) >= self._limits.max_connections and not self._made_room():
            one.refuse(Overloaded("too many connections", retry_after=RETRY_SECONDS))
            return
        self._all.add(one)
        self._wait(one, self._limits.header_seconds)

    def began(self, one: Connection) -> None:
        """The first bytes of a request came. Of a new connection that time began when it came, and of what comes before
        the answer is written it begins then."""
        if one.deadline is not None:
            one.deadline = min(one.deadline, asyncio.get_running_loop().time() + self._limits.header_seconds)

    def serves(self, one: Connection) -> None:
        self._waiting.pop(one, None)
        one.deadline, one.head_bytes = None, 0

    def waits(self, one: Connection) -> None:
        """Its answer was written; some of it may be on its way still."""
        if one in self._all:
            self._wait(one, self._limits.header_seconds if one.head_bytes else self._limits.keep_alive_seconds)

    def went(self, one: Connection) -> None:
        self._all.discard(one)
        self._waiting.pop(one, None)

    def _wait(self, one: Connection, seconds: float) -> None:
        one.deadline = asyncio.get_running_loop().time() + seconds
        self._waiting[one] = None

    def _made_room(self) -> bool:
        for longest in self._longest_waiting():
            if not longest.is_behind():
                longest.cut()
                return True
            self._waiting[longest] = self._waiting.pop(longest)  # it reads its answer: it began to wait too early
        return False

    def _longest_waiting(self) -> Iterator[Connection]:
        for _ in range(min(LOOKS, len(self._waiting))):
            yield next(iter(self._waiting))

    # ── the heart ──

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._limits.header_seconds / BEATS)
            await self._look_at_all()

    async def _look_at_all(self) -> None:
        # Apart from the loop above, which would remember the last one until there is another.
        now = asyncio.get_running_loop().time()
        for number, one in enumerate([*self._all], start=1):
            if not number % AT_ONCE:
                await asyncio.sleep(0)
            if one not in self._all:
                continue  # it went meanwhile
            try:
                self._look_at(one, now)
            except Exception:  # one odd connection must not keep us from looking at all others
                log.exception("a connection could not be looked at")

    def _look_at(self, one: Connection, now: float) -> None:
        if one.is_too_slow(now, self._limits.least_bytes_per_second):
            one.cut()
        elif one.deadline is None or now < one.deadline:
            pass
        elif one.head_bytes:
            one.refuse(web.HTTPRequestTimeout())
        elif one.is_behind():
            self.waits(one)
        else:
            one.cut()  # without a word, which a browser would take for the answer to what it asks next


class Server(web.Server):
    """aiohttp's, with connections that are looked after. `options` are those of `web.RequestHandler`."""

    def __init__(self, made: web.Server, connections: Connections, **options: Any) -> None:
        super().__init__(made.request_handler, request_factory=self._request, **options)
        self._connections_of_ours = connections
        self._options = options
        self._make = made.request_factory

    def __call__(self) -> Connection:
        return Connection(self, self._connections_of_ours, loop=asyncio.get_running_loop(), **self._options)

    def _request(
        self, message: Any, body: StreamReader, connection: Any, writer: Any, task: asyncio.Task[None]
    ) -> web.BaseRequest:
        connection.served(body)
        return self._make(message, body, connection, writer, task)


class Runner(web.AppRunner):
    """aiohttp's, with such a server."""

    __slots__ = ("_connections", "_options")

    def __init__(self, app: web.Application, connections: Connections, *, shutdown_seconds: float, **options: Any):
        super().__init__(app, shutdown_timeout=shutdown_seconds)
        self._connections = connections
        self._options = {
            **options,
            "max_line_size": MOST_LINE,
            "max_field_size": MOST_FIELD,
            "max_headers": MOST_FIELDS,
        }

    async def _make_server(self) -> web.Server:
        return Server(await super()._make_server(), self._connections, **self._options)


def _understood(error: HttpProcessingError) -> Exception:
    """What aiohttp found wrong with the bytes of a request, in the words of HTTP."""
    if isinstance(error, LineTooLong):
        # It says how many bytes are allowed, and not of what.
        return web.HTTPRequestURITooLong() if MOST_LINE in error.args else web.HTTPRequestHeaderFieldsTooLarge()
    if "Too many headers" in error.message:
        return web.HTTPRequestHeaderFieldsTooLarge()
    return web.HTTPBadRequest()


async def _write_in_pieces(request: web.BaseRequest, answer: web.Response, body: bytes) -> None:
    """As it is read. In one piece it would be copied, and held, for every reader. Raises ConnectionError."""
    answer.body, answer.headers[hdrs.CONTENT_LENGTH] = None, str(len(body))
    await answer.prepare(request)
    if request.method == hdrs.METH_HEAD:
        return
    for start in range(0, len(body), PIECE_BYTES):
        await answer.write(memoryview(body)[start : start + PIECE_BYTES])
        await request.writer.drain()


def _hold_little(wire: asyncio.Transport) -> None:
    wire.set_write_buffer_limits(high=PIECE_BYTES)
    if _ON_LINUX:
        with contextlib.suppress(OSError):  # it has gone already
            wire.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, HELD_BYTES)


def _taken(wire: asyncio.Transport) -> tuple[int, bool]:
    """How many bytes the other side has taken so far, and whether more wait for it. Where the system does not say how
    many, nobody is behind."""
    if not _ON_LINUX:
        return 0, False
    info = wire.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    (unacknowledged,) = struct.unpack_from("=I", info, 24)
    (acknowledged,) = struct.unpack_from("=Q", info, 120)
    (unsent,) = struct.unpack_from("=I", info, 144)
    return acknowledged, bool(unacknowledged or unsent or wire.get_write_buffer_size())
