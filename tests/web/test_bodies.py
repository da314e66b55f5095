from __future__ import annotations

import asyncio
import logging
import zlib

import pytest

from tests.web.fakes import BEARS_LICENCE, House
from tests.web.test_access_log import raw
from toybackend.web import bodies
from toybackend.web.bodies import MOST_BODY

ROUTE = "/api/v1/devices/authorize"
GOOD = f'{{"license":"{BEARS_LICENCE}"}}'.encode()


async def code(house: House, body: bytes, **headers: str) -> tuple[int, str | None]:
    reply = await house.client.post(ROUTE, data=body, headers=headers)
    return reply.status, (await reply.json(content_type=None)).get("code")


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"license":"\xff"}', b"[" * 10_000, b'{"a":' * 2_000),
        *(b"[" * 60_000, b'{"license":' + b"[" * 30_000 + b"]" * 30_000 + b"}"),
        *(b'{"license":' + b"9" * 60_000 + b"}", b'{"license":-' + b"9" * 5_000 + b"}", b'{"license":NaN}'),
        *(b'{"license":"\\ud800"}', b'{"license":"\xed\xa0\x80"}', b'{"license":"\0"}', GOOD + b"\0"),
        *(b"\xef\xbb\xbf" + GOOD, GOOD.decode().encode("utf-16")),
    ],
    ids=range(20),
)
async def test_what_is_not_a_json_object_is_bad_json(house: House, body: bytes) -> None:
    assert await code(house, body) == (400, "bad_json")


async def test_a_missing_or_wrong_field_is_named(house: House) -> None:
    reply = await house.client.post(ROUTE, json={"license": 7})
    assert reply.status == 400
    body = await reply.json(content_type=None)
    assert body["code"] == "missing_field"
    assert "license" in body["detail"]


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"1e" + b"9" * 5_000, b"9" * 4_000, b"0." + b"1" * 50_000])
async def test_a_number_beyond_all_numbers_is_the_wrong_kind(house: House, number: bytes) -> None:
    assert await code(house, b'{"license":' + number + b"}") == (400, "missing_field")


async def test_of_a_field_that_comes_twice_the_last_counts(house: House) -> None:
    assert await code(house, b'{"license":"wrong",' + GOOD[1:]) == (200, None)
    assert (await code(house, GOOD[:-1] + b',"license":7}'))[1] == "missing_field"


async def test_the_content_type_does_not_matter_and_unknown_fields_are_passed_over(house: House) -> None:
    reply = await house.client.post(ROUTE, data=GOOD, headers={"Content-Type": "text/plain"})
    assert reply.status == 200
    reply = await house.client.post(ROUTE, json={"license": BEARS_LICENCE, "firmware": "1.2"})
    assert reply.status == 200


async def test_the_largest_body_and_one_byte_more(house: House) -> None:
    assert await code(house, GOOD + b" " * (MOST_BODY - len(GOOD))) == (200, None)
    assert await code(house, GOOD + b" " * (MOST_BODY - len(GOOD) + 1)) == (413, "too_long")


async def test_a_compressed_body_counts_as_what_it_unpacks_to(house: House) -> None:
    assert await code(house, zlib.compress(GOOD), **{"Content-Encoding": "deflate"}) == (200, None)
    bomb = zlib.compress(GOOD + b" " * MOST_BODY)
    assert await code(house, bomb, **{"Content-Encoding": "deflate"}) == (413, "too_long")


async def test_a_body_that_cannot_be_unpacked_is_bad_json(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert await code(house, b"not gzip at all", **{"Content-Encoding": "gzip"}) == (400, "bad_json")
    assert "Traceback" not in caplog.text


async def test_a_body_that_does_not_come_is_given_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.05)
    request = f"POST {ROUTE} HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\nConnection: close\r\n\r\n{{"
    assert (await raw(house, request.encode())).startswith(b"HTTP/1.1 408 ")


async def test_a_client_that_vanishes_is_ordinary(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        _, writer = await asyncio.open_connection("127.0.0.1", house.port)
        writer.write(f"POST {ROUTE} HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{{".encode())
        await asyncio.sleep(0.05)
        writer.transport.abort()
        await asyncio.sleep(0.05)
    assert [record.levelname for record in caplog.records if record.name.startswith("toybackend")] == ["INFO"]
    assert "Traceback" not in caplog.text
