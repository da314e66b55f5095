"""A parent with the app in their hand, and a toy in its own page, so that a test reads like what they do."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from playwright.async_api import FloatRect, Locator, Page, expect

from tests.browser.chromium import Contexts
from tests.browser.eventually import PATIENCE
from tests.browser.restartable import Restartable
from tests.world import new_id

PASSWORD = "correct horse battery"
SLOW = PATIENCE * 1000
"""Milliseconds for whatever needs the server, and perhaps a conversion."""


@dataclass(frozen=True, slots=True)
class Parent:
    """Somebody who uses the family's app as a person does: by what is written on it."""

    page: Page
    server: Restartable
    name: str

    # ── coming in ──

    @staticmethod
    async def register(contexts: Contexts, server: Restartable, name: str = "mum", **options: Any) -> Parent:
        """In a browser of their own, with the options of `contexts`; the name is made unique."""
        parent = await Parent._with_browser(contexts, server, new_id(name), **options)
        await parent.page.goto(server.url)
        await parent.page.get_by_role("button", name="I am new here").click()
        await parent.fill_in("Make an account")
        return parent

    @staticmethod
    async def settled(contexts: Contexts, server: Restartable, name: str = "mum", **options: Any) -> Parent:
        """The same without a form, for what is not about coming in."""
        parent = await Parent._with_browser(contexts, server, new_id(name), **options)
        api, page = f"{server.url}/api/v1", parent.page
        answer = await page.context.request.post(f"{api}/accounts", data={"name": parent.name, "password": PASSWORD})
        assert answer.ok, answer.status
        await page.goto(f"{api}/config")
        account_id = (await answer.json())["account"]["id"]
        await page.evaluate("(id) => localStorage.setItem('toybackend.account', id)", account_id)
        await page.goto(server.url)
        await expect(parent.heading).to_have_text("Chats")
        return parent

    @staticmethod
    async def log_in(contexts: Contexts, other: Parent) -> Parent:
        """The same person in another browser."""
        return await Parent.enter(contexts, other.server, other.name)

    @staticmethod
    async def enter(contexts: Contexts, server: Restartable, name: str) -> Parent:
        """Somebody who has an account already, in a browser of their own."""
        parent = await Parent._with_browser(contexts, server, name)
        await parent.page.goto(server.url)
        await parent.fill_in("Log in")
        return parent

    @staticmethod
    async def _with_browser(contexts: Contexts, server: Restartable, name: str, **options: Any) -> Parent:
        context = await contexts(**options)
        return Parent(await context.new_page(), server, name)

    async def fill_in(self, deed: str) -> None:
        """The entrance: their name, their password, and go."""
        await self.page.get_by_label("Name").fill(self.name)
        await self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        await self.page.get_by_role("button", name=deed, exact=True).click()
        await expect(self.heading).to_have_text("Chats")

    # ── around in the app ──

    @property
    def heading(self) -> Locator:
        return self.page.get_by_role("heading", level=1)

    @property
    def connection(self) -> Locator:
        """What is said of it; hidden while there is one."""
        return self.page.locator(".connection")

    @property
    def toast(self) -> Locator:
        return self.page.locator(".toasts")

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    async def go(self, tab: str) -> None:
        """To one of the five tabs; from wherever they are."""
        await self.page.evaluate("(path) => { location.hash = path; }", f"#/{tab}")

    async def ask(self, path: str) -> Any:
        """What the server tells them, beside the page."""
        answer = await self.page.context.request.get(f"{self.server.url}/api/v1{path}")
        assert answer.ok, answer.status
        return await answer.json()

    # ── toys ──

    async def add_toy(self, code: str, name: str = "Bear") -> None:
        """Type its code, and name it."""
        await self.type_code(code)
        await self.page.get_by_label("Name of the toy").fill(name)
        await self.page.get_by_role("button", name="Take it home").click()
        await expect(self.page.get_by_role("heading", name=f"{name} is home")).to_be_visible()

    async def join_toy(self, code: str) -> None:
        """By the code that its owner shows."""
        await self.type_code(code)
        await expect(self.page.get_by_role("link", name="Say hello")).to_be_visible()

    async def type_code(self, code: str) -> None:
        await self.go("toys")
        await self.page.get_by_role("link", name="Add a toy").first.click()
        await self.page.get_by_label("Code of the toy").fill(code)
        await self.page.get_by_role("button", name="Go on").click()

    async def own_toy(self, name: str = "Bear", licence: str = "") -> str:
        """Take one home beside the page, for what is not about that; it is switched off. Its id."""
        house = self.server.house
        boot = await house.devices.power_on(licence or await issue_licence(self.server))
        assert boot.claim
        account = await house.accounts.find(self.name)
        return (await house.toys.bind(account.id, boot.claim.code, name)).id

    async def open_toy(self, name: str = "Bear") -> None:
        await self.go("toys")
        await expect(self.heading).to_have_text("Toys")
        await self.page.get_by_role("main").get_by_role("link", name=name).click()
        await expect(self.heading).to_have_text(name)

    # ── a chat ──

    async def open_chat(self, name: str = "Bear", *, is_group: bool = False) -> None:
        """Of a toy, or a person; or of the family of that toy."""
        await self.go("chats")
        row = self.page.get_by_role("main").get_by_role("listitem").filter(has_text=name)
        group = self.page.get_by_text("Family group")
        await (row.filter(has=group) if is_group else row.filter(has_not=group)).get_by_role("link").click()
        await expect(self.talk).to_be_visible()

    @property
    def talk(self) -> Locator:
        return self.page.get_by_role("button", name="Hold to talk")

    @property
    def bubbles(self) -> Locator:
        return self.page.get_by_role("log").locator("[data-state]")

    @property
    def note(self) -> Locator:
        """What is said of the recording."""
        return self.page.get_by_role("region", name="Write or talk").get_by_role("status")

    @property
    def timer(self) -> Locator:
        return self.page.get_by_role("timer")

    async def write(self, words: str) -> None:
        await self.page.get_by_role("textbox", name="Message").fill(words)
        await self.page.get_by_role("button", name="Send", exact=True).click()

    async def say(self, seconds: int = 1) -> None:
        """Hold the button for so long, and let go."""
        async with holding(self.page, self.talk):
            await expect(self.timer).to_have_text(f"0:0{seconds}")

    def newest(self, *words: str) -> Locator:
        """Their latest bubble, if it says this."""
        found = self.bubbles.last
        for word in words:
            found = found.filter(has_text=word)
        return found

    async def messages(self) -> list[dict[str, Any]]:
        """Of the chat that is open, as the server has them: newest first."""
        chat = self.page.url.rpartition("/")[2]
        return list((await self.ask(f"/conversations/{chat}/messages?limit=100"))["messages"])

    async def play_newest(self) -> None:
        await self.bubbles.last.get_by_role("button", name="Play voice message").click()


