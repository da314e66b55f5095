"""Rights that were given for something else: links that were changed or kept, secrets of other kinds where a token
should be, and the cookie of a page that somebody else's page would like to use."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import pytest_asyncio
from yarl import URL

from tests.end_to_end.conftest import settings_in
from tests.end_to_end.family import Family, add_family, count_rows, issue_licence, waiting_toy
from tests.end_to_end.raw_http import Exchange, bearer, exchange, get, post
from tests.world import Clock
from toybackend.app import serving
from toybackend.house import House
from toybackend.models import DeviceId
from toybackend.services.tokens import COOKIE
from toybackend.settings import Access, Settings
from toybackend.web.application import ROUTES
from toybackend.web.authentication import READING
from toybackend.web.routing import Who, path_names

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("calm_log", "cheap_hashes")]

NOT_FOUND = [(404, "not_found")]
NOT_AUTHENTICATED = [(401, "not_authenticated")]
NOT_ALLOWED = [(403, "not_allowed")]


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def server_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return replace(settings_in(tmp_path_factory.mktemp("borrowed")), access=Access(registrations_per_hour=1000))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(server_settings: Settings, clock: Clock, cheap_hashes: None) -> AsyncIterator[House]:
    async with serving(server_settings, clock=clock) as house:
        yield house


# ── links ──


@dataclass(frozen=True, slots=True)
class Links:
    """What the bear was sent twice, by whom, and where both hear it."""

    family: Family
    one: URL
    other: URL
    senders: URL

    async def get(self, link: str, *headers: str) -> list[tuple[int, str]]:
        return (await exchange(self.family.house, get(link, *headers))).outcome


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def links(server: House, clip: bytes) -> Links:
    family = await add_family(server)
    async with family.mum.line() as mum, family.bear.line() as bear:
        urls = []
        for _ in range(2):
            voice = await bear.hear("voice", id=await mum.voice(family.bear.id, clip))
            urls.append(URL(voice["url"]).relative())
            await bear.ack(voice["id"])
    said = await exchange(server, get(f"/api/v1/conversations/{family.bear.id}/messages", bearer(family.mum.token)))
    [last, _] = json.loads(said.answers[0].body)["messages"]
    return Links(family, urls[0], urls[1], URL(last["voice"]["url"]).relative())


def changed(link: URL, **query: str) -> str:
    return str(link.update_query(query))


async def test_a_link_is_for_one_file_one_listener_and_one_time(links: Links) -> None:
    one, other = links.one, links.other
    until, sig = one.query["until"], one.query["sig"]
    assert await links.get(str(one)) == [(200, "")]
    for bad in (
        one.path + "?" + other.query_string,
        changed(one, sig=other.query["sig"]),
        changed(one, sig=links.senders.query["sig"]),
        changed(one, **{"for": links.family.mum.id}),
        changed(one, **{"for": links.senders.query["for"], "sig": links.senders.query["sig"]}),
        changed(one, **{"for": ""}),
        changed(one, until=str(int(until) + 1)),
        changed(one, until=str(int(until) - 1)),
        *(changed(one, until=odd) for odd in (f"+{until}", f" {until}", f"{until}.0", f"-{until}", "", "9" * 13, "٣٤")),
        *(changed(one, sig=odd) for odd in (sig.upper(), sig[:-1], sig + "0", sig + "\x00", "", " " + sig, "0" * 64)),
    ):
        assert await links.get(bad) == NOT_FOUND, bad


async def test_of_two_answers_to_one_question_the_first_counts(links: Links) -> None:
    """For all that look: there is one place that reads a link."""
    one = str(links.one)
    for name in ("for", "until", "sig"):
        assert await links.get(f"{one}&{name}=nonsense") == [(200, "")]
        assert await links.get(f"{links.one.path}?{name}=nonsense&{links.one.query_string}") == NOT_FOUND
    for without_signature in (one.replace("&", ";"), one.replace("&sig=", "&SIG=")):
        assert await links.get(without_signature) == NOT_AUTHENTICATED


async def test_a_link_that_was_kept_is_good_for_nothing_later(links: Links, clock: Clock, server: House) -> None:
    listening = bearer(await server.tokens.give(links.family.bear.party.id, links.family.bear.party.kind))
    before = clock.now
    try:
        clock.pass_seconds(server.settings.audio.link_seconds + 1)
        assert await links.get(str(links.one)) == NOT_FOUND
        assert await links.get(changed(links.one, until=str(clock.now // 1000 + 60))) == NOT_FOUND
        assert await links.get(str(links.one), listening) == [(200, "")]
    finally:
        clock.now = before
    assert await links.get(str(links.one)) == [(200, "")]


async def test_a_link_takes_nobody_further_than_its_file(links: Links) -> None:
    query = links.one.query_string
    for path in ("/api/v1/me", "/api/v1/conversations", "/api/v1/library", f"/api/v1/toys/{links.family.bear.id}"):
        assert await links.get(f"{path}?{query}") == NOT_AUTHENTICATED


# ── secrets of other kinds ──


async def other_secrets(house: House, family: Family, link: URL) -> dict[str, str]:
    """What people and toys hold that is no token."""
    [invitation], _ = await house.accounts.invite(1)
    _, claim = await waiting_toy(house)
    token = family.mum.token
    return {
        "an invitation": invitation,
        "a claim code": claim,
        "a licence": await issue_licence(house),
        "a challenge": house.devices.challenge(DeviceId("d_anything")).nonce,
        "a signature": link.query["sig"],
        "an id": family.mum.id,
        "what is kept of a token": hashlib.sha256(token.encode()).hexdigest(),
        "a token in other letters": token.swapcase(),
        "a token packed once more": base64.b64encode(token.encode()).decode(),
        "a token twice": f"{token}, {token}",
        "a token and more": f"{token}=",
        "half a token": token[: len(token) // 2],
        "no token": "null",
        "nothing": "",
        "anything": "*",
    }


async def test_no_other_secret_is_a_token(links: Links, server: House) -> None:
    for what, secret in (await other_secrets(server, links.family, links.one)).items():
        for header in (bearer(secret), f"Cookie: {COOKIE}={secret}"):
            [answer] = (await exchange(server, get("/api/v1/me", header))).answers
            assert (answer.status, answer.code) == (401, "not_authenticated"), what
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_token_anywhere_else_is_none(family: Family) -> None:
    token = family.mum.token
    for sent in (
        get(f"/api/v1/me?token={token}&access_token={token}&bearer={token}"),
        get("/api/v1/me", f"X-Auth-Token: {token}", f"X-Api-Key: {token}"),
        get("/api/v1/me", f"Authorization: Token {token}"),
        get("/api/v1/me", f"Authorization: Basic {base64.b64encode(f'bearer:{token}'.encode()).decode()}"),
        get("/api/v1/me", f"Proxy-Authorization: Bearer {token}"),
        get("/api/v1/me", f"Cookie: token={token}; {COOKIE}x={token}; x{COOKIE}={token}"),
        post("/api/v1/invitations", json.dumps({"count": 1, "token": token}).encode()),
    ):
        assert (await exchange(family.house, sent)).outcome == NOT_AUTHENTICATED, sent


async def test_who_shows_two_tokens_shows_none(family: Family) -> None:
    mum, bear = bearer(family.mum.token), bearer(family.bear.token)
    for shown in ((mum, bear), (bear, mum), (mum, mum), ("Authorization: Basic QW5uYTpw", mum)):
        cookie = f"Cookie: {COOKIE}={family.mum.token}"
        assert (await exchange(family.house, get("/api/v1/me", *shown, cookie))).outcome == NOT_AUTHENTICATED


# ── pages of others ──

WRITES = [route for route in ROUTES if route.method not in READING]
FOREIGN = (
    "https://elsewhere.example",
    "null",
    "http://x.elsewhere.example",
    "https://x",
    "http://x:1",
    "http://y.x",
    "http://x.",
    "http://x@elsewhere.example",
    "http://elsewhere.example#http://x",
    "file://",
    "",
)
SIMPLE = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "")
"""Content types that a browser sends from one site to another without asking first."""


def write(route: Any, ids: dict[str, str], *headers: str) -> bytes:
    path = route.path.format_map(ids)
    return post(path, b'{"name":"x","password":"three little ducks"}', *headers).replace(
        b"POST", route.method.encode(), 1
    )


@pytest.mark.parametrize("route", WRITES, ids=lambda route: f"{route.method} {route.path}")
async def test_a_page_of_somebody_else_writes_nothing(route: Any, family: Family) -> None:
    """With the cookie of whoever looks at it, which it does not have, as browsers send it."""
    house, cookie = family.house, f"Cookie: {COOKIE}={family.mum.token}"
    if route.who is Who.ANYONE and not route.path.endswith(("/sessions", "/accounts")):
        return  # a toy is switched on by its licence: no cookie counts there, and none is set
    ids = {name: family.bear.id for name in path_names(route.path)}
    before = await count_rows(house, "parties"), await count_rows(house, "tokens")
    sent = [write(route, ids, cookie, f"Origin: {origin}", "Content-Type: text/plain") for origin in FOREIGN]
    sent += [write(route, ids, cookie, f"Origin: {FOREIGN[0]}", f"Content-Type: {kind}") for kind in SIMPLE]
    sent += [write(route, ids, cookie, f"Sec-Fetch-Site: {site}") for site in ("cross-site", "same-site")]
    for request, found in zip(sent, await asyncio.gather(*(exchange(house, one) for one in sent)), strict=True):
        assert found.outcome == NOT_ALLOWED, request
        _says_nothing_to_other_pages(found)
    assert before == (await count_rows(house, "parties"), await count_rows(house, "tokens"))


def _says_nothing_to_other_pages(found: Exchange) -> None:
    """No page of another origin may read it (CORS), and no session is begun or ended."""
    for answer in found.answers:
        assert not [name for name in answer.headers if name.startswith("access-control-") or name == "set-cookie"]


async def test_a_page_of_somebody_else_reads_nothing(family: Family) -> None:
    origin, cookie = f"Origin: {FOREIGN[0]}", f"Cookie: {COOKIE}={family.mum.token}"
    asked = ("Access-Control-Request-Method: GET", "Access-Control-Request-Headers: authorization")
    for path in ("/api/v1/me", "/api/v1/toys", "/", "/openapi.json", "/healthz"):
        _says_nothing_to_other_pages(await exchange(family.house, get(path, origin, cookie)))
        preflight = await exchange(family.house, get(path, origin, *asked).replace(b"GET", b"OPTIONS", 1))
        assert preflight.outcome == [(405, "method_not_allowed")]
        _says_nothing_to_other_pages(preflight)


async def test_our_own_page_writes(family: Family) -> None:
    cookie = f"Cookie: {COOKIE}={family.mum.token}"
    for more in (("Origin: http://x", "Sec-Fetch-Site: same-origin"), ("Sec-Fetch-Site: same-origin",), ()):
        sent = post(f"/api/v1/toys/{family.bear.id}", b'{"volume_cap":40}', cookie, *more).replace(b"POST", b"PATCH", 1)
        assert (await exchange(family.house, sent)).outcome == [(200, "")]
