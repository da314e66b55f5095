from __future__ import annotations

import asyncio
import logging

import pytest

from tests.web.conftest import OpenHouse
from tests.web.fakes import House
from toybackend.web import health
from toybackend.web.health import Readiness


async def well() -> None:
    await asyncio.sleep(0)


async def broken() -> None:
    raise RuntimeError("postgres://root:s3cr3t@db does not answer")


async def hanging() -> None:
    await asyncio.sleep(60)


async def test_alive_whatever_else_is_wrong(open_house: OpenHouse) -> None:
    house = await open_house(checks={"database": broken})
    reply = await house.client.get("/healthz")
    assert (reply.status, await reply.json()) == (200, {"status": "alive"})


async def test_ready_when_every_part_is_well(open_house: OpenHouse) -> None:
    house = await open_house(checks={"database": well, "bus": well})
    reply = await house.client.get("/readyz")
    assert (reply.status, await reply.json()) == (200, {"status": "ready"})
    assert reply.headers["Cache-Control"] == "no-store"


async def test_what_is_not_well_is_named_and_the_reason_is_not(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.05)
    house = await open_house(checks={"database": broken, "bus": well, "ffmpeg": hanging})
    with caplog.at_level(logging.INFO):
        reply = await house.client.get("/readyz")
    body = await reply.json(content_type=None)
    assert (reply.status, reply.content_type) == (503, "application/problem+json")
    assert (body["code"], body["not_well"]) == ("not_ready", ["database", "ffmpeg"])
    assert "s3cr3t" not in str(body) and "s3cr3t" not in caplog.text
    assert "database is not well: RuntimeError" in caplog.text
    assert "ffmpeg is not well: TimeoutError" in caplog.text


async def test_a_crowd_costs_one_check_and_the_answer_is_fresh_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "FRESH_SECONDS", 0.05)
    asked = 0

    async def counting() -> None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.01)
        if asked == 2:
            raise RuntimeError

    readiness = Readiness({"ffmpeg": counting})
    assert await asyncio.gather(*(readiness.not_well() for _ in range(20))) == [[]] * 20
    assert asked == 1
    await asyncio.sleep(0.06)
    assert await readiness.not_well() == ["ffmpeg"]
    await asyncio.sleep(0.06)
    assert await readiness.not_well() == []


async def test_a_concern_is_named_and_keeps_nobody_from_being_served() -> None:
    readiness = Readiness({"bus": well}, {"clock": lambda: True, "other": lambda: False})
    assert await readiness.not_well() == []
    assert readiness.concerns() == ["clock"]


async def test_a_clock_that_is_not_believed_is_a_concern(house: House) -> None:
    house.whole.retention.doubts_clock = True
    reply = await house.client.get("/readyz")
    assert (reply.status, await reply.json()) == (200, {"status": "ready", "concerns": ["clock"]})


async def test_health_asks_for_no_token(house: House) -> None:
    for path in ("/healthz", "/readyz"):
        assert (await house.client.get(path)).status == 200
        assert (await house.client.head(path)).status == 200
