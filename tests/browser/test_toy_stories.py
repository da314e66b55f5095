"""What the web toy promises to a family: it obeys, is silent at night, loses nothing and keeps nothing of others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.chromium import SPEECH, Contexts, speak_again_and_again
from tests.browser.ear import heard, wait_for_sounds
from tests.browser.eventually import PATIENCE, Seen, eventually
from tests.browser.people import PASSWORD, SLOW, ToyTab
from tests.browser.restartable import Restartable
from tests.browser.watch import Watch
from tests.world import new_id
from toybackend.client.licence import device_id
from toybackend.client.outbox import Sent
from toybackend.client.phone import Phone
from toybackend.models import DeviceId

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVERY_DAY = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ALWAYS = [{"days": EVERY_DAY, "start": "00:00", "end": "00:00"}]

HIDE_THE_SERVER = """() => {
    window.realSocket = WebSocket;
    window.WebSocket = class {
        constructor() { setTimeout(() => this.onclose({ code: 1006 })); }
        close() {}
        static OPEN = 1;
    };
    dispatchEvent(new Event("offline"));
}"""
SHOW_THE_SERVER = """() => {
    window.WebSocket = window.realSocket;
    dispatchEvent(new Event("online"));
}"""
SET_THE_CLOCK = """(minutes) => {
    const now = Date.now;
    Date.now = () => now() + minutes * 60_000;
}"""
HOLD_THE_START = """() => {
    const digest = crypto.subtle.digest.bind(crypto.subtle);
    const held = new Promise((resolve) => (window.letStart = resolve));
    crypto.subtle.digest = async (...given) => (await held, digest(...given));
}"""


@dataclass(frozen=True, slots=True)
class Home:
    """A mum with her phone, and her toy in the browser. `long` is a sound of some twenty seconds."""

    mum: Phone
    bear: ToyTab
    toy_id: str
    long: Path

    @property
    def page(self) -> Page:
        return self.bear.page

    async def change(self, **settings: object) -> None:
        await self.mum.api.call("PATCH", f"/toys/{self.toy_id}", settings, token=self.mum.token)

    async def say(self, sound: Path = SPEECH, *, now: bool = False) -> Sent:
        return await self.mum.send_voice(self.toy_id, sound, now=now)

    async def unbind(self) -> None:
        await self.mum.api.call("DELETE", f"/toys/{self.toy_id}", token=self.mum.token)

    async def plays(self, kind: str) -> None:
        await expect(self.page.locator("#toy")).to_have_attribute("data-playing", kind, timeout=SLOW)

    @property
    def lamp(self) -> Any:
        """To be pressed; only there while something waits."""
        return self.page.locator("[data-press]")

    async def volume(self) -> float:
        return round(float(await self.page.locator("audio[data-voice]").evaluate("(audio) => audio.volume")), 2)

    async def traces(self) -> list[str]:
        """What is kept in this browser of a toy of some family."""
        names = await self.page.evaluate("indexedDB.databases().then((all) => all.map((one) => one.name))")
        return sorted(name.rpartition(".")[0] for name in names)


@pytest_asyncio.fixture(loop_scope="session")
async def home(browser_context: Contexts, server: Restartable, tmp_path: Path) -> AsyncIterator[Home]:
    name = new_id("mum")
    await server.house.accounts.add(name, PASSWORD)
    bear = await ToyTab.unpack(browser_context, server)
    await bear.switch_on()
    long = await asyncio.to_thread(speak_again_and_again, tmp_path / "long.wav", 6)
    async with Phone(server.url, name, PASSWORD) as mum:
        claim = {"claim": await bear.code(), "name": "Bear"}
        toy = await mum.api.call("POST", "/toys", claim, token=mum.token)
        await bear.is_now("ready")
        yield Home(mum, bear, toy["id"], long)


async def within(awaited: Awaitable[Seen]) -> Seen:
    return await asyncio.wait_for(awaited, PATIENCE)


async def test_what_waits_for_a_press_survives_a_reload(home: Home) -> None:
    await home.change(autoplay=False)
    first, second = await home.say(), await home.say()
    await within(second.delivered())
    await expect(home.lamp).to_have_attribute("data-count", "2")
    assert await heard(home.page, "message") == []

    await home.page.reload()
    await home.bear.switch_on_again()
    await expect(home.lamp).to_have_attribute("data-count", "2")
    await home.lamp.click()
    for sound in await wait_for_sounds(home.page, 2, "message"):
        assert sound.is_whole and not sound.is_silent
    await within(first.heard())
    await within(second.heard())
    await expect(home.lamp).to_have_count(0)


async def test_switched_off_while_it_plays_it_is_silent_and_begins_anew_later(home: Home) -> None:
    sent = await home.say(home.long)
    await home.plays("message")
    await home.bear.switch_off()
    await home.plays("")
    assert await home.page.locator("audio[data-voice]").evaluate("(audio) => audio.paused")
    assert not sent.heard_by and await heard(home.page, "message") == []

    await home.bear.switch_on_again()
    await home.plays("message")
    assert await home.page.locator("audio[data-voice]").evaluate("(audio) => audio.currentTime") < 5


async def test_a_volume_cap_is_obeyed_at_once(home: Home) -> None:
    await home.say(home.long)
    await home.plays("message")
    before = await home.volume()
    await home.change(volume_cap=30)
    assert await eventually(home.volume, lambda volume: volume != before) == 0.3
    await home.plays("message")
    await home.page.get_by_role("slider", name="Volume").fill("50")
    assert await home.volume() == 0.15


async def test_at_night_there_is_no_sound(home: Home) -> None:
    await home.change(quiet_hours=ALWAYS)
    await home.bear.is_now("asleep")
    await home.page.reload()
    await home.bear.switch_on_again()
    await home.bear.is_now("asleep")
    for_the_morning = await home.say()
    assert "← voice" not in await home.bear.diary()
    assert await heard(home.page) == []
    await home.plays("")

    urgent = await home.say(now=True)
    await within(urgent.heard())
    await within(for_the_morning.heard())  # with the urgent one, which came after it
    await home.bear.is_now("asleep")
    await home.change(quiet_hours=[])
    await home.bear.is_now("ready")
    # That there is a message is said; that the toy was switched on, and woke up, is not.
    assert [sound.kind for sound in await heard(home.page)] == ["prompt", "message", "message"]


async def test_a_rest_begins_and_ends_while_the_server_is_away(home: Home) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=60)
    rest = {"days": EVERY_DAY, "start": f"{soon:%H:%M}", "end": f"{soon + timedelta(hours=2):%H:%M}"}
    await home.change(time_zone="UTC", quiet_hours=[rest])
    await home.say(home.long)
    await within((await home.say()).delivered())
    await home.plays("message")
    await home.page.evaluate(HIDE_THE_SERVER)
    await home.bear.is_now("away")
    toy = home.page.locator("#toy")
    await expect(toy).to_have_attribute("data-light", "day")

    await home.page.evaluate(SET_THE_CLOCK, 90)
    await expect(toy).to_have_attribute("data-light", "night")
    await expect(home.lamp).to_have_count(1)  # the second one waits
    await home.page.evaluate(SET_THE_CLOCK, 120)
    await expect(toy).to_have_attribute("data-light", "day")
    await expect(home.lamp).to_have_count(0)
    await home.bear.is_now("away")


async def test_in_two_tabs_the_same_toy_is_in_the_last_one(home: Home, server: Restartable) -> None:
    await home.change(autoplay=False)
    await within((await home.say()).delivered())
    await expect(home.lamp).to_have_count(1)
    other = await ToyTab.open(await home.page.context.new_page(), server, home.bear.licence)
    await other.switch_on_again()
    await other.is_now("ready")
    await home.bear.is_now("off")
    await expect(home.bear.bubble).to_have_text("This toy is switched on somewhere else.")
    await expect(home.lamp).to_have_count(0)
    await expect(other.page.locator("[data-press]")).to_have_count(1)


async def test_let_go_while_it_is_away_it_keeps_nothing_of_its_family(home: Home) -> None:
    await home.change(autoplay=False)
    await within((await home.say()).delivered())
    await home.page.evaluate(HIDE_THE_SERVER)
    await home.bear.is_now("away")
    await home.bear.answer()
    await expect(home.bear.bubble).to_have_text("I will pass it on as soon as I can.")
    assert await home.traces() == ["toybackend.mail", "toybackend.outbox"]

    await home.unbind()
    await home.page.evaluate(SHOW_THE_SERVER)
    await home.bear.is_now("unbound")
    await expect(home.lamp).to_have_count(0)
    await expect(home.page.get_by_role("heading", level=1)).to_have_text("A toy")
    await eventually(home.traces, lambda left: left == [])


async def test_let_go_while_it_is_off_it_keeps_nothing_of_its_family(home: Home) -> None:
    await home.change(autoplay=False)
    await within((await home.say()).delivered())
    await home.page.reload()
    await home.unbind()
    assert await home.traces() == ["toybackend.mail", "toybackend.outbox"]
    await home.bear.switch_on_again()
    await home.bear.is_now("unbound")
    await expect(home.lamp).to_have_count(0)
    await eventually(home.traces, lambda left: left == [])


async def test_without_a_licence_it_keeps_nothing_of_its_family(home: Home, server: Restartable, watch: Watch) -> None:
    await home.change(autoplay=False)
    await within((await home.say()).delivered())
    await expect(home.lamp).to_have_count(1)
    await server.house.devices.revoke(DeviceId(device_id(home.bear.licence)))
    await home.bear.is_now("unlicensed")
    await expect(home.lamp).to_have_count(0)
    await eventually(home.traces, lambda left: left == [])
    watch.take("403")  # which is how an unlicensed toy is answered


async def test_switched_off_while_it_starts_it_stays_off(browser_context: Contexts, server: Restartable) -> None:
    bear = await ToyTab.unpack(browser_context, server)
    asked: list[str] = []
    bear.page.on("request", lambda request: asked.append(request.url))
    bear.page.on("websocket", lambda socket: asked.append(socket.url))
    await bear.page.evaluate(HOLD_THE_START)
    await bear.switch_on()
    await bear.is_now("starting")
    await bear.switch_off()
    await bear.page.evaluate("() => letStart()")
    await bear.switch_on_again()
    await bear.is_now("unbound")
    assert len([url for url in asked if "authorize" in url]) == 1

    async def sockets() -> int:
        return len([url for url in asked if url.startswith("ws")])

    assert await eventually(sockets, lambda count: count > 0) == 1  # the browser may tell of it a little later


async def test_for_nobody_nothing_is_recorded(home: Home) -> None:
    await home.page.route("**/api/v1/conversations", lambda route: route.fulfill(json={"conversations": []}))
    await home.page.reload()
    await home.bear.switch_on_again()
    await home.bear.is_now("ready")
    await home.bear.paw.click()
    await expect(home.bear.bubble).to_have_text("I have nobody to talk to yet. Try again in a moment.")
    await expect(home.page.get_by_role("timer")).to_have_count(0)

    await home.page.unroute("**/api/v1/conversations")
    await home.bear.paw.click()
    await expect(home.page.get_by_role("button", name="Hold to talk to your family")).to_be_visible()
    await home.bear.answer()
    assert (await within(anext(home.mum.messages()))).from_user == home.toy_id
