"""The story that everything is for: a parent speaks, the toy speaks, the toy answers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.chromium import Contexts
from tests.browser.ear import wait_for_sounds
from tests.browser.eventually import eventually
from tests.browser.people import Parent, ToyTab
from tests.browser.restartable import Restartable
from toybackend.web.prompts import SHIPPED

pytestmark = [pytest.mark.asyncio(loop_scope="session")]

AS_IT_IS: dict[str, Any] = {"reduced_motion": "no-preference", "service_workers": "allow"}
"""A browser that nothing is taken from."""
OPEN_MOUTH = re.compile(r"--mouth: (0\.[1-9]|1)")


@pytest.fixture(scope="module")
def prompts_folder() -> Path:
    """Nothing is shortened here."""
    return SHIPPED


async def test_a_parent_and_a_toy_talk_with_each_other(browser_context: Contexts, server: Restartable) -> None:
    mum = await Parent.register(browser_context, server, **AS_IT_IS)
    bear = await ToyTab.unpack(browser_context, server, **AS_IT_IS)
    await bear.switch_on()
    await expect(bear.page.get_by_role("img", name="QR code")).to_be_visible()
    await mum.add_toy(await bear.code())
    await bear.is_now("ready")
    await expect(bear.bubble).to_contain_text("I am Bear")

    await mum.page.get_by_role("link", name="Say hello").click()
    await mum.say(3)
    await expect(mum.newest("Delivered")).to_be_visible()
    await expect(bear.page.locator(".bear-head")).to_have_attribute("style", OPEN_MOUTH)
    [message] = await wait_for_sounds(bear.page, 1, "message")
    assert message.is_whole and message.duration > 2.5
    assert not message.is_silent
    await expect(mum.newest("Heard")).to_be_visible()

    await bear.answer(2)
    answer = mum.newest("Not heard yet")
    await expect(answer).to_be_visible()
    await expect(answer.get_by_role("slider", name="Place in the voice message")).to_be_visible()
    await mum.play_newest()
    [reply] = await wait_for_sounds(mum.page, 1)
    assert reply.is_whole and reply.duration > 1
    assert not reply.is_silent
    await expect(answer).to_have_count(0)
    await eventually(bear.diary, lambda notes: "← heard" in notes)
    assert [one["state"] for one in await mum.messages()] == ["heard", "accepted"]
