"""A chat of 5,000 messages: a page of it is asked for, a few screens of it are drawn, and it stays where one reads."""

from __future__ import annotations

import operator
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Page, Request, Route, expect

from tests.browser.chromium import Contexts
from tests.browser.eventually import eventually
from tests.browser.people import PASSWORD, Parent
from tests.browser.restartable import Restartable
from tests.browser.watch import Watch
from tests.end_to_end.family import database_of
from tests.world import add_rows, add_toy, new_id
from toybackend.databases.tables import deliveries, mailboxes, messages
from toybackend.house import now
from toybackend.models import Party, PartyKind

pytestmark = [pytest.mark.asyncio(loop_scope="session")]

LENGTH = 5_000
MOST_ASKED = 100
MOST_ROWS = 160
MOST_NODES = 6_000
"""Of a page whose chat is full: about thirty for a row."""
MINUTE = 60_000


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def name(server: Restartable) -> str:
    """Of a parent who has said a lot to a bear, and the bear to her, until now."""
    house, database = server.house, database_of(server.house)
    account = await house.accounts.add(new_id("mum"), PASSWORD)
    mum = Party(account.id, PartyKind.PERSON, account.name)
    bear = await add_toy(database, "Bear", mum)
    said = [row_of(mum, bear, number, now()) for number in range(1, LENGTH + 1)]
    await add_rows(database, messages, *said)
    await add_rows(database, deliveries, *map(copy_of, said))
    # Up to there both know everything; nothing of it is sent once more.
    await add_rows(database, mailboxes, *({"owner_id": one.id, "last_position": LENGTH} for one in (mum, bear)))
    return account.name


def row_of(mum: Party, bear: Party, number: int, until: int) -> dict[str, Any]:
    """One every minute, in turns."""
    sender, recipient = (mum, bear) if number % 2 else (bear, mum)
    return {
        "seq": number,
        "id": new_id("m"),
        "sender_id": sender.id,
        "conversation": "+".join(sorted((mum.id, bear.id))),
        "to_user": recipient.id,
        "text": f"number {number}",
        "state": "published",
        "family": mum.id,
        "accepted_at": until - (LENGTH - number) * MINUTE,
    }


def copy_of(row: dict[str, Any]) -> dict[str, Any]:
    """It was heard."""
    return {
        "message_id": row["id"],
        "recipient_id": row["to_user"],
        "position": row["seq"],
        "state": "heard",
        "conversation": row["conversation"],
        "seq": row["seq"],
    }


@pytest_asyncio.fixture(loop_scope="session")
async def mum(browser_context: Contexts, server: Restartable, name: str) -> Parent:
    return await Parent.enter(browser_context, server, name)


class Asked:
    """The pages of history that a page asks for: their cursors."""

    def __init__(self, page: Page) -> None:
        self.cursors: list[str] = []
        self.limits: list[int] = []
        page.on("request", self._on_request)

    def _on_request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.path.endswith("/messages"):
            query = parse_qs(address.query)
            self.limits += map(int, query["limit"])
            self.cursors += query.get("before", [""])

    async def count(self) -> int:
        return len(self.cursors)


async def amounts(page: Page) -> tuple[int, int]:
    """Rows of the chat, and elements of the whole page."""
    rows, nodes = await page.evaluate(
        "[document.querySelectorAll('[data-state]').length, document.querySelectorAll('*').length]"
    )
    return int(rows), int(nodes)


_WATCH_TASKS = """() => {
  globalThis.longTasks = [];
  new PerformanceObserver((list) => longTasks.push(...list.getEntries().map(({ duration }) => duration)))
    .observe({ type: "longtask" });
}"""


async def scroll_up(page: Page, to: int = 0) -> None:
    await page.get_by_role("log").evaluate("(element, top) => { element.scrollTop = top; }", to)


async def test_a_long_chat_is_read_page_by_page(mum: Parent) -> None:
    asked = Asked(mum.page)
    await mum.page.evaluate(_WATCH_TASKS)
    await mum.open_chat()
    await expect(mum.newest(f"number {LENGTH}")).to_be_in_viewport()
    rows, nodes = await amounts(mum.page)
    assert (asked.cursors, rows <= MOST_ASKED, nodes < MOST_NODES) == ([""], True, True)

    async def seen_by_scrolling() -> int:
        # Again, for what comes meanwhile pushes what is read down.
        await scroll_up(mum.page)
        return await asked.count()

    for pages in range(2, 10):
        await eventually(seen_by_scrolling, partial(operator.le, pages))
        rows, nodes = await amounts(mum.page)
        assert (rows <= MOST_ROWS, nodes < MOST_NODES) == (True, True), (rows, nodes)
    assert len(set(asked.cursors)) == len(asked.cursors)
    assert max(asked.limits) <= MOST_ASKED
    oldest = int((await mum.bubbles.first.locator(".chat-text").inner_text()).removeprefix("number "))
    assert oldest < LENGTH - 300

    await mum.page.get_by_role("button", name="To the newest messages").click()
    await expect(mum.newest(f"number {LENGTH}")).to_be_in_viewport()
    print("tasks of more than 50 ms:", await mum.page.evaluate("longTasks"))


async def test_what_is_read_stays_where_it_is(mum: Parent) -> None:
    waiting: list[Route] = []
    await mum.page.route("**/messages?*before=*", lambda route: waiting.append(route))
    await mum.open_chat()
    await expect(mum.newest(f"number {LENGTH}")).to_be_in_viewport()
    await scroll_up(mum.page, 400)
    [held] = await eventually(lambda: came(waiting))
    read = mum.bubbles.nth(10)
    words = await read.locator(".chat-text").inner_text()
    before = await read.bounding_box()
    await held.continue_()
    await eventually(lambda: amounts(mum.page), lambda seen: seen[0] > 50)
    after = await mum.bubbles.filter(has=mum.page.get_by_text(words, exact=True)).bounding_box()
    assert before and after
    assert abs(before["y"] - after["y"]) < 2
    await mum.page.unroute_all(behavior="ignoreErrors")


async def test_older_ones_that_do_not_come_are_asked_for_again_by_who_scrolls(mum: Parent, watch: Watch) -> None:
    asked = Asked(mum.page)
    await mum.page.route("**/messages?*before=*", lambda route: route.abort())
    await mum.open_chat()
    await expect(mum.newest(f"number {LENGTH}")).to_be_in_viewport()
    await scroll_up(mum.page)
    await eventually(asked.count, partial(operator.le, 2))
    # One that asked again by itself would do so in every frame.
    await mum.page.wait_for_timeout(500)
    assert await asked.count() <= 3

    await mum.page.unroute_all()
    await scroll_up(mum.page, 100)
    await eventually(lambda: amounts(mum.page), lambda seen: seen[0] > 50)
    watch.take("messages.*before=|ERR_FAILED")


async def came(waiting: list[Route]) -> list[Route]:
    return waiting
