"""Toy: its three states, and the ways from one to the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from tests.client.fake_server import (
    LICENCE,
    MP3,
    FakeServer,
    claim,
    problem,
    quick,
    ready,
    settings,
    unbound,
    unlicensed,
    voice,
)
from toybackend.client import Boot, Replaced, ServerAway, Toy
from toybackend.client.api import ShownClaim
from toybackend.client.licence import device_id, proof
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
        assert toy.boot.toy is not None and toy.boot.toy.child_name == "Mia"
        assert toy.settings is not None and toy.settings.volume_cap == 80
        message = await anext(toy.messages())
        assert await toy.fetch(message) == MP3
        await toy.heard(message)
        sent = await toy.reply(message, b"thanks")
        assert sent.id == "m_1"
    assert server.greetings == [("/toy", "Bearer token1")]
    assert server.frames == [{"type": "ack", "id": "m_1"}, {"type": "heard", "id": "m_1"}]
    assert server.uploads[0][0]["to_user"] == "p_ben"


async def test_an_unbound_toy_waits_for_its_owner(server: FakeServer) -> None:
    """Who it is then comes on the socket on which it waited, whose token is good for everything from there on."""
    server.boots.append(unbound())
    seen: list[Boot] = []
    async with Toy(server.url, LICENCE, on_boot=seen.append) as toy:
        assert (toy.state, toy.settings) == (BootState.UNBOUND, None)
        assert toy.claim is not None and toy.claim.code == "ABCD2345"
        waiting = asyncio.create_task(toy.wait_until_ready())
        await server.push(type="notice", event="contact_request")
        await asyncio.sleep(0.02)
        assert not waiting.done()
        await server.push(type="notice", event="bound", id="t_1", name="Bear", settings=settings(55))
        await waiting
        assert (toy.boot.state, toy.boot.claim, toy.token) == (BootState.READY, None, "token1")
        assert toy.boot.toy is not None and (toy.boot.toy.id, toy.boot.toy.name) == ("t_1", "Bear")
        assert toy.boot.prompt is not None and toy.boot.prompt.name == "ready"
        assert (toy.id, toy.name) == ("t_1", "Bear")
        assert toy.settings is not None and toy.settings.volume_cap == 55
        assert (await toy.send_text("p_ben", "here I am")).id == "m_1"
    assert [boot.state for boot in seen] == [BootState.UNBOUND, BootState.READY]
    assert (server.log_ins, server.greetings) == (1, [("/toy", "Bearer token1")])


async def test_bound_while_the_network_was_away(server: FakeServer) -> None:
    """The welcome of the next socket says what was set for it: so it has a family."""
    server.boots.append(unbound())
    async with Toy(server.url, LICENCE, backoff=quick()) as toy:
        server.welcome_with = {"id": "t_1", "name": "Bear", "settings": settings(55)}
        await server.drop()
        await toy.wait_until_ready()
        assert toy.boot.toy is not None and (toy.boot.toy.id, toy.boot.toy.name) == ("t_1", "Bear")
        assert toy.settings is not None and toy.settings.volume_cap == 55
    assert server.log_ins == 1


async def test_a_line_that_drops_changes_no_code(server: FakeServer) -> None:
    server.boots.append(unbound())
    async with Toy(server.url, LICENCE, backoff=quick()) as toy:
        await server.drop()
        await server.until(lambda: len(server.greetings) == 2)
        assert toy.claim is not None and toy.claim.code == "ABCD2345"
    assert server.log_ins == 1


async def test_the_claim_is_renewed(server: FakeServer) -> None:
    server.boots.append(unbound("AAAA2222", "1970-01-01T00:00:01Z"))
    server.claims.append(claim("BBBB3333"))
    server.trouble_with_claims.append(problem(503, "overloaded", "busy"))
    seen: list[Boot] = []
    # The clock says that one tenth of a second is left; the least wait is one second.
    async with Toy(server.url, LICENCE, on_boot=seen.append, clock=lambda: 0.9) as toy:
        async with asyncio.timeout(5):
            await toy._changed.until(lambda: len(seen) == 2)
        assert (toy.state, toy.token) == (BootState.UNBOUND, "token1")
        assert toy.claim is not None and toy.claim.code == "BBBB3333"
    assert [boot.claim.code for boot in seen if boot.claim] == ["AAAA2222", "BBBB3333"]
    assert server.calls == [("claim", None, "Bearer token1")] * 2
    assert len(server.greetings) == 1


async def test_a_toy_that_found_its_owner_shows_no_new_code(server: FakeServer) -> None:
    server.boots.append(unbound("AAAA2222", "1970-01-01T00:00:01Z"))
    server.trouble_with_claims.append(problem(403, "not_allowed", "you have an owner"))
    async with Toy(server.url, LICENCE, clock=lambda: 0.9) as toy:
        await server.until(lambda: server.calls)
        await server.push(type="notice", event="bound", id="t_1", name="Bear", settings=settings())
        await toy.wait_until_ready()
        assert toy.claim is None
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("expires_at", "seconds"), [(700, 540.0), (200, 90.0), (100.5, 1.0), (50, UNSURE_CLAIM_SECONDS), (1e9, 540.0)]
)
def test_when_to_renew(expires_at: float, seconds: float) -> None:
    shown = ShownClaim("A", "q", datetime.fromtimestamp(expires_at, UTC))
    assert _renew_after(shown, now=100.0) == pytest.approx(seconds)


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
    server.boots.extend([ready(), unbound()])
    async with Toy(server.url, LICENCE, backoff=quick()) as toy:
        await server.push(type="notice", event="bound", id="t_2")  # no news to a toy that has an owner
        await server.push(type="notice", event="unbound")
        await toy._changed.until(lambda: toy.state is BootState.UNBOUND)
        await server.until(lambda: len(server.greetings) == 2 and server.sockets)
        await server.push(type="notice", event="unbound")  # no news either
        await server.push(type="notice", event="bound", id="t_3", name="Bear", settings=settings())
        await toy.wait_until_ready()
        assert toy.boot.toy is not None and toy.boot.toy.id == "t_3"
    assert (len(server.greetings), server.log_ins) == (2, 2)


async def test_a_revoked_token_is_no_end_while_the_licence_counts(server: FakeServer) -> None:
    """The owner gave it away while the line was down: it is switched on again and waits for another."""
    server.boots.extend([ready(), unbound("BBBB3333")])
    async with Toy(server.url, LICENCE, backoff=quick()) as toy:
        await server.sockets[-1].close(4403)
        await toy._changed.until(lambda: toy.claim)
        assert (toy.state, toy.settings) == (BootState.UNBOUND, None)
        await server.until(lambda: len(server.greetings) == 2)
    assert server.greetings[-1] == ("/toy", "Bearer token2")


# ── what is set for it, and what it plays ──


async def test_settings_follow_what_the_guardians_set(server: FakeServer) -> None:
    server.boots.append(ready())
    async with Toy(server.url, LICENCE, backoff=quick()) as toy:
        await server.push(type="notice", event="settings", settings=settings(30, "2026-11-21T07:00:00.000Z"))
        await toy._changed.until(lambda: toy.settings and toy.settings.quiet_until)
        assert toy.settings is not None and toy.settings.volume_cap == 30
        server.welcome_with = {"settings": settings(70)}
        await server.drop()
        await toy._changed.until(lambda: toy.settings and toy.settings.volume_cap == 70)
        assert toy.settings.quiet_until is None


async def test_a_song_is_fetched_and_reported(server: FakeServer) -> None:
    server.boots.append(ready())
    async with Toy(server.url, LICENCE) as toy:
        playback = toy.playback()
        song = {"item_id": "i_1", "title": "Moon", "url": "/audio/i_1.mp3", "duration_ms": 1000}
        await server.push(type="play", id="y_1", **song)
        play = await anext(playback)
        assert play is not None and (play.id, play.title) == ("y_1", "Moon")
        assert await toy.fetch(play) == MP3
        await toy.heard(play)
        await server.push(type="stop")
        assert await anext(playback) is None
        await server.until(lambda: server.frames)
    assert server.frames == [{"type": "heard", "id": "y_1"}]
    with pytest.raises(StopAsyncIteration):
        await anext(playback)


async def test_when_the_rest_begins_the_song_ends(server: FakeServer) -> None:
    server.boots.append(ready())
    async with Toy(server.url, LICENCE) as toy:
        song = {"item_id": "i_1", "title": "Moon", "url": "/audio/i_1.mp3", "duration_ms": 1000}
        await server.push(type="play", id="y_1", **song)
        assert await anext(toy.playback()) is not None
        await server.push(type="notice", event="settings", settings=settings(30, "2026-11-21T07:00:00.000Z"))
        assert await anext(toy.playback()) is None


# ── showing the licence, or rather not ──


async def test_the_licence_is_proved_and_not_sent() -> None:
    async with FakeServer(nonce="a nonce") as asking:
        asking.boots.append(ready())
        shown = {"device_id": device_id(LICENCE), "nonce": "a nonce", "proof": proof(LICENCE, "a nonce")}
        asking.proof = shown
        async with Toy(asking.url, LICENCE.upper()) as toy:
            assert toy.state is BootState.READY
        assert asking.calls == [("challenge", {"device_id": shown["device_id"]}, "")]
        asking.proof = {}
        async with Toy(asking.url, LICENCE, prove=False) as toy:
            assert toy.state is BootState.READY
        assert len(asking.calls) == 1


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
