"""Hold to talk: the table of states, event by event."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page

pytestmark = pytest.mark.asyncio(loop_scope="session")

RECORDING = [("press", 0), ("ready", 100)]
"""Events with their times in milliseconds."""


async def play(blank: Page, events: list[tuple[str, int]]) -> tuple[str, list[Any]]:
    """The state at the end, and what had to be done on the way."""
    state, deeds = await blank.evaluate(
        """async (events) => {
            const { Hold } = await load("web_common/hold.js");
            const hold = new Hold();
            const deeds = events.map(([event, now]) => hold.step(event, now));
            return [hold.state, deeds];
        }""",
        events,
    )
    return state, deeds


@pytest.mark.parametrize(
    ("further", "state", "deeds"),
    [
        ([], "holding", []),
        ([("release", 3000)], "idle", ["send"]),
        ([("release", 399)], "idle", ["explain"]),
        ([("release", 400)], "idle", ["send"]),
        ([("cancel", 3000)], "idle", ["discard"]),
        ([("slideAway", 900)], "leaving", ["arm"]),
        ([("slideAway", 900), ("release", 1000)], "idle", ["arm", "discard"]),
        ([("slideAway", 150), ("release", 200)], "idle", ["arm", "discard"]),
        ([("slideAway", 900), ("slideBack", 1000), ("release", 1100)], "idle", ["arm", None, "send"]),
        ([("slideAway", 900), ("full", 9000), ("release", 9100)], "kept", ["arm", "keep", None]),
        ([("slideAway", 900), ("lost", 1000)], "kept", ["arm", "keep"]),
        ([("slideUp", 900), ("release", 1000)], "locked", ["lock", None]),
        ([("slideUp", 900), ("release", 1000), ("send", 5000)], "idle", ["lock", None, "send"]),
        ([("slideUp", 900), ("cancel", 5000)], "idle", ["lock", "discard"]),
        ([("slideUp", 900), ("lost", 5000)], "locked", ["lock", None]),
        ([("slideUp", 900), ("broken", 5000), ("send", 9000)], "idle", ["lock", "keep", "send"]),
        ([("slideUp", 900), ("full", 5000)], "idle", ["lock", "sendFull"]),
        ([("pressFree", 900)], "locked", ["lock"]),
        ([("lost", 3000)], "kept", ["keep"]),
        ([("lost", 200)], "idle", ["explain"]),
        ([("broken", 3000)], "kept", ["keep"]),
        ([("broken", 3000), ("release", 3100), ("cancel", 4000)], "idle", ["keep", None, "discard"]),
        ([("full", 9000), ("release", 9100)], "idle", ["sendFull", None]),
    ],
)
async def test_a_recording_ends(
    blank: Page, further: list[tuple[str, int]], state: str, deeds: list[str | None]
) -> None:
    assert await play(blank, RECORDING + further) == (state, ["start", "begin", *deeds])


@pytest.mark.parametrize(
    ("events", "state", "deeds"),
    [
        ([("press", 0), ("release", 5000)], "idle", ["start", "explain"]),
        ([("press", 0), ("lost", 5000)], "idle", ["start", "explain"]),
        ([("press", 0), ("failed", 5000), ("release", 6000)], "idle", ["start", "discard", None]),
        ([("press", 0), ("release", 50), ("ready", 100)], "idle", ["start", "explain", None]),
        ([("press", 0), ("press", 50)], "asking", ["start", None]),
        ([("press", 0), ("slideUp", 50), ("release", 60), ("ready", 100)], "locked", ["start", "lock", None, "begin"]),
        ([("pressFree", 0), ("ready", 100), ("send", 5000)], "idle", ["start", "begin", "send"]),
        ([("pressFree", 0), ("send", 50), ("cancel", 60)], "idle", ["start", None, "discard"]),
        ([("release", 0), ("send", 1), ("full", 2)], "idle", [None, None, None]),
    ],
)
async def test_before_the_microphone_is_open(
    blank: Page, events: list[tuple[str, int]], state: str, deeds: list[str | None]
) -> None:
    assert await play(blank, events) == (state, deeds)


async def test_every_row_leads_to_a_state_and_an_end(blank: Page) -> None:
    table: dict[str, dict[str, list[str | None]]] = await blank.evaluate(
        "async () => (await load('web_common/hold.js')).HOLD"
    )
    assert {state for row in table.values() for state, _ in row.values()} == set(table)
    for state in table.keys() - {"idle"}:
        assert table[state]["cancel"] == ["idle", "discard"], state


@pytest.mark.parametrize(
    ("state", "dx", "dy", "event"),
    [
        ("holding", 0, 0, None),
        ("holding", -95, 0, None),
        ("holding", -96, 0, "slideAway"),
        ("holding", 200, 0, None),
        ("holding", 0, -72, "slideUp"),
        ("holding", -80, -72, None),
        ("holding", -120, -100, "slideAway"),
        ("holding", 0, 300, None),
        ("asking", 0, -72, "slideUp"),
        ("asking", -200, 0, None),
        ("leaving", -64, 0, None),
        ("leaving", -63, 0, "slideBack"),
        ("leaving", -96, -300, None),
        ("locked", -200, 0, None),
        ("idle", 0, -200, None),
    ],
)
async def test_where_the_finger_went(blank: Page, state: str, dx: int, dy: int, event: str | None) -> None:
    script = "async ([state, dx, dy]) => (await load('web_common/hold.js')).slide(state, dx, dy)"
    assert await blank.evaluate(script, [state, dx, dy]) == event
