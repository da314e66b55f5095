"""The OpenAPI 3.1 document, made from the route table; nothing in it is written by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web

from toybackend import __version__
from toybackend.errors import (
    BadJson,
    MissingField,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Overloaded,
    Refused,
    TooLong,
)
from toybackend.services.tokens import COOKIE
from toybackend.web.problems import STATUS
from toybackend.web.routing import API, Route, Who, path_names, pattern_of

PROBLEM = "#/components/schemas/Problem"
COMPONENT = "#/components/schemas/{name}"


class Problem(msgspec.Struct, frozen=True):
    """RFC 9457. `code` is stable, `detail` is for people; some problems have further members."""

    type: str
    title: str
    status: int
    code: str
    detail: str


DOCUMENT = web.AppKey("openapi_document", bytes)
"""Of all that the application serves."""


async def get_document(request: web.Request) -> web.Response:
    """This document."""
    return web.Response(body=request.app[DOCUMENT], content_type="application/json")


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """What these routes promise."""
    schemas = _Schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "toybackend", "version": __version__, "description": "Voices between families and toys."},
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE},
            },
        },
    }


class _Schemas:
    """JSON schemas of every model that is taken or given."""

    def __init__(self, routes: Iterable[Route]) -> None:
        types: dict[Any, None] = {Problem: None}
        for route in routes:
            types.update(dict.fromkeys(one for one in (route.body, route.query, route.upload, route.answer) if one))
        made, components = msgspec.json.schema_components(list(types), ref_template=COMPONENT)
        self._made = dict(zip(types, (_as_ecma(one) for one in made), strict=True))
        self.components = _as_ecma(components)
        for model in types:
            # What a model checks beyond the types of its fields, in the words of JSON Schema.
            if more := getattr(model, "more_schema", None):
                self._component(model).update(more)

    def of(self, model: Any) -> Any:
        return self._made[model]

    def fields_of(self, model: Any) -> tuple[dict[str, Any], list[str]]:
        """The properties of a model, and those that must be there."""
        whole = self._component(model)
        return whole["properties"], whole.get("required", [])

    def _component(self, model: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.components[self._made[model]["$ref"].rpartition("/")[2]]
        return found


def _as_ecma(schema: Any) -> Any:
    """Patterns as JSON Schema has them: ECMA-262 knows no `\\A` and `\\Z`; and the files of a form as they are."""
    if isinstance(schema, dict):
        if "contentMediaType" in schema:
            schema = {name: value for name, value in schema.items() if name != "contentEncoding"}
        return {
            name: value.replace(r"\A", "^").replace(r"\Z", "$") if name == "pattern" else _as_ecma(value)
            for name, value in schema.items()
        }
    return [_as_ecma(one) for one in schema] if isinstance(schema, list) else schema


# ── one operation ──


def _operation(route: Route, schemas: _Schemas) -> dict[str, Any]:
    operation = {
        "operationId": route.handler.__name__,
        "tags": [_tag(route)],
        "summary": _first_sentence(route.handler.__doc__ or ""),
        "description": " ".join((route.handler.__doc__ or "").split()),
        "responses": _responses(route, schemas),
        "security": [] if route.who is Who.ANYONE else [{"bearer": []}, {"cookie": []}],
        "x-who": route.who.value,
    }
    parameters = [*_path_parameters(route), *_query_parameters(route, schemas)]
    if parameters:
        operation["parameters"] = parameters
    body = _request_body(route, schemas)
    return {**operation, "requestBody": body} if body else operation


def _tag(route: Route) -> str:
    return route.path.removeprefix(API).split("/")[1]


def _first_sentence(text: str) -> str:
    return " ".join(text.split()).partition(". ")[0].rstrip(".")


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": f"^{pattern_of(name)}$"},
        }
        for name in path_names(route.path)
    ]


def _query_parameters(route: Route, schemas: _Schemas) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    properties, required = schemas.fields_of(route.query)
    return [
        {"name": name, "in": "query", "required": name in required, "schema": schema}
        for name, schema in properties.items()
    ]


def _request_body(route: Route, schemas: _Schemas) -> dict[str, Any] | None:
    if route.body is not None:
        return {"required": True, "content": {"application/json": {"schema": schemas.of(route.body)}}}
    if route.upload is not None:
        form = {"schema": schemas.of(route.upload), "encoding": _encoding(route.upload, schemas)}
        return {"required": True, "content": {"multipart/form-data": form}}
    return None


def _encoding(form: type[msgspec.Struct], schemas: _Schemas) -> dict[str, Any]:
    """Which kinds of files the fields of a form are, as its model says."""
    properties, _ = schemas.fields_of(form)
    kinds = {name: schema.get("contentMediaType") for name, schema in properties.items()}
    return {name: {"contentType": kind} for name, kind in kinds.items() if kind}


# ── what it answers ──


def _responses(route: Route, schemas: _Schemas) -> dict[str, Any]:
    return {str(_success(route).value): _answer(route, schemas)} | _problems(route)


def _success(route: Route) -> HTTPStatus:
    return HTTPStatus.NO_CONTENT if route.answer is None and route.media is None else route.status


def _answer(route: Route, schemas: _Schemas) -> dict[str, Any]:
    success = _success(route)
    if route.media is not None:
        return {"description": success.phrase, "content": {route.media: {"schema": _media_schema(route.media)}}}
    if route.answer is None:
        return {"description": success.phrase}
    return {"description": success.phrase, "content": {"application/json": {"schema": schemas.of(route.answer)}}}


def _media_schema(media: str) -> dict[str, Any]:
    """Files are bytes, unless they are JSON as well."""
    return {"type": "object"} if media.endswith("+json") else {"type": "string", "contentMediaType": media}


def _problems(route: Route) -> dict[str, Any]:
    """Every refusal by its status, the codes that it may have named."""
    codes: dict[HTTPStatus, set[str]] = {}
    for refusal in _refusals(route):
        codes.setdefault(STATUS[refusal.code], set()).add(refusal.code)
    if route.body is not None or route.upload is not None:
        codes.setdefault(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, set()).add(TooLong.code)
        codes.setdefault(HTTPStatus.REQUEST_TIMEOUT, set()).add("request_timeout")
    content = {"application/problem+json": {"schema": {"$ref": PROBLEM}}}
    return {
        str(status.value): {"description": f"{status.phrase}: {', '.join(sorted(named))}", "content": content}
        for status, named in sorted(codes.items())
    }


def _refusals(route: Route) -> set[type[Refused]]:
    """What the row names, and what every route of its kind may answer."""
    found: set[type[Refused]] = {*route.refuses, Overloaded}
    if route.who is not Who.ANYONE:
        found |= {NotAuthenticated, NotAllowed}
    if route.body is not None or route.upload is not None:
        found |= {BadJson, MissingField, TooLong}
    if route.query is not None:
        found |= {MissingField}
    if path_names(route.path):
        found |= {NotFound}
    return found


ROUTES = (Route(method="GET", path="/openapi.json", handler=get_document, who=Who.ANYONE, answer=dict[str, Any]),)
