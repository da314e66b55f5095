"""Every code of the contract, through a real socket; and after each refusal the next good message goes through."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.end_to_end.conftest import settings_in
from tests.end_to_end.family import Family, add_family, add_somebody, count_rows, database_of, files
from tests.end_to_end.line import Frame, Line, until
from tests.world import add_contact, add_group, add_licensed_toy
from toybackend.app import serving
from toybackend.protocol import MAX_FRAME_BYTES
from toybackend.services.delivery import Delivery
from toybackend.settings import Audio, Settings, Sockets

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("calm_log", "cheap_hashes")]

CONTRACT = frozenset(
    {
        *("bad_json", "unknown_type", "missing_field", "too_long", "unknown_recipient", "not_allowed"),
        *("header_pending", "audio_without_header", "empty_audio", "audio_too_large", "audio_too_long"),
        *("size_mismatch", "digest_mismatch", "bad_audio", "rate_limited", "quiet_hours", "overloaded", "internal"),
        "too_many",
    }
)
ELSEWHERE = {
    "rate_limited": "test_admission.py",
    "too_many": "test_admission.py",
    "quiet_hours": "test_resting.py",
}
"""What needs a server of its own, or a clock."""
MAX_BYTES = 200_000
MAX_SECONDS = 5
BAD_FRAMES = 10
FRAMES_PER_MINUTE = 100


@pytest.fixture(scope="module")
def server_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return replace(
        settings_in(tmp_path_factory.mktemp("strict")),
        audio=Audio(max_bytes=MAX_BYTES, max_seconds=MAX_SECONDS, max_text=100),
        sockets=Sockets(bad_frames=BAD_FRAMES, frames_per_minute=FRAMES_PER_MINUTE),
    )


@pytest.fixture(scope="module")
def clip(clip: bytes) -> bytes:
    """Half a second, because every test sends one."""
    return clip[: 6 + 25 * 32]


# ── what must hold after everything below ──


@asynccontextmanager
async def nothing_else_happens(family: Family, clip: bytes) -> AsyncIterator[tuple[Line, Line]]:
    """Two sockets to misbehave on; afterwards the next good message goes through on them, and of all that was said
    nothing but this message is left in the database and on the disk."""
    house = family.house
    rows, before = await count_rows(house, "messages"), files(house)
    async with family.mum.line() as mum, family.bear.line() as bear:
        yield mum, bear
        message_id = await one_good_message(mum, bear, family, clip)
    after = files(house)
    assert after == before | {"kept": before["kept"] | {f"{message_id}.original", f"{message_id}.mp3"}}
    assert await count_rows(house, "messages") == rows + 1


async def one_good_message(mum: Line, bear: Line, family: Family, clip: bytes) -> str:
    """Goes through from end to end, and no other frame comes in between."""
    await mum.say(to_user=family.bear.id)
    await mum.write(clip)
    accepted, voice = await mum.next(), await bear.next()
    assert (accepted["type"], voice["type"]) == ("accepted", "voice"), (accepted, voice)
    await bear.ack(voice["id"])
    assert await mum.next() == {"type": "delivered", "id": accepted["id"], "to_user": family.bear.id}
    return str(voice["id"])


# ── frames that are refused; the socket stays ──

Message = str | bytes | Sequence[bytes]
Writes = Callable[[Family, bytes], list[Message]]


def to(family: Family, **more: Any) -> str:
    return json.dumps({"to_user": family.bear.id, **more})


def same(*messages: Message) -> Writes:
    return lambda family, clip: list(messages)


def padded(text: str, size: int) -> str:
    return text + " " * (size - len(text.encode()))


def pieces(blob: bytes) -> list[bytes]:
    return [blob[at : at + 10_000] for at in range(0, len(blob), 10_000)]


BIG = bytes(MAX_BYTES + 1)
REFUSED: dict[str, tuple[list[str], Writes]] = {
    # not a frame
    "no JSON": (["bad_json"], same("hello?")),
    "nothing": (["bad_json"], same("")),
    "a list": (["bad_json"], same("[]")),
    "a number": (["bad_json"], same("17")),
    "a string": (["bad_json"], same('"to_user"')),
    "null": (["bad_json"], same("null")),
    "two objects": (["bad_json"], same("{}{}")),
    "cut off": (["bad_json"], same('{"to_user":"p_')),
    "not a number in JSON": (["bad_json"], same('{"to_user":NaN}')),
    "half a surrogate pair": (["bad_json"], same('{"to_user":"\\ud800"}')),
    "nested 8,000 deep": (["bad_json"], same("[" * 8000 + "]" * 8000)),
    "nested 10,000 deep and cut off": (["bad_json"], same('{"to_user":' + "[" * 10_000)),
    "nested, and an addressee": (["bad_json"], lambda family, clip: [to(family)[:-1] + ',"x":' + "[" * 8000]),
    "digits without end": (["bad_json"], same('{"to_user":"p_1","bytes":' + "9" * 16_000 + "}")),
    "a number beyond all numbers": (["bad_json"], same('{"to_user":"p_1","bytes":1e999}')),
    "a NUL": (["bad_json"], same('{"to_user":"\0"}')),
    "a NUL in an id": (["unknown_recipient"], lambda family, clip: [to(family)[:-2] + '\\u0000","msg":"hi"}']),
    "a byte order mark": (["bad_json"], lambda family, clip: ["\ufeff" + to(family)]),
    "an addressee of 16,000 letters": (["unknown_recipient"], same('{"to_user":"' + "p" * 16_000 + '","msg":"hi"}')),
    "more bytes than there are": (["audio_too_large"], same('{"to_user":"p_1","bytes":' + "9" * 4000 + "}")),
    "one byte too long": (["too_long"], lambda family, clip: [padded(to(family, msg="hi"), MAX_FRAME_BYTES + 1)]),
    "too long in fragments": (["too_long"], same("x" * 300_000)),
    # not one of our frames
    "empty object": (["missing_field"], same("{}")),
    "unknown type": (["unknown_type"], same('{"type":"record"}')),
    "type of another kind": (["unknown_type"], same('{"type":5}')),
    "a frame of the server": (["unknown_type"], same('{"type":"welcome"}')),
    "ack of nothing": (["missing_field"], same('{"type":"ack"}')),
    "addressee of another kind": (["missing_field"], same('{"to_user":5}')),
    "empty addressee": (["missing_field"], same('{"to_user":""}')),
    "two addressees": (["missing_field"], lambda family, clip: [to(family, to_group="g_1")]),
    "text of another kind": (["missing_field"], lambda family, clip: [to(family, msg=[])]),
    "empty text": (["missing_field"], lambda family, clip: [to(family, msg="")]),
    "bytes of another kind": (["missing_field"], lambda family, clip: [to(family, bytes="many")]),
    "fewer bytes than none": (["missing_field"], lambda family, clip: [to(family, bytes=-1)]),
    "long text": (["too_long"], lambda family, clip: [to(family, msg="x" * 101)]),
    "long ref": (["too_long"], lambda family, clip: [to(family, msg="hi", ref="x" * 65)]),
    "hello twice": (["not_allowed"], lambda family, clip: [json.dumps({"type": "hello", "token": family.mum.token})]),
    # headers and blobs that do not belong together
    "blob without a header": (["audio_without_header"], lambda family, clip: [clip]),
    "two headers": (["header_pending", "audio_without_header"], lambda family, clip: [to(family), to(family), clip]),
    "header and two blobs": (
        ["empty_audio", "audio_without_header"],
        lambda family, clip: [to(family), b"", clip],
    ),
    "header taken back": (
        ["audio_without_header"],
        lambda family, clip: [to(family), '{"type":"cancel"}', clip],
    ),
    "header, then a frame nobody can read": (
        ["bad_json", "audio_without_header"],
        lambda family, clip: [to(family), "[]", clip],
    ),
    "header, then one that is not well-formed": (
        ["missing_field", "audio_without_header"],
        lambda family, clip: [to(family), '{"to_user":5}', clip],
    ),
    # blobs
    "no bytes": (["empty_audio"], lambda family, clip: [to(family), b""]),
    "no bytes in fragments": (["empty_audio"], lambda family, clip: [to(family), [b"", b""]]),
    "one byte too many": (["audio_too_large"], lambda family, clip: [to(family), BIG]),
    "too many in fragments": (["audio_too_large"], lambda family, clip: [to(family), pieces(BIG + BIG)]),
    "too many by its header": (["audio_too_large"], lambda family, clip: [to(family, bytes=MAX_BYTES + 1), BIG]),
    "fewer than promised": (["size_mismatch"], lambda family, clip: [to(family, bytes=len(clip) + 1), clip]),
    "more than promised": (["size_mismatch"], lambda family, clip: [to(family, bytes=1), pieces(clip)]),
    "another digest": (["digest_mismatch"], lambda family, clip: [to(family, sha256="0" * 64), clip]),
    "a digest that is none": (["digest_mismatch"], lambda family, clip: [to(family, sha256="x"), clip]),
    # nobody there: the blob that still comes is thrown away without a word
    "unknown recipient": (["unknown_recipient"], same('{"to_user":"p_nobody"}', b"voice")),
    "unknown group": (["unknown_recipient"], same('{"to_group":"g_nothing"}', b"voice")),
    "text to nobody": (["unknown_recipient"], same('{"to_user":"p_nobody","msg":"hi"}')),
    "oneself": (["unknown_recipient"], lambda family, clip: [json.dumps({"to_user": family.mum.id}), clip]),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_refused(name: str, family: Family, clip: bytes) -> None:
    codes, writes = REFUSED[name]
    async with nothing_else_happens(family, clip) as (mum, _):
        for message in writes(family, clip):
            await mum.write(message)
        assert [await mum.refusal() for _ in codes] == codes


async def test_a_refusal_names_the_ref(family: Family, clip: bytes) -> None:
    async with nothing_else_happens(family, clip) as (mum, _):
        for fields in ({"to_user": "p_nobody"}, {"to_user": "p_nobody", "msg": "hi"}, {"to_user": family.bear.id}):
            await mum.say(**fields, ref="mine")
            await mum.write(b"")
            assert (await mum.next())["ref"] == "mine"
            if "msg" in fields:
                assert await mum.refusal() == "audio_without_header"


async def test_what_is_just_short_enough(family: Family, clip: bytes) -> None:
    async with family.mum.line() as mum, family.bear.line() as bear:
        await mum.write(padded(to(family, msg="hi"), MAX_FRAME_BYTES))
        await mum.hear("accepted")
        await mum.text(family.bear.id, "字" * 100, ref="文" * 64)
        assert len((await bear.hear("text", msg="字" * 100))["msg"]) == 100
        digest = hashlib.sha256(clip).hexdigest().upper()
        await bear.hear("voice", id=await mum.voice(family.bear.id, clip, bytes=len(clip), sha256=digest))
        at_the_limit = clip + bytes(MAX_BYTES - len(clip))
        await mum.hear("failed", id=await mum.voice(family.bear.id, at_the_limit), code="audio_too_long")


# ── accepted, and then no sound in it ──

FAILED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "rubbish": ("bad_audio", lambda long_clip: b"\x00\x01\x02" * 1000),
    "a magic and nothing behind it": ("bad_audio", lambda long_clip: b"#!AMR\n"),
    "a page": ("bad_audio", lambda long_clip: b"<html><body>404</body></html>"),
    "a playlist": ("bad_audio", lambda long_clip: b"ffconcat version 1.0\nfile ../kept/other.original\n"),
    "longer than allowed": ("audio_too_long", lambda long_clip: long_clip),
    "5.5 hours in little": ("audio_too_long", lambda long_clip: b"#!AMR\n" + b"\x7c" * 100_000),
}


@pytest.mark.parametrize("name", FAILED)
async def test_what_fails_after_it_was_accepted(name: str, family: Family, clip: bytes, long_clip: bytes) -> None:
    code, make = FAILED[name]
    before = files(family.house)
    async with family.mum.line() as mum, family.bear.line() as bear:
        message_id = await mum.voice(family.bear.id, make(long_clip))
        assert await mum.next() == {"type": "failed", "id": message_id, "code": code}
        assert files(family.house) == before
        await one_good_message(mum, bear, family, clip)


# ── who may not know the difference sees none ──


async def refused(line: Line, **header: Any) -> Frame:
    await line.say(**header)
    return await line.next()


async def test_somebody_else_looks_like_nobody(family: Family, clip: bytes) -> None:
    database, other = database_of(family.house), await add_family(family.house)
    unbound = await add_licensed_toy(database)
    group = await add_group(database, other.mum.party, other.bear.party)
    async with nothing_else_happens(family, clip) as (mum, _):
        nobody = await refused(mum, to_user="p_nobody")
        assert nobody["code"] == "unknown_recipient"
        for addressee in (
            {"to_user": other.mum.id},
            {"to_user": other.bear.id},
            {"to_user": unbound},
            {"to_group": group},
        ):
            assert await refused(mum, **addressee) == nobody
            await mum.write(clip)  # thrown away without a word
            assert await refused(mum, **addressee, msg="hi") == nobody


async def test_who_is_blocked_is_told_so(family: Family, clip: bytes) -> None:
    database, friend = database_of(family.house), await add_somebody(family.house, "Friend")
    await add_contact(database, family.mum.party, friend.party, blocks=True)
    async with nothing_else_happens(family, clip) as (mum, _):
        assert (await refused(mum, to_user=friend.id))["code"] == "not_allowed"
        await mum.write(clip)
        assert (await refused(mum, to_user=friend.id, msg="hi"))["code"] == "not_allowed"


# ── our own trouble ──


async def test_our_own_mistake_is_internal_and_the_socket_stays(
    family: Family, clip: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("a mistake of ours")

    async with nothing_else_happens(family, clip) as (mum, _):
        for method, blobs in (("accept_text", ()), ("accept_voice", (clip,)), ("address", (clip,))):
            with monkeypatch.context() as patch:
                patch.setattr(Delivery, method, broken)
                await mum.write(to(family, **({} if blobs else {"msg": "hi"})))
                for blob in blobs:
                    await mum.write(blob)
                assert await mum.refusal() == "internal"
    assert caplog.text.count("RuntimeError: a mistake of ours") == 3
    caplog.clear()


async def test_a_full_disk_is_overloaded_and_loses_nothing(settings: Settings, clip: bytes) -> None:
    full = replace(settings, storage=replace(settings.storage, min_free_bytes=1 << 60))
    async with serving(full) as house:
        family = await add_family(house)
        async with family.mum.line() as mum, family.bear.line() as bear:
            for blob in (clip, pieces(bytes(100_000))):  # kept in memory, and written as it comes
                await mum.say(to_user=family.bear.id, ref="again")
                await mum.write(blob)
                error = await mum.next()
                assert (error["code"], error["ref"]) == ("overloaded", "again")
                assert error["retry_after"] > 0
            assert set().union(*files(house).values()) == set()
            assert await count_rows(house, "messages") == 0
            await bear.hear("text", id=await mum.text(family.bear.id, "texts need no room"))
    async with serving(settings) as house:
        family = family.at(house)
        async with family.mum.line() as mum, family.bear.line() as bear:
            await bear.hear("voice", id=await mum.voice(family.bear.id, clip, ref="again"))


# ── a blob that stops half way ──


async def test_a_blob_that_stops_half_way_leaves_nothing(family: Family, clip: bytes) -> None:
    house, before = family.house, files(family.house)

    async def half(line: Line) -> AsyncIterator[bytes]:
        yield bytes(100_000)
        await until(lambda: files(house)["incoming"] != set())
        line.socket.transport.abort()
        yield bytes(1)

    async with family.mum.line() as mum:
        await mum.say(to_user=family.bear.id)
        with pytest.raises(ConnectionClosed):
            await mum.socket.send(half(mum))
    await until(lambda: files(house) == before)
    async with nothing_else_happens(family, clip):
        pass


# ── nothing was forgotten ──


async def test_every_code_of_the_contract_is_covered() -> None:
    covered = {code for codes, _ in REFUSED.values() for code in codes} | {code for code, _ in FAILED.values()}
    covered |= {"internal", "overloaded"}  # by the tests of our own trouble
    assert covered.isdisjoint(ELSEWHERE)
    assert covered | ELSEWHERE.keys() == CONTRACT
    for code, file in ELSEWHERE.items():
        assert f'"{code}"' in (Path(__file__).parent / file).read_text()
