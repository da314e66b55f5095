"""What guardians agree to before the name of a child is kept."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

import msgspec
from aiohttp import web

from toybackend.errors import InvalidValue, NotFound
from toybackend.web.leaving import Went, went
from toybackend.web.rooms import ROOMS
from toybackend.web.routing import API, Route, Who, body, caller
from toybackend.web.toys import ConsentView, consent_view, toy_id


class ConsentTextView(msgspec.Struct, frozen=True):
    version: str
    """Goes into the consent."""
    texts: Mapping[str, str]
    """By language: `en`, `zh`."""


class Agreement(msgspec.Struct, frozen=True):
    version: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{1,64}\Z")]
    """Of the text that was shown."""


async def get_text(request: web.Request) -> ConsentTextView:
    """What is kept about a child, how long, and how it is erased: to be shown to guardians before they agree."""
    text = await request.app[ROOMS].consents.text()
    return ConsentTextView(text.version, text.texts)


async def agree(request: web.Request) -> ConsentView:
    """Agree, as a guardian of this toy, to the text of this version. A paused toy may talk again."""
    version = body(request, Agreement).version
    return consent_view(await request.app[ROOMS].consents.give(caller(request).id, toy_id(request), version))


async def withdraw(request: web.Request) -> Went:
    """Take every consent for this toy back: it is paused, the child's name is forgotten, and everything that it said,
    heard and played is erased. The answer counts what went."""
    erased = await request.app[ROOMS].consents.withdraw(caller(request).id, toy_id(request))
    return went(erased)


ROUTES = (
    Route(method="GET", path=f"{API}/consent", handler=get_text, who=Who.ANYONE, answer=ConsentTextView),
    Route(
        method="POST",
        path=f"{API}/toys/{{toy_id}}/consent",
        handler=agree,
        who=Who.PERSON,
        body=Agreement,
        answer=ConsentView,
        status=HTTPStatus.CREATED,
        refuses=(NotFound, InvalidValue),
    ),
    Route(
        method="DELETE",
        path=f"{API}/toys/{{toy_id}}/consent",
        handler=withdraw,
        who=Who.PERSON,
        answer=Went,
        refuses=(NotFound,),
    ),
)
