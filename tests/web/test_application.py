from __future__ import annotations

import asyncio
import re

import msgspec
import pytest
from aiohttp import hdrs

from tests.web.fakes import BEARS_LICENCE, LOST, House
from toybackend.web.application import ROUTES
from toybackend.web.routing import Who

OPEN = {
    ("POST", "/api/v1/accounts"),
    ("POST", "/api/v1/sessions"),
    ("POST", "/api/v1/devices/authorize"),
    ("POST", "/api/v1/devices/challenge"),
    ("GET", "/api/v1/audio/{sound_id}.mp3"),
    ("GET", "/api/v1/prompts/{name}.mp3"),
    ("GET", "/api/v1/consent"),
    ("GET", "/api/v1/config"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/openapi.json"),
    ("GET", "/"),
    ("GET", "/toy"),
    ("GET", "/operator"),
    ("GET", "/manifest.webmanifest"),
    ("GET", "/service_worker.js"),
    ("GET", "/assets/{assets_digest}/{asset_path}"),
}
"""The routes that ask for no token; audio takes a signed link instead, see `test_audio.py`. A new route is closed,
unless it is written here."""

PART_OF_PATH = {"id": "x_abc", "code": "ABC", "name": "abc"}
"""By the last word of its name, as `routing.PATTERNS`."""


def filled_in(path: str) -> str:
    return re.sub(r"{(?:[a-z_]*_)?([a-z]+)}", lambda found: PART_OF_PATH[found[1]], path)


def test_the_open_routes_are_those_and_no_others() -> None:
    assert {(route.method, route.path) for route in ROUTES if route.who is Who.ANYONE} == OPEN


async def test_nothing_is_served_but_the_table(house: House) -> None:
    assert house.client.app is not None
    served = {(one.method, one.resource.canonical) for one in house.client.app.router.routes() if one.resource}
    assert {one for one in served if one[0] != hdrs.METH_HEAD} == {(route.method, route.path) for route in ROUTES}


def test_no_route_starts_a_recording() -> None:
    """Nor do the frames that toys get, see `test_protocol.py`: a toy records when somebody presses its button."""
    paths = {word for route in ROUTES for word in re.findall("[a-z]+", route.path)}
    fields = {
        word
        for route in ROUTES
        if route.body is not None
        for field in msgspec.structs.fields(route.body)
        for word in field.encode_name.split("_")
    }
    assert {"playback", "toys"} <= paths and {"volume", "toy"} <= fields
    assert not {"record", "recording", "microphone", "mic", "listen", "eavesdrop", "camera", "capture"} & (
        paths | fields
    )


async def test_every_other_route_needs_a_token(house: House) -> None:
    waiting = await house.bearer(LOST)
    closed = [route for route in ROUTES if route.who is not Who.ANYONE]
    assert closed
    for route in closed:
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            reply = await house.client.request(route.method, filled_in(route.path), headers=headers)
            assert reply.status == 401, route.path
        if route.who is not Who.WAITING_TOY:
            reply = await house.client.request(route.method, filled_in(route.path), headers=waiting)
            assert reply.status == 403, route.path


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
