"""The document promises what the route table holds, all of it and nothing else."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from aiohttp import hdrs, web

from toybackend.web.application import ROUTES
from toybackend.web.openapi import document
from toybackend.web.routing import Route, Who, aiohttp_route


@pytest.fixture(scope="module")
def promised() -> dict[str, Any]:
    """As a client reads it."""
    found: dict[str, Any] = json.loads(msgspec.json.encode(document(ROUTES)))
    return found


def operations(promised: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    paths = promised["paths"].items()
    return {(method.upper(), path): one for path, methods in paths for method, one in methods.items()}


def test_the_document_has_the_routes_that_are_served(promised: dict[str, Any]) -> None:
    app = web.Application()
    app.add_routes(aiohttp_route(route) for route in ROUTES)
    served = {(one.method, one.resource.canonical) for one in app.router.routes() if one.resource is not None}
    assert operations(promised).keys() == {(method, path) for method, path in served if method != hdrs.METH_HEAD}


def test_it_says_which_version_of_openapi_it_is(promised: dict[str, Any]) -> None:
    assert promised["openapi"] == "3.1.0"


def test_every_reference_leads_somewhere(promised: dict[str, Any]) -> None:
    def references(part: Any) -> set[str]:
        if isinstance(part, dict):
            own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
            return own.union(*(references(one) for one in part.values()))
        return set().union(*(references(one) for one in part)) if isinstance(part, list) else set()

    named = {f"#/components/schemas/{name}" for name in promised["components"]["schemas"]}
    assert references(promised) <= named


def test_operations_have_names_of_their_own(promised: dict[str, Any]) -> None:
    names = [one["operationId"] for one in operations(promised).values()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_operation_says_what_it_is_and_who_may(route: Route, promised: dict[str, Any]) -> None:
    operation = operations(promised)[route.method, route.path]
    assert operation["summary"]
    assert bool(operation["security"]) is (route.who is not Who.ANYONE)
    if route.who is not Who.ANYONE:
        assert {"401", "403"} <= operation["responses"].keys()


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_patterns_are_those_of_json_schema(route: Route) -> None:
    assert r"\A" not in json.dumps(document([route]))
