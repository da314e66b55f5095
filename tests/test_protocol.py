"""The wire contract: every frame, every refusal, and to whom a blob may go."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass, field
from typing import Protocol, get_args

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toybackend import protocol
from toybackend.errors import (
    AudioTooLarge,
    AudioWithoutHeader,
    BadJson,
    DigestMismatch,
    EmptyAudio,
    HeaderPending,
    MissingField,
    Overloaded,
    Refused,
    SizeMismatch,
    TooLong,
    UnknownType,
)
from toybackend.protocol import (
    MAX_FRAME_BYTES,
    UPLOAD,
    Ack,
    Cancel,
    ClientFrame,
    HaveHeard,
    Hello,
    Inbound,
    ServerFrame,
    TextMessage,
    UploadEvent,
    UploadState,
    VoiceHeader,
    encode_client_frame,
    encode_server_frame,
    error_frame,
    parse_client_frame,
    parse_server_frame,
    rfc3339,
)

MAX_TEXT = 2000
CASES = 10_000


def parse(frame: str | bytes) -> ClientFrame:
    return parse_client_frame(frame, max_text=MAX_TEXT)


# ── what a client may say ──


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('{"type":"hello","token":"x"}', Hello(token="x")),
        ('{"type":"hello","token":"x","acks":false}', Hello(token="x", acks=False)),
        ('{"type":"ack","id":"m_1"}', Ack(id="m_1")),
        ('{"type":"heard","id":"m_1"}', HaveHeard(id="m_1")),
        ('{"type":"cancel"}', Cancel()),
        ('{"to_user":"t_1"}', VoiceHeader(to_user="t_1")),
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
        ('{"type":"hello"}', MissingField),
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
        protocol.Notice(event="bound"),
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


def test_no_frame_can_start_a_recording() -> None:
    tags = {str(kind.__struct_config__.tag) for kind in get_args(ServerFrame)}
    assert tags == {
        "welcome", "accepted", "voice", "text", "play", "stop", "delivered", "heard", "failed", "notice", "error",
    }  # fmt: skip


# ── the upload ──


def test_the_table_has_every_state_and_event() -> None:
    impossible = {(UploadState.IDLE, UploadEvent.REFUSAL), (UploadState.REFUSED, UploadEvent.REFUSAL)}
    every = {(state, event) for state in UploadState for event in UploadEvent}
    assert set(UPLOAD) == every - impossible


class Addressing(Protocol):
    """What the property below needs of an implementation."""

    def text(self, frame: str) -> object: ...

    def refuse_header(self) -> None: ...

    def blob(self) -> VoiceHeader | None: ...


def inbound() -> Addressing:
    return Inbound(max_text=MAX_TEXT)


class LastAddressee:
    """How the course projects did it: the addressee in a variable, whichever blob comes next."""

    def __init__(self) -> None:
        self._last: VoiceHeader | None = None

    def text(self, frame: str) -> object:
        understood = parse(frame)
        if isinstance(understood, VoiceHeader):
            self._last = understood
        elif isinstance(understood, Cancel):
            self._last = None
        return understood

    def refuse_header(self) -> None:
        self._last = None

    def blob(self) -> VoiceHeader | None:
        if self._last is None:
            raise AudioWithoutHeader
        return self._last


@dataclass
class Sender:
    """A phone, and what an observer of its socket knows: what came directly before the next blob."""

    wire: Addressing
    before: list[str] = field(default_factory=list)
    """The headers and header-like frames since the last blob or cancel, in order."""


ADDRESSEES = ("t_a", "t_b", "t_c", "t_nobody")

ACTS = [
    *(("header", addressee) for addressee in ADDRESSEES),
    *[("blob", "")] * 4,
    ("cancel", '{"type":"cancel"}'),
    ("other", '{"type":"ack","id":"m_1"}'),
    ("other", '{"type":"heard","id":"m_1"}'),
    ("other", '{"to_user":"t_c","msg":"a text"}'),
    ("other", '{"to_user":"t_c","msg":""}'),
    ("other", '{"type":"typing"}'),
    ("garbled", '{"to_user":7}'),
    ("garbled", '{"to_user":"t_a"'),
    ("garbled", '{"tu_user":"t_a"}'),
]
steps = st.sampled_from([(sender, act) for sender in range(3) for act in ACTS])


def play(make: type[LastAddressee] | object, story: list[tuple[int, tuple[str, str]]]) -> int:
    """Let three senders talk at once. Returns how many blobs reached somebody; raises AssertionError when one
    reached anybody but the header just before it on its own socket."""
    senders = [Sender(make()) for _ in range(3)]  # type: ignore[operator]
    delivered = 0
    for number, (kind, what) in story:
        delivered += _act(senders[number], kind, what)
    return delivered


def _act(sender: Sender, kind: str, what: str) -> int:
    if kind == "blob":
        return _blob(sender)
    if kind == "header":
        sender.before.append(what)
        what = json.dumps({"to_user": what})
    elif kind == "garbled":
        sender.before.append("?")
    elif kind == "cancel":
        sender.before.clear()
    try:
        frame = sender.wire.text(what)
    except Refused:
        return 0
    if isinstance(frame, VoiceHeader) and frame.to_user == "t_nobody":
        sender.wire.refuse_header()
    return 0


def _blob(sender: Sender) -> int:
    before, sender.before = sender.before, []
    try:
        header = sender.wire.blob()
    except AudioWithoutHeader:
        return 0
    if header is None:
        assert before, "a blob was swallowed silently although no header was refused"
        return 0
    assert before, f"a blob without a header went to {header.to_user}"
    assert header.to_user == before[-1], f"{before} came before, {header.to_user} got it"
    assert header.to_user != "t_nobody"
    assert "t_nobody" in before[:-1] or len(before) == 1 or _paired_off(before), f"{before}: to guess is forbidden"
    return 1


def _paired_off(before: list[str]) -> bool:
    """Were all headers before the last one dropped, so that nothing waited when the last one came?"""
    waits = False
    for one in before[:-1]:
        waits = one not in ("?", "t_nobody") and not waits
    return not waits


interleavings = st.lists(steps, min_size=1, max_size=30)


@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
@given(interleavings)
def test_no_blob_ever_goes_to_anybody_but_the_header_just_before_it(story: list[tuple[int, tuple[str, str]]]) -> None:
    play(inbound, story)


def test_the_property_fails_for_a_last_addressee_variable() -> None:
    """The property is worth something: it finds the fault that all this is about."""

    @settings(
        max_examples=CASES,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(interleavings)
    def naive(story: list[tuple[int, tuple[str, str]]]) -> None:
        play(LastAddressee, story)

    with pytest.raises(AssertionError):
        naive()


def test_the_fault_this_grew_from() -> None:
    """`{B}` `{C}` blob1 blob2 `{D}` once gave blob1 to C and blob2 to D."""
    wire = Inbound(max_text=MAX_TEXT)
    wire.text('{"to_user":"B","ref":"1"}')
    with pytest.raises(HeaderPending):
        wire.text('{"to_user":"C","ref":"2"}')
    assert wire.ref == "2"
    for _ in range(2):
        with pytest.raises(AudioWithoutHeader):
            wire.blob()
    wire.text('{"to_user":"D"}')
    assert wire.blob() == VoiceHeader(to_user="D")


@pytest.mark.parametrize(
    "between",
    ['{"type":"ack","id":"m"}', '{"type":"heard","id":"m"}', '{"to_user":"x","msg":"y"}', '{"type":"of tomorrow"}'],
)
def test_what_is_no_header_never_touches_the_one_that_waits(between: str) -> None:
    wire = Inbound(max_text=MAX_TEXT)
    wire.text('{"to_user":"B"}')
    with contextlib.suppress(UnknownType):
        wire.text(between)
    assert wire.blob() == VoiceHeader(to_user="B")


@pytest.mark.parametrize("garbled", ["{", '{"to_user":7}', '{"tu_user":"C"}', " " * (MAX_FRAME_BYTES + 1)])
def test_what_may_have_been_a_header_drops_the_one_that_waits(garbled: str) -> None:
    wire = Inbound(max_text=MAX_TEXT)
    wire.text('{"to_user":"B"}')
    with pytest.raises(Refused):
        wire.text(garbled)
    with pytest.raises(AudioWithoutHeader):
        wire.blob()


def test_the_blob_of_a_refused_header_is_discarded_once_and_silently() -> None:
    wire = Inbound(max_text=MAX_TEXT)
    wire.text('{"to_user":"nobody"}')
    wire.refuse_header()
    assert wire.blob() is None
    with pytest.raises(AudioWithoutHeader):
        wire.blob()


def test_a_cancelled_header_is_forgotten() -> None:
    wire = Inbound(max_text=MAX_TEXT)
    wire.text('{"to_user":"B"}')
    wire.text('{"type":"cancel"}')
    with pytest.raises(AudioWithoutHeader):
        wire.blob()


def test_a_refused_frame_is_answered_with_its_own_ref() -> None:
    wire = Inbound(max_text=MAX_TEXT)
    with pytest.raises(MissingField):
        wire.text('{"to_user":"B","msg":"","ref":"r"}')
    assert wire.ref == "r"
    with pytest.raises(MissingField):
        wire.text('{"to_user":"B","msg":"","ref":["not text"]}')
    assert wire.ref is None
