"""Where the pictures are taken: a town, a browser, and the pages of those who live there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.browser.people import PASSWORD
from tests.browser.screenshots.camera import Camera
from tests.browser.screenshots.town import Town

ANDROID = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile Safari/537.36"

# The town's evening is not ours.
_CLOCK = """
globalThis.Date = class extends Date {
    constructor(...given) {
        given.length ? super(...given) : super(new.target.now());
    }
    static now() {
        return super.now() + SHIFT;
    }
};
"""
# Not over what is there: another tab of this browser would take it for somebody else, and load itself again.
_WAS_HERE = "localStorage.setItem('toybackend.account', localStorage.getItem('toybackend.account') ?? '1');"


@dataclass(frozen=True, slots=True)
class Studio:
    """What every scene works with. `stack` is left when all pictures are taken."""

    browser: Browser
    town: Town
    camera: Camera
    stack: AsyncExitStack
    _browsers: dict[str, BrowserContext] = field(default_factory=dict)

    async def context(self, who: str | None = None) -> BrowserContext:
        """A browser of their own; they are logged in, unless it is nobody."""
        words = self.town.words
        context = await self.browser.new_context(
            locale=words.locale,
            timezone_id=words.time_zone,
            user_agent=ANDROID,
            reduced_motion="reduce",
            service_workers="block",
            permissions=["microphone", "camera"],
        )
        self.stack.push_async_callback(context.close)
        await context.add_init_script(_CLOCK.replace("SHIFT", str(self.town.clock.shift_ms)))
        if who is not None:
            login = {"name": words.people[who], "password": PASSWORD}
            answer = await context.request.post(f"{self.town.server.url}/api/v1/sessions", data=login)
            assert answer.ok, answer.status
            await context.add_init_script(_WAS_HERE)
        return context

    async def page(self, path: str, who: str | None = None) -> Page:
        """In the browser that they have had before; nobody's is always a new one."""
        if who is None:
            context = await self.context()
        else:
            context = self._browsers[who] = self._browsers.get(who) or await self.context(who)
        page = await context.new_page()
        await page.goto(self.town.server.url + path)
        return page

    async def shoot(self, page: Page, name: str, *, is_held: bool = False) -> None:
        await self.camera.shoot(page, name, is_held=is_held)


Scene = Callable[[Studio], Awaitable[None]]
SCENES: list[tuple[tuple[str, ...], Scene]] = []
"""What pictures come of it, and how."""


def scene(*names: str) -> Callable[[Scene], Scene]:
    """This function takes these pictures, one after the other."""

    def keep(made: Scene) -> Scene:
        SCENES.append((names, made))
        return made

    return keep


async def go(page: Page, path: str, shown: str) -> None:
    """To another screen of the app; until this is seen."""
    await page.evaluate("(path) => { location.hash = path; }", f"#/{path}")
    await expect(page.locator(shown).first).to_be_visible()


async def close_sheets(page: Page) -> None:
    await page.evaluate("for (const one of document.querySelectorAll('dialog')) one.close()")
    await expect(page.locator("dialog")).to_have_count(0)


async def scroll_to(page: Page, selector: str) -> None:
    await page.locator(selector).first.evaluate("(element) => element.scrollIntoView({ block: 'start' })")
