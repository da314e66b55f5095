"""The authority table, walked: every route and every frame × every actor."""

from __future__ import annotations

import asyncio
import itertools
import typing
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient
from sqlalchemy import event
from sqlalchemy.engine import Engine
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.end_to_end.authority import ACTORS, MP3, NOBODY, Town, build
from tests.web.fakes import Server
from tests.world import known_pages
from toybackend.app import serving, web_rooms
from toybackend.house import House, open_house
from toybackend.protocol import (
    Accepted,
    Ack,
    Cancel,
    ClientFrame,
    Error,
    HaveHeard,
    Hello,
    TextMessage,
    VoiceHeader,
    encode_client_frame,
    parse_server_frame,
)
from toybackend.web.application import ROUTES, make_web_app
from toybackend.web.routing import Route, path_names

pytestmark = pytest.mark.asyncio(loop_scope="module")

TABLE = Path(__file__).with_name("authority.txt")
FRAME = "FRAME"
MADE_UP = "zzzzzzzzzz"


def read_table() -> dict[tuple[str, str], dict[str, str]]:
    """Rows by method and path, or by FRAME and its name; cells by actor."""
    lines = [line.split() for line in TABLE.read_text().splitlines() if line.strip() and not line.startswith("#")]
    actors, *rows = lines
    return {(kind, name): dict(zip(actors, cells, strict=True)) for kind, name, *cells in rows}


EXPECTED = read_table()
ROUTE_ROWS = {row: cells for row, cells in EXPECTED.items() if row[0] != FRAME}
FRAME_ROWS = {row[1]: cells for row, cells in EXPECTED.items() if row[0] == FRAME}

_numbers = itertools.count()


# ── what is asked ──

Asked = dict[str, Any]
PASSWORD = "a rather long pass phrase"

REQUESTS: dict[tuple[str, str], Callable[[Town, str], Asked]] = {
    ("POST", "/accounts"): lambda town, actor: {"json": {"name": f"new {next(_numbers)}", "password": PASSWORD}},
    ("POST", "/sessions"): lambda town, actor: {"json": {"name": f"none {next(_numbers)}", "password": PASSWORD}},
    ("PATCH", "/me"): lambda town, actor: {"json": {"name": f"new {next(_numbers)}"}},
    ("PUT", "/me/password"): lambda town, actor: {"json": {"old": "wrong", "new": PASSWORD}},
    ("POST", "/invitations"): lambda town, actor: {"json": {"count": 1}},
    ("POST", "/devices/authorize"): lambda town, actor: {"json": {"license": town.ids["waiting_licence"]}},
    ("POST", "/devices/challenge"): lambda town, actor: {"json": {"device_id": town.ids["device_id"]}},
    ("POST", "/devices"): lambda town, actor: {"json": {"count": 1}},
    ("POST", "/devices/import"): lambda town, actor: {"json": {"licenses": ["0" * 32]}},
    ("POST", "/devices/find"): lambda town, actor: {"json": {"license": town.ids["bear_licence"]}},
    ("POST", "/toys"): lambda town, actor: {"json": {"claim": town.ids["waiting_claim"], "name": "Rabbit"}},
    ("PATCH", "/toys/{toy_id}"): lambda town, actor: {"json": {"volume_cap": 40}},
    ("POST", "/toys/{toy_id}/consent"): lambda town, actor: {"json": {"version": town.ids["consent"]}},
    ("POST", "/contacts"): lambda town, actor: {"json": {"with": _other_family(town, actor)}},
    ("PATCH", "/contacts/{contact_id}"): lambda town, actor: {"json": {"nickname": "Auntie"}},
    ("POST", "/groups"): lambda town, actor: {"json": {"name": "Trip", "members": [town.ids["bear"]]}},
    ("PATCH", "/groups/{group_id}"): lambda town, actor: {"json": {"name": "Monday"}},
    ("POST", "/groups/{group_id}/members"): lambda town, actor: {"json": {"id": town.ids["bear"]}},
    ("POST", "/library"): lambda town, actor: {"data": _upload()},
    ("PATCH", "/library/{item_id}"): lambda town, actor: {"json": {"title": "Song"}},
    ("POST", "/playback"): lambda town, actor: {
        "json": {"toy_ids": [town.ids["bear"]], "item_id": town.ids["item_id"]}
    },
    ("POST", "/playback/stop"): lambda town, actor: {"json": {"toy_ids": [town.ids["bear"]]}},
}
"""The bodies, for the routes that take one."""


