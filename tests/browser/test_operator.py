"""The operator's page in a browser: let in, watch, licences, the shelf."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.chromium import DESKTOP, Contexts
from tests.browser.restartable import Restartable
from tests.browser.watch import Watch
from tests.world import new_id

pytestmark = [pytest.mark.asyncio(loop_scope="session")]

PASSWORD = "correct horse battery"
CLIPS = Path(__file__).parents[1] / "clips"


async def add_account(server: Restartable, *, is_operator: bool) -> str:
    name = new_id("olga")
    await server.house.accounts.add(name, PASSWORD, is_operator=is_operator)
    return name


async def come_in(page: Page, server: Restartable, name: str, room: str = "overview") -> None:
    await page.goto(f"{server.url}/operator#/{room}")
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser_context: Contexts, server: Restartable) -> Page:
    return await (await browser_context(viewport=DESKTOP)).new_page()


async def test_whoever_is_no_operator_stays_outside(page: Page, server: Restartable) -> None:
    await come_in(page, server, await add_account(server, is_operator=False))
    await expect(page.get_by_role("alert")).to_contain_text("not an operator's")
    await expect(page.get_by_role("navigation")).to_have_count(0)


async def test_a_wrong_password_is_said(page: Page, server: Restartable, watch: Watch) -> None:
    await page.goto(f"{server.url}/operator")
    await page.get_by_label("Name").fill("nobody")
    await page.get_by_label("Password").fill("something else")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("alert")).to_contain_text("name or the password is wrong")
    watch.take("401")


async def test_the_numbers_are_those_of_the_server(page: Page, server: Restartable) -> None:
    observing = server.house.observing
    observing.sample()
    observing.note_conversion(0.123)
    observing.sample()
    await come_in(page, server, await add_account(server, is_operator=True))
    await expect(page.get_by_role("img")).to_have_count(4)
    counts = await observing.counts()
    await expect(page.get_by_role("definition").first).to_have_text(str(counts.accounts))
    await expect(page.get_by_role("figure").filter(has_text="Conversion time")).to_contain_text("123 ms")
    drawn = await page.locator("figure").first.locator("path[class~=op-line]").first.get_attribute("d")
    assert drawn is not None
    assert drawn.count("L") >= 1


async def test_a_session_that_ended_elsewhere_leads_back_to_the_door(
    page: Page, server: Restartable, watch: Watch
) -> None:
    name = await add_account(server, is_operator=True)
    await come_in(page, server, name)
    await expect(page.get_by_role("img")).to_have_count(4)
    await server.house.accounts.reset_password(name, f"{PASSWORD} again")
    await expect(page.get_by_role("button", name="Log in")).to_be_visible(timeout=10_000)
    watch.take("401")


async def test_licences_are_made_found_and_ended(page: Page, server: Restartable) -> None:
    await come_in(page, server, await add_account(server, is_operator=True), "licences")
    await page.get_by_label("How many").fill("3")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    async with page.expect_download() as coming:
        await page.get_by_role("button", name="Issue and save").click()
    file = await (await coming.value).path()
    with open(file, newline="") as opened:  # noqa: ASYNC230  # a test
        rows = list(csv.DictReader(opened))
    assert len(rows) == 3
    found = page.get_by_role("searchbox")
    await found.fill(f'"{rows[1]["license"].upper()}"')
    await page.get_by_role("button", name="Find").click()
    row = page.get_by_role("row").filter(has_text=rows[1]["device_id"])
    await expect(row).to_contain_text("no family yet")
    await expect(page.get_by_role("row")).to_have_count(2)
    await row.get_by_role("button", name="Revoke").click()
    await page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    await expect(row).to_contain_text("revoked")
    boot = await server.house.devices.power_on(rows[1]["license"])
    assert boot.state == "unlicensed"
    assert len(asked) > 3
    assert not any(rows[1]["license"] in url.lower() for url in asked)


async def test_old_licences_are_taken_over(page: Page, server: Restartable) -> None:
    await come_in(page, server, await add_account(server, is_operator=True), "licences")
    old = b"toy,code\nbear,00112233445566778899AABBCCDDEEFF\nfox,ffeeddccbbaa99887766554433221100\n"
    await page.get_by_label("A text or CSV file").set_input_files(
        {"name": "old.csv", "mimeType": "text/csv", "buffer": old}
    )
    await page.get_by_role("button", name="Import").click()
    await expect(page.get_by_text("2 new, 0 known already")).to_be_visible()
    assert (await server.house.devices.power_on("ffeeddccbbaa99887766554433221100")).state == "unbound"


async def test_a_song_comes_onto_the_shelf_and_goes(page: Page, server: Restartable) -> None:
    await come_in(page, server, await add_account(server, is_operator=True), "shelf")
    await page.get_by_label("Audio files").set_input_files([CLIPS / "hello.mp3", CLIPS / "README.md"])
    await page.get_by_label("Category").fill("Songs")
    await page.get_by_role("button", name="Add to the shelf").click()
    songs = page.get_by_role("listitem")
    await expect(songs.filter(has_text="0:03")).to_have_count(1, timeout=20_000)
    await expect(songs.filter(has_text="no sound")).to_have_count(1)
    await page.get_by_role("button", name="Listen to hello").click()
    await expect(page.get_by_role("button", name="Listen to hello")).to_have_attribute("aria-pressed", "true")
    await expect(page.get_by_role("button", name="Listen to hello")).to_have_attribute(
        "aria-pressed", "false", timeout=10_000
    )
    for name in ("hello", "README"):
        await page.get_by_role("button", name=f"Remove: {name}").click()
        await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.get_by_text("The shelf is empty")).to_be_visible()
