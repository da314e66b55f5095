"""Whom somebody means by what they typed, pasted or scanned."""

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
        ("p_abc123", "p_abc123"),
        ("  P_ABC123 ", "p_abc123"),
        ("https://toys.example/?contact=t_abc123", "t_abc123"),
        ("Open this: http://127.0.0.1:8080/?contact=t_abc123 and ask.", "t_abc123"),
        ("shop_abc", ""),
        ("g_abc123", ""),
        ("p_" + "x" * 41, ""),
        ("https://toys.example/?claim=K7PF3MXA", ""),
        ("", ""),
    ],
)
async def test_read_contact_id(page: Page, text: str, found: str) -> None:
    read = "async (text) => (await load('web_app/people/contact_id.js')).readContactId(text)"
    assert await page.evaluate(read, text) == found
