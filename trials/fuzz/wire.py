"""What must be true of whatever reads frames, headers, bodies, licences and pictures."""

from __future__ import annotations

import asyncio
import io
import re
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock
from urllib.parse import urlsplit

import msgspec
from aiohttp import InvalidURL, web
from aiohttp.http import HttpRequestParser
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_urldispatcher import UrlMappingMatchInfo
from PIL import Image
from websockets.datastructures import Headers
from websockets.exceptions import InvalidHeader, SecurityError
from websockets.http11 import Request
from websockets.streams import StreamReader

from toybackend.client.licence import device_id
from toybackend.commands.licence_lists import LICENCE, check_list, read_list
from toybackend.covers import SIDE, make_cover
from toybackend.errors import AudioWithoutHeader, BadImage, BadJson, MissingField, Refused, TooLong, UnknownType
from toybackend.gateway.server import _called, _cookie
from toybackend.ports import Incoming
from toybackend.protocol import (
    VoiceHeader,
    encode_client_frame,
    encode_server_frame,
    misfit,
    parse_client_frame,
    parse_server_frame,
)
from toybackend.services.devices import _digest, fingerprint
from toybackend.services.library import Library
from toybackend.services.tokens import COOKIE, bearer_token
from toybackend.settings import Network, Settings
from toybackend.upload import Inbound
from toybackend.web.addresses import read_host
from toybackend.web.application import ROUTES
from toybackend.web.authentication import _TOKEN, credential
from toybackend.web.bodies import _json_object
from toybackend.web.client_address import client_address
from toybackend.web.library import About, _receive
from toybackend.web.mp3 import _ONE_RANGE, _is_readable, readable_headers
from toybackend.web.prompts import _LANGUAGE, _accepted, _primary
from toybackend.web.rooms import ROOMS, Rooms
from trials.fuzz.listener import Fate, Listener, kind_of

MAX_TEXT = 200
MOST_COVER_BYTES = 2000
SECRET = "v0ice-of-a-child"
"""A value that somebody sends; nothing that we answer may repeat it."""
NOBODY = "t_nobody"
"""Whoever is addressed so is refused."""
BLOB = b"!"
"""A line of a story that is a blob; every other one is a text frame."""


def _check_words(refused: Refused) -> None:
    """A refusal says what is wrong, not what was sent."""
    assert SECRET not in str(refused), "a refusal repeats what was sent"
    assert len(str(refused)) < 300


# ── the socket ──


def check_client_frame(data: bytes) -> bool:
    """Understood or refused; what is understood is written as the same; text and bytes are one."""
    try:
        frame = parse_client_frame(data, max_text=MAX_TEXT)
    except (BadJson, UnknownType, MissingField, TooLong) as refused:
        _check_words(refused)
        return False
    assert parse_client_frame(encode_client_frame(frame), max_text=MAX_TEXT) == frame
    assert parse_client_frame(data.decode(), max_text=MAX_TEXT) == frame
    return True


def check_server_frame(data: bytes) -> bool:
    """What a client of ours makes of what a server sends."""
    frame = parse_server_frame(data)
    if frame is None:
        return False
    assert parse_server_frame(encode_server_frame(frame)) == frame
    return True


def check_upload(data: bytes) -> bool:
    """A whole story of one socket, line by line: every blob reaches whom a listener of its own says, or nobody."""
    inbound, listener, taken = Inbound(max_text=MAX_TEXT), Listener(), 0
    for line in data.split(b"\n"):
        if line == BLOB:
            taken += _blob(inbound, listener)
        else:
            _text(inbound, listener, line)
    return taken > 0


def _text(inbound: Inbound, listener: Listener, line: bytes) -> None:
    listener.text(*kind_of(line, MAX_TEXT))
    try:
        understood = inbound.text(line)
    except Refused as refused:
        _check_words(refused)
        return
    if isinstance(understood, VoiceHeader) and NOBODY in (understood.to_user, understood.to_group):
        inbound.refuse_header()
        listener.refused()


def _blob(inbound: Inbound, listener: Listener) -> bool:
    expected = listener.blob()
    try:
        header = inbound.blob()
    except AudioWithoutHeader:
        assert expected in (Fate.ERROR, Fate.UNSURE), f"the blob of {expected} was refused"
        return False
    if expected is Fate.UNSURE:
        return False
    if header is None:
        assert expected is Fate.SILENCE, f"the blob of {expected} was thrown away"
        return False
    assert (header.to_user, header.to_group) == expected, f"{header} has the blob of {expected}"
    return True


