"""The WebSocket connection of the library, with what we remember of its peer, and what it may cost us.

The library takes what comes, as fast as it comes. Here stands what a peer may not do below the messages that
`connection.py` reads: send a header without end, frames by the ten thousand (every hundred of them stop everybody
else for milliseconds), pings whose answers it does not read, or a frame that is never whole; and that it may not stay
once goodbye was said.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import InvalidMessage
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State

from toybackend import heap
from toybackend.gateway.closing import CLOSE_SECONDS
from toybackend.gateway.crowd import Crowd
from toybackend.models import Party
from toybackend.protocol import CloseCode
from toybackend.settings import Sockets

HEADER_BYTES = 16 << 10
"""Of a handshake, all its lines together; more is answered with 431, as is a line of more than 8 KiB."""
UNREAD_BYTES = 256 << 10
"""Answers to pings that a peer may leave unread; what else is written waits until there is room (`outbox.py`)."""
MOUTHFUL = 4 << 10
"""Bytes that the library is given at once: in as little as this may be hundreds of frames."""
MINUTE = 60.0
BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Socket(ServerConnection):
    """A connection that remembers when its peer was last heard, and who it is if the handshake said so.

    Every byte counts as a sign of life, not only a pong: a phone on a slow line cannot answer a ping before the
    voice that it is sending has gone out.
    """

    heard_at: float
    """On the clock of the event loop."""
    framed_at: float
    """When a frame was last whole. What was heard since then belongs to one that is not."""
    pinged_at: float
    bearer: Party | None = None
    token_digest: str = ""
    """Of the token that it showed: what it is good for is looked up again when something changed."""
    noticed: int = 0
    """How many changes had been noticed when its token was looked up, see `changes.py`."""

    def __init__(
        self, lobby: Crowd[Socket], unfinished: Crowd[Socket], limits: Sockets, *given: Any, **options: Any
    ) -> None:
        """`lobby` counts sockets before their welcome, `unfinished` the bytes of frames that are not whole yet."""
        super().__init__(*given, **options)
        self._lobby = lobby
        self._unfinished = unfinished
        self._limits = limits
        self._part = 0
        """Bytes since a frame, or the handshake, was last whole."""
        self._minute_began = 0.0
        self._frames = self._fragments = 0
        """In this minute."""
        self._farewell: asyncio.TimerHandle | None = None

    # ── what comes ──

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.heard_at = self.framed_at = self.pinged_at = self._minute_began = self.loop.time()
        self._lobby.hold(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lobby.leave(self)
        self._unfinished.leave(self)
        if self._farewell is not None:
            self._farewell.cancel()
        super().connection_lost(exc)
        self._let_go()

    def _let_go(self) -> None:
        """The parser's frame refers to the protocol, and the protocol to it and to the errors that there were: what is
        over would wait for the garbage collector, which stops everybody while it looks."""
        heap.let_go(self.transport)
        protocol = self.protocol
        protocol.parser.close()
        heap.forget_ways(protocol.parser_exc or protocol.handshake_exc)

    def data_received(self, data: bytes) -> None:
        self.heard_at = self.loop.time()
        for start in range(0, len(data), MOUTHFUL):
            mouthful = data[start : start + MOUTHFUL]
            self._part += len(mouthful)
            super().data_received(mouthful)
            self._look_after_itself()
            if self.transport.is_closing():
                break

    def process_event(self, event: Request | Response | Frame) -> None:
        if self._part > MOUTHFUL:
            self._unfinished.leave(self)
        self._part = 0
        self.framed_at = self.heard_at
        if isinstance(event, Frame):
            is_fragment = event.opcode is Opcode.CONT
            self._fragments += is_fragment
            self._frames += not is_fragment
        super().process_event(event)

    def send_data(self) -> None:
        if isinstance(self.protocol.handshake_exc, InvalidMessage) and self._farewell is None:
            self.transport.write(BAD_REQUEST)  # the library would only hang up
        super().send_data()

    # ── what is too much ──

    def _look_after_itself(self) -> None:
        if self.protocol.close_expected():
            self._expect_end()
        elif self.request is None and self._part > HEADER_BYTES:
            self._refuse_header()
        elif self._is_flooding():
            self.fail(CloseCode.FLOODING, "flooding")
        elif self.transport.get_write_buffer_size() > UNREAD_BYTES:
            self.transport.abort()
        elif self._part > MOUTHFUL:
            self._unfinished.hold(self, self._part)

    def _is_flooding(self) -> bool:
        if self.heard_at - self._minute_began >= MINUTE:
            self._minute_began = self.heard_at
            self._frames = self._fragments = 0
        limits = self._limits
        return self._frames > limits.frames_per_minute or self._fragments > limits.fragments_per_minute

    def _refuse_header(self) -> None:
        refusal = self.respond(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "this is too much of a header\n")
        self.protocol.send_response(refusal)
        self.send_data()
        self._expect_end()

    # ── how it ends ──

    def fail(self, code: int, reason: str) -> None:
        """Say why, and read nothing more; the peer has a moment to read it."""
        self._unfinished.leave(self)
        self.protocol.fail(code, reason)
        self.send_data()
        self._expect_end()

    def turn_away(self) -> None:
        """Before its welcome, because others want to come in: at once, or those who hold places would hold them on."""
        if self.protocol.state is State.OPEN:
            self.fail(CloseCode.TRY_AGAIN_LATER, "try again later")
            self.transport.close()
        else:
            self.transport.abort()

    def give_way(self) -> None:
        """Its frame takes memory that others need."""
        self.fail(CloseCode.TRY_AGAIN_LATER, "too slow")

    def _expect_end(self) -> None:
        """Whoever said goodbye may not stay for ever."""
        if self._farewell is None:
            self._farewell = self.loop.call_later(CLOSE_SECONDS, self.transport.abort)
