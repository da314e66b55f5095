"""Whoever is at the end of a chat stays there, and whoever reads elsewhere keeps the place, whatever grows."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page

from tests.browser.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEGIN = """
async () => {
    const { Scroller } = await load("web_app/chat/scroller.js");
    const { html, render, ref } = await load("web_common/html.js");
    window.moves = [];
    window.older = 0;
    window.scroller = new Scroller({
        onOlder: () => (older += 1),
        onNewer: () => {},
        onMoved: (isByHand) => moves.push(isByHand),
        isWhole: () => true,
    });
    const list = Array.from({ length: 100 }, (_, n) => html`<li class="chat-item">${n}</li>`);
    const view = html`<div id="place" ${ref(scroller.attach)}><ol ${ref(scroller.attachList)}>${list}</ol></div>`;
    render(view, document.body);
    window.place = document.getElementById("place");
    window.rows = [...place.querySelectorAll("li")];
    place.style.cssText = "height: 400px; overflow: auto; overflow-anchor: none";
    for (const one of rows) one.style.height = "50px";
    window.left = () => place.scrollHeight - place.scrollTop - place.clientHeight;
    window.top_of = (n) => rows[n].getBoundingClientRect().top;
    window.frames = async (count) => { while (count--) await new Promise(requestAnimationFrame); };
    scroller.toEnd();
    await frames(3);
}
"""


async def do(page: Page, script: str) -> Any:
    return await page.evaluate(f"async () => {{ {script} }}")


async def test_a_word_below_the_last_message_is_seen(page: Page) -> None:
    assert await do(page, "return left()") == 0
    await do(page, "rows.at(-1).style.height = '200px'")
    await eventually(lambda: page.evaluate("left()"), lambda left: left == 0)


async def test_the_end_stays_when_the_keyboard_opens(page: Page) -> None:
    await do(page, "place.style.height = '150px'")
    await eventually(lambda: page.evaluate("left()"), lambda left: left == 0)


async def test_what_is_read_stays_when_something_above_it_grows(page: Page) -> None:
    was = await do(page, "place.scrollTop = 2500; await frames(2); return top_of(50)")
    await do(page, "rows[3].style.height = '350px'; await frames(3)")
    assert await do(page, "return [top_of(50), place.scrollTop]") == [was, 2800]


async def test_it_knows_whose_hand_moved_it(page: Page) -> None:
    await do(page, "moves = []; place.scrollTop = 2000; await frames(3)")
    assert set(await do(page, "return moves")) == {True}
    await do(page, "moves = []; rows[3].style.height = '350px'; await frames(4)")
    assert set(await do(page, "return moves")) == {False}


async def test_near_the_beginning_older_ones_are_asked_for(page: Page) -> None:
    assert await do(page, "place.scrollTop = 1000; await frames(3); return older") == 0
    assert await do(page, "place.scrollTop = 800; await frames(3); return older") > 0
