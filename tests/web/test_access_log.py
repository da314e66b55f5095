from __future__ import annotations

import asyncio
import logging

import pytest

from tests.web.fakes import BEAR, MESSAGE, House
from toybackend.web.access_log import calm, redacted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/api/v1/devices/authorize", "/api/v1/devices/authorize"),
        ("/api/v1/prompts/no_connection.mp3", "/api/v1/prompts/no_connection.mp3"),
        ("/api/v1/audio/m_0123456789abcdef.mp3", "/api/v1/audio/m_0123….mp3"),
        ("/x/" + "f" * 32, "/x/ffff…"),
        ("token " + "Ab-_" * 11, "token Ab-_…"),
        *((f"/x/{kind}_abcdefghij1234567890/y", f"/x/{kind}_abcd…/y") for kind in "ptgmciysd"),
        ("between p_abcdefgh and t_ijklmnop", "between p_abcd… and t_ijkl…"),
    ],
)
def test_what_is_left_of_ids_and_secrets(text: str, shown: str) -> None:
    assert redacted(text) == shown


async def test_one_line_per_request_without_the_query(
    house: House, caplog: pytest.LogCaptureFixture, sound: bytes
) -> None:
    house.store.keep(MESSAGE, sound)
    with caplog.at_level(logging.INFO):
        reply = await house.client.get(house.link(), headers={"Range": "bytes=0-9"})
        await reply.read()
        await asyncio.sleep(0.01)
    lines = [record.getMessage() for record in caplog.records if record.name == "toybackend.web.access_log"]
    assert len(lines) == 1
    assert lines[0].startswith("GET /api/v1/audio/m_0123….mp3 206 ") and lines[0].endswith(" ms")
    for secret in ("sig=", BEAR.id, MESSAGE):
        assert secret not in caplog.text


async def test_nothing_is_logged_above_info(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        await house.client.get("/healthz")
    assert caplog.records == []


async def raw(house: House, request: bytes) -> bytes:
    """What comes back for bytes that no decent client sends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    try:
        writer.write(request)
        async with asyncio.timeout(5):
            return await reader.read(65536)
    finally:
        writer.close()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cr3t\x00s3cr3t\r\n\r\n",
        b"GET /healthz?s3cr3t\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01 s3cr3t\r\n\r\n",
    ],
)
async def test_what_is_not_http_costs_no_traceback_and_is_not_quoted(
    house: House, caplog: pytest.LogCaptureFixture, request_bytes: bytes
) -> None:
    with caplog.at_level(logging.INFO):
        assert (await raw(house, request_bytes)).startswith(b"HTTP/1.0 400 ")
    assert "s3cr3t" not in caplog.text
    assert "Traceback" not in caplog.text
    assert all(record.levelno <= logging.INFO for record in caplog.records)


def test_an_error_that_is_not_the_sender_s_keeps_its_traceback() -> None:
    error = OSError("the disk is broken")
    record = logging.LogRecord("x", logging.ERROR, "", 1, "Unhandled", (), (OSError, error, None))
    assert calm(record)
    assert (record.levelno, record.exc_info) == (logging.ERROR, (OSError, error, None))


async def test_nobody_writes_lines_of_their_own_into_the_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await house.client.get("/x%0AERROR%20all%20is%20lost")
    assert all("\n" not in record.getMessage() for record in caplog.records)
