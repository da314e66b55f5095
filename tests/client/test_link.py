"""Link, by way of a phone: what the end of a socket means, and strange frames."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.client.fake_server import PASSWORD, FakeServer, problem, quick
from toybackend.client import Backoff, Phone, Replaced, ServerAway
from toybackend.client import endpoint as endpoint_module
from toybackend.client import link as link_module
from toybackend.errors import (
    NotAuthenticated,
)
from toybackend.protocol import Notice, ServerFrame

pytestmark = pytest.mark.timeout(10)


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with FakeServer() as fake:
        yield fake


def phone_of(server: FakeServer, *, hello: bool = False) -> Phone:
    return Phone(server.url, "anna", PASSWORD, backoff=quick(), hello=hello)


async def test_strange_frames_are_passed_over(server: FakeServer) -> None:
    seen: list[ServerFrame] = []
    server.greet_with = ['{"type":"weather","id":"x"}', "not json", '{"type":"voice","id":7}']
    async with Phone(server.url, "anna", PASSWORD, backoff=quick(), watch=seen.append) as phone:
        await server.sockets[-1].send(b"\x00\x01")
        for stranger in ("accepted", "delivered", "failed", "error"):
            about = {"id": "m_77", "to_user": "t", "ref": "none of ours", "code": "internal", "message": "?"}
            await server.push(type=stranger, **about)
        await server.push(type="notice", event="delayed", id="m_77")
        sent = await phone.send_text("t_1", "x")
        assert sent.id == "m_1"
    assert Notice(event="delayed", id="m_77") in seen


async def test_a_new_token_after_4401(server: FakeServer) -> None:
    async with phone_of(server) as phone:
        await server.sockets[-1].close(4401)
        await phone.send_text("t_1", "x")
        assert phone.token == "token2"
    assert [token for _, token in server.greetings] == ["Bearer token1", "Bearer token2"]


@pytest.mark.parametrize("codes", [(4401, 4403), (4403, 4401)])
async def test_turned_away_twice_is_final(server: FakeServer, codes: tuple[int, int]) -> None:
    async with phone_of(server) as phone:
        server.closings.extend(codes)
        await server.sockets[-1].close(1001)
        with pytest.raises(NotAuthenticated):
            await phone.send_text("t_1", "x")
        with pytest.raises(NotAuthenticated):
            await anext(phone.messages())
    assert server.log_ins == 2


async def test_turned_away_after_a_welcome_is_not_final(server: FakeServer) -> None:
    async with phone_of(server) as phone:
        server.late_closings.extend([4403, 4401, 4403])
        await server.sockets[-1].close(1001)
        await server.until(lambda: not server.late_closings)
        await phone.send_text("t_1", "x")
    assert server.log_ins == 4


async def test_turned_away_at_the_door(server: FakeServer) -> None:
    server.handshakes.extend([401, 403])
    with pytest.raises(NotAuthenticated):
        async with phone_of(server):
            pass
    assert server.log_ins == 2 and server.log_outs == 1


async def test_replaced_is_final(server: FakeServer) -> None:
    async with phone_of(server) as phone:
        await server.sockets[-1].close(4409)
        with pytest.raises(Replaced):
            await anext(phone.messages())
    assert len(server.greetings) == 1


async def test_other_ends_are_passing(server: FakeServer) -> None:
    server.handshakes.extend([503, 404])
    server.closings.extend([1013, 4429, 1001])
    async with phone_of(server) as phone:
        await phone.send_text("t_1", "x")
    assert (len(server.greetings), server.log_ins) == (4, 1)


async def test_a_wrong_password_is_said_at_once(server: FakeServer) -> None:
    with pytest.raises(NotAuthenticated, match="wrong"):
        async with Phone(server.url, "anna", "guess"):
            pass
    assert (server.log_outs, server.greetings) == (0, [])


async def test_no_server_is_said_at_once() -> None:
    with pytest.raises(ServerAway, match=r"127\.0\.0\.1:9"):
        async with Phone("http://127.0.0.1:9", "anna", PASSWORD):
            pass


async def test_no_socket_is_said_after_a_while(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_module, "ENTER_SECONDS", 1.0)
    server.handshakes.extend([503] * 1000)
    with pytest.raises(ServerAway, match="503"):
        async with phone_of(server):
            pass
    assert server.log_outs == 1


async def test_no_welcome_is_a_broken_socket(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_module, "ENTER_SECONDS", 0.2)
    monkeypatch.setattr(link_module, "OPEN_SECONDS", 0.05)
    server.welcomes = False
    with pytest.raises(ServerAway):
        async with phone_of(server):
            pass
    assert len(server.greetings) > 1


async def test_trouble_while_logging_in_again_is_waited_for(server: FakeServer) -> None:
    async with phone_of(server) as phone:
        server.http_trouble.append(problem(503, "overloaded", "busy"))
        server.http_trouble.append(problem(500, "internal", "oh"))
        await server.sockets[-1].close(4401)
        await phone.send_text("t_1", "x")
    assert server.log_ins == 2


async def test_a_password_changed_meanwhile_is_final(server: FakeServer) -> None:
    async with phone_of(server) as phone:
        server.http_trouble.append(problem(401, "not_authenticated", "wrong"))
        await server.sockets[-1].close(4403)
        with pytest.raises(NotAuthenticated, match="wrong"):
            await anext(phone.messages())


async def test_a_steady_socket_starts_the_waits_afresh(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "STEADY_SECONDS", 0.0)
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    backoff = Backoff(first=1.0, most=64.0, chance=lambda: 1.0, sleep=note)
    server.handshakes.extend([503, 503])
    async with Phone(server.url, "anna", PASSWORD, backoff=backoff) as phone:
        await server.drop()
        await phone.send_text("t_1", "x")
        await server.drop()
        await phone.send_text("t_1", "x")
    assert waits == [1.0, 2.0, 1.0, 1.0]
