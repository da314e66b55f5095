"""The wire contract of the sockets, and its rules without any I/O.

`/app` is for people, `/toy` for toys. JSON objects in text frames (UTF-8, at most 16 KiB), audio in binary
frames. `→` comes from the client, `←` from the server.

    → {"type":"hello","token":…,"acks":true}       who I am, when the handshake could not say it; a page of ours
      leaves out "token", for its handshake on `/app` brought the cookie of its log-in
    ← {"type":"welcome","id":…,"name":…,"unread":…,"max_audio_bytes":…,"max_audio_seconds":…}
      to a toy also "settings", as in a notice

    → {"to_user":ID} or {"to_group":ID}            a header: exactly one binary message must follow
      with "ref", "bytes", "sha256" as the client likes, and "now":true from a guardian whom quiet hours
      shall not hold up
    → (binary)                                     the voice, in one message or in fragments
    ← {"type":"accepted","id":…,"ref":…,"to_user":…}   on disk and in the database, synced
    ← {"type":"failed","id":…,"code":…}            accepted, but there was no sound in it
    → {"to_user":ID,"msg":…}                       a text message; also with "to_group"

    ← {"type":"voice","id":…,"from_user":…,"from_name":…,"to_user":…,"url":…,"duration_ms":…,"waveform":[…],"sent_at":…}
    ← {"type":"text","id":…,"from_user":…,"from_name":…,"to_user":…,"msg":…,"sent_at":…}
    → {"type":"ack","id":…}                        I have it safely
    → {"type":"heard","id":…}                      I played it to its end, a message or what "play" named
    ← {"type":"delivered","id":…,"to_user":…}      to the sender: it reached this recipient
    ← {"type":"heard","id":…,"to_user":…}          to the sender: this recipient played it

    ← {"type":"play","id":…,"item_id":…,"title":…,"url":…,"duration_ms":…}   on-demand content
    ← {"type":"stop"}
    ← {"type":"notice","event":…}                  something about you changed:
      bound       to a waiting toy: it has a family now ("id", "name", "settings"); this same socket is good for
                  everything from here on, and so is its token; to guardians: "id" is the toy that one of them bound
      unbound     to a toy: it has none any more, and the socket ends with 4403; to guardians: "id" is the toy
      settings    to a toy: its "name" and "settings", with "quiet_until" while it shall sleep; to guardians: "id" is
                  the toy of which something was changed
      contact_request, contact_accepted    "id" is the contact
      held        to a sender: the message "id" is safe and waits for the end of quiet hours
                  ("code":"quiet_hours","to_user":…,"until":…)
      delayed     to a sender: the message "id" is safe, but our converter is not well; it comes later
      deleted     the message "id" is gone: for everybody, or for you, when a contact or a group has ended for you
    → {"type":"cancel"}                            forget the header that waits
    ← {"type":"error","code":…,"message":…,"ref":…}    your last frame was refused

Nothing here starts a recording or opens a microphone; there is no such verb.

**The addressee of a blob is the header just before it on the same socket, and nothing else.** The upload is
the table in `upload.py`. A second header while one waits drops both, because to guess is to send a child's voice to
the wrong family. A frame that cannot be read while a header waits drops that header too, because it may have
been another header; a text, an ack or a type we do not know never does. A header that is refused (unknown
recipient, say) is answered at once and its blob, if it still comes, is thrown away without a second error; the
next header starts afresh.

**What is refused for a while.** `overloaded` and `rate_limited` come with "retry_after", in seconds: nothing was kept,
and the same message, under the same `ref`, is welcome then. A text, and a header that is let in, counts as one message
of the minute, whatever becomes of the recording. `too_many` says that the family keeps as much sound as it may, and
does not pass by itself. What was accepted before is always let in again under its `ref`, and answered as it was. All
three answer the header, before anything of the recording is sent; where much comes at once, the recording may be
refused as well.

A text frame that is not UTF-8 fails the connection with 1007, as RFC 6455 section 8.1 demands; whatever else is not by
that protocol, with 1002, and a message far too large with 1009. One that takes minutes to come in (UPLOAD_SECONDS) ends
in 1013. Fragments are welcome, one for each frame of a recorder, but not without end (FRAGMENTS_PER_MINUTE; 4429).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import IntEnum
from typing import Annotated, Any

import msgspec

from toybackend.errors import (
    AudioTooLarge,
    BadJson,
    DigestMismatch,
    EmptyAudio,
    MissingField,
    Refused,
    SizeMismatch,
    TooLong,
    UnknownType,
)
from toybackend.models import Weekday

MAX_FRAME_BYTES = 16 * 1024
"""Largest text frame; a longer one is `too_long` and the socket goes on."""
MAX_REF = 64


class CloseCode(IntEnum):
    """RFC 6455 section 7.4 and our own private-use codes."""

    GOING_AWAY = 1001
    TOO_BIG = 1009
    TRY_AGAIN_LATER = 1013
    BAD_FRAMES = 4400
    NOT_AUTHENTICATED = 4401
    REVOKED = 4403
    NO_HELLO = 4408
    REPLACED = 4409
    FLOODING = 4429


# ── From the client ──────────────────────────────────────────────────────────────────────────────────────

Id = Annotated[str, msgspec.Meta(min_length=1)]
ClockTime = Annotated[str, msgspec.Meta(pattern=r"\A([01][0-9]|2[0-3]):[0-5][0-9]\Z")]


class _Client(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A frame that clients send."""


