"""Debian's Chromium, without a window, with a microphone into which somebody speaks."""

from __future__ import annotations

import contextlib
import shutil
import wave
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, BrowserContext, Page, Playwright, ViewportSize, async_playwright

from tests.browser.ear import listen_in
from tests.browser.watch import Watch

SPEECH = Path(__file__).parents[1] / "clips" / "hello.wav"
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 800}

_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--js-flags=--single-threaded",  # the other cores have tests of their own
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
_MEDIA = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)
_KEPT = "cookies,local_storage,indexeddb,cache_storage,file_systems"
"""What a page may leave behind, as the DevTools protocol calls it."""


def speak_again_and_again(file: Path, times: int = 4) -> Path:
    """Write the speech several times over without a pause, about 14 s: a recording of 3.5 s is speech throughout."""
    with wave.open(str(SPEECH), "rb") as once:
        shape, frames = once.getparams(), once.readframes(once.getnframes())
    with wave.open(str(file), "wb") as often:
        often.setparams(shape)
        often.writeframes(frames * times)
    return file


class Browsers:
    """Starts a browser for each set of further arguments on the command line, once. Each starts the spoken file anew
    whenever a page opens the microphone."""

    def __init__(self, playwright: Playwright, spoken: Path) -> None:
        self._playwright = playwright
        self._spoken = spoken
        self._open: dict[tuple[str, ...], Browser] = {}

    async def __call__(self, *further: str) -> Browser:
        if further not in self._open:
            self._open[further] = await self._launch(*further)
        return self._open[further]

    async def _launch(self, *further: str) -> Browser:
        # The same browser without the parts of a window that nobody sees: a third of the work.
        program = shutil.which("chromium-headless-shell") or shutil.which("chromium")
        assert program, "chromium is missing; ./test.sh installs it, or: apt-get install chromium-headless-shell"
        arguments = [*_QUIET, *_MEDIA, f"--use-file-for-fake-audio-capture={self._spoken}", *further]
        return await self._playwright.chromium.launch(executable_path=program, args=arguments)

    async def close(self) -> None:
        for browser in self._open.values():
            await browser.close()


@contextlib.asynccontextmanager
async def chromium(spoken: Path) -> AsyncIterator[Browsers]:
    """Browsers, until the context ends."""
    async with async_playwright() as playwright:
        browsers = Browsers(playwright, spoken)
        yield browsers
        await browsers.close()


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a browser context is opened with."""

    viewport: tuple[int, int]
    locale: str
    color_scheme: Literal["light", "dark"]
    service_workers: Literal["allow", "block"]
    has_touch: bool
    microphone: bool
    reduced_motion: Literal["reduce", "no-preference"]


class Contexts:
    """Opens browser contexts: each has cookies and stores of its own, as another phone would.

    The contexts of one test serve the next one, which finds nothing in them but the files of the pages: to fetch all of
    those anew is most of what it takes to open the app.
    """

    def __init__(self, browser: Browser, watch: Watch) -> None:
        self._browser = browser
        self._watch = watch
        self._used: list[tuple[_Kind, BrowserContext]] = []
        self._free: defaultdict[_Kind, list[BrowserContext]] = defaultdict(list)

    async def __call__(
        self,
        *,
        viewport: ViewportSize = PHONE,
        locale: Literal["en-US", "zh-CN"] = "en-US",
        color_scheme: Literal["light", "dark"] = "light",
        service_workers: Literal["allow", "block"] = "block",
        has_touch: bool = False,
        microphone: bool = True,
        reduced_motion: Literal["reduce", "no-preference"] = "reduce",
    ) -> BrowserContext:
        """Of somebody who likes it calm, if nothing else is said, and whose browser keeps no page for when there is no
        network: a third of its work is to draw what moves, and a seventh to keep the page.
        """
        size = (viewport["width"], viewport["height"])
        kind = _Kind(size, locale, color_scheme, service_workers, has_touch, microphone, reduced_motion)
        context = self._free[kind].pop() if self._free[kind] else await self._open(kind)
        self._used.append((kind, context))
        return context

    async def _open(self, kind: _Kind) -> BrowserContext:
        width, height = kind.viewport
        context = await self._browser.new_context(
            viewport={"width": width, "height": height},
            locale=kind.locale,
            color_scheme=kind.color_scheme,
            service_workers=kind.service_workers,
            has_touch=kind.has_touch,
            reduced_motion=kind.reduced_motion,
            permissions=["microphone", "camera"] if kind.microphone else [],
        )
        await self._watch.follow(context)
        await listen_in(context)
        return context

    async def put_back(self) -> None:
        """Whoever used them is gone, with all that they kept."""
        for kind, context in self._used:
            if kind.service_workers == "allow":  # such a worker may outlive its pages
                await context.close()
                continue
            await _forget(context)
            self._free[kind].append(context)
        self._used.clear()

    async def close(self) -> None:
        for context in (one for free in self._free.values() for one in free):
            await context.close()


async def _forget(context: BrowserContext) -> None:
    """Close its pages, and delete cookies and whatever pages keep."""
    await context.set_offline(False)
    await context.clear_cookies()
    last, *others = context.pages or [await context.new_page()]
    for page in others:
        await page.close()
    await last.goto("about:blank")  # nothing runs any more that could keep something
    protocol = await context.new_cdp_session(last)
    await protocol.send("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": _KEPT})
    await last.close()


async def lose_network(page: Page) -> None:
    """As a phone in a tunnel. Where the machine itself has nothing but loopback, the browser thinks that it has been
    like that all the time: what it does not say, is said here."""
    await page.context.set_offline(True)
    await page.evaluate("() => void dispatchEvent(new Event('offline'))")


async def find_network(page: Page) -> None:
    await page.context.set_offline(False)
    await page.evaluate("() => void dispatchEvent(new Event('online'))")
