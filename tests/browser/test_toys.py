"""Two toys in one browser, a toy at night, and a toy that leaves its family."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.chromium import Contexts
from tests.browser.ear import heard, wait_for_sounds
from tests.browser.people import Parent, ToyTab, at_home, issue_licence
from tests.browser.restartable import Restartable

pytestmark = [pytest.mark.asyncio(loop_scope="session")]


async def test_two_toys_in_two_tabs_keep_their_own(browser_context: Contexts, server: Restartable) -> None:
    mum = await Parent.settled(browser_context, server)
    browser = await browser_context()
    toys = {}
    for name in ("Bear", "Fox"):
        toy = await ToyTab.open(await browser.new_page(), server, await issue_licence(server))
        await toy.switch_on()
        await mum.add_toy(await toy.code(), name)
        await toy.is_now("ready")
        toys[name] = toy
    for name, toy in toys.items():
        await mum.open_chat(name)
        await mum.write(f"Hello {name}")
        await expect(toy.sign).to_have_text(f"Hello {name}")
        await mum.say()
        await wait_for_sounds(toy.page, 1, "message")
    for name, toy in toys.items():
        await expect(toy.sign).to_have_text(f"Hello {name}")
        assert len(await heard(toy.page, "message")) == 1
        assert (await toy.diary()).count("← voice") == (await toy.diary()).count("← text") == 1
    for name, toy in toys.items():
        await toy.page.reload()
        await toy.switch_on_again()
        await toy.is_now("ready")
        await expect(toy.page.get_by_role("heading", level=1)).to_have_text(name)


async def test_at_night_a_message_waits_unless_it_is_urgent(browser_context: Contexts, server: Restartable) -> None:
    mum, bear = await at_home(browser_context, server)
    await mum.open_toy()
    await mum.page.get_by_role("button", name="Add a time of rest").click()
    for which in ("From", "To"):  # the whole day
        await mum.page.get_by_label(which, exact=True).fill("00:00")
    await bear.is_now("asleep")
    await expect(bear.bubble).to_contain_text("I am asleep until")

    await mum.open_chat()
    await expect(mum.page.get_by_text("Your message waits.")).to_be_visible()
    await mum.write("For the morning")
    await expect(mum.newest("Waits until")).to_be_visible()
    assert [one["receipts"][0]["state"] for one in await mum.messages()] == ["waiting"]
    assert "← text" not in await bear.diary()
    await mum.page.get_by_label("Wake it up: play now").check()
    await mum.write("For now")
    await expect(bear.sign).to_have_text("For now")  # after what was said before it
    await expect(mum.newest("For now", "Read")).to_be_visible()
    assert (await bear.diary()).count("← text") == 2
    await bear.is_now("asleep")


async def test_a_toy_that_is_let_go_looks_for_a_family_again(browser_context: Contexts, server: Restartable) -> None:
    mum, bear = await at_home(browser_context, server)
    await mum.open_chat()
    await mum.write("Goodbye")
    await expect(bear.sign).to_have_text("Goodbye")
    history = f"/conversations/{mum.page.url.rpartition('/')[2]}/messages"
    assert len((await mum.ask(history))["messages"]) == 1

    await mum.open_toy()
    await mum.page.get_by_role("button", name="Unbind this toy").click()
    await expect(mum.dialog).to_contain_text("All messages to and from the toy, with their sound")
    await mum.page.get_by_role("button", name="Unbind and erase").click()
    await expect(mum.page.get_by_role("dialog", name="Bear is let go")).to_contain_text("Messages1")
    await mum.page.get_by_role("button", name="OK").click()
    await bear.code()
    await expect(bear.sign).to_have_count(0)
    await expect(mum.page.get_by_role("main")).to_contain_text("No toy yet")
    assert (await mum.ask("/conversations"))["conversations"] == []
    answer = await mum.page.context.request.get(f"{server.url}/api/v1{history}")
    assert answer.status == 404
