"""HTTP by hand: what a test writes goes out as it is, and what comes back is taken apart."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.end_to_end.line import PATIENCE
from toybackend.house import House

QUIET_SECONDS = 0.3
"""After which nothing more is expected of a connection that stays open."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One of those that came over a connection."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def code(self) -> str:
        """That of a problem; empty for what is none."""
        is_problem = self.headers.get("content-type", "").startswith("application/problem+json")
        return str(json.loads(self.body)["code"]) if is_problem else ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """All that came for what was sent."""

    answers: list[Answer]
    is_closed: bool
    """By the server."""
    raw: bytes

    @property
    def outcome(self) -> list[tuple[int, str]]:
        """Status and code of each answer."""
        return [(one.status, one.code) for one in self.answers]


async def exchange(house: House, *pieces: bytes, pause: float = 0.0) -> Exchange:
    """Send these bytes, and read until the server closes or says nothing more."""
    where = urlsplit(house.listeners.bound().http_url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(pause)
        raw, is_closed = await _read(reader)
    finally:
        writer.close()
    return Exchange(_taken_apart(raw), is_closed, raw)


async def _read(reader: asyncio.StreamReader) -> tuple[bytes, bool]:
    """What comes, and whether that was all."""
    raw, seconds = b"", PATIENCE
    try:
        while True:
            async with asyncio.timeout(seconds):
                data = await reader.read(1 << 16)
            if not data:
                return raw, True
            raw, seconds = raw + data, QUIET_SECONDS
    except TimeoutError:
        return raw, False
    except ConnectionResetError:
        return raw, True


def _taken_apart(raw: bytes) -> list[Answer]:
    answers = []
    while raw:
        head, _, raw = raw.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
        length = int(headers.get("content-length", 0))
        answers.append(Answer(int(line.split()[1]), headers, raw[:length]))
        raw = raw[length:]
    return answers


def get(path: str, *headers: str) -> bytes:
    """A request, the last one over its connection; `path` may be anything that no browser sends."""
    return _request("GET", path, headers, b"")


def post(path: str, body: bytes, *headers: str) -> bytes:
    return _request("POST", path, (*headers, f"Content-Length: {len(body)}"), body)


def _request(method: str, path: str, headers: tuple[str, ...], body: bytes) -> bytes:
    fields = ("Host: x", "Connection: close", *headers)
    return "\r\n".join((f"{method} {path} HTTP/1.1", *fields, "", "")).encode() + body


def bearer(token: str) -> str:
    return f"Authorization: Bearer {token}"
