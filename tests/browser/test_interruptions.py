"""What is said while somebody is away arrives, once: a toy that is off, a server that restarts, a page that reloads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import expect

from tests.browser.chromium import Contexts
from tests.browser.ear import heard, wait_for_sounds
from tests.browser.eventually import eventually
from tests.browser.people import Parent, ToyTab, at_home
from tests.browser.restartable import Restartable
from tests.browser.watch import Watch

pytestmark = [pytest.mark.asyncio(loop_scope="session")]

AWAY = "ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET|ERR_SOCKET_NOT_CONNECTED"
"""What Chromium writes of a server that is stopped; no page can keep it from that."""


async def states(parent: Parent) -> list[str]:
    return [one["receipts"][0]["state"] for one in await parent.messages()]


def states_of(parent: Parent) -> Callable[[], Awaitable[list[str]]]:
    return lambda: states(parent)


async def test_a_toy_that_was_off_plays_what_it_missed(browser_context: Contexts, server: Restartable) -> None:
    mum, bear = await at_home(browser_context, server)
    await mum.open_chat()
    await expect(mum.page.get_by_role("banner")).to_contain_text("Online")
    browser = bear.page.context
    await bear.page.close()
    await mum.say()
    await expect(mum.newest("Sent")).to_be_visible()

    bear = await ToyTab.open(await browser.new_page(), server, bear.licence)
    await bear.switch_on_again()
    [missed] = await wait_for_sounds(bear.page, 1, "message")
    assert missed.is_whole and not missed.is_silent
    await expect(mum.newest("Heard")).to_be_visible()


async def test_a_server_that_restarts_loses_nothing(
    browser_context: Contexts, server: Restartable, watch: Watch
) -> None:
    mum, bear = await at_home(browser_context, server)
    await mum.open_chat()
    await expect(mum.connection).to_be_hidden()
    await server.stop()
    await expect(mum.connection).to_have_text("No connection. Trying again…")
    await bear.is_now("away")
    await expect(bear.bubble).to_have_text("I cannot reach the server. I keep trying.")

    await mum.say()
    await expect(mum.note).to_have_text("Saved. It goes out as soon as there is a connection.")
    await expect(mum.newest("Waiting for a connection")).to_be_visible()
    await expect(mum.toast).to_have_text("")

    await server.start()
    await expect(mum.connection).to_be_hidden()
    await bear.is_now("ready")
    [saved] = await wait_for_sounds(bear.page, 1, "message")
    assert saved.is_whole and not saved.is_silent
    await expect(mum.newest("Heard")).to_be_visible()
    await expect(mum.bubbles).to_have_count(1)
    assert await states(mum) == ["heard"]
    watch.take(AWAY)


async def test_a_recording_survives_a_reload(browser_context: Contexts, server: Restartable, watch: Watch) -> None:
    mum, bear = await at_home(browser_context, server, service_workers="allow")
    await mum.open_chat()
    await mum.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    await server.stop()
    await expect(mum.connection).to_have_text("No connection. Trying again…")
    await mum.say()
    await expect(mum.newest("Waiting for a connection")).to_be_visible()
    await mum.page.reload()
    await expect(mum.connection).to_have_text("No connection. Trying again…")

    await server.start()
    [saved] = await wait_for_sounds(bear.page, 1, "message")
    assert saved.is_whole and not saved.is_silent
    assert await eventually(states_of(mum), lambda found: found == ["heard"])
    await expect(mum.bubbles).to_have_count(1)
    await expect(mum.newest("Heard")).to_be_visible()
    assert len(await heard(bear.page, "message")) == 1
    watch.take(AWAY)
