"""A route is a row: its method and path, who may ask, what is taken and given, and how it may refuse.

The rows of all resources together are the route table (`application.py`); the aiohttp routes, the OpenAPI document
(`openapi.py`) and the walk of the authority table in the tests are made from it. Nobody gets in without a row that
says who may: the wrapper below looks at the token, and at the body, before any handler runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from toybackend.errors import NotAllowed, NotFound, Refused
from toybackend.models import Party, PartyKind, Standing
from toybackend.protocol import misfit
from toybackend.services.policy import Action, check
from toybackend.web.authentication import session
from toybackend.web.bodies import json_response, read_json

API = "/api/v1"

Handler = Callable[[web.Request], Awaitable[Any]]
Model = TypeVar("Model", bound=msgspec.Struct)


class Who(StrEnum):
    """Whose token a route takes."""

    ANYONE = "anyone"
    """No token at all. `tests/web/test_application.py` has the list of them."""
    PERSON = "person"
    WAITING_TOY = "waiting_toy"
    PERSON_OR_TOY = "person_or_toy"
    OPERATOR = "operator"


_KINDS: dict[Who, frozenset[PartyKind]] = {
    Who.PERSON: frozenset({PartyKind.PERSON}),
    Who.OPERATOR: frozenset({PartyKind.PERSON}),
    Who.WAITING_TOY: frozenset({PartyKind.WAITING_TOY}),
    Who.PERSON_OR_TOY: frozenset({PartyKind.PERSON, PartyKind.TOY}),
}

PATTERNS = {
    "id": r"[a-z]_[a-z0-9]{1,40}",
    "code": r"[A-Za-z0-9-]{1,32}",
    "name": r"[a-z0-9_]{1,64}",
    "digest": r"[0-9a-f]{16}",
    "path": r"[a-z_]{1,20}(?:/[A-Za-z0-9_.-]{1,64}){1,4}",
}
"""What a part of a path looks like, by the last word of its name: `{toy_id}` is an id. Matched narrowly: none of them
is ever where something is on the disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One row."""

    method: str
    path: str
    """As OpenAPI writes it: `/api/v1/toys/{toy_id}`."""
    handler: Handler
    """Gives what `answer` says, or a response of its own. Its docstring is the description in the OpenAPI document."""
    who: Who
    body: type[msgspec.Struct] | None = None
    query: type[msgspec.Struct] | None = None
    answer: Any = None
    """A type that msgspec can encode; None for an empty body, or for `media`."""
    status: HTTPStatus = HTTPStatus.OK
    media: str | None = None
    """Media type of an answer that is not JSON."""
    upload: type[msgspec.Struct] | None = None
    """The fields of a `multipart/form-data` body, which the handler reads itself."""
    refuses: tuple[type[Refused], ...] = ()
    """What it may raise, besides what every route of its kind may."""


_CALLER = web.RequestKey("caller", Party)
_TOKEN = web.RequestKey("token", str)
_BODY: web.RequestKey[Any] = web.RequestKey("body", object)
_QUERY: web.RequestKey[Any] = web.RequestKey("query", object)


def caller(request: web.Request) -> Party:
    """Whom this request speaks for, on a route that takes a token."""
    return request[_CALLER]


def token(request: web.Request) -> str:
    """The token that proved it."""
    return request[_TOKEN]


def body(request: web.Request, model: type[Model]) -> Model:
    """The request's body, checked."""
    found = request[_BODY]
    assert isinstance(found, model)  # noqa: S101  # the row says so
    return found


def query(request: web.Request, model: type[Model]) -> Model:
    """The request's query, checked."""
    found = request[_QUERY]
    assert isinstance(found, model)  # noqa: S101  # the row says so
    return found


def aiohttp_route(route: Route) -> web.RouteDef:
    """The row as aiohttp takes it."""
    make = web.get if route.method == "GET" else _plain(route.method)
    return make(_with_patterns(route.path), _guarded(route))


def _plain(method: str) -> Callable[[str, Handler], web.RouteDef]:
    return lambda path, handler: web.route(method, path, handler)


def _with_patterns(path: str) -> str:
    for name in path_names(path):
        path = path.replace(f"{{{name}}}", f"{{{name}:{pattern_of(name)}}}")
    return path


def path_names(path: str) -> list[str]:
    """The names of the parts of a path that vary."""
    return [part.partition("}")[0] for part in path.split("{")[1:]]


def pattern_of(name: str) -> str:
    return PATTERNS[name.rpartition("_")[2]]


def _guarded(route: Route) -> Handler:
    async def guarded(request: web.Request) -> web.StreamResponse:
        if route.who is not Who.ANYONE:
            await _let_in(request, route.who)
        if route.query is not None:
            request[_QUERY] = _read_query(request, route.query)
        if route.body is not None:
            request[_BODY] = await read_json(request, route.body)
        answer = await route.handler(request)
        if isinstance(answer, web.StreamResponse):
            return answer
        return web.Response(status=HTTPStatus.NO_CONTENT) if answer is None else json_response(answer, route.status)

    return guarded


async def _let_in(request: web.Request, who: Who) -> None:
    """Raises NotAuthenticated, or NotAllowed for a token of another kind."""
    party, shown = await session(request)
    if party.kind not in _KINDS[who]:
        raise NotAllowed
    if who is Who.OPERATOR:
        check(Standing.OPERATOR if party.is_operator else Standing.STRANGER, Action.OPERATE)
    request[_CALLER], request[_TOKEN] = party, shown


def _read_query(request: web.Request, model: type[msgspec.Struct]) -> msgspec.Struct:
    """Raises MissingField."""
    try:
        return msgspec.convert(dict(request.query), type=model, strict=False)
    except msgspec.ValidationError as error:
        raise misfit(error) from None


def path_id(request: web.Request, name: str, prefix: str) -> str:
    """An id from the path. Raises NotFound for one that names another kind of thing."""
    found = request.match_info[name]
    if not found.startswith(f"{prefix}_"):
        raise NotFound
    return found
