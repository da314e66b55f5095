"""The life of the web toy: its table of states, and what it decides without a page or a network."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOW = 1_795_000_000_000


async def call(blank: Page, name: str, *arguments: Any) -> Any:
    return await blank.evaluate(
        "async ([name, given]) => (await load('web_toy/life.js'))[name](...given)", [name, list(arguments)]
    )


async def live(blank: Page, *events: str) -> str:
    """Where these lead from off."""
    state = "off"
    for event in events:
        state = await call(blank, "next", state, event)
    return state


@pytest.mark.parametrize(
    ("events", "state"),
    [
        (["switched_on"], "starting"),
        (["switched_on", "unlicensed"], "unlicensed"),
        (["switched_on", "no_family", "family"], "ready"),
        (["switched_on", "family", "rest_began"], "asleep"),
        (["switched_on", "family", "rest_began", "rest_ended"], "ready"),
        (["switched_on", "lost", "family"], "ready"),
        (["switched_on", "no_family", "lost", "no_family"], "unbound"),
        (["switched_on", "family", "rest_began", "lost"], "away"),
        (["switched_on", "family", "no_family"], "unbound"),
        (["switched_on", "family", "parted"], "off"),
        (["switched_on", "lost", "switched_off"], "off"),
    ],
)
async def test_what_leads_where(blank: Page, events: list[str], state: str) -> None:
    assert await live(blank, *events) == state


@pytest.mark.parametrize("event", ["family", "no_family", "rest_began", "lost", "unlicensed"])
async def test_while_it_is_off_only_the_switch_counts(blank: Page, event: str) -> None:
    assert await live(blank, event) == "off"


async def test_no_rest_without_a_family(blank: Page) -> None:
    assert await live(blank, "switched_on", "no_family", "rest_began") == "unbound"


async def test_what_is_without_a_licence_stays_so_until_it_is_switched_off(blank: Page) -> None:
    assert await live(blank, "switched_on", "unlicensed", "lost") == "unlicensed"


@pytest.mark.parametrize(
    ("lasts_ms", "after_ms"),
    [
        (100_000, 90_000),  # before it ends
        (500, 1_000),  # not in a whirl
        (3_600_000, 540_000),
        (-5_000, 30_000),  # our clock is wrong
    ],
)
async def test_when_a_code_is_renewed(blank: Page, lasts_ms: int, after_ms: int) -> None:
    until = await blank.evaluate("(at) => new Date(at).toISOString()", NOW + lasts_ms)
    assert await call(blank, "renewAfter", until, NOW) == after_ms


def conversation(name: str, kind: str, *, said: bool = False, open: bool = True) -> dict[str, Any]:
    return {"id": name, "name": name, "kind": kind, "may_send": open, "last": {} if said else None}


@pytest.mark.parametrize(
    ("conversations", "whom"),
    [
        ([], None),
        ([conversation("mum", "person", open=False)], None),
        ([conversation("mum", "person"), conversation("all", "family")], "all"),
        ([conversation("mum", "person"), conversation("dad", "person")], "mum"),
        ([conversation("all", "family"), conversation("dad", "person", said=True)], "dad"),
        ([conversation("gran", "person", said=True, open=False), conversation("all", "family")], "all"),
    ],
)
async def test_whom_it_answers(blank: Page, conversations: list[dict[str, Any]], whom: str | None) -> None:
    found = await call(blank, "whomToAnswer", conversations)
    assert (found and found["id"]) == whom
