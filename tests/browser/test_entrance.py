"""Coming in, and what stands in the way."""

from __future__ import annotations

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.chromium import Contexts
from tests.browser.people import PASSWORD, SLOW, Parent
from tests.browser.restartable import Restartable
from tests.browser.watch import Watch
from tests.world import new_id

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser_context: Contexts) -> Page:
    return await (await browser_context()).new_page()


async def fill_in(page: Page, password: str, deed: str) -> None:
    await page.get_by_label("Name").fill(new_id("mum"))
    await page.get_by_label("Password", exact=True).fill(password)
    await page.get_by_role("button", name=deed, exact=True).click()


async def test_refusals_stand_beside_the_form(page: Page, server: Restartable, watch: Watch) -> None:
    await page.goto(server.url)
    await fill_in(page, PASSWORD, "Log in")
    await expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong.", timeout=SLOW)
    await page.get_by_role("button", name="I am new here").click()
    await expect(page.get_by_role("alert")).to_have_count(0)
    await fill_in(page, "12345678", "Make an account")
    await expect(page.get_by_role("alert")).to_contain_text("easy to guess", timeout=SLOW)
    watch.take("401")
    watch.take("422")


async def test_the_password_can_be_looked_at(page: Page, server: Restartable) -> None:
    await page.goto(server.url)
    password = page.get_by_label("Password", exact=True)
    await expect(password).to_have_attribute("type", "password")
    await page.get_by_role("button", name="Show the password").click()
    await expect(password).to_have_attribute("type", "text")
    await page.get_by_role("button", name="Hide the password").click()
    await expect(password).to_have_attribute("type", "password")


async def test_a_scanned_code_waits_until_somebody_is_in(page: Page, server: Restartable) -> None:
    await page.goto(f"{server.url}/?claim=K7PF3MXA")
    await expect(page).to_have_url(f"{server.url}/")
    await expect(page.get_by_text("Log in to add your toy.")).to_be_visible()
    await page.get_by_role("button", name="I am new here").click()
    await fill_in(page, PASSWORD, "Make an account")
    await expect(page.get_by_label("Code of the toy")).to_have_value("K7PF-3MXA", timeout=SLOW)


async def test_language_and_theme_are_chosen_and_remembered(page: Page, server: Restartable) -> None:
    await page.goto(server.url)
    await page.get_by_role("radio", name="中文").check(force=True)
    await page.get_by_role("radio", name="深色").check(force=True)
    await page.reload()
    await expect(page.get_by_role("heading", name="玩具悄悄话")).to_be_visible()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")


async def test_a_server_that_is_away_is_found_again(page: Page, server: Restartable, watch: Watch) -> None:
    await page.route("**/api/v1/config", lambda route: route.abort())
    await page.goto(server.url)
    await expect(page.get_by_text("The server cannot be reached right now.")).to_be_visible()
    await page.unroute("**/api/v1/config")
    await expect(page.get_by_label("Name")).to_be_visible(timeout=SLOW)
    watch.take("config")


async def test_logging_in_again(browser_context: Contexts, server: Restartable) -> None:
    mum = await Parent.register(browser_context, server)
    await Parent.log_in(browser_context, mum)
