"""Hold to record: sliding away, sliding up, a tap, the keyboard, and a finger."""

from __future__ import annotations

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.chromium import Contexts
from tests.browser.people import Parent, holding
from tests.browser.restartable import Restartable

pytestmark = [pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def mum(browser_context: Contexts, server: Restartable) -> Parent:
    """In the chat with her toy, which is off."""
    return await in_chat(await Parent.settled(browser_context, server))


async def in_chat(parent: Parent) -> Parent:
    await parent.own_toy()
    await parent.open_chat()
    return parent


async def is_all(mum: Parent, *kinds: str) -> None:
    """Nothing but this was sent. A text goes last, and whatever was said before it is there by then."""
    await mum.write("That is all.")
    await expect(mum.newest("That is all.", "Sent")).to_be_visible()
    assert ["text" if "msg" in one else "voice" for one in reversed(await mum.messages())] == [*kinds, "text"]


async def test_sliding_away_cancels(mum: Parent) -> None:
    async with holding(mum.page, mum.talk) as button:
        await expect(mum.timer).to_have_text("0:01")
        await mum.page.mouse.move(button["x"] - 150, button["y"], steps=5)
        await expect(mum.page.get_by_text("Let go to cancel").first).to_be_visible()
    await expect(mum.note).to_have_text("Cancelled. Nothing was sent.")
    await is_all(mum)


async def test_who_slides_away_and_back_sends(mum: Parent) -> None:
    async with holding(mum.page, mum.talk) as button:
        await expect(mum.timer).to_have_text("0:01")
        await mum.page.mouse.move(button["x"] - 150, button["y"], steps=5)
        await mum.page.mouse.move(button["x"], button["y"], steps=5)
    await expect(mum.newest("Sent")).to_be_visible()
    await is_all(mum, "voice")


async def test_sliding_up_frees_the_hand(mum: Parent) -> None:
    async with holding(mum.page, mum.talk) as button:
        await expect(mum.timer).to_have_text("0:01")
        await mum.page.mouse.move(button["x"] + 10, button["y"] - 120, steps=5)
    await expect(mum.timer).to_have_text("0:02")
    await mum.page.get_by_role("button", name="Send").click()
    await expect(mum.newest("Sent")).to_be_visible()
    await is_all(mum, "voice")


async def test_what_is_recorded_hands_free_can_be_thrown_away(mum: Parent) -> None:
    async with holding(mum.page, mum.talk) as button:
        await expect(mum.timer).to_have_text("0:00")
        await mum.page.mouse.move(button["x"] + 10, button["y"] - 120, steps=5)
    await expect(mum.timer).to_have_text("0:01")
    await mum.page.get_by_role("button", name="Throw away").click()
    await expect(mum.note).to_have_text("Cancelled. Nothing was sent.")
    await is_all(mum)


async def test_a_tap_is_explained(mum: Parent) -> None:
    await mum.talk.click()
    await expect(mum.note).to_have_text("Hold to talk, release to send")
    await is_all(mum)


async def test_the_space_bar_is_held_as_well(mum: Parent) -> None:
    await mum.page.keyboard.down("Space")
    await expect(mum.timer).to_have_text("0:01")
    await mum.page.keyboard.up("Space")
    await expect(mum.newest("Sent")).to_be_visible()
    await is_all(mum, "voice")


async def test_escape_cancels_what_the_space_bar_began(mum: Parent) -> None:
    await mum.page.keyboard.down("Space")
    await expect(mum.timer).to_have_text("0:01")
    await mum.page.keyboard.press("Escape")
    await mum.page.keyboard.up("Space")
    await expect(mum.note).to_have_text("Cancelled. Nothing was sent.")
    await is_all(mum)


async def test_a_finger_holds_it(browser_context: Contexts, server: Restartable) -> None:
    mum = await in_chat(await Parent.settled(browser_context, server, has_touch=True))
    box = await mum.talk.bounding_box()
    assert box
    finger = await mum.page.context.new_cdp_session(mum.page)
    middle = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    await finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [middle]})
    await expect(mum.timer).to_have_text("0:01")
    await finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    await expect(mum.newest("Sent")).to_be_visible()
    await is_all(mum, "voice")
