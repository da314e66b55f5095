"""Logged out from elsewhere, and gone for good."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.chromium import Contexts
from tests.browser.people import PASSWORD, Parent
from tests.browser.restartable import Restartable

pytestmark = [pytest.mark.asyncio(loop_scope="session")]


async def test_a_phone_is_logged_out_from_another_one(browser_context: Contexts, server: Restartable) -> None:
    mum = await Parent.settled(browser_context, server)
    tablet = await Parent.log_in(browser_context, mum)
    await expect(tablet.connection).to_be_hidden()
    await mum.go("account")
    await mum.page.get_by_role("button", name="Log out there").click()
    await expect(tablet.page.get_by_role("heading", name="Log in")).to_be_visible()
    await expect(mum.page.get_by_role("button", name="Log out there")).to_have_count(0)
    await expect(mum.page.get_by_text("This one")).to_be_visible()
    assert (await tablet.page.context.request.get(f"{server.url}/api/v1/me")).status == 401


async def test_an_erased_account_leaves_its_name_free(browser_context: Contexts, server: Restartable) -> None:
    mum = await Parent.settled(browser_context, server)
    await mum.own_toy()
    await mum.go("account")
    await mum.page.get_by_role("button", name="Erase my account").click()
    await expect(mum.dialog).to_contain_text("Bear")
    erase = mum.page.get_by_role("button", name="Erase everything")
    await expect(erase).to_be_disabled()
    await mum.page.get_by_label("I understand").check()
    await erase.click()
    await expect(mum.page.get_by_role("dialog", name="Everything is erased")).to_contain_text("Toys: 1")
    await mum.page.get_by_role("button", name="Goodbye").click()
    await expect(mum.page.get_by_role("heading", name="Log in")).to_be_visible()

    await mum.page.get_by_role("button", name="I am new here").click()
    await mum.page.get_by_label("Name").fill(mum.name)
    await mum.page.get_by_label("Password", exact=True).fill(PASSWORD)
    await mum.page.get_by_role("button", name="Make an account").click()
    await expect(mum.heading).to_have_text("Chats")
    assert (await mum.ask("/toys"))["toys"] == []
