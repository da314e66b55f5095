"""Moments in words that fit into a sentence; yesterday is the day before, however many hours ago."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.browser.modules import blank_page
from tests.browser.restartable import Restartable

pytestmark = pytest.mark.asyncio(loop_scope="session")

AGO = """
async ([when, now]) => (await load("web_common/times.js")).ago(new Date(when), new Date(now).getTime())
"""
NOW = "2026-11-21T09:00:00"
"""A Saturday, on the clock of the page."""


async def open_page(browser: Browser, server: Restartable, locale: str) -> AsyncIterator[Page]:
    context = await browser.new_context(locale=locale, timezone_id="Europe/Berlin")
    yield await blank_page(context, server)
    await context.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def english(browser: Browser, server: Restartable) -> AsyncIterator[Page]:
    async for page in open_page(browser, server, "en-US"):
        yield page


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def chinese(browser: Browser, server: Restartable) -> AsyncIterator[Page]:
    async for page in open_page(browser, server, "zh-CN"):
        yield page


@pytest.mark.parametrize(
    ("when", "in_english", "in_chinese"),
    [
        ("2026-11-21T09:00:20", "a moment ago", "刚刚"),  # their clock is a little ahead of ours
        ("2026-11-21T08:59:01", "a moment ago", "刚刚"),
        ("2026-11-21T08:59:00", "1 min. ago", "1分钟前"),
        ("2026-11-21T08:00:01", "59 min. ago", "59分钟前"),
        ("2026-11-20T09:00:01", "23 hr. ago", "23小时前"),
        ("2026-11-20T09:00:00", "yesterday", "昨天"),
        ("2026-11-20T00:00:00", "yesterday", "昨天"),
        ("2026-11-19T23:59:59", "2 days ago", "前天"),
        ("2026-11-18T23:59:59", "3 days ago", "3天前"),
    ],
)
async def test_ago(english: Page, chinese: Page, when: str, in_english: str, in_chinese: str) -> None:
    assert await english.evaluate(AGO, [when, NOW]) == in_english
    assert await chinese.evaluate(AGO, [when, NOW]) == in_chinese


async def test_a_day_of_25_hours_is_one_day(english: Page) -> None:
    first, last = "2026-10-25T00:10:00", "2026-10-25T23:50:00"
    assert await english.evaluate(AGO, [first, last]) == "24 hr. ago"
