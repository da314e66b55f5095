"""Toy: its three states, and the ways from one to the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from tests.client.fake_server import LICENCE, MP3, FakeServer, problem, quick, ready, unbound, unlicensed, voice
from toybackend.client import Boot, Replaced, ServerAway, Toy
from toybackend.client.api import ShownClaim
from toybackend.client.toy import UNSURE_CLAIM_SECONDS, _renew_after
from toybackend.errors import RateLimited, Unlicensed
from toybackend.models import BootState

pytestmark = pytest.mark.timeout(10)


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with FakeServer() as fake:
        yield fake


async def test_a_ready_toy_receives_fetches_hears_and_answers(server: FakeServer) -> None:
    server.boots.append(ready())
    server.mailbox = {"m_1": voice("m_1")}
    async with Toy(server.url, LICENCE) as toy:
        await toy.wait_until_ready()
        assert (toy.state, toy.claim, toy.token) == (BootState.READY, None, "token1")
        assert toy.boot.toy is not None and toy.boot.toy.settings == {"volume_cap": 80}
        message = await anext(toy.messages())
        assert await toy.fetch(message) == MP3
        await toy.heard(message)
        sent = await toy.reply(message, b"thanks")
        assert sent.id == "m_1"
    assert server.greetings == [("/toy", "Bearer token1")]
    assert server.frames == [{"type": "ack", "id": "m_1"}, {"type": "heard", "id": "m_1"}]
    assert server.uploads[0][0]["to_user"] == "p_ben"


async def test_an_unbound_toy_waits_for_its_owner(server: FakeServer) -> None:
    server.boots.extend([unbound(), ready()])
    async with Toy(server.url, LICENCE, backoff=quick()) as toy:
        assert toy.state is BootState.UNBOUND
        assert toy.claim is not None and toy.claim.code == "ABCD2345"
        waiting = asyncio.create_task(toy.wait_until_ready())
        await server.push(type="notice", event="contact_request")
        await asyncio.sleep(0.02)
        assert not waiting.done()
        await server.push(type="notice", event="bound")
        await waiting
        assert toy.boot.state is BootState.READY and toy.boot.claim is None
    assert server.greetings == [("/toy", "Bearer token1"), ("/toy", "Bearer token2")]


async def test_bound_while_the_network_was_away(server: FakeServer) -> None:
    server.boots.extend([unbound(), ready()])
    async with Toy(server.url, LICENCE, backoff=quick()) as toy:
        await server.drop()
        await toy.wait_until_ready()


async def test_the_claim_is_renewed(server: FakeServer) -> None:
    server.boots.extend([unbound("AAAA2222", "1970-01-01T00:00:01Z"), unbound("BBBB3333"), ready()])
    seen: list[Boot] = []
    # The clock says that one tenth of a second is left; the least wait is one second.
    async with Toy(server.url, LICENCE, on_boot=seen.append, clock=lambda: 0.9) as toy:
        async with asyncio.timeout(3):
            await toy._changed.until(lambda: len(seen) == 2)
        assert toy.claim is not None and toy.claim.code == "BBBB3333"
    assert [boot.claim.code for boot in seen if boot.claim] == ["AAAA2222", "BBBB3333"]


@pytest.mark.parametrize(
    ("expires_at", "seconds"), [(700, 540.0), (200, 90.0), (100.5, 1.0), (50, UNSURE_CLAIM_SECONDS), (1e9, 540.0)]
)
def test_when_to_renew(expires_at: float, seconds: float) -> None:
    claim = ShownClaim("A", "q", datetime.fromtimestamp(expires_at, UTC))
    assert _renew_after(claim, now=100.0) == pytest.approx(seconds)


async def test_an_unlicensed_toy_has_a_state_and_nothing_else(server: FakeServer) -> None:
    server.boots.append(unlicensed())
    async with Toy(server.url, LICENCE) as toy:
        assert toy.state is BootState.UNLICENSED
        assert toy.boot.prompt is not None and toy.boot.prompt.name == "unlicensed"
        for attempt in (toy.wait_until_ready(), anext(toy.messages()), toy.send_text("p_ben", "x")):
            with pytest.raises(Unlicensed):
                await attempt
    assert server.greetings == []


async def test_a_licence_revoked_while_we_wait(server: FakeServer) -> None:
    server.boots.extend([ready(), unlicensed()])
    async with Toy(server.url, LICENCE, backoff=quick()) as toy:
        await server.sockets[-1].close(4403)
        with pytest.raises(Unlicensed):
            await anext(toy.messages())
        assert toy.state is BootState.UNLICENSED


async def test_a_licence_revoked_while_we_enter(server: FakeServer) -> None:
    server.boots.extend([ready(), unlicensed()])
    server.closings.append(4401)
    async with Toy(server.url, LICENCE, backoff=quick()) as toy:
        assert toy.state is BootState.UNLICENSED


async def test_an_owner_lost_and_another_found(server: FakeServer) -> None:
    server.boots.extend([ready(), unbound(), ready()])
    async with Toy(server.url, LICENCE, backoff=quick()) as toy:
        await server.push(type="notice", event="bound")  # no news to a toy that has an owner
        await server.push(type="notice", event="unbound")
        await toy._changed.until(lambda: toy.state is BootState.UNBOUND)
        await server.until(lambda: len(server.greetings) == 2 and server.sockets)
        await server.push(type="notice", event="unbound")  # no news either
        await server.push(type="notice", event="bound")
        await toy.wait_until_ready()
    assert len(server.greetings) == 3


async def test_a_newer_toy_of_the_same_licence_wins(server: FakeServer) -> None:
    server.boots.append(ready())
    async with Toy(server.url, LICENCE) as toy:
        await server.sockets[-1].close(4409)
        with pytest.raises(Replaced):
            await anext(toy.messages())


async def test_too_many_tries(server: FakeServer) -> None:
    server.http_trouble.append(problem(429, "rate_limited", "slowly", retry_after=5))
    with pytest.raises(RateLimited) as caught:
        async with Toy(server.url, LICENCE):
            pass
    assert caught.value.retry_after == 5


async def test_no_secret_is_shown(server: FakeServer) -> None:
    server.boots.append(ready())
    async with Toy(server.url, LICENCE) as toy:
        admission = await toy._admit()
        assert not [word for word in (LICENCE, "token") if word in f"{toy!r} {toy.boot!r} {admission}"]


async def test_no_server() -> None:
    with pytest.raises(ServerAway):
        async with Toy("http://127.0.0.1:9", LICENCE):
            pass
