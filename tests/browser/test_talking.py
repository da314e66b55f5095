"""Texts to a toy, two families who get to know each other, and the group of one family."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.chromium import Contexts
from tests.browser.ear import wait_for_sounds
from tests.browser.people import Parent, at_home
from tests.browser.restartable import Restartable

pytestmark = [pytest.mark.asyncio(loop_scope="session")]


async def test_a_toy_shows_a_text(browser_context: Contexts, server: Restartable) -> None:
    mum, bear = await at_home(browser_context, server)
    await mum.open_chat()
    await mum.write("Dinner is ready, <b>little</b> bear!")
    await expect(bear.sign).to_have_text("Dinner is ready, <b>little</b> bear!")
    await expect(mum.newest("Delivered")).to_be_visible()
    await bear.page.get_by_role("button", name="I have read it").click()
    await expect(bear.sign).to_have_count(0)
    await expect(mum.newest("Read")).to_be_visible()


async def test_two_families_agree_and_write(browser_context: Contexts, server: Restartable) -> None:
    mum = await Parent.settled(browser_context, server, "mum")
    ada = await Parent.settled(browser_context, server, "ada")
    await ada.go("people/add")
    link = f"{server.url}/?contact={await ada.page.get_by_role('code').inner_text()}"

    await mum.page.goto(link)
    await mum.page.get_by_role("button", name="Ask", exact=True).click()
    await expect(mum.page.get_by_text("Asked. As soon as their grown-ups agree")).to_be_visible()
    await expect(mum.page.get_by_text(ada.name)).to_have_count(0)  # a name is shown once they agree

    await ada.go("chats")
    await expect(ada.page.get_by_role("link", name="People Requests: 1")).to_be_visible()
    await ada.go("people")
    await expect(ada.page.get_by_text(f"{mum.name} would like to talk with you")).to_be_visible()
    await ada.page.get_by_role("button", name="Agree").click()
    await expect(ada.toast).to_contain_text(f"You can talk with {mum.name} now.")

    await mum.open_chat(ada.name)
    await mum.write("Shall we meet?")
    await ada.open_chat(mum.name)
    await expect(ada.newest("Shall we meet?")).to_be_visible()
    await expect(mum.newest("Read")).to_be_visible()
    await ada.write("Yes, at four.")
    await expect(mum.newest("Yes, at four.")).to_be_visible()
    await expect(ada.newest("Read")).to_be_visible()


async def test_the_family_hears_what_is_said_to_all(browser_context: Contexts, server: Restartable) -> None:
    mum, bear = await at_home(browser_context, server)
    dad = await Parent.settled(browser_context, server, "dad")
    await mum.open_toy()
    await mum.page.get_by_role("button", name="Let another grown-up in").click()
    await dad.join_toy(await mum.dialog.locator(".toy-claim").inner_text())
    await expect(mum.dialog).to_have_count(0)
    await expect(mum.toast).to_contain_text("Another grown-up has joined.")

    await dad.open_chat(is_group=True)
    await mum.open_chat(is_group=True)
    await mum.say()
    [said] = await wait_for_sounds(bear.page, 1, "message")
    assert said.is_whole and not said.is_silent
    await expect(dad.newest(mum.name, "Not heard yet")).to_be_visible()
    await mum.page.get_by_role("button", name="Heard by 1 of 2").click()
    for who, how in (("Bear", "Heard"), (dad.name, "Delivered")):
        await expect(mum.dialog.get_by_role("listitem").filter(has_text=who)).to_contain_text(how)
    await mum.page.get_by_role("button", name="Close").click()

    await dad.play_newest()
    [said] = await wait_for_sounds(dad.page, 1)
    assert said.is_whole and not said.is_silent
    await expect(mum.newest("Heard by all 2")).to_be_visible()
