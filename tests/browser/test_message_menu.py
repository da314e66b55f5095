"""What can be done with a message: what the server has is deleted for everybody, what it does not have only here."""

from __future__ import annotations

import pytest
import pytest_asyncio
from playwright.async_api import Locator, expect

from tests.browser.chromium import Contexts, find_network, lose_network
from tests.browser.people import Parent
from tests.browser.restartable import Restartable
from tests.browser.watch import Watch

pytestmark = [pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def mum(browser_context: Contexts, server: Restartable) -> Parent:
    mum = await Parent.settled(browser_context, server)
    await mum.own_toy()
    await mum.open_chat()
    return mum


async def open_menu(mum: Parent, words: str) -> Locator:
    await mum.newest(words).click(button="right")
    await expect(mum.dialog).to_be_visible()
    return mum.dialog.get_by_role("button")


async def test_a_sent_message_is_deleted_for_everyone(mum: Parent) -> None:
    await mum.write("good night")
    await expect(mum.newest("Sent")).to_be_visible()
    await (await open_menu(mum, "good night")).filter(has_text="Delete for everyone").click()
    await mum.dialog.get_by_role("button", name="Delete").click()
    await expect(mum.bubbles).to_have_count(0)
    assert await mum.messages() == []


async def test_an_unsent_message_is_deleted_here(mum: Parent, watch: Watch) -> None:
    await lose_network(mum.page)
    await expect(mum.connection).to_be_visible()
    await mum.write("good night")
    await expect(mum.newest("Waiting for a connection")).to_be_visible()
    deeds = await open_menu(mum, "good night")
    assert (await deeds.all_inner_texts())[1:] == ["Copy the text", "Delete"]
    await deeds.filter(has_text="Delete").click()
    await expect(mum.bubbles).to_have_count(0)

    await find_network(mum.page)
    await expect(mum.connection).to_be_hidden()
    assert await mum.messages() == []
    if watch.troubles:  # what it asked for meanwhile
        watch.take("ERR_INTERNET_DISCONNECTED|ERR_FAILED")


async def test_without_a_clipboard_nothing_is_copied(mum: Parent) -> None:
    await mum.write("good night")
    await expect(mum.newest("Sent")).to_be_visible()
    await mum.page.reload()  # who has it, is known when what was sent has been read once more
    await mum.page.evaluate("() => { navigator.clipboard.writeText = async () => { throw new Error('no') } }")
    await (await open_menu(mum, "good night")).filter(has_text="Copy the text").click()
    await expect(mum.toast).to_have_text("It could not be copied.")
    await mum.page.evaluate("() => { delete Navigator.prototype.clipboard }")
    deeds = await open_menu(mum, "good night")
    assert (await deeds.all_inner_texts())[1:] == ["Who has it", "Delete for everyone"]