# ── the web ──

MODELS: tuple[type[msgspec.Struct], ...] = tuple(
    dict.fromkeys(model for route in ROUTES for model in (route.body, route.query) if model is not None)
)
"""Every body and query that a route takes."""


def check_body(data: bytes) -> bool:
    """A body of one of our routes, which the first byte chooses: understood, or refused in words that repeat nothing;
    what is understood is written as the same."""
    model = MODELS[(data[0] if data else 0) % len(MODELS)]
    try:
        fields = _json_object(data[1:])
        body = _converted(fields, model)
    except (BadJson, MissingField) as refused:
        _check_words(refused)
        return False
    again = _json_object(msgspec.json.encode(body))
    assert _converted(again, model) == body
    return True


def takes(model: type[msgspec.Struct], name: str, value: bytes) -> bool:
    """Whether this field of the model may have this value, in JSON."""
    try:
        msgspec.json.decode(b'{"%b":%b}' % (name.encode(), value), type=model)
    except msgspec.ValidationError as error:
        return f"`$.{name}" not in str(error)
    return True


def _converted(fields: dict[str, Any], model: type[msgspec.Struct]) -> msgspec.Struct:
    """As `read_json` does it."""
    try:
        return msgspec.convert(fields, type=model)
    except msgspec.ValidationError as error:
        raise misfit(error) from None


class _Rooms:
    """All that the readers of headers look at."""

    settings = Settings(network=Network(trusted_proxies=("127.0.0.1", "10.0.0.1", "::1")))


_APP = web.Application()
_APP[ROOMS] = cast(Rooms, _Rooms())  # the rest of the house is not asked
_NOBODY = Mock(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), ssl_context=None)
_NOBODY.max_field_size, _NOBODY.max_headers = 8190, 128
"""Whoever would take part in a request, and is not asked."""
_MATCHED = UrlMappingMatchInfo({}, _NOBODY)
_MATCHED.add_app(_APP)


def check_headers(data: bytes) -> bool:
    """The head of a request, line by line, as both listeners read it."""
    lines, found = data.split(b"\n"), [False]
    if (headers := _handshake(lines)) is not None:
        found += [_check_host(_called(headers)), _check_cookie(headers), _check_bearer(headers)]
    if (request := _request(lines)) is not None:
        found += [*_check_request(request), _check_conditions(request)]
    return any(found)


def _handshake(lines: Sequence[bytes]) -> Headers | None:
    """As the listener for sockets reads it; None for what it turns away."""
    reader = StreamReader()
    reader.feed_data(b"\r\n".join([b"GET /app HTTP/1.1", *lines, b"", b""]))
    reader.feed_eof()
    reading = Request.parse(reader.read_line)
    try:
        next(reading)
    except StopIteration as done:
        request: Request = done.value
        return request.headers
    except (EOFError, SecurityError, ValueError, NotImplementedError, InvalidHeader):
        pass
    return None


def _request(lines: Sequence[bytes]) -> web.Request | None:
    """As the listener for HTTP reads it; None for what it turns away."""
    parser = HttpRequestParser(_NOBODY, _NOBODY, 2**16)
    try:
        messages, _, _ = parser.feed_data(b"\r\n".join([b"GET / HTTP/1.1", *lines, b"", b""]))
    except (HttpProcessingError, InvalidURL):
        return None
    if not messages:
        return None
    message, payload = messages[0]
    request = web.Request(message, payload, _NOBODY, _NOBODY, _NOBODY, _NOBODY)
    request._match_info = _MATCHED
    return request


def _check_host(text: str) -> bool:
    host = read_host(text)
    if host is None:
        return False
    assert read_host(str(host)) == host
    parts = urlsplit(f"http://{host}/x")
    assert (parts.netloc, parts.path, parts.port) == (str(host), "/x", host.port), (
        "a host means something else in a link"
    )
    assert not re.search(r"[\s\"'<>@/?#,;\\]", str(host))
    return True


