"""The operator's page."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.screenshots.studio import Studio, go, scene


@scene("operator-door")
async def door(studio: Studio) -> None:
    page = await studio.page("/operator")
    await expect(page.locator(".op-door form")).to_be_visible()
    await studio.shoot(page, "operator-door")


@scene("operator-overview", "operator-licences", "operator-shelf")
async def rooms(studio: Studio) -> None:
    page = await studio.page("/operator#/overview", "operator")
    await expect(page.locator(".op-amounts")).to_be_visible()
    await studio.shoot(page, "operator-overview")
    await go(page, "licences", ".op-id")
    await studio.shoot(page, "operator-licences")
    await go(page, "shelf", ".op-item")
    await studio.shoot(page, "operator-shelf")
