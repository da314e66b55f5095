"""The answer of the web toy: nothing is recorded for nobody, and a refusal is told once."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEGIN = """async () => {
    const { Answer } = await load("web_toy/answer.js");
    const { Outbox } = await load("web_common/outbox.js");
    const spoken = [];
    const toy = {
        link: null,
        mail: { lastFrom: null, found: null, async findAddressee() { this.lastFrom = this.found; } },
        voice: { hush() {} }, sound: { tone() {} }, diary: { note() {} },
        speak: (name) => void spoken.push(name),
        changed() {},
    };
    const link = Object.assign(new EventTarget(), { state: "open", welcome: {}, unsent: 0, sent: [] });
    link.send = (frame) => link.sent.push(frame) > 0;
    const says = (frame) => link.dispatchEvent(new CustomEvent(`frame:${frame.type}`, { detail: frame }));
    const make = () => {
        const outbox = new Outbox(link);
        return { outbox, answer: new Answer(toy, outbox) };
    };
    const settle = (ms = 400) => new Promise((done) => setTimeout(done, ms));
    Object.assign(window, { spoken, toy, link, says, make, settle });
}"""


async def test_with_nobody_to_answer_it_says_so_until_there_is_somebody(page: Page) -> None:
    assert await page.evaluate(
        """async () => {
            const { answer } = make();
            await answer.lookForSomebody();
            const said = answer.said;
            toy.mail.found = { to_user: "p", name: "Mum" };
            await answer.lookForSomebody();
            return [said, answer.said];
        }"""
    ) == ["nobody", None]


async def test_a_refusal_is_told_once_and_not_kept(page: Page) -> None:
    assert await page.evaluate(
        """async () => {
            const { outbox, answer } = make();
            await answer.open("t");
            await outbox.put({ to_user: "a", msg: "1" }); await outbox.put({ to_user: "b", msg: "2" }); await settle();
            says({ type: "error", code: "not_allowed", ref: link.sent[0].ref }); await settle();
            const once = [...spoken];
            says({ type: "error", code: "not_allowed", ref: link.sent[1].ref }); await settle();
            return [once, spoken, outbox.failed(), outbox.pending("a")];
        }"""
    ) == [["failed"], ["failed", "failed"], [], []]


async def test_a_refusal_of_an_earlier_page_is_told_and_not_kept(page: Page) -> None:
    assert await page.evaluate(
        """async () => {
            const { Outbox } = await load("web_common/outbox.js");
            const before = new Outbox(link);
            await before.open("t"); await before.put({ to_user: "a", msg: "1" }); await settle();
            says({ type: "error", code: "not_allowed", ref: link.sent[0].ref }); await settle();
            const left = before.failed().length;
            await before.close();
            const { outbox, answer } = make();
            await answer.open("t"); await settle();
            return [left, spoken, outbox.failed()];
        }"""
    ) == [1, ["failed"], []]


async def test_what_was_switched_off_does_not_speak(page: Page) -> None:
    assert await page.evaluate(
        """async () => {
            const old = make();
            await old.answer.open("t"); await old.answer.close();
            const { outbox, answer } = make();
            await answer.open("t");
            await outbox.put({ to_user: "a", msg: "1" }); await settle();
            says({ type: "accepted", ref: link.sent[0].ref, id: "m" }); await settle();
            return [link.sent.length, spoken];
        }"""
    ) == [1, ["sent"]]
