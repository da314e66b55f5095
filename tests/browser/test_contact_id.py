"""Whom somebody means by what they typed, pasted or scanned."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

pytestmark = pytest.mark.asyncio(loop_scope="session")


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
async def test_read_contact_id(blank: Page, text: str, found: str) -> None:
    read = "async (text) => (await load('web_app/people/contact_id.js')).readContactId(text)"
    assert await blank.evaluate(read, text) == found
