"""Who is let in. What needs sockets is in `end_to_end/test_endings.py` and `test_dead_sockets.py`."""

from __future__ import annotations

import http
import socket
from contextlib import AsyncExitStack
from typing import cast

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from toybackend.gateway.server import COME_IN_AT_ONCE, _called, _cookie, _lengthen_queue, _refuse
from toybackend.services.tokens import COOKIE, bearer_token

OURS = frozenset({"https://toys.example"})


class FakeHandshake:
    def respond(self, status: http.HTTPStatus, text: str) -> Response:
        assert text.endswith("\n")
        return Response(status.value, status.phrase, Headers(), text.encode())


def answer(path: str, **headers: str) -> int | None:
    """The status of the refusal; None for the upgrade."""
    request = Request(path, Headers(headers))
    response = _refuse(cast(ServerConnection, FakeHandshake()), request, OURS)
    return response.status_code if response else None


@pytest.mark.parametrize("path", ["/app", "/toy"])
def test_there_are_two_paths(path: str) -> None:
    assert answer(path) is None


@pytest.mark.parametrize("path", ["/", "", "/app/", "/App", "/toy?token=x", "/app#x", "//app", "/toys", "*"])
def test_and_no_other(path: str) -> None:
    assert answer(path) == 404


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://toys.example", None),
        ("http://toys.example", 403),
        ("https://toys.example:8443", 403),
        ("https://toys.example.evil", 403),
        ("https://toys.example/", 403),
        ("null", 403),
        ("", 403),
    ],
)
def test_a_page_must_be_one_of_ours(origin: str, status: int | None) -> None:
    assert answer("/app", Origin=origin) == status


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("BEARER  abc ", "abc"),
        ("Bearer abc\xa0", "abc\xa0"),
        ("Basic abc", ""),
        ("Bearer", ""),
        ("abc", ""),
        ("", ""),
    ],
)
def test_bearer_tokens(header: str, token: str) -> None:
    assert (bearer_token([header]) or "") == token


def test_two_tokens_are_none() -> None:
    assert bearer_token(["Bearer abc", "Bearer abc"]) == ""


@pytest.mark.parametrize(
    ("lines", "token"),
    [
        ([f"{COOKIE}=abc"], "abc"),
        ([f"a=b; {COOKIE}=abc=;c"], "abc="),
        (["a=b", f" {COOKIE}=abc"], "abc"),
        ([f"{COOKIE}=abc; {COOKIE}=abc"], ""),
        ([f"{COOKIE}=abc", f"{COOKIE}=def"], ""),
        ([f"{COOKIE}x=abc; x{COOKIE}=abc; {COOKIE.upper()}=abc"], ""),
        ([COOKIE], ""),
        ([], ""),
    ],
)
def test_the_cookie_of_a_page(lines: list[str], token: str) -> None:
    headers = Headers(Origin="https://toys.example")
    for line in lines:
        headers["Cookie"] = line
    assert _cookie(headers) == token
    del headers["Origin"]
    assert _cookie(headers) == ""


def test_a_handshake_comes_by_one_name() -> None:
    headers = Headers()
    assert _called(headers) == ""
    headers["Host"] = "toys.example:1"
    assert _called(headers) == "toys.example:1"
    headers["Host"] = "toys.example:1"
    assert _called(headers) == ""


async def test_many_may_queue_outside() -> None:
    """While we are busy with something else, and never look."""

    async def nobody_comes(connection: ServerConnection) -> None: ...

    async with AsyncExitStack() as stack:
        listening = serve(nobody_comes, "127.0.0.1", 0, backlog=COME_IN_AT_ONCE)
        server = await stack.enter_async_context(listening)
        _lengthen_queue(server)
        for _ in range(10 * COME_IN_AT_ONCE):
            stack.enter_context(socket.create_connection(server.sockets[0].getsockname(), timeout=0.5))


def test_two_origins_must_both_be_ours() -> None:
    headers = Headers()
    headers["Origin"], headers["Origin"] = "https://toys.example", "https://evil.example"
    response = _refuse(cast(ServerConnection, FakeHandshake()), Request("/app", headers), OURS)
    assert response is not None
    assert response.status_code == 403
