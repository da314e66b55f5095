"""What was scanned, typed or pasted, and what it leads to."""

from __future__ import annotations

import pytest
import pytest_asyncio
from playwright.async_api import Page

from tests.browser.chromium import Contexts
from tests.browser.modules import blank_page
from tests.browser.restartable import Restartable

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser_context: Contexts, server: Restartable) -> Page:
    return await blank_page(await browser_context(), server)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("K7PF-3MXA", {"claim": "K7PF-3MXA"}),
        ("k7pf3mxa", {"claim": "K7PF-3MXA"}),
        (" k7pf 3mxa ", {"claim": "K7PF-3MXA"}),
        ("https://toys.example/?claim=K7PF3MXA", {"claim": "K7PF-3MXA"}),
        ("http://127.0.0.1:8080/?claim=k7pf-3mxa\n", {"claim": "K7PF-3MXA"}),
        ("https://toys.example/?contact=t_abc123", {"contact": "t_abc123"}),
        ("https://toys.example/?contact=T_ABC123", {"contact": "t_abc123"}),
        ("https://toys.example/?contact=g_abc123", None),
        ("https://toys.example/?contact=../toys", None),
        ("https://toys.example/?claim=K7PF", None),
        ("https://toys.example/K7PF3MXA", None),
        ("K7PF-3MX", None),
        ("K7PF-3MXAB", None),
        ("", None),
    ],
)
async def test_read_code(page: Page, text: str, found: object) -> None:
    read = "async (text) => (await load('web_app/toys/codes.js')).readCode(text)"
    assert await page.evaluate(read, text) == found


@pytest.mark.parametrize(
    ("typed", "shown"),
    [("", ""), ("k7p", "K7P"), ("k7pf", "K7PF"), ("k7pf3", "K7PF-3"), ("K7PF-3mxaTOOLONG", "K7PF-3MXA")],
)
async def test_grouped(page: Page, typed: str, shown: str) -> None:
    group = "async (text) => (await load('web_app/toys/codes.js')).grouped(text)"
    assert await page.evaluate(group, typed) == shown
