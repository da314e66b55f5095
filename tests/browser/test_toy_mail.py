"""The mail of the web toy: kept before it is acknowledged, there again after a reload, and quiet in a time of rest."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page

from tests.browser.eventually import eventually
from tests.browser.modules import open_blank
from tests.browser.restartable import Restartable

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEGIN = """async () => {
    const { Mail } = await load("web_toy/mail.js");
    const told = [], said = [], dropped = [];
    const voice = {
        isTelling: false,
        say: (name) => void told.push(name),
        tell: (message) => void told.push(message.id),
        takeBack: () => [],
        drop: (id) => void dropped.push(id),
    };
    const state = { autoplay: true, rests: false, isOpen: true };
    const keeper = {
        say: (frame) => state.isOpen && said.push(`${frame.type} ${frame.id}`) > 0,
        token: () => "",
        autoplay: () => state.autoplay,
        rests: () => state.rests,
        changed() {},
    };
    const answers = new Map();
    window.fetch = async (url) => answers.get(url)?.() ?? new Response(url);
    const mail = new Mail(voice, keeper);
    const voiceFrame = (id) => ({ type: "voice", id, from_user: "p", from_name: "Mum", url: `/${id}.mp3` });
    const textFrame = (id) => ({ type: "text", id, from_user: "p", from_name: "Mum", msg: id });
    const waiting = () => mail.waiting.map((one) => one.id);
    const settle = (ms = 300) => new Promise((done) => setTimeout(done, ms));
    Object.assign(window, { mail, told, said, dropped, state, answers, voiceFrame, textFrame, waiting, settle });
}"""


async def do(page: Page, script: str) -> Any:
    return await page.evaluate(f"async () => {{ {script} }}")


async def sees(page: Page, script: str, wanted: Any) -> None:
    await eventually(lambda: page.evaluate(script), lambda found: found == wanted)


async def again(page: Page, server: Restartable) -> None:
    """The page is reloaded."""
    await open_blank(page, server)
    await page.evaluate(BEGIN)


async def test_what_waits_is_there_after_a_reload(page: Page, server: Restartable) -> None:
    await do(page, "state.autoplay = false; mail.open('t'); mail.take(voiceFrame('a')); mail.take(textFrame('b'));")
    await sees(page, "[said, waiting()]", [["ack a", "ack b"], ["a", "b"]])

    await again(page, server)
    await do(page, "state.autoplay = false; mail.open('t'); mail.take(voiceFrame('a')); mail.take(textFrame('c'));")
    await sees(page, "[said, waiting()]", [["ack a", "ack c"], ["a", "b", "c"]])
    assert await do(page, "return [await mail.waiting[0].sound.text(), mail.waiting[1].msg];") == ["/a.mp3", "b"]
    assert await page.evaluate("mail.lastFrom") == {"to_user": "p", "name": "Mum"}


async def test_it_is_kept_before_it_is_acknowledged(page: Page) -> None:
    in_order = await do(
        page,
        """
        const { Kept } = await load("web_common/kept.js");
        const put = Kept.prototype.put;
        Kept.prototype.put = async function (row) {
            await settle();
            await put.call(this, row);
            said.push(`kept ${row.ref}`);
        };
        mail.open('t'); mail.take(voiceFrame('a')); await settle(1000);
        return said;
        """,
    )
    assert in_order == ["kept a", "ack a"]


async def test_where_nothing_can_be_kept_the_server_keeps_it_until_it_was_heard(page: Page) -> None:
    await do(page, "IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); };")
    await do(page, "mail.open('t'); mail.take(voiceFrame('a'));")
    await sees(page, "told", ["new_message", "a"])
    assert await do(page, "const before = [...said]; mail.heard('a'); return [before, said];") == [
        [],
        ["ack a", "heard a"],
    ]


async def test_what_was_heard_does_not_come_again_and_is_told_again(page: Page, server: Restartable) -> None:
    await do(page, "mail.open('t'); mail.take(voiceFrame('a')); mail.take(voiceFrame('b')); await settle();")
    await do(page, "state.isOpen = false; mail.heard('a'); await settle();")
    assert await page.evaluate("said") == ["ack a", "ack b"]

    await again(page, server)
    await do(page, "state.isOpen = false; mail.open('t'); await settle(); state.isOpen = true; mail.welcomed();")
    assert await page.evaluate("[told, said]") == [["new_message", "b"], ["heard a"]]
    assert await do(page, "mail.welcomed(); await settle(); mail.welcomed(); return said;") == ["heard a", "heard a"]

    await again(page, server)
    await do(page, "mail.open('t'); await settle(); mail.welcomed();")
    assert await page.evaluate("said") == []


@pytest.mark.parametrize("deed", ["mail.drop('a')", "mail.broken('a')"])
async def test_what_is_deleted_or_broken_is_gone_for_good(page: Page, server: Restartable, deed: str) -> None:
    await do(page, f"mail.open('t'); mail.take(voiceFrame('a')); await settle(); {deed}; await settle();")
    await again(page, server)
    await do(page, "mail.open('t'); await settle();")
    assert await page.evaluate("[told, waiting()]") == [[], []]


async def test_what_is_deleted_while_it_is_fetched_is_never_shown(page: Page, server: Restartable) -> None:
    await do(
        page,
        """
        mail.open('t');
        let come; answers.set('/a.mp3', () => new Promise((resolve) => (come = () => resolve(new Response('a')))));
        mail.take(voiceFrame('a')); mail.take(textFrame('b')); mail.take(textFrame('c')); await settle();
        mail.drop('a'); mail.drop('b'); come(); await settle();
        """,
    )
    assert await page.evaluate("[told, waiting(), said]") == [
        ["new_message", "c"],
        [],
        ["ack a", "ack b", "ack c"],
    ]
    await again(page, server)
    await do(page, "mail.open('t'); await settle();")
    assert await page.evaluate("told") == ["new_message", "c"]


async def test_what_comes_too_late_for_its_link_may_come_again(page: Page) -> None:
    await do(page, "answers.set('/a.mp3', () => new Response('', { status: 404 })); mail.open('t');")
    await do(page, "mail.take(voiceFrame('a')); await settle(); answers.clear(); mail.take(voiceFrame('a'));")
    await sees(page, "[told, said]", [["new_message", "a"], ["ack a"]])


async def test_a_sound_that_is_gone_is_done_with(page: Page) -> None:
    await do(page, "answers.set('/a.mp3', () => new Response('', { status: 410 })); mail.open('t');")
    await do(page, "mail.take(voiceFrame('a'));")
    await sees(page, "[told, said]", [[], ["ack a"]])


async def test_what_was_on_its_way_when_the_rest_began_waits(page: Page) -> None:
    await do(page, "answers.set('/a.mp3', () => { throw new TypeError('the network is away'); }); mail.open('t');")
    await do(page, "mail.take(voiceFrame('a')); await settle(); state.rests = true; answers.clear();")
    await sees(page, "[told, waiting(), said]", [[], ["a"], ["ack a"]])
    assert await do(page, "state.rests = false; mail.wake(); return told;") == ["a"]


async def test_what_comes_in_a_rest_is_meant_to_be_heard(page: Page) -> None:
    await do(page, "state.rests = true; mail.open('t'); mail.take(voiceFrame('a'));")
    await sees(page, "[told, waiting()]", [["new_message", "a"], []])


async def test_what_is_there_again_in_a_rest_waits_for_the_morning(page: Page, server: Restartable) -> None:
    await do(page, "mail.open('t'); mail.take(voiceFrame('a')); await settle();")
    await again(page, server)
    await do(page, "state.rests = true; mail.open('t');")
    await sees(page, "[told, waiting()]", [[], ["a"]])


async def test_of_a_family_that_is_gone_nothing_is_left(page: Page, server: Restartable) -> None:
    await do(page, "mail.open('t'); mail.take(voiceFrame('a')); await settle();")
    await do(page, "mail.end(); await (await load('web_toy/traces.js')).wipe('t');")
    await sees(page, "indexedDB.databases()", [])
    await again(page, server)
    await do(page, "mail.open('t'); await settle();")
    assert await page.evaluate("[told, waiting()]") == [[], []]
