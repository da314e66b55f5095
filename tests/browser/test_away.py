"""What the app shows while its server cannot be reached: never nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.chromium import Contexts
from tests.browser.people import Parent
from tests.browser.restartable import Restartable
from tests.browser.watch import Watch

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def mum(browser_context: Contexts, server: Restartable, watch: Watch) -> AsyncIterator[Parent]:
    """She opens the app while nothing but its page comes through."""
    mum = await Parent.settled(browser_context, server)
    await mum.page.route("**/api/v1/**", lambda route: route.abort())
    await mum.page.reload()
    await expect(mum.connection).to_contain_text("Trying again")
    yield mum
    await mum.page.close()  # it asks again and again
    watch.take("ERR_FAILED")


@pytest.mark.parametrize("tab", ["toys", "songs", "people", "groups/g_abc"])
async def test_a_screen_says_that_it_waits(mum: Parent, tab: str) -> None:
    await mum.go(tab)
    await expect(mum.page.get_by_text("Loading…")).to_be_visible()


async def test_what_needs_no_server_is_there(mum: Parent) -> None:
    await mum.go("account")
    await expect(mum.page.get_by_role("button", name="Log out")).to_be_visible()
    await mum.page.get_by_role("radio", name="Dark").check(force=True)
    await expect(mum.page.locator("html")).to_have_attribute("data-theme", "dark")
    await mum.page.get_by_role("radio", name="中文").check(force=True)
    await expect(mum.heading).to_have_text("我")