def _check_cookie(headers: Headers) -> bool:
    found = _cookie(headers)
    sent = "; ".join(headers.get_all("Cookie"))
    if not found:
        return False
    assert "Origin" in headers, "a cookie counts without a page"
    assert sent.count(COOKIE + "=") >= 1
    assert f"{COOKIE}={found}" in sent
    assert not re.search(rf"(?:^|;)\s*{COOKIE}=(?!{re.escape(found)}\s*(?:;|$))", sent), (
        "one of two sessions was chosen"
    )
    return True


def _check_bearer(headers: Headers) -> bool:
    lines = headers.get_all("Authorization")
    found = bearer_token(lines) or ""
    assert not found or (len(lines) == 1 and re.fullmatch(r"(?is)bearer .*", lines[0]) and lines[0].endswith(found))
    return bool(found)


def _check_request(request: web.Request) -> list[bool]:
    shown = credential(request)
    usable = shown is not None and _TOKEN.fullmatch(shown.token) is not None
    assert not usable or (shown is not None and shown.token.isascii() and shown.token.isprintable())
    address = client_address(request)
    assert re.fullmatch(r"[0-9a-f.:/]*", address), f"{address!r} is no address"
    languages = [_primary(request.headers.get("Lang", "")), *_accepted(request.headers.get("Accept-Language", ""))]
    assert all(not one or _LANGUAGE.fullmatch(one) for one in languages)
    return [usable, bool(address), bool(languages)]


def _check_conditions(request: web.Request) -> bool:
    """aiohttp stumbles over none of the headers that are left to it when a part of an MP3 is asked for."""
    left = request.clone(headers=readable_headers(request))
    _ = left.if_range, left.if_modified_since, left.if_unmodified_since
    tags = [*(left.if_match or ()), *(left.if_none_match or ())]
    asked = left.headers.get("Range", "")
    if _ONE_RANGE.fullmatch(asked) and _is_readable(left, "http_range"):
        part = left.http_range
        assert part.start is not None or part.stop is not None, "a range without an end"
    return bool(tags) or bool(asked)


class _Shelf:
    """Takes whatever comes, and no cover that is too large."""

    async def take(self, blob: Incoming, data: bytes) -> None:
        assert isinstance(data, bytes | bytearray)

    def check_cover(self, size: int) -> None:
        if size > MOST_COVER_BYTES:
            raise TooLong


def check_form(data: bytes) -> bool:
    """A song with its title and cover, head and body: understood, or refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # as `make_web_app` does it
        try:
            about = asyncio.run(_form(data))
        except (MissingField, TooLong) as refused:
            _check_words(refused)
            return False
    return about is not None


async def _form(data: bytes) -> About | None:
    """What is in it; None for what the listener turns away."""
    loop = asyncio.get_running_loop()
    parser = HttpRequestParser(_NOBODY, loop, 2**16)
    try:
        messages, _, _ = parser.feed_data(data.replace(b"\n", b"\r\n"))
        parser.feed_eof()
    except (HttpProcessingError, InvalidURL):
        return None
    if not messages:
        return None
    message, payload = messages[0]
    request = web.Request(message, payload, _NOBODY, _NOBODY, _NOBODY, loop)
    return await _receive(request, cast(Library, _Shelf()), cast(Incoming, None))


# ── lists, licences, pictures ──


def check_licences(data: bytes) -> bool:
    """An old list: every code it gives stands in it, every line is named once; a board and we make the same of it."""
    with tempfile.NamedTemporaryFile(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as file:
        file.write(data)
        file.flush()
        lines = list(read_list(Path(file.name)))
    numbers = [line.number for line in lines]
    assert numbers == sorted(set(numbers))
    text = data.lower()
    for line in lines:
        assert bool(line.code) is not bool(line.problem)
        assert not line.code or (LICENCE.fullmatch(line.code) and (line.code.encode() in text or b"\0" in text))
        assert SECRET not in line.problem
    check = check_list(iter(lines))
    assert check.good + check.bad == len(lines)
    licence = data[:200].decode("utf-8", "replace")
    assert device_id(licence) == fingerprint(_digest(licence))
    return check.good > 0


def check_cover(data: bytes) -> bool:
    """A small plain JPEG, or a refusal."""
    try:
        cover = make_cover(data)
    except BadImage:
        return False
    with Image.open(io.BytesIO(cover), formats=("JPEG",)) as image:
        image.load()
        assert image.mode == "RGB"
        assert 0 < max(image.size) <= SIDE
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}, "it says more than pixels"
    return True
