"""The composition root: what it refuses, the order in which it starts and stops, and what survives."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from toybackend import app
from toybackend.app import House, Listeners, new_id, now, open_house, serving
from toybackend.audio_stores.local_files import LocalFiles
from toybackend.databases.sql import open_database
from toybackend.errors import BadSettings
from toybackend.gateway.server import Gateway
from toybackend.models import BootState, Message, Party, PartyId, PartyKind
from toybackend.protocol import CloseCode, TextMessage, VoiceHeader, encode_client_frame
from toybackend.services.conversion import Conversion
from toybackend.settings import Confinement, Settings
from toybackend.transcoder import ConversionLimits, pcm_bytes
from toybackend.transcoder.sandbox import strongest

pytestmark = pytest.mark.usefixtures("cheap_passwords")

PASSWORD = "correct horse"
SOON = 20.0


def changed(settings: Settings, group: str, **values: Any) -> Settings:
    return replace(settings, **{group: replace(getattr(settings, group), **values)})


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


# ── what is refused ──


@pytest.mark.parametrize(
    ("group", "values", "named"),
    [
        ("network", {"host": "0.0.0.0"}, "TOYBACKEND_HOST"),
        ("network", {"host": ""}, "TOYBACKEND_HOST"),
        ("network", {"host": "0.0.0.0", "public_url": "http://toys.test"}, "TOYBACKEND_HOST"),
        ("storage", {"bus_url": "nats://localhost"}, "TOYBACKEND_BUS_URL"),
        ("storage", {"audio_store_url": "s3://toys"}, "TOYBACKEND_AUDIO_STORE_URL"),
        ("storage", {"database_url": "oracle://localhost"}, "TOYBACKEND_DATABASE_URL"),
        ("service", {"lang": "xx"}, "TOYBACKEND_LANG"),
    ],
)
async def test_what_cannot_work_or_is_not_safe_is_refused_by_name(
    settings: Settings, group: str, values: dict[str, str], named: str
) -> None:
    with pytest.raises(BadSettings, match=named):
        async with open_house(changed(settings, group, **values)):
            pytest.fail("it was opened")


@pytest.mark.parametrize("values", [{"public_url": "https://toys.test"}, {"insecure_bind": True}])
async def test_a_public_bind_is_fine_behind_tls_or_by_order(settings: Settings, values: dict[str, Any]) -> None:
    async with open_house(changed(settings, "network", host="0.0.0.0", **values)) as house:
        await house.database.ping()


async def test_a_data_folder_that_is_a_file_is_refused(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSettings, match="TOYBACKEND_DATA_DIR"):
        async with open_house(changed(settings, "storage", data_dir=tmp_path / "file")):
            pytest.fail("it was opened")


async def test_a_key_in_a_folder_that_is_not_there_is_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="none"):
        async with open_house(changed(settings, "storage", secret_key_file=str(tmp_path / "none" / "key"))):
            pytest.fail("it was opened")


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


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o777])
async def test_a_data_folder_that_is_open_to_others_is_refused(settings: Settings, mode: int) -> None:
    settings.storage.data_dir.mkdir()
    settings.storage.data_dir.chmod(mode)
    with pytest.raises(BadSettings, match="chmod 700"):
        async with open_house(settings):
            pytest.fail("it was opened")
    assert list(settings.storage.data_dir.iterdir()) == []


async def test_a_data_folder_of_somebody_else_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.storage.data_dir.mkdir(mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: settings.storage.data_dir.stat().st_uid + 1)
    with pytest.raises(BadSettings, match="belongs to another user"):
        async with open_house(settings):
            pytest.fail("it was opened")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
async def test_a_database_elsewhere_that_others_can_read_is_refused(
    settings: Settings, tmp_path: Path, mode: int
) -> None:
    database = tmp_path / "toys.db"
    elsewhere = changed(settings, "storage", database_url=f"sqlite:///{database}")
    async with open_house(elsewhere):
        database.chmod(mode)
    with pytest.raises(BadSettings, match="chmod 600"):
        async with open_house(elsewhere):
            pytest.fail("it was opened")
    database.chmod(0o600)
    async with open_house(elsewhere) as house:
        await house.database.ping()


async def test_the_data_folder_is_its_owners(settings: Settings) -> None:
    async with open_house(settings):
        assert settings.storage.data_dir.stat().st_mode & 0o077 == 0


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

    monkeypatch.setattr(app, "open_database", noted("database", open_database))
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


def test_whatever_length_is_allowed_fits_the_limits_of_a_conversion(settings: Settings) -> None:
    hour = app._voice_limits(changed(settings, "audio", max_seconds=3600, max_bytes=1 << 30))
    assert (hour.input_bytes, hour.output_bytes) == (1 << 30, pcm_bytes(3600))
    assert app._voice_limits(settings) == ConversionLimits()


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


async def test_links_of_an_earlier_life_still_work(settings: Settings) -> None:
    async with open_house(settings) as house:
        link = house.listening._links.audio
        before = link(PartyId("m_1"), PartyId("t_1"))
    async with open_house(settings) as house:
        query = dict(part.split("=") for part in before.partition("?")[2].split("&"))
        assert house.listening._links.is_valid("m_1", "t_1", query["until"], query["sig"])


# ── small things ──


def test_ids_are_long_random_and_say_what_they_name() -> None:
    made = {new_id("t") for _ in range(1000)}
    assert len(made) == 1000
    assert all(one.startswith("t_") and len(one) == 22 and one.isascii() for one in made)


def test_the_clock_counts_milliseconds() -> None:
    assert 1_700_000_000_000 < now() < 10_000_000_000_000


@pytest.mark.parametrize(
    ("network", "http_url", "ws_url"),
    [
        ({}, "http://127.0.0.1:1", "ws://127.0.0.1:2"),
        ({"host": "::1"}, "http://[::1]:1", "ws://[::1]:2"),
        (
            {"public_url": "https://toys.test/", "public_ws_url": "wss://toys.test/ws/"},
            "https://toys.test",
            "wss://toys.test/ws",
        ),
    ],
)
def test_addresses_are_ours_unless_named(
    settings: Settings, network: dict[str, str], http_url: str, ws_url: str
) -> None:
    public = Listeners(changed(settings, "network", **network), http_port=1, ws_port=2).public()
    assert (public.http_url, public.ws_url) == (http_url, ws_url)


@pytest.mark.parametrize(
    ("network", "called", "http_url", "ws_url"),
    [
        ({}, "box:80", "http://box:80", "ws://box:2"),
        ({"host": "0.0.0.0"}, "192.168.1.20:1", "http://192.168.1.20:1", "ws://192.168.1.20:2"),
        ({"host": "0.0.0.0"}, "a b", "http://0.0.0.0:1", "ws://0.0.0.0:2"),
        ({"public_url": "https://toys.test"}, "box:1", "https://toys.test", "ws://127.0.0.1:2"),
        ({"public_ws_url": "wss://toys.test"}, "box:1", "http://box:1", "wss://toys.test"),
    ],
)
def test_who_asks_by_a_name_is_answered_by_it(
    settings: Settings, network: dict[str, str], called: str, http_url: str, ws_url: str
) -> None:
    public = Listeners(changed(settings, "network", **network), http_port=1, ws_port=2).public(called)
    assert (public.http_url, public.ws_url) == (http_url, ws_url)


def test_our_own_pages_and_those_named_may_open_sockets(settings: Settings) -> None:
    named = changed(settings, "network", public_url="https://toys.test/x", allowed_origins=("https://other.test",))
    origins = Listeners(named, http_port=1).origins()
    assert origins == {"https://toys.test", "http://localhost:1", "http://127.0.0.1:1", "https://other.test"}


def test_pages_open_sockets_by_the_name_that_they_came_by(settings: Settings) -> None:
    local = {"http://localhost:1", "http://127.0.0.1:1"}
    listeners = Listeners(settings, http_port=1, ws_port=2)
    assert listeners.origins("Box:2") == local | {"http://box:1"}
    assert listeners.origins("evil.test/x") == listeners.origins("") == local
    public = Listeners(changed(settings, "network", public_url="https://toys.test"), http_port=1, ws_port=2)
    assert public.origins("box:2") == local | {"https://toys.test"}


def test_browsers_leave_out_the_port_of_the_scheme(settings: Settings) -> None:
    assert {"http://localhost", "http://box"} <= Listeners(settings, http_port=80).origins("box:2")
    assert "http://box:8080" in Listeners(settings, http_port=8080).origins("box:2")


async def test_a_data_folder_has_one_server(settings: Settings) -> None:
    async with serving(settings):
        with pytest.raises(BadSettings, match="another server"):
            async with serving(settings):
                pytest.fail("it was opened")
        async with open_house(settings) as command:  # commands may come in beside it
            await command.database.ping()