class _Typed(_Client, frozen=True, kw_only=True):
    """A client frame that is named by its `type`."""


class Hello(_Typed, frozen=True, kw_only=True, tag_field="type", tag="hello"):
    token: str | None = None
    """None: the cookie that came with the handshake, from a page of ours."""
    acks: bool = True
    """False: this client never acknowledges; a message counts as delivered when it is written."""


class Ack(_Typed, frozen=True, kw_only=True, tag_field="type", tag="ack"):
    id: Id


class HaveHeard(_Typed, frozen=True, kw_only=True, tag_field="type", tag="heard"):
    id: Id


class Cancel(_Typed, frozen=True, kw_only=True, tag_field="type", tag="cancel"):
    pass


class _Addressed(_Client, frozen=True, kw_only=True):
    """A client frame that is named by its addressee: exactly one of `to_user` and `to_group`."""

    to_user: Id | None = None
    to_group: Id | None = None
    ref: str | None = None
    now: bool = False
    """Not to be held up by quiet hours; for guardians."""


class VoiceHeader(_Addressed, frozen=True, kw_only=True):
    """Announces the one binary message that follows."""

    bytes: Annotated[int, msgspec.Meta(ge=0)] | None = None
    sha256: str | None = None
    """Hex digits of either case."""

    def check_size(self, size: int, max_bytes: int) -> None:
        """Refuse what the number of bytes received so far or in all already shows to be wrong."""
        if size > max_bytes:
            raise AudioTooLarge(f"the audio has more than {max_bytes} bytes")

    def check_whole(self, size: int, sha256: str) -> None:
        """Refuse a complete blob that is empty or is not what the header promised."""
        if size == 0:
            raise EmptyAudio
        if self.bytes is not None and self.bytes != size:
            raise SizeMismatch(f"the header promised {self.bytes} bytes, {size} came")
        if self.sha256 is not None and self.sha256.lower() != sha256:
            raise DigestMismatch


class TextMessage(_Addressed, frozen=True, kw_only=True):
    msg: Annotated[str, msgspec.Meta(min_length=1)]


ClientFrame = Hello | Ack | HaveHeard | Cancel | VoiceHeader | TextMessage

_TYPED: dict[str, type[_Typed]] = {"hello": Hello, "ack": Ack, "heard": HaveHeard, "cancel": Cancel}


def parse_client_frame(frame: str | bytes, *, max_text: int) -> ClientFrame:
    """One text frame, understood. Raises BadJson, UnknownType, MissingField or TooLong."""
    return understand(*recognise(frame), max_text=max_text)


def recognise(frame: str | bytes) -> tuple[type[_Client], dict[str, Any]]:
    """Which kind of frame this is meant to be. Raises TooLong, BadJson, UnknownType or MissingField."""
    raw = frame.encode() if isinstance(frame, str) else frame
    if len(raw) > MAX_FRAME_BYTES:
        raise TooLong(f"a text frame has at most {MAX_FRAME_BYTES} bytes")
    fields = _json_object(raw)
    return _kind_of(fields), fields


def understand(kind: type[_Client], fields: dict[str, Any], *, max_text: int) -> ClientFrame:
    """The frame itself. Raises MissingField or TooLong."""
    try:
        parsed = msgspec.convert(fields, type=kind)
    except msgspec.ValidationError as error:
        raise misfit(error) from None
    if isinstance(parsed, _Addressed):
        _check_addressed(parsed, max_text)
    return parsed  # type: ignore[return-value]  # _kind_of only names members of ClientFrame


def misfit(error: msgspec.ValidationError) -> MissingField:
    """What does not fit, safe to show: msgspec names the field and what it takes, but of a word that is none of a few,
    or of a field that there is not, also what was sent."""
    return MissingField(_SENT.sub(r"\1\2", str(error)))


_SENT = re.compile(
    r"\A(Invalid enum value|Invalid value|Object contains unknown field) .*?( - at `\$[^` ]*`)?\Z", re.DOTALL
)


def _json_object(frame: bytes) -> dict[str, Any]:
    try:
        fields = msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadJson from None
    if not isinstance(fields, dict):
        raise BadJson
    return fields


