"""The modules of our pages one by one, in a page that has nothing else."""

from __future__ import annotations

import re

from playwright.async_api import BrowserContext, Page

from tests.browser.restartable import Restartable


async def blank_page(context: BrowserContext, server: Restartable) -> Page:
    """Of the same origin as ours. In it, `load("web_common/x.js")` imports a module."""
    page = await context.new_page()
    await open_blank(page, server)
    return page


async def open_blank(page: Page, server: Restartable) -> None:
    """The same with a page that was used before: what it kept in memory is gone."""
    app = await page.context.request.get(server.url)
    found = re.search(r"/assets/\w+/", await app.text())
    assert found, "the app names no assets"
    # A page without a head of its own: the browser asks for what the head would name.
    await page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    await page.goto(f"{server.url}{found[0]}web_common/avatar.css")
    await page.evaluate("(folder) => { window.load = (name) => import(folder + name); }", found[0])
