from __future__ import annotations

import asyncio

import pytest
from aiohttp import hdrs

from tests.web.fakes import BEARS_LICENCE, LOST, House

OPEN = {
    ("POST", "/api/v1/sessions"),
    ("POST", "/api/v1/devices/authorize"),
    ("GET", "/api/v1/prompts/{name}.mp3"),
    ("GET", "/api/v1/config"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
}
"""The routes that ask for no token. A new route is closed unless it is written here."""


def routes(house: House) -> set[tuple[str, str]]:
    app = house.client.app
    assert app is not None
    found = {(route.method, route.resource.canonical) for route in app.router.routes() if route.resource is not None}
    return {(method, path) for method, path in found if method != hdrs.METH_HEAD}


async def test_every_route_but_the_open_ones_needs_a_token(house: House) -> None:
    waiting = await house.bearer(LOST)
    closed = routes(house) - OPEN
    assert closed == {("DELETE", "/api/v1/sessions/current"), ("GET", "/api/v1/audio/{id}.mp3")}
    for method, path in closed:
        for headers in ({}, waiting, {"Authorization": "Bearer wrong"}):
            reply = await house.client.request(method, path.replace("{id}", "m_abc"), headers=headers)
            assert reply.status == 401, (method, path)


async def test_every_open_route_exists(house: House) -> None:
    assert routes(house) >= OPEN


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/healthz"),
        ("GET", "/nowhere"),
        ("PATCH", "/healthz"),
        ("POST", "/api/v1/sessions"),
        ("GET", "/api/v1/config"),
        ("GET", "/api/v1/audio/m_abc.mp3"),
        ("DELETE", "/api/v1/sessions/current"),
    ],
)
async def test_headers_of_every_answer(house: House, method: str, path: str) -> None:
    reply = await house.client.request(method, path)
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Referrer-Policy"] == "no-referrer"
    assert reply.headers["Cache-Control"] == "no-store"


async def test_answers_come_while_others_are_slow(house: House) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", house.port)
    writer.write(b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
    await writer.drain()
    try:
        async with asyncio.timeout(2):
            reply = await house.client.post("/api/v1/devices/authorize", json={"license": BEARS_LICENCE})
        assert reply.status == 200
    finally:
        writer.close()
