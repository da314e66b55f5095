"""Nobody gets in without a row that says who may, and nothing reaches a handler that its row does not describe."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from types import SimpleNamespace
from typing import Annotated, Any, cast

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from toybackend.errors import NotAuthenticated
from toybackend.models import Party, PartyId, PartyKind
from toybackend.settings import Settings
from toybackend.web.problems import problems
from toybackend.web.rooms import ROOMS, Addresses, Rooms
from toybackend.web.routing import Route, Who, aiohttp_route, body, caller, path_id, pattern_of, query, token

PARTIES = {
    "person": Party(PartyId("p_a"), PartyKind.PERSON, "Anna"),
    "operator": Party(PartyId("p_o"), PartyKind.PERSON, "Olga", is_operator=True),
    "toy": Party(PartyId("t_a"), PartyKind.TOY, "Bear"),
    "waiting": Party(PartyId("t_w"), PartyKind.WAITING_TOY, ""),
}
"""By the token that speaks for them."""

MAY = {
    Who.PERSON: {"person", "operator"},
    Who.WAITING_TOY: {"waiting"},
    Who.PERSON_OR_TOY: {"person", "operator", "toy"},
    Who.OPERATOR: {"operator"},
}


class Wish(msgspec.Struct, frozen=True):
    name: Annotated[str, msgspec.Meta(max_length=3)]


class Page(msgspec.Struct, frozen=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=9)] = 5


class Answer(msgspec.Struct, frozen=True):
    said: str


async def who_asks(request: web.Request) -> Answer:
    return Answer(f"{caller(request).id} {token(request)}")


async def takes_a_body(request: web.Request) -> Answer:
    return Answer(body(request, Wish).name)


async def takes_a_query(request: web.Request) -> Answer:
    return Answer(str(query(request, Page).limit))


async def takes_an_id(request: web.Request) -> Answer:
    return Answer(path_id(request, "toy_id", "t"))


async def says_nothing(request: web.Request) -> None:
    return None


class Tokens:
    async def bearer(self, shown: str) -> Party:
        if shown not in PARTIES:
            raise NotAuthenticated
        return PARTIES[shown]


@dataclass
class Site:
    client: TestClient[Any, Any]

    async def ask(self, method: str, path: str, shown: str | None = None, **given: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {shown}"} if shown else {}
        reply = await self.client.request(method, path, headers=headers, **given)
        text = await reply.text()
        return reply.status, msgspec.json.decode(text) if text else None


ROWS = (
    *(Route(method="GET", path=f"/{who.value}", handler=who_asks, who=who, answer=Answer) for who in MAY),
    Route(
        method="POST",
        path="/wishes",
        handler=takes_a_body,
        who=Who.PERSON,
        body=Wish,
        answer=Answer,
        status=HTTPStatus.CREATED,
    ),
    Route(method="GET", path="/pages", handler=takes_a_query, who=Who.ANYONE, query=Page, answer=Answer),
    Route(method="GET", path="/toys/{toy_id}", handler=takes_an_id, who=Who.ANYONE, answer=Answer),
    Route(method="DELETE", path="/toys/{toy_id}", handler=says_nothing, who=Who.ANYONE),
)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    app = web.Application(middlewares=[problems])
    rooms = SimpleNamespace(
        tokens=Tokens(), settings=Settings(), addresses=lambda called: Addresses("http://toys", "ws://toys")
    )
    app[ROOMS] = cast(Rooms, rooms)
    app.add_routes(aiohttp_route(row) for row in ROWS)
    async with TestClient(TestServer(app)) as client:
        yield Site(client)


@pytest.mark.parametrize("who", MAY)
async def test_a_row_lets_in_whom_it_names_and_nobody_else(site: Site, who: Who) -> None:
    for shown, party in PARTIES.items():
        status, answer = await site.ask("GET", f"/{who.value}", shown)
        if shown in MAY[who]:
            assert (status, answer) == (200, {"said": f"{party.id} {shown}"})
        else:
            assert (status, answer["code"]) == (403, "not_allowed")
    assert (await site.ask("GET", f"/{who.value}"))[0] == 401
    assert (await site.ask("GET", f"/{who.value}", "unknown"))[0] == 401


async def test_a_body_is_read_after_the_token(site: Site) -> None:
    assert (await site.ask("POST", "/wishes", data=b"{"))[0] == 401
    assert (await site.ask("POST", "/wishes", "toy", data=b"{"))[0] == 403


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"", "bad_json"),
        (b"[1]", "bad_json"),
        (b"{}", "missing_field"),
        (b'{"name":7}', "missing_field"),
        (b'{"name":"long"}', "missing_field"),
    ],
)
async def test_a_body_that_is_not_what_the_row_says_is_refused(site: Site, sent: bytes, code: str) -> None:
    status, answer = await site.ask("POST", "/wishes", "person", data=sent)
    assert (status, answer["code"]) == (400, code)


async def test_a_body_reaches_its_handler_and_the_row_says_the_status(site: Site) -> None:
    assert await site.ask("POST", "/wishes", "person", json={"name": "Mia"}) == (201, {"said": "Mia"})


@pytest.mark.parametrize(("asked", "said"), [("", "5"), ("?limit=7", "7"), ("?limit=7&other=x", "7")])
async def test_a_query_reaches_its_handler(site: Site, asked: str, said: str) -> None:
    assert await site.ask("GET", f"/pages{asked}") == (200, {"said": said})


@pytest.mark.parametrize("asked", ["?limit=0", "?limit=10", "?limit=x", "?limit="])
async def test_a_query_that_is_not_what_the_row_says_is_refused(site: Site, asked: str) -> None:
    status, answer = await site.ask("GET", f"/pages{asked}")
    assert (status, answer["code"]) == (400, "missing_field")


async def test_an_id_of_another_kind_is_not_found(site: Site) -> None:
    assert await site.ask("GET", "/toys/t_abc") == (200, {"said": "t_abc"})
    status, answer = await site.ask("GET", "/toys/p_abc")
    assert (status, answer["code"]) == (404, "not_found")


@pytest.mark.parametrize("odd", ["x", "t_", "t_A", "t_a.b", "..%2f..%2fetc", "t_" + "a" * 41, "t_%00"])
async def test_what_is_no_id_is_no_route(site: Site, odd: str) -> None:
    assert (await site.ask("GET", f"/toys/{odd}"))[0] == 404


async def test_nothing_is_204(site: Site) -> None:
    assert await site.ask("DELETE", "/toys/t_abc") == (204, None)


def test_the_last_word_of_a_name_says_what_it_looks_like() -> None:
    assert pattern_of("toy_id") == pattern_of("id")
