"""Whose the next blob is, whatever anybody says in whatever order."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from typing import Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toybackend.errors import AudioWithoutHeader, HeaderPending, MissingField, Refused, UnknownType
from toybackend.protocol import MAX_FRAME_BYTES, Cancel, VoiceHeader, parse_client_frame
from toybackend.upload import UPLOAD, Inbound, UploadEvent, UploadState

MAX_TEXT = 2000
CASES = 1_000
"""`make fuzz` tries a million."""


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
        understood = parse_client_frame(frame, max_text=MAX_TEXT)
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


@settings(max_examples=CASES, suppress_health_check=list(HealthCheck))
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
