"""How much comes over the wire at first, that the app can be installed, and what stays on the device afterwards."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.chromium import Contexts
from tests.browser.eventually import eventually
from tests.browser.people import Parent
from tests.browser.restartable import Restartable

pytestmark = [pytest.mark.asyncio(loop_scope="session")]

MOST_BYTES = 100_000
HARMLESS = {"toybackend.lang", "toybackend.theme", "toybackend.speed"}
"""Settings of a browser: they say nothing of a family."""

_KEPT = """async () => {
  const names = await caches.keys();
  const requests = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
  const databases = await indexedDB.databases();
  return {
    cached: requests.flat().map(({ url }) => url),
    databases: databases.map(({ name }) => name),
    local: Object.keys(localStorage),
    session: Object.keys(sessionStorage),
  };
}"""


class Wire:
    """Counts bytes as they come, headers and all, compressed as they are."""

    def __init__(self) -> None:
        self.bytes = 0
        self.requests = 0

    async def tap(self, page: Page) -> None:
        protocol = await page.context.new_cdp_session(page)
        protocol.on("Network.loadingFinished", self._on_finished)
        await protocol.send("Network.enable")

    def _on_finished(self, event: dict[str, Any]) -> None:
        self.bytes += int(event["encodedDataLength"])
        self.requests += 1


async def test_the_first_load_is_small(browser_context: Contexts, server: Restartable) -> None:
    page = await (await browser_context(service_workers="allow")).new_page()
    wire = Wire()
    await wire.tap(page)
    await page.goto(server.url)
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    await page.wait_for_load_state("networkidle")
    print(f"{wire.bytes} bytes in {wire.requests} answers")
    assert wire.requests > 10
    assert 20_000 < wire.bytes <= MOST_BYTES


async def kept(page: Page) -> dict[str, list[str]]:
    """What the browser has stored for us."""
    found: dict[str, list[str]] = await page.evaluate(_KEPT)
    return found


def is_ours(url: str) -> bool:
    """The page itself, or a file of the release."""
    path = urlsplit(url).path
    return path == "/" or path.startswith("/assets/")


async def test_nothing_of_the_family_stays_on_the_device(browser_context: Contexts, server: Restartable) -> None:
    mum = await Parent.settled(browser_context, server, service_workers="allow")
    await mum.own_toy()
    await mum.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    await mum.page.reload()
    await mum.open_chat()
    await mum.say()
    await expect(mum.newest("Sent")).to_be_visible()
    for tab in ("songs", "toys", "people", "account"):
        await mum.go(tab)
        await expect(mum.page.get_by_role("navigation").locator("[aria-current=page]")).to_have_attribute(
            "href", f"#/{tab}"
        )
    while_in = await eventually(lambda: kept(mum.page), lambda seen: len(seen["cached"]) > 10)
    assert all(map(is_ours, while_in["cached"])), while_in["cached"]
    assert any("outbox" in name for name in while_in["databases"])

    await mum.page.get_by_role("button", name="Log out", exact=True).click()
    await expect(mum.page.get_by_role("heading", name="Log in")).to_be_visible()
    left = await eventually(lambda: kept(mum.page), lambda seen: not seen["databases"])
    assert all(map(is_ours, left["cached"])), left["cached"]
    assert set(left["local"]) <= HARMLESS
    assert left["session"] == []
    assert mum.name not in await mum.page.content()


async def test_the_app_can_be_installed(browser: Browser, server: Restartable, tmp_path: Path) -> None:
    """In a browser with a profile: what is private can never be installed."""
    profile = await browser.browser_type.launch_persistent_context(
        tmp_path, executable_path=shutil.which("chromium"), args=["--no-sandbox"]
    )
    try:
        page = await profile.new_page()
        await page.goto(server.url)
        await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        protocol = await profile.new_cdp_session(page)
        errors = await protocol.send("Page.getInstallabilityErrors")
        manifest = await protocol.send("Page.getAppManifest")
    finally:
        await profile.close()
    assert errors["installabilityErrors"] == []
    assert manifest["errors"] == [] and manifest["url"].endswith("/manifest.webmanifest")
