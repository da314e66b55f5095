"""What a browser is called where somebody sees that they are logged in with it."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

pytestmark = pytest.mark.asyncio(loop_scope="session")


WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0"
APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("label", "name"),
    [
        (f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Mobile Safari/537.36", "Chrome on Android"),
        (
            f"Mozilla/5.0 (Linux; Android 14; SM-S911B) {WEBKIT} SamsungBrowser/25.0 Mobile",
            "Samsung Internet on Android",
        ),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Safari/537.36 Edg/126.", "Edge on Windows"),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Safari/537.36", "Chrome on ChromeOS"),
        # The server keeps the first 120 characters.
        (f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {APPLE} Version/17.5 Mobile/1", "Safari on iPhone"),
        (f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {APPLE} CriOS/126.0", "Chrome on iPhone"),
        (f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {APPLE} Mobile/15E148", "iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0", "Firefox on Windows"),
        ("toybackend/0.1.0 (demo)", "toybackend/0.1.0"),
        ("", "Unknown"),
    ],
)
async def test_client_name(blank: Page, label: str, name: str) -> None:
    call = "async (label) => (await load('web_app/account/client_name.js')).clientName(label)"
    assert await blank.evaluate(call, label) == name
