"""When the web toy rests: as long as the server said, and by its own clock while there is no server."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Page

pytestmark = pytest.mark.asyncio(loop_scope="session")

ZONE = "Asia/Shanghai"
NIGHT = {"days": ["fri"], "start": "20:30", "end": "07:00"}
NOON = {"days": ["fri"], "start": "12:00", "end": "14:00"}
ALL_DAY = {"days": ["fri"], "start": "00:00", "end": "00:00"}


async def is_rest(blank: Page, settings: dict[str, Any] | None, now: int, *, is_away: bool = False) -> Any:
    return await blank.evaluate(
        "async (given) => (await load('web_toy/rest.js')).isRest(...given)", [settings, now, is_away]
    )


def wall(when: str) -> int:
    """In the week whose Thursday is the 19th, such as `20 20:30`."""
    day, time = when.split()
    return int(datetime.fromisoformat(f"2026-11-{day}T{time}").replace(tzinfo=ZoneInfo(ZONE)).timestamp() * 1000)


@pytest.mark.parametrize(("now", "rests"), [("20 07:29", True), ("20 07:30", False)])
@pytest.mark.parametrize("is_away", [False, True])
async def test_until_the_server_said(blank: Page, now: str, rests: bool, is_away: bool) -> None:
    settings = {"quiet_until": "2026-11-19T23:30:00Z", "quiet_hours": [], "time_zone": ZONE}
    assert await is_rest(blank, settings, wall(now), is_away=is_away) is rests


async def test_without_a_family_there_is_no_rest(blank: Page) -> None:
    assert await is_rest(blank, None, wall("20 21:00"), is_away=True) is False


@pytest.mark.parametrize(
    ("window", "now", "rests"),
    [
        (NIGHT, "20 20:29", False),
        (NIGHT, "20 20:30", True),
        (NIGHT, "21 06:59", True),  # it began on Friday
        (NIGHT, "21 07:00", False),
        (NIGHT, "21 20:30", False),
        (NIGHT, "20 06:59", False),  # not on Thursday
        (NOON, "20 11:59", False),
        (NOON, "20 13:59", True),
        (NOON, "20 14:00", False),
        (NOON, "21 13:00", False),
        (ALL_DAY, "19 23:59", False),
        (ALL_DAY, "20 00:00", True),
        (ALL_DAY, "20 23:59", True),
        (ALL_DAY, "21 00:00", False),
    ],
)
async def test_by_the_clock_on_the_wall(blank: Page, window: dict[str, Any], now: str, rests: bool) -> None:
    settings = {"quiet_until": None, "quiet_hours": [window], "time_zone": ZONE}
    assert await is_rest(blank, settings, wall(now), is_away=True) is rests
    assert await is_rest(blank, settings, wall(now)) is False  # the server knows better
