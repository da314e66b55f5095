"""Logging in and out."""

from __future__ import annotations

from typing import Annotated

import msgspec
from aiohttp import web

from toybackend.errors import NotAllowed
from toybackend.models import PartyKind
from toybackend.services.accounts import MOST_NAME, MOST_PASSWORD
from toybackend.web.authentication import COOKIE, check_origin, session
from toybackend.web.bodies import json_response, read_json
from toybackend.web.rooms import ROOMS, Rooms

SECONDS_PER_DAY = 86_400


class LogIn(msgspec.Struct, frozen=True):
    # NUL is refused here, because databases choke on it.
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_NAME, pattern=r"\A[^\x00]*\Z")]
    password: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_PASSWORD)]


class LoggedInAccount(msgspec.Struct, frozen=True):
    id: str
    name: str


class LoggedIn(msgspec.Struct, frozen=True):
    token: str
    account: LoggedInAccount


async def log_in(request: web.Request) -> web.Response:
    """`POST /api/v1/sessions`. Raises NotAuthenticated, RateLimited, NotAllowed, MissingField or BadJson."""
    # It sets the cookie: a page of somebody else could log a family in to an account of its own.
    check_origin(request)
    rooms = request.app[ROOMS]
    body = await read_json(request, LogIn)
    account, token = await rooms.accounts.log_in(body.name, body.password)
    response = json_response(LoggedIn(token, LoggedInAccount(account.id, account.name)))
    seconds = rooms.settings.access.token_days * SECONDS_PER_DAY
    response.set_cookie(
        COOKIE, token, max_age=seconds, path="/", httponly=True, samesite="Strict", secure=_is_secure(rooms)
    )
    return response


async def log_out(request: web.Request) -> web.Response:
    """`DELETE /api/v1/sessions/current`, which ends the token that was shown. Raises NotAuthenticated or NotAllowed."""
    rooms = request.app[ROOMS]
    party, token = await session(request)
    if party.kind is not PartyKind.PERSON:
        raise NotAllowed
    await rooms.tokens.end(token)
    response = web.Response(status=204)
    response.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict", secure=_is_secure(rooms))
    return response


def _is_secure(rooms: Rooms) -> bool:
    return rooms.addresses().http_url.startswith("https:")
