"""Phone, over real sockets that break at bad moments."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from tests.client.fake_server import PASSWORD, FakeServer, problem, quick, text, voice
from toybackend.client import ClientClosed, Outcome, Phone, ServerAway
from toybackend.client import endpoint as endpoint_module
from toybackend.errors import (
    AudioTooLarge,
    BadAudio,
    Gone,
    Overloaded,
    RateLimited,
    TooLong,
    ToybackendError,
    UnknownRecipient,
)
from toybackend.protocol import encode_server_frame

pytestmark = pytest.mark.timeout(10)


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with FakeServer() as fake:
        yield fake


def phone_of(server: FakeServer, *, hello: bool = False) -> Phone:
    return Phone(server.url, "anna", PASSWORD, backoff=quick(), hello=hello)


async def test_it_logs_in_talks_and_logs_out(server: FakeServer) -> None:
    async with phone_of(server) as phone:
        assert (phone.id, phone.name, phone.token) == ("p_anna", "anna", "token1")
        assert phone.welcome is not None and phone.welcome.max_audio_bytes == 1000
        assert server.greetings == [("/app", "Bearer token1")]
    assert server.log_outs == 1
    await server.until(lambda: server.goodbyes == [1000])


async def test_hello_says_it_where_a_header_cannot(server: FakeServer) -> None:
    async with phone_of(server, hello=True):
        assert server.greetings == [("/app", "")]
        assert server.frames == [{"type": "hello", "token": "token1"}]


async def test_a_voice_is_one_header_and_one_blob(server: FakeServer, tmp_path: Path) -> None:
    clip = tmp_path / "clip.amr"
    clip.write_bytes(b"#!AMR\nsound")
    async with phone_of(server) as phone:
        sent = await phone.send_voice(to="t_1", audio=clip)
        assert (sent.id, sent.outcome) == ("m_1", Outcome.ACCEPTED)
    header, blob = server.uploads[0]
    assert blob == b"#!AMR\nsound"
    assert header == {"to_user": "t_1", "ref": sent.ref, "bytes": 11, "sha256": header["sha256"]}
    assert len(header["sha256"]) == 64


async def test_many_at_once_never_mix(server: FakeServer) -> None:
    async with phone_of(server) as phone, asyncio.TaskGroup() as tasks:
        for n in range(30):
            tasks.create_task(phone.send_voice(f"t_{n}", f"voice {n}".encode()))
            tasks.create_task(phone.send_text(f"g_{n}", "words", group=True))
    voices = [(header, blob) for header, blob in server.uploads if "msg" not in header]
    assert len(voices) == 30 and len(server.uploads) == 60
    assert all(blob == b"voice " + header["to_user"][2:].encode() for header, blob in voices)


async def test_a_send_survives_lost_uploads_and_lost_answers(server: FakeServer) -> None:
    server.uploads_to_lose, server.answers_to_lose = 2, 2
    async with phone_of(server) as phone:
        sent = await phone.send_voice("t_1", b"voice", ref="mine")
        assert (sent.ref, sent.id) == ("mine", "m_1")
    assert [header["ref"] for header, _ in server.uploads] == ["mine"] * 3
    assert server.log_ins == 1, "a broken network is no reason to log in again"


async def test_the_same_ref_again_is_the_same_message(server: FakeServer) -> None:
    server.receipts = ("delivered", "heard")
    async with phone_of(server) as phone:
        first = await phone.send_text("t_1", "hi", ref="r")
        await first.heard()
        second = await phone.send_text("t_1", "hi", ref="r")
        await second.heard()
        assert first.id == second.id == "m_1"
        assert len(server.uploads) == 2


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        ({"code": "unknown_recipient", "message": "nobody"}, UnknownRecipient),
        ({"code": "overloaded", "message": "later", "retry_after": 7}, Overloaded),
    ],
)
async def test_a_refusal_is_raised_by_its_code(
    server: FakeServer, refusal: dict[str, str], kind: type[ToybackendError]
) -> None:
    server.refusals = {"t_9": refusal}
    async with phone_of(server) as phone:
        with pytest.raises(kind, match=refusal["message"]) as caught:
            await phone.send_voice("t_9", b"voice")
        assert getattr(caught.value, "retry_after", None) == refusal.get("retry_after")
        await phone.send_voice("t_1", b"voice")


async def test_a_ref_that_was_refused_may_be_tried_again(server: FakeServer) -> None:
    server.refusals = {"t_1": {"code": "overloaded", "message": "later"}}
    async with phone_of(server) as phone:
        with pytest.raises(Overloaded):
            await phone.send_voice("t_1", b"voice", ref="r")
        server.refusals = {}
        assert (await phone.send_voice("t_1", b"voice", ref="r")).id == "m_1"


async def test_receipts(server: FakeServer) -> None:
    server.receipts = ("delivered", "heard")
    async with phone_of(server) as phone:
        sent = await phone.send_voice("t_1", b"voice")
        await sent.delivered()
        await sent.heard()
        assert sent.outcome is Outcome.HEARD
        assert (sent.delivered_to, sent.heard_by) == ({"t_1"}, {"t_1"})


async def test_what_is_held_for_quiet_hours_says_until_when(server: FakeServer) -> None:
    async with phone_of(server) as phone:
        sent = await phone.send_voice("t_1", b"voice")
        assert sent.held_until is None
        held = {"type": "notice", "event": "held", "code": "quiet_hours"}
        for until in ("2026-11-22T06:00:00.000Z", "2026-11-22T05:00:00.000Z", "2026-11-23T00:00:00", "at dawn"):
            await server.push(**held, id=sent.id, to_user="t_1", until=until)
        await server.push(**held, id="m_77", to_user="t_1", until="2026-11-22T06:00:00.000Z")
        await phone.send_text("t_1", "what was pushed before has come by now")
        assert sent.held_until == datetime(2026, 11, 22, 6, tzinfo=UTC)
        assert sent.outcome is Outcome.ACCEPTED


async def test_a_guardian_may_say_now(server: FakeServer) -> None:
    async with phone_of(server) as phone:
        await phone.send_voice("t_1", b"voice", now=True)
        await phone.send_text("t_1", "wake up", now=True)
        await phone.send_text("t_1", "it can wait")
    assert [header.get("now") for header, _ in server.uploads] == [True, True, None]


async def test_a_failure_is_raised_to_whoever_waits(server: FakeServer) -> None:
    server.receipts = ("failed",)
    async with phone_of(server) as phone:
        sent = await phone.send_voice("t_1", b"no sound")
        with pytest.raises(BadAudio):
            await sent.delivered()
        assert sent.outcome is Outcome.FAILED


async def test_a_receipt_missed_is_asked_for_again(server: FakeServer) -> None:
    async with phone_of(server) as phone:
        sent = await phone.send_voice("t_1", b"voice")
        waiting = asyncio.create_task(sent.delivered())
        forgotten = await phone.send_voice("t_2", b"nobody waits for this one")
        server.receipts = ("delivered",)
        await server.drop()
        await waiting
        assert [header["ref"] for header, _ in server.uploads] == [sent.ref, forgotten.ref, sent.ref]


async def test_too_large_is_refused_before_it_closes_the_socket(server: FakeServer) -> None:
    async with phone_of(server) as phone:
        await phone.send_voice("t_1", b"x" * 1000)
        with pytest.raises(AudioTooLarge):
            await phone.send_voice("t_1", b"x" * 1001)


@pytest.mark.parametrize(("limits", "most"), [({"limits": {"max_text": 100}}, 100), ({}, 16_000)])
async def test_a_text_too_long_is_refused_at_once(server: FakeServer, limits: dict[str, object], most: int) -> None:
    server.limits = limits
    async with phone_of(server) as phone:
        await phone.send_text("t_1", "x" * most)
        with pytest.raises(TooLong):
            await phone.send_text("t_1", "x" * (most + 500))


async def test_a_message_that_nobody_waits_for_is_withdrawn(server: FakeServer) -> None:
    async with phone_of(server) as phone:
        server.handshakes.extend([503] * 3)
        await server.drop()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await phone.send_voice("t_1", b"changed my mind")
        await phone.send_voice("t_2", b"this one")
    assert [header["to_user"] for header, _ in server.uploads] == ["t_2"]


async def test_messages_come_once_and_are_acknowledged_by_the_next(server: FakeServer) -> None:
    server.mailbox = {"m_7": voice("m_7"), "m_8": text("m_8", "good night")}
    async with phone_of(server) as phone:
        messages = phone.messages()
        first = await anext(messages)
        assert (first.id, first.from_user, first.from_name, first.to_group) == ("m_7", "p_ben", "Ben", None)
        assert (first.url, first.duration_ms, first.msg) == ("/audio/x.mp3?sig=s", 1000, None)
        await server.drop()
        await server.until(lambda: server.sockets)  # both were sent again, for neither was acknowledged
        second = await anext(messages)
        assert (second.id, second.msg, second.url, second.duration_ms) == ("m_8", "good night", None, None)
        assert repr(first) == "<Received voice m_7>" and "good night" not in repr(second)
        second.ack()
        second.ack()
        await server.until(lambda: not server.mailbox)
        await server.push(
            **{"type": "text", "id": "m_9", "from_user": "p", "from_name": "P", "msg": "x", "sent_at": "now"}
        )
        assert (await anext(messages)).id == "m_9"
    assert [frame["id"] for frame in server.frames].count("m_8") >= 1


async def test_a_known_message_is_acknowledged_again_and_not_handed_out(server: FakeServer) -> None:
    async with phone_of(server) as phone:
        messages = phone.messages()
        for message_id in ("m_1", "m_1", "m_2"):
            await server.sockets[-1].send(encode_server_frame(voice(message_id)))
        first = await anext(messages)
        await phone.heard(first)
        assert (await anext(messages)).id == "m_2"
        await server.sockets[-1].send(encode_server_frame(voice("m_1")))
        await server.until(lambda: server.frames.count({"type": "heard", "id": "m_1"}) == 2)
    assert server.frames[0] == {"type": "ack", "id": "m_1"}


async def test_leaving_writes_what_was_said(server: FakeServer) -> None:
    server.mailbox = {"m_1": voice("m_1")}
    async with phone_of(server) as phone:
        async for message in phone.messages():
            await phone.heard(message)
            break
    await server.until(lambda: len(server.frames) == 2)
    assert [frame["type"] for frame in server.frames] == ["ack", "heard"]


async def test_nothing_is_left_behind(server: FakeServer) -> None:
    async with phone_of(server) as phone:
        await server.drop()
        await phone.send_text("t_1", "x")
        assert _our_tasks(), "the socket has an owner while it lives"
    assert not _our_tasks()


def _our_tasks() -> list[str]:
    coroutines = [task.get_coro() for task in asyncio.all_tasks()]
    files = [coroutine.cr_code.co_filename for coroutine in coroutines if inspect.iscoroutine(coroutine)]
    return [file for file in files if "/toybackend/client/" in file]


LARGE = 6 << 20
"""More than a network takes at once: whoever writes it has to wait."""


async def test_leaving_waits_for_the_writer(server: FakeServer) -> None:
    server.max_audio_bytes = LARGE
    server.mailbox = {"m_1": voice("m_1")}
    async with phone_of(server) as phone:
        message = await anext(phone.messages())
        upload = asyncio.create_task(phone.send_voice("t_1", bytes(LARGE)))
        await asyncio.sleep(0)
        await phone.heard(message)
    await server.until(lambda: len(server.frames) == 2)
    await asyncio.wait([upload])
    assert [len(blob) for _, blob in server.uploads] == [LARGE]


async def test_what_waits_behind_another_can_still_be_withdrawn(server: FakeServer) -> None:
    server.max_audio_bytes = LARGE
    async with phone_of(server) as phone:
        upload = asyncio.create_task(phone.send_voice("t_1", bytes(LARGE)))
        behind = asyncio.create_task(phone.send_text("t_2", "changed my mind"))
        await asyncio.sleep(0)
        behind.cancel()
        await upload
        await phone.send_text("t_3", "the last")
    assert [header["to_user"] for header, _ in server.uploads] == ["t_1", "t_3"]


async def test_no_cookie_is_kept(server: FakeServer) -> None:
    # By name: for an address aiohttp keeps none anyway.
    async with Phone(server.url.replace("127.0.0.1", "localhost"), "anna", PASSWORD):
        pass
    assert (server.log_outs, server.cookies) == (1, [])


async def test_iteration_ends_when_the_client_is_closed(server: FakeServer) -> None:
    async with phone_of(server) as phone:
        took = asyncio.create_task(_all(phone))
        await asyncio.sleep(0)
        sent = await phone.send_text("t_1", "x")
    assert await took == []
    with pytest.raises(ClientClosed):
        await sent.delivered()
    assert sent.outcome is Outcome.ACCEPTED, "that we left does not undo it"
    with pytest.raises(ClientClosed):
        await phone.send_text("t_1", "too late")


async def _all(phone: Phone) -> list[str]:
    return [message.id async for message in phone.messages()]


async def test_fetching(server: FakeServer) -> None:
    server.mailbox = {"m_1": voice("m_1"), "m_2": text("m_2")}
    async with phone_of(server) as phone:
        messages = phone.messages()
        first = await anext(messages)
        server.http_trouble.append(problem(500, "nonsense", "?"))
        with pytest.raises(ToybackendError, match="nonsense"):
            await phone.fetch(first)
        server.http_trouble.append(web.Response(status=502, text="<h1>Bad gateway</h1>"))
        assert len(await phone.fetch(first)) == 502
        server.http_trouble.append(problem(503, "overloaded", "this is being made again", retry_after=5))
        assert len(await phone.fetch(first)) == 502
        server.http_trouble.append(problem(410, "gone", "deleted"))
        with pytest.raises(Gone):
            await phone.fetch(first)
        with pytest.raises(ValueError, match="no audio"):
            await phone.fetch(await anext(messages))
    assert server.fetches[0] == ("/audio/x.mp3?sig=s", "Bearer token1")


async def test_fetching_gives_up_at_last(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_module, "FETCH_TRIES", 2)
    monkeypatch.setattr(endpoint_module, "FETCH_WAIT_SECONDS", 0.01)
    server.mailbox = {"m_1": voice("m_1")}
    async with phone_of(server) as phone:
        message = await anext(phone.messages())
        server.http_trouble.extend(web.Response(status=502) for _ in range(2))
        with pytest.raises(ServerAway, match="502"):
            await phone.fetch(message)


async def test_the_token_is_shown_to_our_server_only(server: FakeServer) -> None:
    async with FakeServer() as elsewhere, phone_of(server) as phone:
        await server.sockets[-1].send(encode_server_frame(voice("m_1", elsewhere.url + "/audio/x.mp3")))
        await phone.fetch(await anext(phone.messages()))
        assert elsewhere.fetches == [("/audio/x.mp3", "")]


async def test_answering_goes_where_it_came_from(server: FakeServer) -> None:
    server.mailbox = {"m_1": voice("m_1"), "m_2": voice("m_2", to_user=None, to_group="g_1")}
    async with phone_of(server) as phone:
        messages = phone.messages()
        await phone.reply(await anext(messages), b"to ben")
        await phone.reply(await anext(messages), b"to all")
    assert [(header.get("to_user"), header.get("to_group")) for header, _ in server.uploads] == [
        ("p_ben", None),
        (None, "g_1"),
    ]


async def test_no_secret_reaches_the_log(server: FakeServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.mailbox = {"m_1": voice("m_1", "/audio/x.mp3?sig=seeded-signature")}
    with contextlib.suppress(RateLimited):
        async with phone_of(server) as phone:
            await server.drop()
            await phone.fetch(await anext(phone.messages()))
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("toybackend")]
    assert ours, "a lost socket is worth a line"
    assert not [line for line in ours for secret in (PASSWORD, "token1", "seeded") if secret in line]