@dataclass(frozen=True, slots=True)
class ToyTab:
    """A toy: the page `/toy`, and its licence."""

    page: Page
    server: Restartable
    licence: str

    @staticmethod
    async def unpack(contexts: Contexts, server: Restartable, **options: Any) -> ToyTab:
        """A new one in a browser of its own, with the options of `contexts` and a licence of this house; it is off."""
        context = await contexts(**options)
        return await ToyTab.open(await context.new_page(), server, await issue_licence(server))

    @staticmethod
    async def open(page: Page, server: Restartable, licence: str) -> ToyTab:
        await page.goto(f"{server.url}/toy")
        return ToyTab(page, server, licence)

    async def switch_on(self) -> None:
        """For the first time in this tab."""
        known = self.page.get_by_label("Which toy?")
        if await known.count():
            await known.select_option("Another toy…")
        await self.page.get_by_label("Licence of the toy").fill(self.licence)
        await self.switch_on_again()

    async def switch_on_again(self) -> None:
        """As what it was before."""
        await self.page.get_by_role("switch", name="Switch on").click()

    async def switch_off(self) -> None:
        await self.page.get_by_role("switch", name="Switch off").click()
        await self.is_now("off")

    async def is_now(self, state: str) -> None:
        """Wait until it is: off, unlicensed, unbound, ready, asleep or away."""
        await expect(self.page.locator("#toy")).to_have_attribute("data-state", state, timeout=SLOW)

    async def code(self) -> str:
        """What it shows to whoever wants to take it home."""
        await self.is_now("unbound")
        return await self.page.locator("[data-claim]").inner_text()

    @property
    def sign(self) -> Locator:
        """On which it shows a text."""
        return self.page.locator(".board-words")

    @property
    def bubble(self) -> Locator:
        """What it says in words."""
        return self.page.get_by_role("status").first

    @property
    def paw(self) -> Locator:
        return self.page.get_by_role("button", name="Hold to")

    async def diary(self) -> list[str]:
        """What it did last, such as `← heard`, the latest first."""
        await self.page.get_by_role("button", name="What the toy does").click()
        notes = await self.page.get_by_role("dialog").get_by_role("code").all_inner_texts()
        await self.page.get_by_role("button", name="Close").click()
        return notes

    async def answer(self, seconds: int = 1) -> None:
        async with holding(self.page, self.paw):
            await expect(self.page.get_by_role("timer")).to_have_text(f"0:0{seconds}")


async def issue_licence(server: Restartable) -> str:
    [(_, licence)] = [one async for batch in server.house.devices.issue(1) for one in batch]
    return licence


@contextlib.asynccontextmanager
async def holding(page: Page, button: Locator) -> AsyncIterator[FloatRect]:
    """The pointer goes down on the middle of a button; it goes up wherever it is at the end."""
    box = await button.bounding_box()
    assert box, "the button is not on the screen"
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await page.mouse.down()
    yield box
    await page.mouse.up()


async def at_home(contexts: Contexts, server: Restartable, name: str = "Bear", **options: Any) -> tuple[Parent, ToyTab]:
    """A parent, in a browser with these options, and the toy that they have taken home, which is ready."""
    mum, toy = await Parent.settled(contexts, server, **options), await ToyTab.unpack(contexts, server)
    await mum.own_toy(name, toy.licence)
    await toy.switch_on()
    await toy.is_now("ready")
    return mum, toy
