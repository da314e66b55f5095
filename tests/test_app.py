"""The server: what keeps it from starting, the order in which it starts and stops, and what survives."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.conftest import changed
from toybackend import app
from toybackend import house as furnishing
from toybackend.app import serving
from toybackend.audio_stores.local_files import LocalFiles
from toybackend.databases.sql import open_database
from toybackend.errors import BadSettings
from toybackend.gateway.server import Gateway
from toybackend.house import House, open_house
from toybackend.models import BootState, Message, Party, PartyKind
from toybackend.protocol import CloseCode, TextMessage, VoiceHeader, encode_client_frame
from toybackend.services.conversion import Conversion
from toybackend.settings import Confinement, Settings
from toybackend.transcoder.sandbox import strongest

pytestmark = pytest.mark.usefixtures("cheap_passwords")

PASSWORD = "correct horse"
SOON = 20.0


async def issue_licence(house: House) -> str:
    [(_, licence)] = [one async for batch in house.devices.issue(1) for one in batch]
    return licence


async def family(house: House) -> tuple[Party, Party]:
    """A person, and the toy that is theirs."""
    account = await house.accounts.add("Mum", PASSWORD)
    boot = await house.devices.power_on(await issue_licence(house))
    assert boot.claim is not None
    toy = await house.toys.bind(account.id, boot.claim.code, "Bear")
    return Party(account.id, PartyKind.PERSON, "Mum"), Party(toy.id, PartyKind.TOY, "Bear")


async def say(house: House, sender: Party, to: Party, clip: Path) -> Message:
    confirmed: list[Message] = []
    async with house.delivery.receive() as incoming:
        await incoming.write(await asyncio.to_thread(clip.read_bytes))
        await house.delivery.accept_voice(sender, VoiceHeader(to_user=to.id), incoming, confirmed.append)
    return confirmed[0]


async def arrived(house: House, party: Party, count: int) -> None:
    async with asyncio.timeout(SOON):
        while (await house.mailboxes.state(party)).unread < count:  # nobody tells us
            await asyncio.sleep(0.01)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON):
        while not condition():
            await asyncio.sleep(0.01)


# ── what keeps it from starting ──


@pytest.mark.parametrize("port", ["http_port", "ws_port"])
async def test_a_port_that_is_taken_stops_the_start_and_frees_the_rest(settings: Settings, port: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError):
            async with serving(changed(settings, "network", **{port: taken.getsockname()[1]})):
                pytest.fail("it is serving")
    async with serving(settings) as house:
        await house.database.ping()


async def test_a_data_folder_has_one_server(settings: Settings) -> None:
    async with serving(settings):
        with pytest.raises(BadSettings, match="another server"):
            async with serving(settings):
                pytest.fail("it was opened")
        async with open_house(settings) as command:  # commands may come in beside it
            await command.database.ping()


# ── start and stop ──


async def test_the_order_of_starting_is_the_order_of_stopping_read_upwards(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    def noted(name: str, real: Callable[..., AbstractAsyncContextManager[Any]]) -> Callable[..., Any]:
        @asynccontextmanager
        async def context(*arguments: Any, **more: Any) -> AsyncIterator[Any]:
            async with real(*arguments, **more) as opened:
                steps.append(f"+{name}")
                yield opened
                steps.append(f"-{name}")

        return context

    monkeypatch.setattr(furnishing, "open_database", noted("database", open_database))
    monkeypatch.setattr(LocalFiles, "opened", noted("audio", LocalFiles.opened))
    monkeypatch.setattr(app, "_http", noted("http", app._http))
    monkeypatch.setattr(Gateway, "serving", noted("websocket", Gateway.serving))
    monkeypatch.setattr(Conversion, "running", noted("conversion", Conversion.running))
    async with serving(settings):
        started = list(steps)
    songs = voices = "+conversion"
    assert started == ["+database", "+audio", "+http", "+websocket", songs, voices]
    assert steps[len(started) :] == [f"-{step[1:]}" for step in reversed(started)]


async def test_both_listeners_answer_and_on_stopping_sockets_are_told(settings: Settings) -> None:
    async with serving(settings) as house, ClientSession() as http:
        addresses = house.listeners.public()
        async with http.get(addresses.http_url + "/readyz") as answer:
            assert answer.status == 200
        mum, _ = await family(house)
        token = await house.tokens.give(mum.id, mum.kind)
        headers = {"Authorization": f"Bearer {token}"}
        socket = await connect(addresses.ws_url + "/app", additional_headers=headers)
        await socket.recv()
    with pytest.raises(ConnectionClosed) as closed:
        await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == CloseCode.GOING_AWAY
    with pytest.raises(OSError):
        await connect(addresses.ws_url + "/app")


async def test_an_operator_sees_what_goes_on(settings: Settings, clips: Path) -> None:
    async with serving(changed(settings, "service", observe_seconds=0.05)) as house:
        mum, bear = await family(house)
        token = await house.tokens.give(mum.id, mum.kind)
        address, headers = house.listeners.public().ws_url + "/app", {"Authorization": f"Bearer {token}"}
        async with connect(address, additional_headers=headers) as phone, connect(address, additional_headers=headers):
            await phone.send(encode_client_frame(TextMessage(to_user=bear.id, msg="hi")))
            await say(house, mum, bear, clips / "hello_nb.amr")
            await arrived(house, bear, 2)
            seen = house.observing.now()
            await until(lambda: any(one.conversion_ms_median is not None for one in house.observing.samples()))
            await until(lambda: any(one.accepted for one in house.observing.samples()))
            samples = house.observing.samples()
    assert (seen.people_online, seen.toys_online, seen.waiting_voices, seen.waiting_shelf) == (1, 0, 0, 0)
    assert sum(one.accepted for one in samples) == 1  # what came by a socket
    times = [one.conversion_ms_median for one in samples if one.conversion_ms_median is not None]
    assert len(times) == 1
    assert 0 < times[0] < SOON * 1000


async def test_a_sick_ffmpeg_does_not_keep_us_from_starting(
    settings: Settings, clips: Path, caplog: pytest.LogCaptureFixture
) -> None:
    without = changed(settings, "conversion", ffmpeg="/none/ffmpeg")
    with caplog.at_level(logging.ERROR):
        async with serving(without) as house:
            mum, bear = await family(house)
            await say(house, mum, bear, clips / "hello_nb.amr")
    assert "no working ffmpeg" in caplog.text
    async with serving(settings) as house:  # the operator named a good one
        await arrived(house, bear, 1)


async def test_what_the_converter_can_reach_is_said_once_at_start(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        async with serving(settings):
            pass
    said = [record for record in caplog.records if record.message == f"the converter: {strongest()}"]
    assert [record.levelno for record in said] == [logging.INFO if strongest().is_whole else logging.WARNING]


async def test_a_converter_that_must_be_confined_and_is_not_keeps_us_from_starting(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script = tmp_path / "ffmpeg"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    with pytest.raises(BadSettings, match="it is a script"):
        async with serving(changed(settings, "conversion", ffmpeg=str(script), sandbox=Confinement.REQUIRED)):
            pytest.fail("it was started")
    async with serving(changed(settings, "conversion", ffmpeg=str(script))):
        assert any("it is a script" in record.message for record in caplog.records)


async def test_nothing_of_ours_runs_on_after_stopping(settings: Settings) -> None:
    before = asyncio.all_tasks()
    async with serving(settings):
        assert asyncio.all_tasks() > before
    assert asyncio.all_tasks() == before


# ── what survives ──


async def test_a_restart_keeps_everything(settings: Settings, clips: Path) -> None:
    async with open_house(settings) as house:
        mum, bear = await family(house)
        licence = await issue_licence(house)
        token = await house.tokens.give(mum.id, mum.kind)
        await say(house, mum, bear, clips / "hello_nb.amr")  # nobody converts it in this life
        await house.delivery.accept_text(mum, TextMessage(to_user=bear.id, msg="hi"), lambda message: None)
        assert (await house.mailboxes.state(bear)).unread == 0
    async with serving(settings) as house:
        await arrived(house, bear, 2)
        voice, text = await house.mailboxes.waiting(bear, after=0, seen=0, limit=8)
        assert (voice.message.is_voice, text.message.text) == (True, "hi")
        assert (await house.tokens.bearer(token)).id == mum.id
        assert (await house.accounts.log_in("mum", PASSWORD))[0].id == mum.id
        assert (await house.devices.power_on(licence)).state is BootState.UNBOUND
        file = await house.audio.mp3(voice.message.id)
        assert file is not None
        link = house.listeners.public().http_url
    async with serving(settings) as house, ClientSession() as http:
        frame = house.mailboxes.frame(voice)
        async with http.get(frame.url) as answer:  # type: ignore[union-attr]
            assert (answer.status, answer.content_type) == (200, "audio/mpeg")
        assert link != house.listeners.public().http_url
