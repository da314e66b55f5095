"""The watch sees what goes wrong, and the browser has a microphone and a loudspeaker that work."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Page

from tests.browser.chromium import SPEECH, Contexts
from tests.browser.watch import Watch

pytestmark = pytest.mark.asyncio(loop_scope="session")

POLICY = "default-src 'self'; img-src data:"
SCRIPTS = {
    "nothing wrong": "document.title = 'ready';",
    "console error": "console.error('so it goes');",
    "exception": "throw new Error('so it goes');",
    "foreign request": "fetch('http://elsewhere.example/a').catch(() => {});",
    "foreign number": "fetch('http://10.11.12.13/a').catch(() => {});",
    "foreign socket": "new WebSocket('ws://elsewhere.example/');",
    "not found": "fetch('/no-such-thing');",
    "given up": "const up = new AbortController(); fetch('/', {signal: up.signal}).catch(() => {}); up.abort();",
}


async def get_page(request: web.Request) -> web.Response:
    inline = "<script>document.title = 'inline';</script>" if "inline" in request.query else ""
    name = request.query.get("script", "nothing wrong")
    policy = {} if "lax" in request.query else {"Content-Security-Policy": POLICY}
    text = f'<!doctype html><link rel="icon" href="data:,"><h1>Hello</h1>{inline}<script src="/script?{name}"></script>'
    return web.Response(text=text, content_type="text/html", headers=policy)


async def get_script(request: web.Request) -> web.Response:
    return web.Response(text=SCRIPTS[request.rel_url.query_string], content_type="text/javascript")


async def get_speech(request: web.Request) -> web.FileResponse:
    return web.FileResponse(SPEECH)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site() -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes([web.get("/", get_page), web.get("/script", get_script), web.get("/speech.wav", get_speech)])
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser_context: Contexts) -> Page:
    return await (await browser_context()).new_page()


async def test_nothing_is_wrong(page: Page, site: str, watch: Watch) -> None:
    await page.goto(site, wait_until="networkidle")
    assert await page.title() == "ready"
    assert watch.troubles == []


@pytest.mark.parametrize(
    ("address", "kinds"),
    [
        ("/?script=console error", {"console"}),
        ("/?script=exception", {"exception"}),
        ("/?lax&script=foreign request", {"foreign", "failed", "console"}),
        ("/?lax&script=foreign number", {"foreign", "failed", "console"}),
        ("/?script=foreign request", {"policy", "console"}),
        ("/?lax&script=foreign socket", {"foreign", "console"}),
        ("/?script=not found", {"console"}),
        ("/?inline", {"policy", "console"}),
    ],
)
async def test_what_goes_wrong_is_noted(page: Page, site: str, watch: Watch, address: str, kinds: set[str]) -> None:
    await page.goto(site + address, wait_until="networkidle")
    assert {one.partition(":")[0] for one in watch.troubles} == kinds
    watch.troubles.clear()


async def test_what_is_given_up_is_no_trouble(page: Page, site: str, watch: Watch) -> None:
    await page.goto(f"{site}/?script=given up", wait_until="networkidle")
    assert watch.troubles == []


async def test_a_trouble_that_is_not_taken_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="so it goes"):
        watch = Watch()
        with watch.watching():
            watch.troubles += ["console: so it goes", "failed: gone"]
            assert watch.take("gone") == ["failed: gone"]


async def test_nothing_can_be_taken_that_did_not_happen() -> None:
    with pytest.raises(AssertionError, match="never"):
        Watch().take("never")


async def test_somebody_speaks_into_the_microphone(page: Page, site: str) -> None:
    await page.goto(site)
    loudest = await page.evaluate("""async () => {
        const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
        const context = new AudioContext();
        const analyser = new AnalyserNode(context);
        context.createMediaStreamSource(stream).connect(analyser);
        const samples = new Float32Array(analyser.fftSize);
        let loudest = 0;
        for (const until = performance.now() + 1000; performance.now() < until; ) {
            await new Promise((resolve) => setTimeout(resolve, 20));
            analyser.getFloatTimeDomainData(samples);
            loudest = Math.max(loudest, ...samples.map(Math.abs));
        }
        return loudest;
    }""")
    assert loudest > 0.1


async def test_a_sound_plays_to_its_end(page: Page, site: str) -> None:
    await page.goto(site)
    ended_at = await page.evaluate("""async () => {
        const sound = new Audio("/speech.wav");
        const ended = new Promise((resolve) => sound.addEventListener("ended", resolve));
        await sound.play();
        await ended;
        return sound.currentTime;
    }""")
    assert ended_at == pytest.approx(3.45, abs=0.05)
