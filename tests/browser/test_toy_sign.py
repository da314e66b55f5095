"""The sign of the web toy: a text is read when it was seen, and holds up nobody where it cannot be."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEGIN = """async () => {
    const { Sign } = await load("web_toy/sign.js");
    window.isHidden = false;
    Object.defineProperty(document, "hidden", { configurable: true, get: () => window.isHidden });
    const sign = new Sign();
    const read = [], over = [];
    const show = (id) => void sign.show({ id, msg: id }, () => read.push(id)).then(() => over.push(id));
    const settle = (ms) => new Promise((done) => setTimeout(done, ms));
    const until = async (isIt) => { while (!isIt()) await settle(20); };
    Object.assign(window, { sign, read, over, show, settle, until });
}"""


async def test_it_is_read_when_it_was_shown_and_stays(page: Page) -> None:
    assert await page.evaluate(
        """async () => {
            show("a"); await settle(100);
            const early = [...read, ...over];
            await until(() => over.length);
            return [early, read, over, sign.message.id];
        }"""
    ) == [[], ["a"], ["a"], "a"]


async def test_the_next_one_comes_in_place_of_one_that_was_read(page: Page) -> None:
    assert await page.evaluate(
        """async () => {
            show("a"); await until(() => over.length);
            show("b");
            return [sign.message.id, read];
        }"""
    ) == ["b", ["a"]]


async def test_put_away_is_read(page: Page) -> None:
    assert await page.evaluate(
        """async () => {
            show("a"); show("b"); sign.putAway(); await settle(0);
            const next = sign.message.id; sign.putAway(); await settle(0);
            return [next, read, over, sign.message];
        }"""
    ) == ["b", ["a", "b"], ["a", "b"], None]


async def test_on_a_hidden_page_it_holds_up_nobody_and_is_read_later(page: Page) -> None:
    assert await page.evaluate(
        """async () => {
            isHidden = true;
            show("a"); show("b"); await settle(500);
            const hidden = [[...over], [...read], sign.message.id];
            isHidden = false;
            await until(() => read.length === 1);
            const first = read[0]; await until(() => read.length === 2);
            return [hidden, first, sign.message.id];
        }"""
    ) == [[["a", "b"], [], "a"], "a", "b"]


async def test_a_page_that_is_hidden_meanwhile_lets_go(page: Page) -> None:
    assert await page.evaluate(
        """async () => {
            show("a"); await settle(500); isHidden = true; await until(() => over.length);
            return [over, read, sign.message.id];
        }"""
    ) == [["a"], [], "a"]


async def test_what_is_wiped_was_not_read(page: Page) -> None:
    assert await page.evaluate(
        """async () => {
            show("a"); show("b"); sign.wipe("b"); await settle(0);
            const one = sign.message.id; sign.wipe(); await settle(0);
            return [one, over, read, sign.message];
        }"""
    ) == ["a", ["b", "a"], [], None]
