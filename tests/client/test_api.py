"""Api: what strange answers become."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.client.fake_server import LICENCE, FakeServer, problem
from toybackend.client import ServerAway
from toybackend.client import api as api_module
from toybackend.client.api import Api
from toybackend.client.failures import refused
from toybackend.errors import (
    Gone,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Overloaded,
    RateLimited,
    Refused,
    ToybackendError,
    Unlicensed,
)

pytestmark = pytest.mark.timeout(10)


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with FakeServer() as fake:
        yield fake


async def test_a_family_registers_binds_and_gives_away(server: FakeServer) -> None:
    async with Api(server.url) as api:
        made = await api.register("anna", "correct horse")
        assert (made.token, made.account.id, made.account.name) == ("fresh", "p_anna", "anna")
        assert "fresh" not in repr(made)
        await api.register("anna", "correct horse", invitation="come in")
        toy = await api.bind(made.token, "ABCD2345", "Bear")
        assert (toy.id, toy.name) == ("t_1", "Bear")
        await api.unbind(made.token, toy.id)
        assert await api.call("POST", "/toys", {"claim": "ABCD2345"}, token=made.token) == {
            "id": "t_1",
            "name": "Bear",
            "new": "field",
        }
        assert await api.call("DELETE", "/sessions/current", token=made.token) is None
        with pytest.raises(NotFound):
            await api.call("GET", "/nothing")
        assert api.prompt_url("ready") == f"{server.url}/api/v1/prompts/ready.mp3"
    assert server.calls == [
        ("register", {"name": "anna", "password": "correct horse"}, ""),
        ("register", {"name": "anna", "password": "correct horse", "invitation": "come in"}, ""),
        ("bind", {"claim": "ABCD2345", "name": "Bear"}, "Bearer fresh"),
        ("unbind", None, "Bearer fresh"),
        ("bind", {"claim": "ABCD2345"}, "Bearer fresh"),
    ]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, NotAuthenticated),
        (403, NotAllowed),
        (404, NotFound),
        (410, Gone),
        (429, RateLimited),
        (400, ServerAway),
        (502, ServerAway),
    ],
)
async def test_an_error_that_is_not_ours_goes_by_its_status(
    server: FakeServer, status: int, kind: type[ToybackendError]
) -> None:
    server.http_trouble.append(web.Response(status=status, text="<h1>somebody else's</h1>"))
    async with Api(server.url) as api:
        with pytest.raises(kind):
            await api.log_in("anna", "x")


async def test_a_problem_goes_by_its_code(server: FakeServer) -> None:
    server.http_trouble.append(problem(503, "overloaded", "busy", retry_after=3))
    async with Api(server.url) as api:
        with pytest.raises(Overloaded, match="busy") as caught:
            await api.power_on(LICENCE)
    assert caught.value.retry_after == 3


@pytest.mark.parametrize("body", [b"[]", b"{}", b"<html>", b"\xff", b'{"token":7}'])
async def test_an_answer_that_is_not_ours(server: FakeServer, body: bytes) -> None:
    server.http_trouble.append(web.Response(body=body))
    async with Api(server.url + "/") as api:
        with pytest.raises(ServerAway, match="not an answer of our server"):
            await api.log_in("anna", "x")


async def test_an_answer_too_long(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_module, "MAX_AUDIO_BYTES", 100)
    async with Api(server.url) as api:
        with pytest.raises(ServerAway, match="more than 100 bytes"):
            await api.audio("/audio/x.mp3", "token")


def test_codes_and_errors() -> None:
    assert isinstance(refused("unlicensed"), Unlicensed)
    assert str(refused("unlicensed")) == Unlicensed.says
    unknown = refused("too_modern", "words", 5)
    assert type(unknown) is Refused
    assert (str(unknown), unknown.retry_after, str(refused("too_modern"))) == ("too_modern: words", 5, "too_modern")
