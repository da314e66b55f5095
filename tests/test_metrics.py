"""Numbers, and no word about anybody."""

from __future__ import annotations

import re

import aiohttp
import pytest

from toybackend.app import serving
from toybackend.metrics import Metrics
from toybackend.settings import Settings
from toybackend.web.metering import metrics_page


def number(text: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    assert found, f"no {name} in\n{text}"
    return float(found[1])


def test_what_is_watched_is_asked_for_when_somebody_looks() -> None:
    metrics, open_sockets = Metrics(), [3]
    metrics.watch("sockets", "Open sockets.", lambda: open_sockets[0], kind="toy")
    metrics.watch("sockets", "Open sockets.", lambda: 1, kind="person")
    assert number(metrics.text().decode(), 'toybackend_sockets{kind="toy"}') == 3
    open_sockets[0] = 5
    assert number(metrics.text().decode(), 'toybackend_sockets{kind="toy"}') == 5
    assert number(metrics.text().decode(), 'toybackend_sockets{kind="person"}') == 1


async def test_a_conversion_is_timed_when_it_succeeds() -> None:
    metrics, elsewhere = Metrics(), list[float]()

    async def convert(job: str) -> None:
        if job == "bad":
            raise OSError

    timed = metrics.timed(convert, elsewhere.append)
    await timed("good")
    with pytest.raises(OSError):
        await timed("bad")
    await metrics.timed(convert)("good")
    assert number(metrics.text().decode(), "toybackend_conversion_seconds_count") == 2
    assert len(elsewhere) == 1
    assert 0 < elsewhere[0] < number(metrics.text().decode(), "toybackend_conversion_seconds_sum")


def test_what_was_accepted_is_counted_whatever_it_was() -> None:
    metrics = Metrics()
    assert metrics.accepted_messages() == 0
    metrics.accepted.labels("voice").inc()
    metrics.accepted.labels("text").inc(2)
    metrics.refused.labels("bad_json").inc()
    assert metrics.accepted_messages() == 3


async def test_the_page_has_the_numbers() -> None:
    metrics = Metrics()
    metrics.accepted.labels("voice").inc()
    async with metrics_page(metrics, "127.0.0.1", 0) as port, aiohttp.ClientSession() as http:
        reply = await http.get(f"http://127.0.0.1:{port}/metrics")
        assert reply.headers["Content-Type"].startswith("text/plain")
        assert number(await reply.text(), 'toybackend_accepted_messages_total{kind="voice"}') == 1


async def test_requests_are_noted_by_route_and_never_by_path(settings: Settings) -> None:
    async with serving(settings) as house, aiohttp.ClientSession() as http:
        url = house.listeners.bound().http_url
        for method, path in (("GET", "/healthz"), ("GET", "/api/v1/audio/m_secretid.mp3"), ("POST", "/x/t_secretid")):
            await (await http.request(method, url + path)).read()
        text = house.metrics.text().decode()
    assert number(text, 'toybackend_http_seconds_count{method="GET",route="/healthz",status="200"}') == 1
    assert number(text, 'toybackend_http_seconds_count{method="other",route="none",status="404"}') == 1
    assert "secretid" not in text


async def test_metrics_are_not_on_the_public_listener(settings: Settings) -> None:
    async with serving(settings) as house, aiohttp.ClientSession() as http:
        assert (await http.get(house.listeners.bound().http_url + "/metrics")).status == 404
