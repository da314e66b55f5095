"""What the web toy heard is told until the server surely knows it."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.browser.modules import blank_page
from tests.browser.restartable import Restartable

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def page(browser: Browser, server: Restartable) -> Page:
    return await blank_page(await browser.new_context(), server)


async def tell(page: Page, script: str) -> list[Any]:
    """What was said, and of what the server knows for sure."""
    return list(
        await page.evaluate(
            f"""async () => {{
                const {{ Heard }} = await load("web_toy/heard.js");
                const said = [], known = [];
                let isOpen = true;
                const say = (frame) => isOpen && said.push(`${{frame.type}} ${{frame.id}}`) > 0;
                const heard = new Heard(say, (id) => known.push(id));
                {script}
                return [said, known];
            }}"""
        )
    )


async def test_what_was_said_on_one_socket_is_said_on_the_next(page: Page) -> None:
    assert await tell(page, "heard.tell('a'); heard.tell('b');") == [["heard a", "heard b"], []]
    twice = ["heard a", "heard b", "heard a", "heard b"]
    assert await tell(page, "heard.tell('a'); heard.tell('b'); heard.again();") == [twice, ["a", "b"]]
    assert await tell(page, "heard.tell('a'); heard.tell('b'); heard.again(); heard.again();") == [twice, ["a", "b"]]


async def test_without_a_socket_it_waits_for_one(page: Page) -> None:
    assert await tell(page, "isOpen = false; heard.tell('a'); heard.again();") == [[], []]
    script = "isOpen = false; heard.tell('a'); isOpen = true; heard.again();"
    assert await tell(page, script) == [["heard a"], []]
    assert await tell(page, f"{script} heard.again();") == [["heard a", "heard a"], ["a"]]


async def test_it_does_not_grow(page: Page) -> None:
    script = "isOpen = false; for (let n = 0; n < 70; n += 1) heard.tell(String(n)); isOpen = true; heard.again();"
    said, known = await tell(page, script)
    assert (len(said), said[0], known) == (64, "heard 6", [str(n) for n in range(6)])
