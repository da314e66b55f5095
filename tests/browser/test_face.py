"""The mouth of the web toy follows the sound, and no more often than an eye needs."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEGIN = """async () => {
    const { Face } = await load("web_toy/face.js");
    document.body.innerHTML = '<svg><g class="bear-head"></g></svg>';
    const head = document.querySelector(".bear-head");
    Object.assign(window, { level: () => 0, isSounding: false });
    window.face = new Face(document.body, () => level(), () => isSounding);
    window.mouth = () => head.style.getPropertyValue("--mouth");
    window.places = [];
    new MutationObserver(() => places.push(Number(mouth()))).observe(head, { attributes: true });
    window.until = async (isIt) => { while (!isIt()) await new Promise((done) => setTimeout(done, 10)); };
}"""


async def test_it_opens_at_once_and_closes_softly(page: Page) -> None:
    places = await page.evaluate(
        """async () => {
            isSounding = true; level = () => 1; face.follow();
            const first = Number(mouth());
            isSounding = false; level = () => 0;
            await until(() => mouth() === "0");
            return [first, ...places.filter((one) => one !== first)];
        }"""
    )
    assert places[0] == 1 and places[-1] == 0
    assert places == sorted(places, reverse=True) and len(places) > 3


async def test_whoever_speaks_moves_it_some_times_a_second(page: Page) -> None:
    places = await page.evaluate(
        """async () => {
            isSounding = true; level = () => Math.random(); face.follow(); face.follow();
            await new Promise((done) => setTimeout(done, 1000));
            return places;
        }"""
    )
    assert 3 < len(places) < 20
    assert {one * 8 % 1 for one in places} == {0}


async def test_in_silence_it_does_nothing(page: Page) -> None:
    assert (
        await page.evaluate(
            """async () => {
            level = () => { throw new Error("nobody asks") }; face.follow();
            await new Promise((done) => setTimeout(done, 200));
            return places;
        }"""
        )
        == []
    )
