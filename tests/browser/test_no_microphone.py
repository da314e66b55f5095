"""A browser whose owner does not let the page listen: that is said in words, and nothing is sent."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.chromium import Contexts
from tests.browser.people import Parent, holding
from tests.browser.restartable import Restartable

pytestmark = [pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture(scope="module")
def browser_arguments() -> tuple[str, ...]:
    """The last one of its name counts: now the fake question is always answered with no."""
    return ("--use-fake-ui-for-media-stream=deny",)


async def test_a_forbidden_microphone_is_said(browser_context: Contexts, server: Restartable) -> None:
    mum = await Parent.settled(browser_context, server, microphone=False)
    await mum.own_toy()
    await mum.open_chat()
    async with holding(mum.page, mum.talk):
        await expect(mum.note).to_contain_text("The microphone is not allowed")
    await mum.write("Then I write.")
    await expect(mum.newest("Then I write.", "Sent")).to_be_visible()
    assert len(await mum.messages()) == 1
