from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.scarcity import no_descriptors
from tests.web.fakes import MESSAGE, House
from toybackend.audio_stores.local_files import LocalFiles
from toybackend.models import SoundId
from toybackend.web.mp3 import RETRY_SECONDS


@pytest.fixture
async def home(house: House, sound: bytes) -> House:
    house.store.keep(MESSAGE, sound)
    return house


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-9", 0, 9), ("bytes=100-", 100, None), ("bytes=-10", -10, None), ("bytes=10-99999999", 10, None)],
)
async def test_a_part(home: House, sound: bytes, asked: str, first: int, last: int | None) -> None:
    reply = await home.client.get(home.link(), headers={"Range": asked})
    wanted = sound[first : None if last is None else last + 1]
    start = first % len(sound)
    assert (reply.status, await reply.read()) == (206, wanted)
    assert reply.headers["Content-Range"] == f"bytes {start}-{start + len(wanted) - 1}/{len(sound)}"
    assert reply.headers["Content-Type"] == "audio/mpeg"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_last_byte_and_one_beyond(home: House, sound: bytes) -> None:
    last = await home.client.get(home.link(), headers={"Range": f"bytes={len(sound) - 1}-"})
    assert (last.status, await last.read()) == (206, sound[-1:])
    beyond = await home.client.get(home.link(), headers={"Range": f"bytes={len(sound)}-"})
    assert (beyond.status, await beyond.read()) == (416, b"")
    assert beyond.headers["Content-Range"] == f"bytes */{len(sound)}"
    assert beyond.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "asked",
    ["items=0-9", "bytes=0-1,5-6", "bytes=x", "bytes=-0", "0-9", "bytes=9-5", "bytes=٠-٩", "bytes=0-" + "9" * 5000],
)
async def test_a_range_we_do_not_serve_is_passed_over(home: House, sound: bytes, asked: str) -> None:
    reply = await home.client.get(home.link(), headers={"Range": asked})
    assert (reply.status, await reply.read()) == (200, sound)


async def test_head_says_what_get_would_without_the_bytes(home: House, sound: bytes) -> None:
    got = await home.client.get(home.link())
    head = await home.client.head(home.link())
    assert (head.status, await head.read()) == (200, b"")
    for name in ("Content-Length", "Content-Type", "ETag", "Last-Modified", "Cache-Control", "Accept-Ranges"):
        assert head.headers[name] == got.headers[name]
    assert (await home.client.head(home.link(), headers={"Range": "bytes=0-9"})).status == 200


async def test_what_the_client_has_already_is_not_sent_again(home: House) -> None:
    got = await home.client.get(home.link())
    for headers in (
        {"If-None-Match": got.headers["ETag"]},
        {"If-None-Match": "*"},
        {"If-None-Match": f'"other", W/{got.headers["ETag"]}'},
        {"If-Modified-Since": got.headers["Last-Modified"]},
    ):
        reply = await home.client.get(home.link(), headers=headers)
        assert (reply.status, await reply.read()) == (304, b"")
        assert reply.headers["ETag"] == got.headers["ETag"]
        assert reply.headers["Cache-Control"] == "private, max-age=300"
    assert (await home.client.get(home.link(), headers={"If-None-Match": '"other"'})).status == 200


async def test_a_part_only_of_the_file_that_the_client_began_with(home: House, sound: bytes) -> None:
    begun = await home.client.get(home.link())
    tag, date = begun.headers["ETag"], begun.headers["Last-Modified"]
    for condition, status in [
        (tag, 206),
        (date, 206),
        ('"other"', 200),
        (f"W/{tag}", 200),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 200),
        ("nonsense", 200),
    ]:
        reply = await home.client.get(home.link(), headers={"Range": "bytes=5-9", "If-Range": condition})
        assert (reply.status, await reply.read()) == (status, sound[5:10] if status == 206 else sound), condition


@pytest.mark.parametrize("year", ["2026" * 10, "9" * 5000])
@pytest.mark.parametrize("name", ["If-Modified-Since", "If-Unmodified-Since", "If-Range"])
async def test_a_date_beyond_every_calendar_is_none(home: House, sound: bytes, name: str, year: str) -> None:
    headers = {name: f"Sat, 21 Nov {year} 08:00:00 GMT"}
    for more in ({}, {"Range": "bytes=5-9"}):
        reply = await home.client.get(home.link(), headers=headers | more)
        is_part = bool(more) and name != "If-Range"
        assert (reply.status, await reply.read()) == ((206, sound[5:10]) if is_part else (200, sound))


@pytest.mark.parametrize("name", ["User-Agent", "Range", "If-None-Match", "If-Match", "If-Range"])
async def test_a_byte_that_is_no_text_in_a_header_spoils_nothing(home: House, name: str) -> None:
    url = home.client.make_url(home.link())
    reader, writer = await asyncio.open_connection(url.host, url.port)
    try:
        head = f"GET {url.raw_path_qs} HTTP/1.1\r\nHost: toys.test\r\nConnection: close\r\n{name}: ".encode()
        writer.write(head + b'"\xff"\r\n\r\n')
        status = await reader.readline()
    finally:
        writer.close()
    assert status == (b"HTTP/1.1 412 Precondition Failed\r\n" if name == "If-Match" else b"HTTP/1.1 200 OK\r\n")


async def test_a_new_file_has_a_new_tag_and_is_sent_whole(home: House, sound: bytes) -> None:
    tag = (await home.client.get(home.link())).headers["ETag"]
    file = home.store.keep(MESSAGE, sound[::-1])
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1_000_000_000))
    reply = await home.client.get(home.link(), headers={"Range": "bytes=5-9", "If-Range": tag})
    assert (reply.status, await reply.read()) == (200, sound[::-1])


async def test_a_part_of_a_file_that_vanished(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    tag = (await home.client.get(home.link())).headers["ETag"]
    file = home.store.path(MESSAGE)

    async def was_there_a_moment_ago(store: LocalFiles, sound_id: SoundId) -> Path:
        return file

    monkeypatch.setattr(LocalFiles, "mp3", was_there_a_moment_ago)
    file.unlink()
    reply = await home.client.get(home.link(), headers={"Range": "bytes=5-9", "If-Range": tag})
    assert reply.status == 404


async def test_a_compressed_sibling_is_not_looked_for(home: House, sound: bytes) -> None:
    sibling = home.store.path(MESSAGE).with_name(f"{MESSAGE}.mp3.gz")
    sibling.write_bytes(b"something else")
    reply = await home.client.get(home.link(), headers={"Accept-Encoding": "gzip, br"})
    assert await reply.read() == sound
    assert "Content-Encoding" not in reply.headers


async def test_without_descriptors_it_is_there_and_not_to_be_had_now(home: House, sound: bytes) -> None:
    """A toy would believe a 404, and forget the message."""
    assert await (await home.client.get(home.link())).read() == sound  # so that the connection is open
    for headers in ({}, {"Range": "bytes=5-9"}):
        await asyncio.sleep(0.1)  # aiohttp closes a file behind its answer
        with no_descriptors():
            reply = await home.client.get(home.link(), headers=headers)
        assert (await reply.json(content_type="application/problem+json"))["code"] == "overloaded"
        assert (reply.status, reply.headers["Retry-After"]) == (503, str(RETRY_SECONDS))
        assert reply.headers["Cache-Control"] == "no-store"
    assert await (await home.client.get(home.link())).read() == sound