def _other_family(town: Town, actor: str) -> str:
    """Those who guard the bear ask somebody else; all others ask for the bear."""
    return town.ids["stranger" if actor in ("owner", "co_guardian") else "bear"]


def _upload() -> aiohttp.FormData:
    form = aiohttp.FormData()
    form.add_field("title", "Song")
    form.add_field("category", "songs")
    form.add_field("audio", MP3.read_bytes(), filename="song.mp3", content_type="audio/mpeg")
    return form


def request_of(route: Route, town: Town, actor: str) -> Asked:
    key = (route.method, route.path.removeprefix("/api/v1"))
    needs_body = route.body is not None or route.upload is not None
    assert needs_body is (key in REQUESTS), f"{key}: say in REQUESTS what is asked, if it takes a body"
    return REQUESTS[key](town, actor) if needs_body else {}


def path_of(route: Route, ids: dict[str, str]) -> str:
    contact_id = ids["asked_id" if route.path.endswith("/accept") else "contact_id"]
    asset = {"assets_digest": known_pages().digest, "asset_path": "web_app/main.js"}
    return route.path.format_map({**ids, **asset, "contact_id": contact_id, "name": "ready"})


# ── the house ──


@dataclass
class Site:
    """The routes of a copy of the town, which is thrown away when something was changed in it."""

    town: Town
    folder: Path
    client: TestClient[Any, Any] | None = None
    _stack: AsyncExitStack | None = None

    async def ask(self, method: str, path: str, actor: str, asked: Asked) -> tuple[int, bytes]:
        """Status and body."""
        if self.client is None:
            await self.open()
        assert self.client is not None
        shown = self.town.tokens.get(actor)
        headers = {"Authorization": f"Bearer {shown}"} if shown else {}
        async with self.client.request(method, path, headers=headers, **asked) as reply:
            return reply.status, await reply.read()

    async def open(self) -> None:
        self._stack = AsyncExitStack()
        settings = self.town.copy(self.folder / f"copy{next(_numbers)}")
        house = await self._stack.enter_async_context(open_house(settings))
        app = make_web_app(web_rooms(house), house.metrics, known_pages())
        self.client = await self._stack.enter_async_context(TestClient(Server(app)))

    async def close(self) -> None:
        if self._stack is not None:
            await self._stack.aclose()
        self.client = self._stack = None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory, cheap_hashes: None) -> Town:
    await asyncio.to_thread(known_pages)  # from now on they are known
    return await build(tmp_path_factory.mktemp("town") / "data")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(town: Town, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    opened = Site(town, tmp_path_factory.mktemp("copies"))
    yield opened
    await opened.close()


# ── routes ──


async def test_every_route_has_a_row_and_every_row_a_route() -> None:
    assert set(ROUTE_ROWS) == {(route.method, route.path) for route in ROUTES}
    assert all(list(cells) == list(ACTORS) for cells in EXPECTED.values())


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_a_route_answers_each_actor_as_the_table_says(route: Route, site: Site) -> None:
    found = {}
    for actor in ACTORS:
        status, _ = await site.ask(
            route.method, path_of(route, site.town.ids), actor, request_of(route, site.town, actor)
        )
        found[actor] = str(status)
        if status < 300 and route.method != "GET":
            await site.close()  # the next one finds everything as it was
    assert found == ROUTE_ROWS[route.method, route.path]


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if path_names(route.path)], ids=lambda route: f"{route.method} {route.path}"
)
async def test_what_is_not_yours_looks_like_what_does_not_exist(route: Route, site: Site) -> None:
    """Status and body, to a byte; and what the database is asked, so that the time of the answer says no more than its
    words. `bench/timing.py` measures that."""
    made_up = {name: f"{known[:2]}{MADE_UP}" for name, known in site.town.ids.items()}
    for actor, expected in ROUTE_ROWS[route.method, route.path].items():
        if expected != "404":
            continue
        if site.client is None:
            await site.open()  # which asks the database too
        answers, questions = [], []
        for ids in (site.town.ids, made_up):
            with listened_to_database() as heard:
                asked = request_of(route, site.town, actor)
                answers.append(await site.ask(route.method, path_of(route, ids), actor, asked))
            questions.append(heard)
        assert answers[0] == answers[1], actor
        assert questions[0] == questions[1], actor


