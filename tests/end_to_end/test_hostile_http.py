"""HTTP as nobody decent speaks it: bytes that two servers in a row could read differently, paths that lead elsewhere,
headers that are not ours to write. Each has its answer, nothing is written down as an error, and others go on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.end_to_end.conftest import settings_in
from tests.end_to_end.family import Family
from tests.end_to_end.raw_http import Exchange, exchange, get, post
from tests.end_to_end.sound import fetch
from toybackend.house import House
from toybackend.settings import Access, Http, Settings
from toybackend.web.application import ROUTES
from toybackend.web.connections import MOST_FIELD, MOST_FIELDS, MOST_LINE
from toybackend.web.routing import path_names

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("calm_log", "cheap_hashes")]

HEADER_SECONDS = 1.0


@pytest.fixture(scope="module")
def server_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return replace(
        settings_in(tmp_path_factory.mktemp("hostile")),
        http=Http(header_seconds=HEADER_SECONDS),
        access=Access(login_tries_per_address=3, licence_tries=1000),
    )


@asynccontextmanager
async def others_do_not_notice(family: Family, clip: bytes) -> AsyncIterator[None]:
    """While it is open a family talks; what was said meanwhile arrives, and can be heard."""
    async with family.mum.line() as mum, family.bear.line() as bear:
        sent = asyncio.create_task(mum.voice(family.bear.id, clip))
        yield
        voice = await bear.hear("voice", id=await sent)
        assert len(await fetch(voice["url"])) > 4000
        await bear.ack(voice["id"])


# ── bytes ──

WRONG = b"0" * 32
BODY = b'{"license":"%b"}' % WRONG
CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
SECOND = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
Outcome = list[tuple[int, str]]
TAKEN: Outcome = [(403, "unlicensed")]
TAKEN_AND_SECOND: Outcome = [*TAKEN, (200, "")]
REFUSED: Outcome = [(400, "bad_request")]
ALIVE: Outcome = [(200, "")]
TOO_LONG: Outcome = [(431, "too_long")]


def authorize(*headers: bytes, body: bytes = BODY, version: bytes = b"1.1") -> bytes:
    """A toy is switched on with a wrong licence; and, behind it, a second request: wherever somebody finds the end of
    the first one, it is looked at, or it is not."""
    head = b"\r\n".join((b"POST /api/v1/devices/authorize HTTP/" + version, b"Host: x", *headers, b"", b""))
    return head + body + SECOND


def health(*headers: bytes, line: bytes = b"GET /healthz HTTP/1.1", end: bytes = b"\r\n") -> bytes:
    return end.join((line, b"Host: x", *headers, b"", b""))


LENGTH = b"Content-Length: %d" % len(BODY)
CODING = b"Transfer-Encoding: chunked"


def in_chunks(body: bytes) -> bytes:
    return authorize(CODING, body=body)


FRAMING: dict[str, tuple[bytes, Outcome]] = {
    "as it should be": (authorize(LENGTH), TAKEN_AND_SECOND),
    "in chunks": (in_chunks(CHUNKED), TAKEN_AND_SECOND),
    # two ways to say where it ends
    "length and chunks": (authorize(LENGTH, CODING, body=CHUNKED), REFUSED),
    "chunks and length": (authorize(CODING, b"Content-Length: 4", body=CHUNKED), REFUSED),
    "two lengths": (authorize(LENGTH, b"Content-Length: 0"), REFUSED),
    "the same length twice": (authorize(LENGTH, LENGTH), REFUSED),
    "a list of lengths": (authorize(LENGTH + b", %d" % len(BODY)), REFUSED),
    # lengths that are none
    "a length with a plus": (authorize(b"Content-Length: +49"), REFUSED),
    "a length with a minus": (authorize(b"Content-Length: -1"), REFUSED),
    "a length in hex": (authorize(b"Content-Length: 0x31"), REFUSED),
    "a length with a gap": (authorize(b"Content-Length: 4 9"), REFUSED),
    "a length as Python writes it": (authorize(b"Content-Length: 4_9"), REFUSED),
    "a length in other digits": (authorize("Content-Length: ４９".encode()), REFUSED),
    "no length": (authorize(b"Content-Length: "), REFUSED),
    "a length beyond all numbers": (authorize(b"Content-Length: " + b"9" * 30), REFUSED),
    "a name with a blank behind it": (authorize(LENGTH.replace(b":", b" :")), REFUSED),
    "a length with zeros": (authorize(b"Content-Length: 000%d" % len(BODY)), TAKEN_AND_SECOND),
    "a length between tabs": (authorize(b"Content-Length:\t%d\t" % len(BODY)), TAKEN_AND_SECOND),
    # codings that are none
    "another coding": (authorize(b"Transfer-Encoding: xchunked", body=CHUNKED), REFUSED),
    "a coding behind the chunks": (authorize(b"Transfer-Encoding: chunked, identity", body=CHUNKED), REFUSED),
    "no coding, and a length": (authorize(b"Transfer-Encoding: identity", LENGTH), REFUSED),
    "chunks twice": (authorize(CODING, CODING, body=CHUNKED), REFUSED),
    "chunks, then none": (authorize(CODING, b"Transfer-Encoding: identity", body=CHUNKED), REFUSED),
    "chunks behind a blank name": (authorize(b"Transfer-Encoding : chunked", body=CHUNKED), REFUSED),
    "chunks behind a vertical tab": (authorize(b"Transfer-Encoding: \x0bchunked", body=CHUNKED), REFUSED),
    "chunks in quotes": (authorize(b'Transfer-Encoding: "chunked"', body=CHUNKED), REFUSED),
    "chunks with a parameter": (authorize(b"Transfer-Encoding: chunked;q=1", body=CHUNKED), REFUSED),
    "chunks on the next line": (authorize(b"Transfer-Encoding:\r\n chunked", body=CHUNKED), REFUSED),
    "chunks and a NUL": (authorize(CODING + b"\x00", body=CHUNKED), REFUSED),
    "chunks in HTTP/1.0": (authorize(CODING, body=CHUNKED, version=b"1.0"), REFUSED),
    "chunks in capitals": (authorize(CODING.upper(), body=CHUNKED), TAKEN_AND_SECOND),
    # chunks
    "a chunk of more than 64 bits": (in_chunks(b"F" * 17 + b"\r\n" + BODY), REFUSED),
    "a chunk of less than nothing": (in_chunks(b"-1\r\n" + BODY), REFUSED),
    "a chunk as Python writes it": (in_chunks(b"0x31\r\n" + BODY), REFUSED),
    "a chunk with a blank": (in_chunks(b"%x \r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)), REFUSED),
    "a chunk that is longer": (in_chunks(b"%x\r\n%bXX0\r\n\r\n" % (len(BODY), BODY)), REFUSED),
    "a line end within an extension": (in_chunks(b"%x;a\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)), REFUSED),
    "an extension": (in_chunks(b"%x;a=b;c\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)), TAKEN_AND_SECOND),
    "a long extension": (in_chunks(b"%x;%b\r\n%b\r\n0\r\n\r\n" % (len(BODY), b"a" * 9999, BODY)), TAKEN_AND_SECOND),
    "a chunk for each byte": (
        in_chunks(b"".join(b"1\r\n%c\r\n" % one for one in BODY) + b"0\r\n\r\n"),
        TAKEN_AND_SECOND,
    ),
    "a length behind the last chunk": (in_chunks(CHUNKED[:-2] + b"Content-Length: 5\r\n\r\n"), REFUSED),
    "trailers without end": (in_chunks(CHUNKED[:-2] + b"X: y\r\n" * 5000), TOO_LONG),
    # a body where none is expected is no request
    "a request in a body": (
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(SECOND) + SECOND,
        ALIVE,
    ),
}
LINES: dict[str, tuple[bytes, Outcome]] = {
    "as it should be": (health(), ALIVE),
    "a folded line": (health(b"X: a\r\n b"), REFUSED),
    "a folded first line": (b"GET /healthz HTTP/1.1\r\n Host: x\r\n\r\n", REFUSED),
    "line feeds alone": (health(end=b"\n"), REFUSED),
    "carriage returns alone": (health(end=b"\r") + b"\r\n\r\n", REFUSED),
    "a line feed among others": (health(b"X: a\nY: b"), REFUSED),
    "a carriage return within a field": (health(b"X: a\rY: b"), REFUSED),
    "a NUL in a name": (health(b"X\x00: a"), REFUSED),
    "a NUL in a field": (health(b"X: a\x00b"), REFUSED),
    "a NUL in the path": (health(line=b"GET /heal\x00thz HTTP/1.1"), REFUSED),
    "a field without a name": (health(b": a"), REFUSED),
    "a field without a colon": (health(b"nothing"), REFUSED),
    "no Host": (b"GET /healthz HTTP/1.1\r\n\r\n", REFUSED),
    "two Hosts": (health(b"Host: y"), REFUSED),
    "no Host in HTTP/1.0": (b"GET /healthz HTTP/1.0\r\n\r\n", ALIVE),
    "empty lines before it": (b"\r\n\r\n" + health(), ALIVE),
    # request lines
    "a blank in the path": (health(line=b"GET /heal thz HTTP/1.1"), REFUSED),
    "tabs": (health(line=b"GET\t/healthz\tHTTP/1.1"), REFUSED),
    "letters that are not ASCII": (health(line="GET /héalthz HTTP/1.1".encode()), REFUSED),
    "no slash": (health(line=b"GET healthz HTTP/1.1"), REFUSED),
    "no such method": (health(line=b"BREW /healthz HTTP/1.1"), REFUSED),
    "TRACE": (health(line=b"TRACE / HTTP/1.1"), [(405, "method_not_allowed")]),
    "the whole address": (health(line=b"GET http://elsewhere.example/healthz HTTP/1.1"), ALIVE),
    "a name and a password in it": (health(line=b"GET https://a:b@elsewhere.example:99999/ HTTP/1.1"), REFUSED),
    "CONNECT": (health(line=b"CONNECT elsewhere.example:443 HTTP/1.1"), [(404, "not_found")]),
    "OPTIONS *": (health(line=b"OPTIONS * HTTP/1.1"), [(404, "not_found")]),
    "OPTIONS": (
        health(b"Origin: https://elsewhere.example", line=b"OPTIONS /api/v1/me HTTP/1.1"),
        [(405, "method_not_allowed")],
    ),
    # other versions and other protocols
    "HTTP/0.9": (b"GET /healthz\r\n\r\n", REFUSED),
    "HTTP/1.2": (health(line=b"GET /healthz HTTP/1.2"), REFUSED),
    "HTTP/2 in words": (health(line=b"GET /healthz HTTP/2.0"), REFUSED),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", REFUSED),
    "an upgrade to HTTP/2": (health(b"Connection: Upgrade", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"), ALIVE),
    "an upgrade to WebSocket": (
        health(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Key: x") + SECOND,
        [*ALIVE, *ALIVE],
    ),
    "TLS": (bytes.fromhex("16030100f8010000f40303") + bytes(200), REFUSED),
    "bytes": (bytes(range(256)), REFUSED),
    "an expectation": (health(b"Expect: <script>"), [(417, "expectation_failed")]),
    "an expectation of nothing": (
        health(b"Expect: <script>", line=b"GET /nowhere HTTP/1.1"),
        [(417, "expectation_failed")],
    ),
    # too long
    "a long path": (health(line=b"GET /%b HTTP/1.1" % (b"x" * MOST_LINE)), [(414, "too_long")]),
    "a long name": (health(b"X" * (MOST_FIELD + 1) + b": x"), TOO_LONG),
    "a long field": (health(b"X: " + b"x" * (MOST_FIELD + 1)), TOO_LONG),
    "many fields": (health(*[b"X: x"] * MOST_FIELDS), TOO_LONG),
    "one field fewer": (health(*[b"X: x"] * (MOST_FIELDS - 1)), ALIVE),
    "a head that does not end": (health(b"X: x")[:-2], [(408, "request_timeout")]),
    "a line that does not end": (b"GET /heal", [(408, "request_timeout")]),
}


@pytest.mark.parametrize("shapes", [FRAMING, LINES], ids=["framing", "lines"])
async def test_bytes_have_one_meaning_or_none(
    shapes: dict[str, tuple[bytes, Outcome]], family: Family, clip: bytes
) -> None:
    async with others_do_not_notice(family, clip):
        found = dict(
            zip(
                shapes,
                await asyncio.gather(*(exchange(family.house, sent) for sent, _ in shapes.values())),
                strict=True,
            )
        )
    assert {name: one.outcome for name, one in found.items()} == {name: wanted for name, (_, wanted) in shapes.items()}
    for name, one in found.items():
        _is_decent(one, name)


def _is_decent(found: Exchange, name: str) -> None:
    """Every answer is one of ours; and whoever could not be understood is not listened to any further."""
    for answer in found.answers:
        assert answer.headers["x-content-type-options"] == "nosniff", name
        assert answer.status < 400 or answer.headers["cache-control"] == "no-store", name
        assert b"<script>" not in answer.body, name
    if found.answers[-1].status in (400, 408, 414, 431):
        assert found.is_closed, name


@pytest.mark.parametrize("cut", range(0, 220, 7))
async def test_however_it_is_cut_into_pieces_it_means_the_same(cut: int, server: House) -> None:
    sent = authorize(LENGTH, CODING, body=CHUNKED), authorize(CODING, body=CHUNKED)
    for request, outcome in zip(sent, (REFUSED, TAKEN_AND_SECOND), strict=True):
        found = await exchange(server, request[:cut], request[cut:], pause=0.01)
        assert found.outcome == outcome


async def test_a_body_that_ends_too_soon_is_answered_in_time(server: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from toybackend.web import bodies

    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.2)
    half = [
        authorize(b"Content-Length: 5000", body=BODY),
        in_chunks(b"F" * 16 + b"\r\n" + BODY),
        in_chunks(b"5;" + b"a" * 60_000).removesuffix(SECOND),
    ]
    found = await asyncio.gather(*(exchange(server, one) for one in half))
    assert [one.outcome for one in found] == [[(408, "request_timeout")]] * 3


# ── paths ──

ELSEWHERE = (
    "..",
    "../../../../../../etc/passwd",
    "..%2f..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/%2e%2e/secret.key",
    "%2e%2e%2f%2e%2e%2fsecret.key",
    "..%5c..%5csecret.key",
    "%252e%252e%252fsecret.key",
    "..%c0%af..%c0%afsecret.key",
    "%e2%80%a5%ef%bc%8fsecret.key",
    "....//....//secret.key",
    "%00",
    "m_a%00.mp3",
    "m_a%0d%0aX-Injected:%20yes",
    "%0aX-Injected:%20yes",
    "%2fetc%2fpasswd",
    "//etc/passwd",
    "m_A",
    "%EF%BD%8D_a",
    "m_" + "a" * 2000,
    "m_%61%2e%2e",
    "~root",
    "*",
    ".%00.",
)
WITH_PARTS = [route for route in ROUTES if path_names(route.path)]


@pytest.mark.parametrize("route", WITH_PARTS, ids=lambda route: f"{route.method} {route.path}")
async def test_a_path_leads_nowhere_else(route: Any, family: Family) -> None:
    """Where the id of a thing should be; with the token of somebody who may do a lot."""
    last = path_names(route.path)[-1]
    shown = f"Authorization: Bearer {family.mum.token}"
    bear = {name: family.bear.id for name in path_names(route.path)} | {"assets_digest": "0" * 16}
    paths = [route.path.replace(f"{{{last}}}", trick).format_map(bear) for trick in ELSEWHERE]
    requests = [get(path, shown).replace(b"GET", route.method.encode(), 1) for path in paths]
    found = await asyncio.gather(*(exchange(family.house, one) for one in requests))
    for path, one in zip(paths, found, strict=True):
        [answer] = one.answers
        assert (answer.status, answer.code) in [(404, "not_found"), (405, "method_not_allowed")], path
        assert "x-injected" not in answer.headers and b"root:" not in answer.body, path


async def test_dots_that_a_client_has_not_resolved_are_part_of_the_path(family: Family) -> None:
    """Whatever stands in front of us may have looked at the path before: it must not mean something else here."""
    shown = f"Authorization: Bearer {family.mum.token}"
    for path in (
        "/api/v1/audio/../me",
        "/api/v1/audio/%2e%2e/me",
        "/api/v1/./me",
        "//api/v1/me",
        "/api/v1//me",
        "/api/v1/me/",
    ):
        assert (await exchange(family.house, get(path, shown))).outcome == [(404, "not_found")], path


async def test_a_language_and_a_query_lead_nowhere_else(server: House) -> None:
    for query in (
        "lang=../../..",
        "lang=%2e%2e",
        "lang=en%00",
        "lang=" + "a" * 1000,
        "lang=%0d%0aX-Injected:%20yes",
        "lang=%ff",
    ):
        [answer] = (await exchange(server, get(f"/api/v1/prompts/ready.mp3?{query}"))).answers
        assert (answer.status, answer.headers["content-language"]) == (200, "en")
        assert "x-injected" not in answer.headers


# ── what is said back ──


async def test_nobody_writes_our_headers(family: Family) -> None:
    """In names, in files, in whatever is said of us: none of it comes back in a header."""
    break_out = "x\r\nX-Injected: yes\r\n\r\n<script>"
    shown = f"Authorization: Bearer {family.mum.token}"
    form = (
        '--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nSong\r\n--b\r\n'
        'Content-Disposition: form-data; name="audio"; filename="a\r\nX-Injected: yes"\r\n\r\nx\r\n--b--\r\n'
    )
    for sent, status in (
        (post("/api/v1/accounts", json.dumps({"name": break_out, "password": "three little ducks"}).encode()), 400),
        (post("/api/v1/toys", json.dumps({"claim": break_out, "name": break_out}).encode(), shown), 400),
        (post("/api/v1/contacts", json.dumps({break_out: break_out}).encode(), shown), 400),
        (post("/api/v1/library", form.encode(), shown, "Content-Type: multipart/form-data; boundary=b"), 400),
        (get("/api/v1/consent", "Accept-Language: de\t<script>, x;q=<script>"), 200),
        (get("/healthz", "Range: bytes=<script>", "If-None-Match: <script>", "Cookie: a=<script>; \x01"), 400),
        (get("/api/v1/me/export", shown, 'If-Range: "<script>"'), 200),
    ):
        [answer] = (await exchange(family.house, sent)).answers
        assert answer.status == status, (sent, answer)
        assert "x-injected" not in answer.headers
        assert all("<script>" not in value for value in answer.headers.values())


@pytest.mark.parametrize("host", ['x"><script>', "x'; script-src *", "a b", "x:99999", "[::1", "x\tq", ""])
async def test_a_host_that_is_none_is_not_repeated(host: str, server: House) -> None:
    sent = get("/").replace(b"Host: x", b"Host: " + host.encode())
    [answer] = (await exchange(server, sent)).answers
    if answer.status != 400:
        assert answer.status == 200
        assert (server.listeners.bound().ws_url in answer.headers["content-security-policy"]) or "localhost" in host
        assert "<script>" not in answer.headers["content-security-policy"]
        assert "*" not in answer.headers["content-security-policy"]


async def test_what_only_a_proxy_may_say_counts_from_nobody_else(server: House) -> None:
    wrong = json.dumps({"name": "nobody", "password": "not this one"}).encode()
    told = ("X-Forwarded-Host: elsewhere.example", "X-Forwarded-Proto: https", "Forwarded: host=elsewhere.example")
    found = []
    for number in range(5):
        address = f"X-Forwarded-For: 192.0.2.{number}"
        [answer] = (await exchange(server, post("/api/v1/sessions", wrong, address, *told))).answers
        found.append((answer.status, answer.code))
    assert found == [(401, "not_authenticated")] * 3 + [(429, "rate_limited")] * 2
    [page] = (await exchange(server, get("/", *told))).answers
    assert "elsewhere" not in page.headers["content-security-policy"]
