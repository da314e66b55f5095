"""What was scanned, typed or pasted, and what it leads to."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

pytestmark = pytest.mark.asyncio(loop_scope="session")


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
async def test_read_code(blank: Page, text: str, found: object) -> None:
    read = "async (text) => (await load('web_app/toys/codes.js')).readCode(text)"
    assert await blank.evaluate(read, text) == found


@pytest.mark.parametrize(
    ("typed", "shown"),
    [("", ""), ("k7p", "K7P"), ("k7pf", "K7PF"), ("k7pf3", "K7PF-3"), ("K7PF-3mxaTOOLONG", "K7PF-3MXA")],
)
async def test_grouped(blank: Page, typed: str, shown: str) -> None:
    group = "async (text) => (await load('web_app/toys/codes.js')).grouped(text)"
    assert await blank.evaluate(group, typed) == shown
