"""Ways to do harm. Each says what it sends, when it reads, and how fast it comes; `attacker.py` does the rest.

The bytes are made by hand: an attacker keeps to no library's manners, and has to be cheap, or it would slow down those
whom it is there to measure.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

SLOW_SECONDS = 1.0
"""Between two bytes of those who are slow."""
BURST = 200
"""Frames that a flood sends at once."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What an attack is told; not every one needs everything."""

    http: tuple[str, int]
    ws: tuple[str, int]
    tokens: Sequence[str] = ()
    """Of people who never listen."""
    villains: Sequence[str] = ()
    """Of people who send what nobody needs."""
    speakers: Sequence[tuple[str, str]] = ()
    """Token of a toy and the id of a group: it talks to those who do not listen."""
    path: str = ""
    """Of something long, with its signature."""


class Attack:
    """One way. A connection of it is opened again when it ends."""

    is_web: ClassVar[bool] = False
    """It goes to the HTTP port."""
    reads: ClassVar[bool] = True
    """What comes is read as it comes; else never."""
    opens_per_second: ClassVar[float] = 1000.0
    beat_seconds: ClassVar[float | None] = None
    """Between two `beat`s of each connection."""
    reads_on_beat: ClassVar[int] = 0
    """Bytes."""
    rest_seconds: ClassVar[float] = 0.0
    """Until a connection that ended is opened again."""
    hangs_up: ClassVar[bool] = False
    """As soon as there is an answer."""
    many_addresses: ClassVar[bool] = False
    """Every connection comes from another address."""

    def __init__(self, aim: Aim) -> None:
        self.aim = aim

    def greeting(self, number: int) -> bytes:
        """The first bytes of the connection of this number."""
        return b""

    def beat(self, number: int) -> bytes:
        """What follows, again and again."""
        return b""

    def answered(self, number: int) -> bytes:
        """What follows an answer."""
        return b""


class Silent(Attack):
    """Sockets that never say hello. Who was turned away comes back after a while; those who do not wait are a flood."""

    rest_seconds = 30.0

    def greeting(self, number: int) -> bytes:
        return handshake(self.aim.ws)


class Mute(Attack):
    """Connections that never say anything at all."""


class Unread(Attack):
    """Sockets that are logged in and never read, while messages keep coming for them. Half of them never acknowledge,
    the other half said that they never will."""

    reads = False
    beat_seconds = 5.0

    def greeting(self, number: int) -> bytes:
        if number < len(self.aim.speakers):
            return handshake(self.aim.ws, self.aim.speakers[number][0], "/toy")
        token = self.aim.tokens[number % len(self.aim.tokens)]
        if number % 2:
            return handshake(self.aim.ws, token)
        return handshake(self.aim.ws) + frame(json.dumps({"type": "hello", "token": token, "acks": False}))

    def beat(self, number: int) -> bytes:
        """The first few are toys, and talk."""
        if number >= len(self.aim.speakers):
            return b""
        return frame(json.dumps({"to_group": self.aim.speakers[number][1], "msg": secrets.token_hex(500)}))


class SlowReader(Attack):
    """HTTP clients that read an answer of megabytes byte by byte."""

    is_web = True
    reads = False
    beat_seconds = SLOW_SECONDS
    reads_on_beat = 1

    def greeting(self, number: int) -> bytes:
        return request("GET", self.aim.path)


class Slowloris(Attack):
    """HTTP clients that send a request byte by byte: half of them its head, half of them its body."""

    is_web = True
    beat_seconds = SLOW_SECONDS

    def greeting(self, number: int) -> bytes:
        if number % 2:
            return request("GET", "/")[:-2] + b"X-Slow: "
        return request("POST", "/api/v1/sessions", length=1000)

    def beat(self, number: int) -> bytes:
        return b"a"


class FrameFlood(Attack):
    """Sockets that are logged in and send frames as fast as they can."""

    opens_per_second = 20.0
    beat_seconds = 0.02

    def greeting(self, number: int) -> bytes:
        return handshake(self.aim.ws, self.aim.villains[number % len(self.aim.villains)])

    def beat(self, number: int) -> bytes:
        return BURST * frame('{"type":"ack","id":"m_a"}')


class PingFlood(FrameFlood):
    """The same with pings."""

    def beat(self, number: int) -> bytes:
        return BURST * frame("are you there?", opcode=0x9)


class HandshakeFlood(Attack):
    """A thousand handshakes a second, each of which hangs up as soon as it is answered."""

    hangs_up = True

    def greeting(self, number: int) -> bytes:
        return handshake(self.aim.ws)


class TokenFlood(HandshakeFlood):
    """The same with a token that is wrong, which has to be looked up."""

    opens_per_second = 500.0

    def greeting(self, number: int) -> bytes:
        return handshake(self.aim.ws, secrets.token_urlsafe(32))


class LogInFlood(Attack):
    """Wrong passwords, one after another on every connection, from as many addresses, for as many names."""

    is_web = True
    many_addresses = True

    def greeting(self, number: int) -> bytes:
        return self.answered(number)

    def answered(self, number: int) -> bytes:
        body = json.dumps({"name": f"mum {secrets.token_hex(4)}", "password": "wrong and wronger"}).encode()
        return request("POST", "/api/v1/sessions", length=len(body)) + body


ATTACKS: dict[str, type[Attack]] = {
    kind.__name__: kind
    for kind in (
        Silent,
        Mute,
        Unread,
        SlowReader,
        Slowloris,
        FrameFlood,
        PingFlood,
        HandshakeFlood,
        TokenFlood,
        LogInFlood,
    )
}


# ── bytes ──


def request(method: str, path: str, *, length: int | None = None) -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: toys\r\n"
    if length is not None:
        head += f"Content-Length: {length}\r\n"
    return f"{head}\r\n".encode()


def handshake(ws: tuple[str, int], token: str = "", path: str = "/app") -> bytes:
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    head = (
        f"GET {path} HTTP/1.1\r\nHost: {ws[0]}:{ws[1]}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
    )
    if token:
        head += f"Authorization: Bearer {token}\r\n"
    return f"{head}\r\n".encode()


def frame(text: str, *, opcode: int = 0x1) -> bytes:
    """One frame as clients send it, masked with zeros (RFC 6455, section 5.2)."""
    payload = text.encode()
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else bytes([0xFE]) + len(payload).to_bytes(2)
    return bytes([0x80 | opcode]) + size + bytes(4) + payload
