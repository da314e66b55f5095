"""What was heard reaches the server, however long the connection is away."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEGIN = """
async () => {
    const { Heard } = await load("web_app/heard.js");
    window.isOpen = true;
    window.sent = [];
    window.now = 0;
    const send = ({ type, id }) => isOpen && type === "heard" && sent.push(id) > 0;
    window.heard = new Heard({ send }, () => now);
    window.taken = () => sent.splice(0);
}
"""


@pytest_asyncio.fixture(loop_scope="session")
async def page(blank: Page) -> Page:
    await blank.evaluate(BEGIN)
    return blank


async def do(page: Page, script: str) -> Any:
    return await page.evaluate(f"() => {{ {script} }}")


async def test_it_is_said_at_once(page: Page) -> None:
    assert await do(page, "heard.tell('m_1'); heard.tell('m_2'); return taken()") == ["m_1", "m_2"]


async def test_it_waits_for_a_connection(page: Page) -> None:
    assert await do(page, "isOpen = false; heard.tell('m_1'); heard.tell('m_2'); return taken()") == []
    assert await do(page, "isOpen = true; heard.again(); return taken()") == ["m_1", "m_2"]


async def test_it_waits_for_a_connection_as_long_as_that_takes(page: Page) -> None:
    assert await do(page, "isOpen = false; heard.tell('m_1'); now += 1e9; heard.again(); return taken()") == []
    assert await do(page, "isOpen = true; heard.again(); return taken()") == ["m_1"]


async def test_what_a_broken_connection_may_have_swallowed_is_said_again(page: Page) -> None:
    script = (
        "heard.tell('m_1'); now += 119_000; heard.tell('m_2'); taken(); now += 2_000; heard.again(); return taken()"
    )
    assert await do(page, script) == ["m_2"]


async def test_it_is_known_whether_anything_was_said_again(page: Page) -> None:
    script = "const none = heard.again(); heard.tell('m_1'); return [none, heard.again()]"
    assert await do(page, script) == [False, True]


async def test_no_more_than_the_last_fifty_are_said_again(page: Page) -> None:
    script = "for (let n = 0; n < 200; n += 1) heard.tell(`m_${n}`); taken(); heard.again(); return taken()"
    assert await do(page, script) == [f"m_{number}" for number in range(150, 200)]
