"""The house: what it refuses to be opened with, and by which names it goes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import changed
from toybackend import house
from toybackend.errors import BadSettings
from toybackend.house import Listeners, new_id, now, open_house
from toybackend.models import PartyId
from toybackend.settings import Settings
from toybackend.transcoder import ConversionLimits, pcm_bytes


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
    async with open_house(changed(settings, "network", host="0.0.0.0", **values)) as opened:
        await opened.database.ping()


async def test_a_data_folder_that_is_a_file_is_refused(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSettings, match="TOYBACKEND_DATA_DIR"):
        async with open_house(changed(settings, "storage", data_dir=tmp_path / "file")):
            pytest.fail("it was opened")


async def test_a_key_in_a_folder_that_is_not_there_is_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="none"):
        async with open_house(changed(settings, "storage", secret_key_file=str(tmp_path / "none" / "key"))):
            pytest.fail("it was opened")


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
    async with open_house(elsewhere) as opened:
        await opened.database.ping()


async def test_the_data_folder_is_its_owners(settings: Settings) -> None:
    async with open_house(settings):
        assert settings.storage.data_dir.stat().st_mode & 0o077 == 0


def test_whatever_length_is_allowed_fits_the_limits_of_a_conversion(settings: Settings) -> None:
    hour = house._voice_limits(changed(settings, "audio", max_seconds=3600, max_bytes=1 << 30))
    assert (hour.input_bytes, hour.output_bytes) == (1 << 30, pcm_bytes(3600))
    assert house._voice_limits(settings) == ConversionLimits()


async def test_links_of_an_earlier_life_still_work(settings: Settings) -> None:
    async with open_house(settings) as opened:
        link = opened.listening._links.audio
        before = link(PartyId("m_1"), PartyId("t_1"))
    async with open_house(settings) as opened:
        query = dict(part.split("=") for part in before.partition("?")[2].split("&"))
        assert opened.listening._links.is_valid("m_1", "t_1", query["until"], query["sig"])


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
