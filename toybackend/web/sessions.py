"""Logging in and out, and where else somebody is logged in."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import msgspec
from aiohttp import hdrs, web

from toybackend.errors import NotAllowed, NotAuthenticated, NotFound, RateLimited
from toybackend.models import Account
from toybackend.protocol import rfc3339
from toybackend.services.accounts import MOST_NAME, Client
from toybackend.services.passwords import MOST_PASSWORD
from toybackend.services.tokens import COOKIE
from toybackend.web.addresses import addresses
from toybackend.web.authentication import check_origin
from toybackend.web.bodies import json_response
from toybackend.web.client_address import client_address
from toybackend.web.rooms import ROOMS
from toybackend.web.routing import API, Route, Who, body, caller, path_id, token

SECONDS_PER_DAY = 86_400
MOST_LABEL = 200

Name = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=MOST_NAME,
        # One line, without control characters, and more than spaces.
        pattern=r"\A[^\x00-\x1f\x7f-\x9f\u2028\u2029]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f\u2028\u2029]*\Z",
    ),
]
Password = Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_PASSWORD)]


class LogIn(msgspec.Struct, frozen=True):
    name: Name
    password: Password


class LoggedInAccount(msgspec.Struct, frozen=True):
    id: str
    name: str


class LoggedIn(msgspec.Struct, frozen=True):
    token: str
    account: LoggedInAccount


class SessionView(msgspec.Struct, frozen=True):
    id: str
    label: str
    """What the client called itself at log-in."""
    since: str
    is_current: bool


class SessionList(msgspec.Struct, frozen=True):
    sessions: list[SessionView]


async def log_in(request: web.Request) -> web.Response:
    """Log in. The answer also sets an HttpOnly cookie, for pages."""
    # It sets the cookie: a page of somebody else could log a family in to an account of its own.
    check_origin(request)
    given = body(request, LogIn)
    account, new_token = await request.app[ROOMS].accounts.log_in(given.name, given.password, client(request))
    return logged_in(request, account, new_token, HTTPStatus.OK)


async def log_out(request: web.Request) -> web.Response:
    """Log out. The token that was shown is over, and every socket that it opened closes."""
    await request.app[ROOMS].tokens.end(token(request))
    response = web.Response(status=HTTPStatus.NO_CONTENT)
    forget_cookie(request, response)
    return response


async def list_sessions(request: web.Request) -> SessionList:
    """Where you are logged in, newest first."""
    found = await request.app[ROOMS].tokens.sessions(caller(request).id, token(request))
    return SessionList([SessionView(one.id, one.label, rfc3339(one.since), one.is_current) for one in found])


async def end_session(request: web.Request) -> None:
    """Log out somewhere else. Every socket that was opened there closes."""
    session_id = path_id(request, "session_id", "s")
    await request.app[ROOMS].tokens.end_session(caller(request).id, session_id)


def client(request: web.Request) -> Client:
    """Where this comes from, and what it calls itself."""
    label = "".join(letter for letter in request.headers.get(hdrs.USER_AGENT, "") if letter.isprintable())
    return Client(client_address(request), label[:MOST_LABEL])


def logged_in(request: web.Request, account: Account, new_token: str, status: HTTPStatus) -> web.Response:
    """The token in the body for programs, and in a cookie for pages."""
    response = json_response(LoggedIn(new_token, LoggedInAccount(account.id, account.name)), status)
    seconds = request.app[ROOMS].settings.access.token_days * SECONDS_PER_DAY
    response.set_cookie(
        COOKIE, new_token, max_age=seconds, path="/", httponly=True, samesite="Strict", secure=_is_secure(request)
    )
    return response


def forget_cookie(request: web.Request, response: web.Response) -> None:
    """Where it is over, the page need not try it again."""
    # Voices, too: browsers keep what they played for some minutes. They obey this over https only.
    response.headers["Clear-Site-Data"] = '"cache"'
    response.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict", secure=_is_secure(request))


def _is_secure(request: web.Request) -> bool:
    return addresses(request).http_url.startswith("https:")


ROUTES = (
    Route(
        method="POST",
        path=f"{API}/sessions",
        handler=log_in,
        who=Who.ANYONE,
        body=LogIn,
        answer=LoggedIn,
        refuses=(NotAuthenticated, RateLimited, NotAllowed),
    ),
    Route(method="GET", path=f"{API}/sessions", handler=list_sessions, who=Who.PERSON, answer=SessionList),
    Route(method="DELETE", path=f"{API}/sessions/current", handler=log_out, who=Who.PERSON),
    Route(
        method="DELETE",
        path=f"{API}/sessions/{{session_id}}",
        handler=end_session,
        who=Who.PERSON,
        refuses=(NotFound,),
    ),
)
