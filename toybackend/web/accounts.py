"""Having an account: registering, one's own profile and password, and inviting others to register."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import msgspec
from aiohttp import web

from toybackend.errors import (
    InvitationWrong,
    NameTaken,
    NotAllowed,
    NotAuthenticated,
    RateLimited,
    WeakPassword,
)
from toybackend.models import Account
from toybackend.protocol import rfc3339
from toybackend.web.authentication import check_origin
from toybackend.web.rooms import ROOMS
from toybackend.web.routing import API, Route, Who, body, caller, token
from toybackend.web.sessions import LoggedIn, Name, Password, client, logged_in

MOST_INVITATION = 64
"""Characters: a code has fewer, but who knows how it is typed."""
MOST_INVITATIONS = 100


class Register(msgspec.Struct, frozen=True):
    name: Name
    password: Password
    invitation: Annotated[str, msgspec.Meta(max_length=MOST_INVITATION)] | None = None


class Me(msgspec.Struct, frozen=True):
    id: str
    name: str
    is_operator: bool
    created_at: str


class ChangeMe(msgspec.Struct, frozen=True):
    name: Name


class ChangePassword(msgspec.Struct, frozen=True):
    old: Password
    new: Password


class Invite(msgspec.Struct, frozen=True):
    count: Annotated[int, msgspec.Meta(ge=1, le=MOST_INVITATIONS)] = 1


class Invitations(msgspec.Struct, frozen=True):
    codes: tuple[str, ...]
    expires_at: str


async def register(request: web.Request) -> web.Response:
    """Make an account and log in to it. Whether an invitation is needed, `/api/v1/config` says."""
    # It sets the cookie, as logging in does.
    check_origin(request)
    given = body(request, Register)
    account, new_token = await request.app[ROOMS].accounts.register(
        given.name, given.password, client(request), given.invitation
    )
    return logged_in(request, account, new_token, HTTPStatus.CREATED)


async def get_me(request: web.Request) -> Me:
    """Your own account."""
    return _me(await request.app[ROOMS].accounts.profile(caller(request).id))


async def change_me(request: web.Request) -> Me:
    """Change what you are called, and log in with."""
    return _me(await request.app[ROOMS].accounts.rename(caller(request).id, body(request, ChangeMe).name))


async def change_password(request: web.Request) -> None:
    """Change your password. Wherever else you are logged in, you are logged out."""
    given = body(request, ChangePassword)
    await request.app[ROOMS].accounts.change_password(caller(request).id, given.old, given.new, token=token(request))


async def invite(request: web.Request) -> Invitations:
    """Make invitations to register. Each works once, and is shown only here."""
    codes, expires_at = await request.app[ROOMS].accounts.invite(body(request, Invite).count)
    return Invitations(tuple(codes), rfc3339(expires_at))


def _me(account: Account) -> Me:
    return Me(account.id, account.name, account.is_operator, rfc3339(account.created_at))


ROUTES = (
    Route(
        method="POST",
        path=f"{API}/accounts",
        handler=register,
        who=Who.ANYONE,
        body=Register,
        answer=LoggedIn,
        status=HTTPStatus.CREATED,
        refuses=(NameTaken, WeakPassword, InvitationWrong, RateLimited, NotAllowed),
    ),
    Route(method="GET", path=f"{API}/me", handler=get_me, who=Who.PERSON, answer=Me),
    Route(
        method="PATCH",
        path=f"{API}/me",
        handler=change_me,
        who=Who.PERSON,
        body=ChangeMe,
        answer=Me,
        refuses=(NameTaken, RateLimited),
    ),
    Route(
        method="PUT",
        path=f"{API}/me/password",
        handler=change_password,
        who=Who.PERSON,
        body=ChangePassword,
        refuses=(NotAuthenticated, RateLimited, WeakPassword),
    ),
    Route(
        method="POST",
        path=f"{API}/invitations",
        handler=invite,
        who=Who.OPERATOR,
        body=Invite,
        answer=Invitations,
        status=HTTPStatus.CREATED,
    ),
)