@contextmanager
def listened_to_database() -> Iterator[list[str]]:
    """Every statement that is executed meanwhile."""
    heard: list[str] = []

    def hear(connection: object, cursor: object, statement: str, *_: object) -> None:
        heard.append(statement)

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(Engine, "before_cursor_execute", hear)


# ── frames ──

FRAMES: dict[str, Callable[[Town, str], ClientFrame]] = {
    "hello": lambda town, actor: Hello(token="x"),
    "voice": lambda town, actor: VoiceHeader(to_user=_bear_or_owner(town, actor)),
    "voice_now": lambda town, actor: VoiceHeader(to_user=_bear_or_owner(town, actor), now=True),
    "text": lambda town, actor: TextMessage(to_user=_bear_or_owner(town, actor), msg="Hello"),
    "text_to_group": lambda town, actor: TextMessage(to_group=town.ids["group_id"], msg="Hello"),
    "ack": lambda town, actor: Ack(id=town.ids["message_id"]),
    "heard": lambda town, actor: HaveHeard(id=town.ids["message_id"]),
    "cancel": lambda town, actor: Cancel(),
}


def _bear_or_owner(town: Town, actor: str) -> str:
    return town.ids["owner" if actor == "bear" else "bear"]


async def test_every_frame_has_a_row() -> None:
    town = Town(Path(), {}, typing.cast(dict[str, str], _AnyId()))
    kinds = {type(make(town, "owner")) for make in FRAMES.values()}
    assert kinds == set(typing.get_args(ClientFrame))
    assert FRAMES.keys() == FRAME_ROWS.keys()


class _AnyId:
    def __getitem__(self, name: str) -> str:
        return name


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(town: Town, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with serving(town.copy(tmp_path_factory.mktemp("frames") / "data")) as house:
        yield house


@pytest.mark.parametrize("name", FRAMES)
async def test_a_frame_is_answered_to_each_actor_as_the_table_says(name: str, town: Town, server: House) -> None:
    found = {actor: await _answer(server, town, actor, name) for actor in ACTORS}
    assert found == FRAME_ROWS[name]


async def _answer(server: House, town: Town, actor: str, name: str) -> str:
    frame = FRAMES[name](town, actor)
    try:
        async with _socket(server, town, actor) as socket:
            await socket.send(encode_client_frame(frame))
            if isinstance(frame, VoiceHeader):
                await socket.send(MP3.read_bytes())
            await socket.send('{"type":"no such type"}')  # its answer comes last
            return await _first_answer(socket)
    except ConnectionClosed as closed:
        assert closed.rcvd is not None
        return str(closed.rcvd.code)


async def _first_answer(socket: ClientConnection) -> str:
    async for text in socket:
        frame = parse_server_frame(text)
        if isinstance(frame, Accepted):
            return "accepted"
        if isinstance(frame, Error):
            return "nothing" if frame.code == "unknown_type" else frame.code
    raise AssertionError("the socket ended")


@asynccontextmanager
async def _socket(server: House, town: Town, actor: str) -> AsyncIterator[ClientConnection]:
    path = "/toy" if actor in ("waiting", "bear", "other_toy") else "/app"
    shown = "wrong" if actor == NOBODY else town.tokens[actor]
    url = server.listeners.bound().ws_url + path
    async with connect(url, additional_headers={"Authorization": f"Bearer {shown}"}, compression=None) as socket:
        yield socket