def _kind_of(fields: dict[str, Any]) -> type[_Client]:
    if "type" in fields:
        kind = _TYPED.get(fields["type"]) if isinstance(fields["type"], str) else None
        if kind is None:
            raise UnknownType
        return kind
    if "to_user" in fields or "to_group" in fields:
        return TextMessage if "msg" in fields else VoiceHeader
    raise MissingField("a frame has a type, or a to_user or to_group")


def _check_addressed(frame: _Addressed, max_text: int) -> None:
    if (frame.to_user is None) == (frame.to_group is None):
        raise MissingField("name one of to_user and to_group")
    if frame.ref is not None and len(frame.ref) > MAX_REF:
        raise TooLong(f"ref has at most {MAX_REF} characters")
    if isinstance(frame, TextMessage) and len(frame.msg) > max_text:
        raise TooLong(f"msg has at most {max_text} characters")


def encode_client_frame(frame: ClientFrame) -> str:
    """The text frame that `parse_client_frame` reads back."""
    return msgspec.json.encode(frame).decode()


# ── From the server ──────────────────────────────────────────────────────────────────────────────────────


class _Server(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """A frame that the server sends."""


class QuietWindowView(msgspec.Struct, frozen=True, kw_only=True):
    """A time of rest, by the clock on the wall; one that ends at or before its start ends on the next day."""

    days: Annotated[tuple[Weekday, ...], msgspec.Meta(min_length=1, max_length=7)]
    """On which it begins."""
    start: ClockTime
    end: ClockTime


class ToySettingsView(msgspec.Struct, frozen=True, kw_only=True):
    """What a toy has to obey."""

    volume_cap: int
    """In percent of the toy's own maximum."""
    daily_limit_minutes: int | None
    time_zone: str
    """IANA name."""
    quiet_hours: tuple[QuietWindowView, ...]
    quiet_until: str | None
    """While it shall sleep: until when."""
    autoplay: bool
    """Whether new messages play by themselves, or wait for a press."""


class Welcome(_Server, frozen=True, kw_only=True, tag="welcome"):
    id: str
    name: str
    unread: Annotated[int, msgspec.Meta(ge=0)]
    max_audio_bytes: int
    max_audio_seconds: int
    settings: ToySettingsView | None = None


class Accepted(_Server, frozen=True, kw_only=True, tag="accepted"):
    id: str
    ref: str | None = None
    to_user: str | None = None
    to_group: str | None = None


class Voice(_Server, frozen=True, kw_only=True, tag="voice"):
    id: str
    from_user: str
    from_name: str
    to_user: str | None = None
    to_group: str | None = None
    url: str
    duration_ms: int
    waveform: tuple[int, ...]
    sent_at: str


class Text(_Server, frozen=True, kw_only=True, tag="text"):
    id: str
    from_user: str
    from_name: str
    to_user: str | None = None
    to_group: str | None = None
    msg: str
    sent_at: str


class Play(_Server, frozen=True, kw_only=True, tag="play"):
    id: str
    item_id: str
    title: str
    url: str
    duration_ms: int


class Stop(_Server, frozen=True, kw_only=True, tag="stop"):
    pass


class Delivered(_Server, frozen=True, kw_only=True, tag="delivered"):
    id: str
    to_user: str


class Heard(_Server, frozen=True, kw_only=True, tag="heard"):
    id: str
    to_user: str


class Failed(_Server, frozen=True, kw_only=True, tag="failed"):
    id: str
    code: str


class Notice(_Server, frozen=True, kw_only=True, tag="notice"):
    """`event` is `bound`, `unbound`, `settings`, `contact_request`, `contact_accepted`, `held`, `delayed` or
    `deleted`; what the other fields mean for each stands above."""

    event: str
    id: str | None = None
    name: str | None = None
    code: str | None = None
    to_user: str | None = None
    until: str | None = None
    settings: ToySettingsView | None = None


class Error(_Server, frozen=True, kw_only=True, tag="error"):
    code: str
    message: str
    ref: str | None = None
    retry_after: int | None = None


ServerFrame = Welcome | Accepted | Voice | Text | Play | Stop | Delivered | Heard | Failed | Notice | Error

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[ServerFrame] = msgspec.json.Decoder(ServerFrame)


def encode_server_frame(frame: ServerFrame) -> str:
    return _encoder.encode(frame).decode()


def parse_server_frame(frame: str | bytes) -> ServerFrame | None:
    """What a client understands; None for a frame of a type it does not know yet."""
    try:
        return _decoder.decode(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def error_frame(refused: Refused, ref: str | None = None) -> Error:
    return Error(code=refused.code, message=str(refused), ref=ref, retry_after=refused.retry_after)


def rfc3339(milliseconds: int) -> str:
    """A time of ours as it goes over the wire, e.g. `2026-11-21T08:00:00.250Z`."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
