"""One socket, kept alive: connect, be let in, read and write, and when it breaks do it again.

    admit ─► connect ─► welcome ─► read ∥ write ─► closed ─► wait ─► connect …

What the end of a socket means is decided in `_meaning`:

    4401, 4403 or HTTP 401, 403   our token is no good (any more): ask for a new one; twice in a row is final
    4409                          replaced: final
    everything else               passing: the server restarts, the network is away, we were too slow
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NoReturn

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from toybackend.client.failures import PASSING, Replaced, ServerAway
from toybackend.client.outbox import Outbox
from toybackend.client.waiting import Backoff
from toybackend.errors import NotAuthenticated, Refused, ToybackendError
from toybackend.protocol import (
    CloseCode,
    Hello,
    ServerFrame,
    Welcome,
    encode_client_frame,
    parse_server_frame,
)

OPEN_SECONDS = 10.0
"""How long the handshake may take, and the welcome after it."""
CLOSE_SECONDS = 2.0
PING_SECONDS = 20.0
MAX_SERVER_FRAME = 64 * 1024
STEADY_SECONDS = 5.0
"""A socket that lived this long was a good one."""

_log = logging.getLogger(__name__)
_socket_log = logging.getLogger(__name__ + ".socket")
# At DEBUG the library writes out headers and frames, that is tokens, signed links and what families say.
_socket_log.setLevel(logging.INFO)


@dataclass(frozen=True, slots=True)
class Admission:
    """Where to go and what to show there."""

    url: str
    token: str = field(repr=False)


def socket_url(base: str, path: str) -> str:
    """Where on the socket side to go; a server that already named the path means the same."""
    base = base.rstrip("/")
    return base if base.endswith(path) else base + path


class AdmitAgain(Exception):
    """Raised by who receives the frames: what this socket was admitted as is no longer true."""


class _TurnedAway(Exception):
    """The token was not accepted."""


class Link:
    """Keeps one socket to the server. `run` is its life; its owner holds the task.

    `admit` asks for an admission, `receive` is given every frame that is understood, on the event loop.
    """

    def __init__(
        self,
        admit: Callable[[], Awaitable[Admission]],
        receive: Callable[[ServerFrame], None],
        outbox: Outbox,
        *,
        hello: bool,
        backoff: Backoff,
    ) -> None:
        self._admit = admit
        self._receive = receive
        self._outbox = outbox
        self._hello = hello
        self._backoff = backoff
        self._was_let_in = False
        #: Why there is no socket now, for whoever has waited too long.
        self.trouble: ToybackendError | None = None

    async def run(self, first: Admission) -> NoReturn:
        """Live until cancelled. Raises NotAuthenticated, Unlicensed or another Refused when we are not wanted,
        Replaced when somebody else is here as us."""
        admission: Admission | None = first
        turned_away = False
        while True:
            self._was_let_in = False
            try:
                admission = admission or await self._admit()
                await self._serve(admission)
            except AdmitAgain:
                admission = None
            except _TurnedAway as error:
                if turned_away and not self._was_let_in:
                    raise NotAuthenticated from error
                turned_away, admission = True, None
                await self._pause(NotAuthenticated())
            except PASSING as error:
                turned_away = turned_away and not self._was_let_in
                await self._pause(error)

    async def _pause(self, trouble: ToybackendError) -> None:
        self.trouble = trouble
        _log.info("no connection (%s); trying again", trouble)
        asked_for = trouble.retry_after if isinstance(trouble, Refused) else None
        await self._backoff.wait(at_least=asked_for or 0)

    async def _serve(self, admission: Admission) -> NoReturn:
        """The life of one socket. Raises what its end means."""
        now = asyncio.get_running_loop().time
        began = now()
        try:
            async with self._connect(admission) as socket:
                try:
                    await self._converse(socket, admission.token)
                finally:
                    await socket.close()  # 1000; leaving its context by an exception would say 1011
        except (OSError, WebSocketException) as error:  # TimeoutError is an OSError
            raise _meaning(error) from error
        finally:
            self._outbox.shut()
            if self._was_let_in and now() - began > STEADY_SECONDS:
                self._backoff.reset()

    def _connect(self, admission: Admission) -> connect:
        return connect(
            admission.url,
            additional_headers=None if self._hello else {"Authorization": f"Bearer {admission.token}"},
            compression=None,
            proxy=None,
            max_size=MAX_SERVER_FRAME,
            open_timeout=OPEN_SECONDS,
            close_timeout=CLOSE_SECONDS,
            ping_interval=PING_SECONDS,
            ping_timeout=PING_SECONDS,
            logger=_socket_log,
        )

    async def _converse(self, socket: ClientConnection, token: str) -> NoReturn:
        if self._hello:
            await socket.send(encode_client_frame(Hello(token=token)))
        writer: asyncio.Task[None] | None = None
        try:
            async with asyncio.timeout(OPEN_SECONDS) as patience:
                while True:
                    frame = parse_server_frame(await socket.recv())
                    if frame is None:
                        continue  # from a newer server
                    if writer is None and isinstance(frame, Welcome):
                        writer = self._start_writing(socket)
                        patience.reschedule(None)
                    self._take(frame)
        finally:
            await _stop(writer)

    def _take(self, frame: ServerFrame) -> None:
        self._was_let_in = True
        self.trouble = None
        if not isinstance(frame, Welcome):
            self._backoff.reset()  # a welcome alone is not yet worth much: we may be thrown out right after it
        self._receive(frame)

    def _start_writing(self, socket: ClientConnection) -> asyncio.Task[None]:
        self._outbox.reopen()
        return asyncio.create_task(self._write(socket))

    async def _write(self, socket: ClientConnection) -> None:
        """The only writer, so that nothing gets between a header and its audio."""
        with contextlib.suppress(ConnectionClosed):  # the reader meets it too, and knows what it means
            while True:
                letter = await self._outbox.next()
                await socket.send(letter.frame)
                if letter.audio is not None:
                    await socket.send(letter.audio)
                self._outbox.written(letter)


async def _stop(writer: asyncio.Task[None] | None) -> None:
    if writer is not None:
        writer.cancel()
        await asyncio.wait([writer])


def _meaning(error: Exception) -> Exception:
    """What it means for us that a socket ended, or never began, like this."""
    if isinstance(error, InvalidStatus) and error.response.status_code in (401, 403):
        return _TurnedAway()
    code = error.rcvd.code if isinstance(error, ConnectionClosed) and error.rcvd else None
    if code in (CloseCode.NOT_AUTHENTICATED, CloseCode.REVOKED):
        return _TurnedAway()
    if code == CloseCode.REPLACED:
        return Replaced("another connection took this one's place")
    return ServerAway(str(error) or type(error).__name__)
