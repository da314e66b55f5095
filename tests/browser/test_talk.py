"""The button that is held: with a mouse, a finger, a key, or nobody holding it; and a real microphone behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, CDPSession, Page

from tests.browser.eventually import eventually
from tests.browser.modules import blank_page
from tests.browser.restartable import Restartable

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEGIN = """
async () => {
    const { Talk } = await load("web_common/talk.js");
    const opened = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    window.tracks = [];
    window.gate = Promise.resolve();
    navigator.mediaDevices.getUserMedia = async (wanted) => {
        await gate;
        const stream = await opened(wanted);
        tracks.push(...stream.getTracks());
        return stream;
    };
    document.body.innerHTML = `<button>talk</button><input>`;
    const [button] = document.body.children;
    button.style = "position: fixed; left: 200px; top: 200px; width: 60px; height: 60px; touch-action: none";
    window.seconds = 60;
    window.talk = new Talk(() => seconds);
    window.said = [];
    window.recorded = [];
    talk.addEventListener("said", ({ detail }) => said.push(detail));
    talk.addEventListener("recorded", ({ detail }) => recorded.push(detail.durationMs));
    talk.attach(button);
    talk.open();
}
"""
MIDDLE = 230
"""Of the button, in both directions."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def context(browser: Browser) -> BrowserContext:
    return await browser.new_context(permissions=["microphone"], has_touch=True)


@pytest_asyncio.fixture(loop_scope="session")
async def page(context: BrowserContext, server: Restartable) -> AsyncIterator[Page]:
    page = await blank_page(context, server)
    await page.evaluate(BEGIN)
    yield page
    await page.close()


@pytest_asyncio.fixture(loop_scope="session")
async def finger(context: BrowserContext, page: Page) -> CDPSession:
    return await context.new_cdp_session(page)


async def touch(finger: CDPSession, kind: str, dx: int = 0, dy: int = 0) -> None:
    points = [{"x": MIDDLE + dx, "y": MIDDLE + dy}] if kind in ("touchStart", "touchMove") else []
    await finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


async def becomes(page: Page, state: str) -> None:
    await eventually(lambda: page.evaluate("talk.state"), lambda found: found == state)


async def lasts(page: Page, ms: int = 500) -> None:
    await eventually(lambda: page.evaluate("talk.ms"), lambda found: found > ms)


async def ended(page: Page, *said: str, recordings: int = 0) -> None:
    """Idle, with these words, and every microphone closed."""
    await becomes(page, "idle")
    await eventually(lambda: page.evaluate("said"), lambda found: found == list(said))
    assert await page.evaluate("recorded.length") == recordings
    states: list[Any] = await eventually(
        lambda: page.evaluate("tracks.map((one) => one.readyState)"), lambda found: "live" not in found
    )
    assert states


async def press(page: Page) -> None:
    await page.mouse.move(MIDDLE, MIDDLE)
    await page.mouse.down()


async def test_held_with_a_mouse_and_let_go_elsewhere_it_is_sent(page: Page) -> None:
    await press(page)
    await lasts(page)
    await page.mouse.move(MIDDLE + 300, MIDDLE)
    await page.mouse.up()
    await ended(page, "started", "sent", recordings=1)


async def test_let_go_before_the_microphone_is_open_it_is_a_tap(page: Page) -> None:
    await page.evaluate("() => { gate = new Promise((resolve) => { window.opens = resolve; }); }")
    await press(page)
    await becomes(page, "asking")
    await page.mouse.up()
    await becomes(page, "idle")
    await page.evaluate("opens()")
    await eventually(lambda: page.evaluate("tracks.length"), lambda count: count == 1)
    await ended(page, "tap")


async def test_slid_away_and_back_and_away(page: Page) -> None:
    await press(page)
    await lasts(page)
    await page.mouse.move(MIDDLE - 120, MIDDLE)
    await becomes(page, "leaving")
    await page.mouse.move(MIDDLE - 30, MIDDLE)
    await becomes(page, "holding")
    await page.mouse.move(MIDDLE - 120, MIDDLE)
    await page.mouse.up()
    await ended(page, "started", "armed", "armed", "cancelled")


async def test_a_finger_slides_up_and_lets_go(page: Page, finger: CDPSession) -> None:
    await touch(finger, "touchStart")
    await lasts(page)
    await touch(finger, "touchMove", dy=-90)
    await becomes(page, "locked")
    await touch(finger, "touchEnd")
    await lasts(page, 900)
    assert await page.evaluate("talk.state") == "locked"
    await page.evaluate("talk.send()")
    await ended(page, "started", "locked", "sent", recordings=1)


async def test_a_touch_that_the_system_takes_away_is_kept(page: Page, finger: CDPSession) -> None:
    await touch(finger, "touchStart")
    await lasts(page)
    await touch(finger, "touchCancel")
    await becomes(page, "kept")
    assert await page.evaluate("tracks.map((one) => one.readyState)") == ["ended"]
    await page.evaluate("talk.send()")
    await ended(page, "started", "interrupted", "sent", recordings=1)


async def test_the_space_bar_anywhere(page: Page) -> None:
    await page.keyboard.down(" ")
    await lasts(page)
    await page.keyboard.down(" ")
    await page.keyboard.up(" ")
    await ended(page, "started", "sent", recordings=1)


async def test_a_space_in_a_field_is_a_space(page: Page) -> None:
    await page.locator("input").focus()
    await page.keyboard.press(" ")
    assert await page.locator("input").input_value() == " "
    assert await page.evaluate("[talk.state, said, tracks.length]") == ["idle", [], 0]


async def test_escape_cancels_and_the_key_that_is_still_down_does_nothing(page: Page) -> None:
    await page.locator("button").focus()
    await page.keyboard.down(" ")
    await lasts(page)
    await page.keyboard.press("Escape")
    await page.keyboard.up(" ")
    await ended(page, "started", "cancelled")


async def test_enter_records_without_holding(page: Page) -> None:
    await page.locator("button").focus()
    await page.keyboard.press("Enter")
    await lasts(page)
    assert await page.evaluate("talk.state") == "locked"
    await page.evaluate("talk.cancel()")
    await ended(page, "locked", "cancelled")


async def test_a_press_without_pointer_or_key_records_without_holding(page: Page) -> None:
    await page.locator("button").evaluate("(button) => button.click()")
    await becomes(page, "locked")
    await page.evaluate("talk.close()")
    await becomes(page, "idle")


async def test_the_window_loses_the_focus(page: Page) -> None:
    await page.keyboard.down(" ")
    await lasts(page)
    await page.evaluate("() => { dispatchEvent(new Event('blur')); }")
    await becomes(page, "kept")
    await page.keyboard.up(" ")
    await page.evaluate("talk.cancel()")
    await ended(page, "started", "interrupted", "cancelled")


async def test_as_long_as_a_message_may_be_it_is_sent(page: Page) -> None:
    await page.evaluate("() => { seconds = 1.5; }")
    await press(page)
    await ended(page, "started", "full", recordings=1)
    assert (await page.evaluate("recorded"))[0] == pytest.approx(1000, abs=400)
    await page.mouse.up()
