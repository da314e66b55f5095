"""The toy in the browser, in all its states."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.browser.chromium import lose_network
from tests.browser.people import SLOW, holding
from tests.browser.screenshots.studio import Studio, close_sheets, scene

LONG = 20.0
"""Seconds of a voice that still plays when its pictures are taken."""


async def switched_on(studio: Studio, licence: str) -> Page:
    page = await studio.page("/toy")
    await page.locator(".switch-panel input:not([type=checkbox])").fill(licence)
    await page.locator(".switch-big").click()
    return page


async def is_now(page: Page, **data: str) -> None:
    """Also when something long has to end before."""
    for name, value in data.items():
        await expect(page.locator("#toy")).to_have_attribute(f"data-{name}", value, timeout=SLOW + LONG * 1000)


@scene("toy-off")
async def off(studio: Studio) -> None:
    page = await studio.page("/toy")
    await expect(page.locator(".switch-big")).to_be_visible()
    await studio.shoot(page, "toy-off")


@scene("toy-unlicensed")
async def unlicensed(studio: Studio) -> None:
    page = await switched_on(studio, "0123456789abcdef" * 2)
    await is_now(page, state="unlicensed", playing="")
    await studio.shoot(page, "toy-unlicensed")


@scene("toy-unbound")
async def unbound(studio: Studio) -> None:
    page = await switched_on(studio, await studio.town.licence())
    await is_now(page, state="unbound", playing="")
    await studio.shoot(page, "toy-unbound")


@scene(
    "toy-ready",
    "toy-waiting",
    "toy-playing",
    "toy-diary",
    "toy-text",
    "toy-song",
    "toy-recording",
    "toy-asleep",
    "toy-away",
)
async def at_home(studio: Studio) -> None:
    """A toy of dad's, from the morning to the night."""
    town = studio.town
    licence = await town.licence()
    page = await switched_on(studio, licence)
    await is_now(page, state="unbound", playing="")
    claim, name = await page.locator("[data-claim]").inner_text(), town.words.toys["teddy"]
    town.ids["tab"] = (await town.do("dad", "POST", "/toys", {"claim": claim, "name": name}))["id"]
    await town.change_toy("dad", "tab", picture="bear", colour="leaf", time_zone=town.words.time_zone)
    await is_now(page, state="ready", playing="")
    await studio.shoot(page, "toy-ready")
    hello = await page.locator(".bubble").inner_text()
    await messages(studio, page)
    await song(studio, page)
    async with holding(page, page.locator(".paw")) as box:
        await expect(page.get_by_role("timer")).to_have_text("0:02")
        await studio.shoot(page, "toy-recording", is_held=True)
        await page.mouse.move(box["x"] - 120, box["y"] + box["height"] / 2, steps=4)  # thrown away
    await expect(page.locator(".bubble")).to_have_text(hello, timeout=SLOW)
    await sleep_and_silence(studio, page)


async def messages(studio: Studio, page: Page) -> None:
    town = studio.town
    await town.change_toy("dad", "tab", autoplay=False)
    await town.say("dad", "tab", LONG)
    await expect(page.locator("[data-press]")).to_be_visible(timeout=SLOW)
    await is_now(page, playing="")
    await studio.shoot(page, "toy-waiting")
    await page.locator("[data-press]").click()
    await is_now(page, playing="message")
    await studio.shoot(page, "toy-playing")
    await page.locator(".toy-chip-round").click()
    await studio.shoot(page, "toy-diary")
    await close_sheets(page)
    await is_now(page, playing="")
    await town.change_toy("dad", "tab", autoplay=True)
    await town.say("dad", "tab", town.words.sign)
    await expect(page.locator(".board-text")).to_be_visible(timeout=SLOW)
    await studio.shoot(page, "toy-text")
    await page.locator(".board-text .button").click()


async def song(studio: Studio, page: Page) -> None:
    town = studio.town
    [song, *_] = (await town.do("dad", "GET", "/library?shelf=shared&limit=1"))["items"]
    await town.do("dad", "POST", "/playback", {"toy_ids": [town.ids["tab"]], "item_id": song["id"]})
    await is_now(page, playing="song")
    await studio.shoot(page, "toy-song")
    await town.do("dad", "POST", "/playback/stop", {"toy_ids": [town.ids["tab"]]})
    await is_now(page, playing="")


async def sleep_and_silence(studio: Studio, page: Page) -> None:
    town = studio.town
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    await town.change_toy("dad", "tab", quiet_hours=[{"days": days, "start": "18:00", "end": "07:00"}])
    await is_now(page, state="asleep", playing="")
    await studio.shoot(page, "toy-asleep")
    await town.change_toy("dad", "tab", quiet_hours=[])
    await is_now(page, state="ready", playing="")
    await lose_network(page)
    await is_now(page, state="away", playing="")
    await studio.shoot(page, "toy-away")
