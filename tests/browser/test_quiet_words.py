"""Quiet hours in one plain sentence."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from playwright.async_api import Page

from tests.browser.chromium import Contexts
from tests.browser.modules import blank_page
from tests.browser.restartable import Restartable

pytestmark = pytest.mark.asyncio(loop_scope="session")

WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def rest(days: list[str], start: str, end: str) -> dict[str, Any]:
    return {"days": days, "start": start, "end": end}


NIGHT = rest(WEEK, "19:30", "07:00")


async def sentence(page: Page, windows: list[dict[str, Any]]) -> str:
    speak = "async (windows) => (await load('web_app/toys/quiet_words.js')).quietSentence(windows)"
    return str(await page.evaluate(speak, windows))


@pytest.mark.parametrize(
    ("locale", "windows", "words"),
    [
        ("en-US", [], "Never asleep: new messages may be heard at any time."),
        ("en-US", [NIGHT], "Asleep every night 19:30–07:00."),
        ("en-US", [rest(WEEK, "12:30", "14:00")], "Asleep every day 12:30–14:00."),
        ("en-US", [rest(WEEK, "08:00", "08:00")], "Asleep every day all day."),
        ("en-US", [rest(WEEK[:5], "08:00", "15:00")], "Asleep from Monday to Friday 08:00–15:00."),
        ("en-US", [rest(["sun", "mon", "wed"], "20:00", "06:00")], "Asleep on Mon, Wed, and Sun 20:00–06:00."),
        (
            "en-US",
            [NIGHT, rest(WEEK[5:], "13:00", "14:30")],
            "Asleep every night 19:30–07:00, and on Saturdays and Sundays 13:00–14:30.",
        ),
        ("zh-CN", [NIGHT], "休息时间：每晚 19:30–07:00。"),
        ("zh-CN", [NIGHT, rest(WEEK[5:], "13:00", "14:30")], "休息时间：每晚 19:30–07:00，周六和周日 13:00–14:30。"),
        ("zh-CN", [rest(["mon", "wed"], "20:00", "06:00")], "休息时间：周一和周三 20:00–06:00。"),
    ],
)
async def test_quiet_sentence(
    browser_context: Contexts,
    server: Restartable,
    locale: Literal["en-US", "zh-CN"],
    windows: list[dict[str, Any]],
    words: str,
) -> None:
    page = await blank_page(await browser_context(locale=locale), server)
    assert await sentence(page, windows) == words
