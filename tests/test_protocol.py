"""The wire contract: every frame, every refusal, and to whom a blob may go."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toybackend import protocol
from toybackend.errors import (
    AudioTooLarge,
    BadJson,
    DigestMismatch,
    EmptyAudio,
    MissingField,
    Overloaded,
    Refused,
    SizeMismatch,
    TooLong,
    UnknownType,
)
from toybackend.models import Weekday
from toybackend.protocol import (
    MAX_FRAME_BYTES,
    Ack,
    Cancel,
    ClientFrame,
    HaveHeard,
    Hello,
    ServerFrame,
    TextMessage,
    VoiceHeader,
    encode_client_frame,
    encode_server_frame,
    error_frame,
    misfit,
    parse_client_frame,
    parse_server_frame,
    rfc3339,
)

MAX_TEXT = 2000
CASES = 1_000
"""`make fuzz` tries a million."""


def parse(frame: str | bytes) -> ClientFrame:
    return parse_client_frame(frame, max_text=MAX_TEXT)


# ── what a client may say ──


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('{"type":"hello","token":"x"}', Hello(token="x")),
        ('{"type":"hello","token":"x","acks":false}', Hello(token="x", acks=False)),
        ('{"type":"hello"}', Hello()),
        ('{"type":"hello","token":null,"acks":false}', Hello(acks=False)),
        ('{"type":"ack","id":"m_1"}', Ack(id="m_1")),
        ('{"type":"heard","id":"m_1"}', HaveHeard(id="m_1")),
        ('{"type":"cancel"}', Cancel()),
        ('{"to_user":"t_1"}', VoiceHeader(to_user="t_1")),
        ('{"to_user":"t_1","now":true}', VoiceHeader(to_user="t_1", now=True)),
        ('{"to_user":"t_1","now":true,"msg":"hi"}', TextMessage(to_user="t_1", now=True, msg="hi")),
        (
            '{"to_group":"g_1","ref":"r","bytes":3,"sha256":"00"}',
            VoiceHeader(to_group="g_1", ref="r", bytes=3, sha256="00"),
        ),
        ('{"to_user":"t_1","msg":"hello","ref":"r"}', TextMessage(to_user="t_1", msg="hello", ref="r")),
        ('{"to_user":"t_1","msg":"你好","a field of tomorrow":1}', TextMessage(to_user="t_1", msg="你好")),
    ],
)
def test_understands(text: str, frame: ClientFrame) -> None:
    assert parse(text) == frame
    assert parse(text.encode()) == frame
    assert parse(encode_client_frame(frame)) == frame


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('{"to_user":"a","to_user":"b"}', VoiceHeader(to_user="b")),  # «accepted» says to whom it went
        ('{"type":"ack","type":"heard","id":"m_1"}', HaveHeard(id="m_1")),
        ('{"to_user":"a","bytes":-0}', VoiceHeader(to_user="a", bytes=0)),
        ('{"to_user":"a","bytes":' + "9" * 4_000 + "}", VoiceHeader(to_user="a", bytes=int("9" * 4_000))),
        ('{"to_user":"a","msg":"\\u0000\\ud83d\\ude00"}', TextMessage(to_user="a", msg="\0😀")),
        ('{"to_user":"a\\u0000b"}', VoiceHeader(to_user="a\0b")),
        ('{"to_user":"a","x":' + "[" * 500 + "]" * 500 + "}", VoiceHeader(to_user="a")),
        ("{" + ",".join(f'"{n}":1' for n in range(1_500)) + ',"to_user":"a"}', VoiceHeader(to_user="a")),
        (" \t\r\n" * 1_000 + '{"to_user":"a"}', VoiceHeader(to_user="a")),
    ],
    ids=range(9),
)
def test_odd_frames_mean_one_thing(text: str, frame: ClientFrame) -> None:
    assert parse(text) == frame


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        ("", BadJson),
        ("{", BadJson),
        ("[]", BadJson),
        ("[1]", BadJson),
        ("1", BadJson),
        ('"text"', BadJson),
        ("null", BadJson),
        (b"\xff\xfe", BadJson),
        (b'{"to_user":"\xff"}', BadJson),
        ("[" * 10_000, BadJson),
        ('{"a":' * 2_000 + "1" + "}" * 2_000, BadJson),
        ('{"to_user":"a","x":' + "[" * 7_000 + "]" * 7_000 + "}", BadJson),
        ('{"to_user":"a","bytes":' + "9" * 16_000 + "}", BadJson),
        ('{"to_user":"a","bytes":-' + "9" * 5_000 + "}", BadJson),
        ('{"to_user":"a","bytes":1e999}', BadJson),
        ('{"to_user":"a","bytes":1e' + "9" * 5_000 + "}", BadJson),
        ('{"to_user":"a","bytes":1e-999}', MissingField),
        ('{"to_user":"a","bytes":0.' + "1" * 15_000 + "}", MissingField),
        ('{"to_user":"a","bytes":Infinity}', BadJson),
        ('{"to_user":"\\ud800"}', BadJson),
        ('{"\\udfff":1,"to_user":"a"}', BadJson),
        (b'{"to_user":"\xed\xa0\x80"}', BadJson),
        ('{"to_user":"a\0"}', BadJson),
        ('{"to_user":"a"}\0', BadJson),
        ("\ufeff{}", BadJson),
        ("{}".encode("utf-16"), BadJson),
        ('{"type":"sing"}', UnknownType),
        ('{"type":7}', UnknownType),
        ('{"type":null,"to_user":"t_1"}', UnknownType),
        ("{}", MissingField),
        ('{"tu_user":"t_1"}', MissingField),
        ('{"to_user":null}', MissingField),
        ('{"to_user":7}', MissingField),
        ('{"to_user":""}', MissingField),
        ('{"to_user":"a","to_group":"b"}', MissingField),
        ('{"to_user":"a","msg":""}', MissingField),
        ('{"to_user":"a","msg":null}', MissingField),
        ('{"to_user":"a","bytes":-1}', MissingField),
        ('{"to_user":"a","bytes":"3"}', MissingField),
        ('{"to_user":"a","ref":5}', MissingField),
        ('{"type":"ack"}', MissingField),
        ('{"type":"ack","id":""}', MissingField),
        ('{"type":"hello","token":5}', MissingField),
        ('{"to_user":"a","ref":"%s"}' % ("r" * 65), TooLong),
        ('{"to_user":"a","msg":"%s"}' % ("m" * (MAX_TEXT + 1)), TooLong),
        (" " * (MAX_FRAME_BYTES + 1), TooLong),
        ("é" * (MAX_FRAME_BYTES // 2 + 1), TooLong),
    ],
)
def test_refuses(frame: str | bytes, error: type[Refused]) -> None:
    with pytest.raises(error):
        parse(frame)


def test_takes_what_is_just_short_enough() -> None:
    parse('{"to_user":"a","ref":"%s"}' % ("r" * 64))
    parse('{"to_user":"a","msg":"%s"}' % ("m" * MAX_TEXT))
    parse('{"to_user":"a"}'.ljust(MAX_FRAME_BYTES))


@given(st.one_of(st.text(), st.binary(), st.recursive(st.none() | st.text(), lambda x: st.lists(x)).map(json.dumps)))
def test_whatever_comes_is_a_frame_or_a_refusal(frame: str | bytes) -> None:
    with contextlib.suppress(Refused):
        parse(frame)


def test_a_refusal_never_repeats_what_was_sent() -> None:
    with pytest.raises(MissingField) as caught:
        parse('{"type":"hello","token":["s3cret"]}')
    assert "s3cret" not in str(caught.value)


# ── what a header promised ──


def test_a_blob_is_what_its_header_promised() -> None:
    header = VoiceHeader(to_user="a", bytes=2, sha256="AB")
    header.check_size(2, 2)
    header.check_whole(2, "ab")
    with pytest.raises(AudioTooLarge):
        header.check_size(3, 2)
    with pytest.raises(SizeMismatch):
        header.check_whole(1, "ab")
    with pytest.raises(DigestMismatch):
        header.check_whole(2, "cd")
    with pytest.raises(EmptyAudio):
        VoiceHeader(to_user="a").check_whole(0, "")


# ── what the server says ──


SETTINGS = protocol.ToySettingsView(
    volume_cap=55,
    daily_limit_minutes=None,
    time_zone="Europe/Berlin",
    quiet_hours=(protocol.QuietWindowView(days=(Weekday.MONDAY, Weekday.SUNDAY), start="20:30", end="06:00"),),
    quiet_until="2026-11-22T05:00:00.000Z",
    autoplay=True,
)


def one_of_each_server_frame() -> list[ServerFrame]:
    return [
        protocol.Welcome(id="t_1", name="Bear", unread=0, max_audio_bytes=1, max_audio_seconds=1),
        protocol.Accepted(id="m_1", ref="r", to_user="t_1"),
        protocol.Accepted(id="m_1", to_group="g_1"),
        protocol.Voice(
            id="m_1",
            from_user="p_1",
            from_name="mum",
            to_user="t_1",
            url="u",
            duration_ms=9,
            waveform=(0, 100),
            sent_at="",
        ),
        protocol.Text(id="m_1", from_user="p_1", from_name="mum", to_group="g_1", msg="hello", sent_at=""),
        protocol.Play(id="m_1", item_id="i_1", title="t", url="u", duration_ms=1),
        protocol.Stop(),
        protocol.Delivered(id="m_1", to_user="t_1"),
        protocol.Heard(id="m_1", to_user="t_1"),
        protocol.Failed(id="m_1", code="bad_audio"),
        protocol.Notice(event="unbound"),
        protocol.Notice(event="bound", id="t_1", name="Bear", settings=SETTINGS),
        protocol.Notice(event="held", id="m_1", code="quiet_hours", to_user="t_1", until="2026-11-22T06:00:00.000Z"),
        protocol.Welcome(id="t_1", name="Bear", unread=0, max_audio_bytes=1, max_audio_seconds=1, settings=SETTINGS),
        error_frame(Overloaded(retry_after=5), "r"),
    ]


def test_every_server_frame_survives_the_wire() -> None:
    frames = one_of_each_server_frame()
    assert {type(frame) for frame in frames} == set(get_args(ServerFrame))
    for frame in frames:
        assert parse_server_frame(encode_server_frame(frame)) == frame


@pytest.mark.parametrize("text", ['{"type":"a frame of tomorrow"}', "{", "[" * 10_000, b"\xff", '{"type":"stop"'])
def test_a_client_passes_over_what_it_does_not_know(text: str | bytes) -> None:
    assert parse_server_frame(text) is None


def test_an_error_frame_says_what_it_has_to_say() -> None:
    assert json.loads(encode_server_frame(error_frame(Overloaded(retry_after=5), "r"))) == {
        "type": "error",
        "code": "overloaded",
        "message": "the server cannot take this now",
        "ref": "r",
        "retry_after": 5,
    }


def test_times_are_rfc3339() -> None:
    assert rfc3339(1_763_712_000_250) == "2025-11-21T08:00:00.250Z"
    assert rfc3339(0) == "1970-01-01T00:00:00.000Z"


# ── the header of protocol.py and its code say the same ──


def test_the_contract_at_the_top_names_every_frame_and_its_fields() -> None:
    written: dict[tuple[str, str], set[str]] = {}
    for arrow, body in re.findall(r"^ +([→←]) (\{.*)$", protocol.__doc__ or "", re.MULTILINE):
        for frame in re.findall(r"\{.*?\}", body):
            names = re.findall(r'"(\w+)":', frame)
            kind = re.search(r'"type":"(\w+)"', frame)
            key = (arrow, kind[1] if kind else "text" if "msg" in names else "header")
            written.setdefault(key, set()).update(names)
    in_code = {("→", _client_name(kind)): kind for kind in get_args(ClientFrame)}
    in_code |= {("←", str(kind.__struct_config__.tag)): kind for kind in get_args(ServerFrame)}
    assert set(written) == set(in_code)
    for key, said in written.items():
        assert said - {"type"} <= {field.name for field in msgspec.structs.fields(in_code[key])}, key


def _client_name(kind: type[msgspec.Struct]) -> str:
    if kind.__struct_config__.tag is not None:
        return str(kind.__struct_config__.tag)
    return "text" if kind is TextMessage else "header"


def test_the_contract_at_the_top_names_every_event_that_is_noticed() -> None:
    """Wherever in the package it is said."""
    package = Path(protocol.__file__).parent
    said = {
        event for file in package.rglob("*.py") for event in re.findall(r'Notice\(\s*event="(\w+)"', file.read_text())
    }
    assert {"bound", "unbound", "settings", "held"} <= said
    missing = {event for event in said if not re.search(rf"^ {{6}}(\w+, )*{event}\b", protocol.__doc__ or "", re.M)}
    assert missing == set()


def test_no_frame_can_start_a_recording() -> None:
    tags = {str(kind.__struct_config__.tag) for kind in get_args(ServerFrame)}
    assert tags == {
        "welcome", "accepted", "voice", "text", "play", "stop", "delivered", "heard", "failed", "notice", "error",
    }  # fmt: skip


class _Bear(msgspec.Struct, forbid_unknown_fields=True):
    day: Weekday


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"day": "Emma"}, "Invalid enum value - at `$.day`"),
        ({"day": "' - at `$.day` Emma"}, "Invalid enum value - at `$.day`"),
        ({"day": "mon", "Emma": 1}, "Object contains unknown field"),
        ({"day": ["Emma"]}, "Expected `str`, got `array` - at `$.day`"),
    ],
)
def test_what_does_not_fit_is_said_without_what_was_sent(fields: dict[str, object], says: str) -> None:
    with pytest.raises(msgspec.ValidationError) as wrong:
        msgspec.convert(fields, type=_Bear)
    assert str(misfit(wrong.value)) == says
