"""Who is asking: a bearer token (RFC 6750) in the header, or in the cookie that a page got at log-in.

A browser sends our cookie by itself, whoever wrote the page; so a write that rests on the cookie must not come
from a page of somebody else. `SameSite=Strict` says so to the browser, the `Origin` check says so to us.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from aiohttp import hdrs, web

from toybackend.errors import NotAllowed, NotAuthenticated
from toybackend.models import Party, PartyKind
from toybackend.services.tokens import COOKIE, bearer_token
from toybackend.web.addresses import addresses
from toybackend.web.rooms import ROOMS

FETCH_SITE = "Sec-Fetch-Site"
ELSEWHERE = frozenset({"cross-site", "same-site"})
READING = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""`b64token` of RFC 6750; anything else, such as bytes that are not ASCII, is no token of ours."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A token as it came, not checked yet."""

    token: str
    is_cookie: bool


def credential(request: web.Request) -> Credential | None:
    """What the request carries; the header goes before the cookie."""
    bearer = bearer_token(request.headers.getall(hdrs.AUTHORIZATION, []))
    if bearer is not None:
        return Credential(bearer, is_cookie=False)
    cookie = request.cookies.get(COOKIE)
    return Credential(cookie, is_cookie=True) if cookie else None


async def authenticate(request: web.Request) -> Party:
    """Whom the request speaks for: a person or a toy that has an owner. Raises NotAuthenticated or NotAllowed."""
    party, _ = await session(request)
    if party.kind is PartyKind.WAITING_TOY:
        raise NotAuthenticated
    return party


async def session(request: web.Request) -> tuple[Party, str]:
    """Whoever it speaks for, and the token that proved it. Raises NotAuthenticated or NotAllowed."""
    found = credential(request)
    if found is None or not _TOKEN.fullmatch(found.token):
        raise NotAuthenticated
    if found.is_cookie and request.method not in READING:
        check_origin(request)
    return await request.app[ROOMS].tokens.bearer(found.token), found.token


def check_origin(request: web.Request) -> None:
    """Raises NotAllowed when a page of somebody else sends this.

    No `Origin` at all is fine: every browser names it on a write from another site, and only browsers send
    cookies on their own. Should one not name it, what it says of itself counts (Fetch Metadata).
    """
    origin = request.headers.get(hdrs.ORIGIN)
    is_ours = request.headers.get(FETCH_SITE) not in ELSEWHERE if origin is None else _is_ours(request, origin)
    if not is_ours:
        raise NotAllowed("pages of this origin may not do this")


def _is_ours(request: web.Request, origin: str) -> bool:
    return origin.lower() in _our_origins(request)


def _our_origins(request: web.Request) -> set[str]:
    ours = {addresses(request).http_url, *request.app[ROOMS].settings.network.allowed_origins}
    return {_origin_of(url) for url in ours}


def _origin_of(url: str) -> str:
    """Scheme, host and port; a public URL may have a path behind a proxy."""
    return "/".join(url.lower().split("/")[:3])
