"""What the web toy receives: each message once, and said again what may have got lost."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page

pytestmark = pytest.mark.asyncio(loop_scope="session")

ACK = {"type": "ack", "id": "m"}
HEARD = {"type": "heard", "id": "m"}


async def receive(blank: Page, *deeds: str) -> tuple[list[bool], list[Any]]:
    """Which of the `take`s were new, and what was said to the server."""
    new, said = await blank.evaluate(
        """async (deeds) => {
            const { Inbox } = await load("web_toy/inbox.js");
            const said = [];
            const inbox = new Inbox((frame) => said.push(frame));
            const frame = { type: "voice", id: "m" };
            const found = deeds.map((deed) => inbox[deed](deed === "take" ? frame : "m"));
            return [found.filter((one) => one !== undefined), said];
        }""",
        list(deeds),
    )
    return new, said


@pytest.mark.parametrize(
    ("deeds", "new", "said"),
    [
        (["take"], [True], []),
        (["take", "take"], [True, False], []),
        (["take", "acknowledge", "acknowledge"], [True], [ACK]),
        (["take", "acknowledge", "take"], [True, False], [ACK, ACK]),
        (["take", "acknowledge", "heard"], [True], [ACK, HEARD]),
        (["take", "heard", "take"], [True, False], [ACK, HEARD, HEARD]),
        (["take", "heard", "acknowledge"], [True], [ACK, HEARD]),
        (["take", "forget", "take"], [True, True], []),
    ],
)
async def test_a_message(blank: Page, deeds: list[str], new: list[bool], said: list[Any]) -> None:
    assert await receive(blank, *deeds) == (new, said)


async def test_it_remembers_the_last_thousand(blank: Page) -> None:
    is_new = await blank.evaluate(
        """async () => {
            const { Inbox } = await load("web_toy/inbox.js");
            const inbox = new Inbox(() => {});
            for (let at = 0; at <= 1024; at += 1) inbox.take({ type: "voice", id: `m_${at}` });
            return [inbox.take({ type: "voice", id: "m_0" }), inbox.take({ type: "voice", id: "m_1000" })];
        }"""
    )
    assert is_new == [True, False]
