"""Two families, three grown-ups, two toys: a few days of their lives, over real sockets and HTTP only."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import argon2
import pytest
import pytest_asyncio

from tests.commands.running import call
from tests.end_to_end.conftest import settings_in
from tests.world import Clock
from toybackend.app import serving
from toybackend.client import Phone, Received, Toy
from toybackend.client.endpoint import Endpoint
from toybackend.errors import UnknownRecipient
from toybackend.house import House
from toybackend.models import BootState
from toybackend.protocol import Notice, Play, ServerFrame

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLIPS = Path(__file__).parents[1] / "clips"
VOICE = CLIPS / "hello_nb.amr"
VOICE_SECONDS = 3.46
SONG = CLIPS / "hello.m4a"
PASSWORD = "three brave little ducks"
BERLIN = ZoneInfo("Europe/Berlin")
PATIENCE = 20.0
SILENCE = 0.5


def berlin(text: str) -> int:
    """What a clock in Berlin shows, in milliseconds since the epoch."""
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp() * 1000)


class Grown:
    """A grown-up with a phone: its socket, everything that came over it, and HTTP in their name."""

    def __init__(self, phone: Phone, http: aiohttp.ClientSession, frames: list[ServerFrame]) -> None:
        self.phone = phone
        self._http = http
        self.frames = frames

    @property
    def id(self) -> str:
        return self.phone.id

    async def ask(self, method: str, path: str, expect: int = 200, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.phone.token}"}
        async with self._http.request(method, f"/api/v1{path}", headers=headers, **options) as reply:
            body = await reply.json() if reply.content_type.endswith("json") else await reply.read()
            assert reply.status == expect, (method, path, reply.status, body)
            return body

    def notices(self, event: str) -> list[Notice]:
        return [frame for frame in self.frames if isinstance(frame, Notice) and frame.event == event]


class Town:
    """The server, and whoever comes to it."""

    def __init__(self, house: House, clock: Clock, http: aiohttp.ClientSession, stack: AsyncExitStack) -> None:
        self.house = house
        self.clock = clock
        self.http = http
        self._stack = stack

    @property
    def url(self) -> str:
        return self.house.listeners.bound().http_url

    async def grown_up(self, name: str, *, registers: bool = True) -> Grown:
        if registers:
            reply = await self.http.post("/api/v1/accounts", json={"name": name, "password": PASSWORD})
            assert reply.status == 201
        frames: list[ServerFrame] = []
        phone = Phone(self.url, name, PASSWORD, watch=frames.append)
        return Grown(await self._stack.enter_async_context(phone), self.http, frames)

    @asynccontextmanager
    async def toy(self, licence: str) -> AsyncIterator[Toy]:
        async with Toy(self.url, licence) as switched_on:
            yield switched_on

    async def seconds_of(self, mp3: bytes) -> float:
        """How long it really is: decoded again, its samples counted."""
        async with self.house.audio.desk() as desk:
            file = desk / "heard.mp3"
            await asyncio.to_thread(file.write_bytes, mp3)
            folder = desk / "decoded"
            await asyncio.to_thread(folder.mkdir)
            return (await self.house.transcoder.convert(file, folder)).duration_ms / 1000

    async def prompt_seconds(self, toy: Toy) -> float:
        """What the toy says when it is switched on."""
        prompt = toy.boot.prompt
        assert prompt is not None and prompt.url is not None
        async with self.http.get(prompt.url) as reply:
            assert reply.status == 200
            return await self.seconds_of(await reply.read())


@pytest.fixture(scope="module")
def clock() -> Clock:
    stopped = Clock()
    stopped.now = berlin("2026-03-28T15:00")
    return stopped


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> AsyncIterator[Town]:
    settings = settings_in(tmp_path_factory.mktemp("story"))
    cheap = functools.partial(argon2.PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argon2, "PasswordHasher", cheap)
        operator = ("user", "add", "root", "--operator", "--data", settings.storage.data_dir)
        assert (await asyncio.to_thread(call, *operator, stdin=PASSWORD + "\n")).code == 0
        async with AsyncExitStack() as stack:
            house = await stack.enter_async_context(serving(settings, clock=clock))
            http = aiohttp.ClientSession(house.listeners.bound().http_url, cookie_jar=aiohttp.DummyCookieJar())
            await stack.enter_async_context(http)
            yield Town(house, clock, http, stack)


async def next_of(endpoint: Endpoint) -> Received:
    async with asyncio.timeout(PATIENCE):
        message = await anext(endpoint.messages())
        message.ack()
        return message


async def nothing_comes(endpoint: Endpoint) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(SILENCE):
            await anext(endpoint.messages())


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.02)


async def test_the_story(town: Town) -> None:
    root = await town.grown_up("root", registers=False)
    issued = await root.ask("POST", "/devices", 201, json={"count": 2})
    bear_licence, rabbit_licence = (one["license"] for one in issued["devices"])

    await _a_toy_without_a_licence(town)
    mum, dad, ann = [await town.grown_up(name) for name in ("mum", "dad", "ann")]
    async with town.toy(bear_licence) as bear:
        await _bear_finds_a_family(town, mum, bear)
        await _dad_joins(mum, dad, bear)
        async with town.toy(rabbit_licence) as rabbit:
            await _rabbit_finds_a_family(ann, rabbit)
            await _toys_talk_once_both_families_agree(town, mum, ann, bear, rabbit)
            await _the_family_group(town, mum, dad, bear)
        await _a_song_on_two_toys_of_which_one_is_off(town, mum, ann, bear)
        await _a_night_without_an_hour(town, mum, dad, bear)
        old_id = bear.id
        await _unbound(mum, dad, bear)
        await _the_new_owner_finds_nothing(town, ann, bear, old_id)


async def _a_toy_without_a_licence(town: Town) -> None:
    async with town.toy("0" * 32) as toy:
        assert toy.state is BootState.UNLICENSED
        assert await town.prompt_seconds(toy) > 1


async def _bear_finds_a_family(town: Town, mum: Grown, bear: Toy) -> None:
    assert bear.state is BootState.UNBOUND
    assert await town.prompt_seconds(bear) > 1
    assert bear.claim is not None
    token = bear.token
    bound = await mum.ask("POST", "/toys", 201, json={"claim": bear.claim.code, "name": "Bear"})
    async with asyncio.timeout(PATIENCE):
        await bear.wait_until_ready()
    assert (bear.id, bear.name, bear.token) == (bound["id"], "Bear", token)  # on the same socket, as the same one
    await _hears(town, mum, bear)


async def _hears(town: Town, mum: Grown, bear: Toy) -> None:
    """A voice, there and back."""
    sent = await mum.phone.send_voice(bear.id, VOICE)
    voice = await next_of(bear)
    assert await town.seconds_of(await bear.fetch(voice)) == pytest.approx(VOICE_SECONDS, abs=0.15)
    await bear.heard(voice)
    async with asyncio.timeout(PATIENCE):
        await sent.heard()
    await bear.reply(voice, VOICE)
    answer = await next_of(mum.phone)
    assert (answer.from_user, answer.from_name) == (bear.id, "Bear")


async def _dad_joins(mum: Grown, dad: Grown, bear: Toy) -> None:
    with pytest.raises(UnknownRecipient):
        await dad.phone.send_text(bear.id, "Hello")
    window = await mum.ask("POST", f"/toys/{bear.id}/guardians", 201)
    await dad.ask("POST", "/toys", 201, json={"claim": window["code"]})
    await dad.phone.send_text(bear.id, "Hello")
    assert (await next_of(bear)).msg == "Hello"
    guardians = (await dad.ask("GET", f"/toys/{bear.id}"))["guardians"]
    assert [(one["name"], one["role"]) for one in guardians] == [("mum", "owner"), ("dad", "co_guardian")]


async def _rabbit_finds_a_family(ann: Grown, rabbit: Toy) -> None:
    assert rabbit.claim is not None
    await ann.ask("POST", "/toys", 201, json={"claim": rabbit.claim.code, "name": "Rabbit"})
    async with asyncio.timeout(PATIENCE):
        await rabbit.wait_until_ready()


async def _toys_talk_once_both_families_agree(town: Town, mum: Grown, ann: Grown, bear: Toy, rabbit: Toy) -> None:
    with pytest.raises(UnknownRecipient):
        await bear.send_voice(rabbit.id, VOICE)
    asked = await mum.ask("POST", "/contacts", 201, json={"with": rabbit.id, "for": bear.id})
    await until(lambda: ann.notices("contact_request"))
    with pytest.raises(UnknownRecipient):  # one side is not enough
        await bear.send_voice(rabbit.id, VOICE)
    await mum.ask("POST", f"/contacts/{asked['id']}/accept", 403)
    await ann.ask("POST", f"/contacts/{asked['id']}/accept")
    await ann.ask("PATCH", f"/contacts/{asked['id']}", json={"nickname": "Brother Bear"})
    await until(lambda: mum.notices("contact_accepted"))
    await bear.send_voice(rabbit.id, VOICE)
    voice = await next_of(rabbit)
    assert (voice.from_user, voice.from_name) == (bear.id, "Brother Bear")
    assert await town.seconds_of(await rabbit.fetch(voice)) == pytest.approx(VOICE_SECONDS, abs=0.15)


async def _the_family_group(town: Town, mum: Grown, dad: Grown, bear: Toy) -> None:
    groups = (await mum.ask("GET", "/groups"))["groups"]
    [family] = [group for group in groups if group["kind"] == "family"]
    assert {member["id"] for member in family["members"]} == {mum.id, dad.id, bear.id}
    sent = await mum.phone.send_voice(family["id"], VOICE, group=True)
    for listener in (bear, dad.phone):
        voice = await next_of(listener)
        assert (voice.id, voice.to_group) == (sent.id, family["id"])
        assert await town.seconds_of(await listener.fetch(voice)) == pytest.approx(VOICE_SECONDS, abs=0.15)
    history = (await mum.ask("GET", f"/conversations/{family['id']}/messages"))["messages"]
    assert {one["to_user"] for one in history[0]["receipts"]} == {bear.id, dad.id}


async def _a_song_on_two_toys_of_which_one_is_off(town: Town, mum: Grown, ann: Grown, bear: Toy) -> None:
    [rabbit] = (await ann.ask("GET", "/toys"))["toys"]
    window = await ann.ask("POST", f"/toys/{rabbit['id']}/guardians", 201)
    await mum.ask("POST", "/toys", 201, json={"claim": window["code"]})  # Ann asks her to look after the rabbit
    form = aiohttp.FormData({"title": "Lullaby", "category": "songs"})
    form.add_field("audio", await asyncio.to_thread(SONG.read_bytes), filename="song.m4a")
    item = await mum.ask("POST", "/library", 202, data=form)
    async with asyncio.timeout(PATIENCE):
        while item["state"] != "ready":
            item = await mum.ask("GET", f"/library/{item['id']}")
    wanted = {"toy_ids": [bear.id, rabbit["id"]], "item_id": item["id"]}
    results = (await mum.ask("POST", "/playback", json=wanted))["results"]
    assert [one["result"] for one in results] == ["playing", "offline"]
    playback = bear.playback()
    async with asyncio.timeout(PATIENCE):
        play = await anext(playback)
        assert isinstance(play, Play) and play.title == "Lullaby"
        assert await town.seconds_of(await bear.fetch(play)) == pytest.approx(item["duration_ms"] / 1000, abs=0.15)
        await mum.ask("POST", "/playback/stop", json={"toy_ids": [bear.id]})
        assert await anext(playback) is None


async def _a_night_without_an_hour(town: Town, mum: Grown, dad: Grown, bear: Toy) -> None:
    """In this night the clocks go from 2:00 to 3:00, and the bear sleeps until 7:00 as it does in every night."""
    every_night = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "20:00", "end": "07:00"}
    quiet = {"time_zone": "Europe/Berlin", "quiet_hours": [every_night], "volume_cap": 60, "autoplay": False}
    await dad.ask("PATCH", f"/toys/{bear.id}", json=quiet)
    await until(lambda: bear.settings is not None and bear.settings.volume_cap == 60)
    assert bear.settings is not None and not bear.settings.autoplay
    town.clock.now = berlin("2026-03-29T01:30")
    await until(lambda: bear.settings is not None and bear.settings.quiet_until == "2026-03-29T05:00:00.000Z")

    first = await mum.phone.send_voice(bear.id, VOICE)
    await mum.phone.send_text(bear.id, "Good morning")
    await until(lambda: first.held_until is not None)
    assert first.held_until == datetime.fromisoformat("2026-03-29T07:00+02:00")
    await nothing_comes(bear)
    await dad.phone.send_text(bear.id, "Wake up", now=True)  # what may not wait, goes past them
    assert (await next_of(bear)).msg == "Wake up"
    town.clock.now = berlin("2026-03-29T06:59:59")
    await nothing_comes(bear)

    town.clock.now = berlin("2026-03-29T07:00")
    held = [await next_of(bear), await next_of(bear)]
    assert [one.id for one in held] == [first.id, held[1].id]
    assert held[1].msg == "Good morning"
    assert await town.seconds_of(await bear.fetch(held[0])) == pytest.approx(VOICE_SECONDS, abs=0.15)
    await until(lambda: bear.settings is not None and bear.settings.quiet_until is None)


async def _unbound(mum: Grown, dad: Grown, bear: Toy) -> None:
    old_id = bear.id  # soon it is a toy that waits for a family again
    link = next(frame.url for frame in mum.frames if hasattr(frame, "url"))
    await dad.ask("DELETE", f"/toys/{old_id}", 403)
    gone = await mum.ask("DELETE", f"/toys/{old_id}")
    assert gone["rows"]["messages"] > 5 and gone["files"] > 5
    await until(lambda: bear.state is BootState.UNBOUND)
    await until(lambda: dad.notices("unbound"))
    await mum.ask("GET", f"/toys/{old_id}", 404)
    with pytest.raises(UnknownRecipient):
        await mum.phone.send_text(old_id, "Are you there?")
    async with aiohttp.ClientSession() as http, http.get(link) as reply:
        assert reply.status == 410


async def _the_new_owner_finds_nothing(town: Town, ann: Grown, bear: Toy, old_id: str) -> None:
    await until(lambda: bear.claim is not None and bear.id not in ("", old_id))
    assert bear.claim is not None
    view = await ann.ask("POST", "/toys", 201, json={"claim": bear.claim.code, "name": "Teddy"})
    async with asyncio.timeout(PATIENCE):
        await bear.wait_until_ready()
    assert view["id"] == bear.id != old_id
    assert (view["child_name"], view["settings"]["volume_cap"], view["settings"]["quiet_hours"]) == ("", 80, [])
    assert view["settings"]["autoplay"]
    assert [one["name"] for one in view["guardians"]] == ["ann"]
    contacts = (await ann.ask("GET", f"/contacts?for={bear.id}"))["contacts"]
    history = (await ann.ask("GET", f"/conversations/{bear.id}/messages"))["messages"]
    assert (contacts, history) == ([], [])
    assert bear.welcome is not None and bear.welcome.unread == 0
    await nothing_comes(bear)
