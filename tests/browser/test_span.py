"""However far somebody scrolls, the page holds no more than a part of the chat, and no message is skipped."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.browser.modules import blank_page
from tests.browser.restartable import Restartable

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEGIN = """
async (count) => {
    const { Span, MOST } = await load("web_app/chat/span.js");
    window.MOST = MOST;
    window.rows = Array.from({ length: count }, (_, at) => ({ at, key: String(at) }));
    window.span = new Span();
    window.ends = () => { const cut = span.cut(rows); return [cut[0].at, cut.at(-1).at]; };
}
"""


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, server: Restartable) -> AsyncIterator[Page]:
    context = await browser.new_context()
    yield await blank_page(context, server)
    await context.close()


async def do(page: Page, count: int, script: str) -> Any:
    await page.evaluate(BEGIN, count)
    return await page.evaluate(f"() => {{ {script} }}")


async def test_few_rows_are_all_drawn(page: Page) -> None:
    assert await do(page, 40, "return [ends(), span.hasOlder(rows), span.isAtEnd]") == [[0, 39], False, True]


async def test_the_newest_push_the_oldest_out(page: Page) -> None:
    assert await do(page, 1000, "return [ends(), MOST]") == [[850, 999], 150]


async def test_to_the_oldest_and_back(page: Page) -> None:
    script = """
        const seen = new Set(); let most = 0;
        const look = () => {
            const cut = span.cut(rows);
            most = Math.max(most, cut.length);
            for (const { at } of cut) seen.add(at);
        };
        look();
        while (span.hasOlder(rows)) { span.toOlder(rows); look(); }
        const up = [seen.size, ends(), span.isAtEnd];
        seen.clear(); look();
        while (!span.isAtEnd) { span.toNewer(rows); look(); }
        return [up, [seen.size, ends(), span.isAtEnd], most];
    """
    assert await do(page, 1020, script) == [[1020, [0, 149], False], [1020, [870, 1019], True], 150]


async def test_whoever_reads_old_ones_is_not_moved_by_new_ones(page: Page) -> None:
    script = """
        span.toOlder(rows);
        span.toOlder(rows);
        const was = ends();
        rows.push({ at: 1000, key: "new" });
        return [was, ends()];
    """
    assert await do(page, 1000, script) == [[750, 899], [750, 899]]


async def test_older_pages_are_drawn_when_they_come(page: Page) -> None:
    script = """
        span.toOlder(rows);
        rows.unshift(...Array.from({ length: 50 }, (_, n) => ({ at: n - 50, key: `o${n}` })));
        const was = [ends(), span.hasOlder(rows)];
        span.toOlder(rows);
        return [was, ends()];
    """
    assert await do(page, 60, script) == [[[0, 59], True], [-50, 59]]


async def test_back_to_the_newest_at_once(page: Page) -> None:
    script = "for (let n = 0; n < 9; n += 1) span.toOlder(rows); span.toEnd(rows); return [ends(), span.isAtEnd]"
    assert await do(page, 1000, script) == [[950, 999], True]


async def test_where_all_that_was_drawn_is_gone_the_rest_is_drawn(page: Page) -> None:
    script = "for (let n = 0; n < 9; n += 1) span.toOlder(rows); rows.splice(0, 700); return [ends(), span.isAtEnd]"
    assert await do(page, 1000, script) == [[700, 749], False]
