"""One sound at a time: played to its end, anywhere in between, and as fast as somebody likes."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page

from tests.browser.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEGIN = """
async () => {
    const { Player } = await load("web_common/player.js");
    const silence = (seconds) => {
        const rate = 8000, size = rate * seconds, view = new DataView(new ArrayBuffer(44 + size));
        const write = (at, text) => [...text].forEach((letter, n) => view.setUint8(at + n, letter.charCodeAt(0)));
        write(0, "RIFF"); view.setUint32(4, 36 + size, true); write(8, "WAVEfmt "); view.setUint32(16, 16, true);
        view.setUint16(20, 1, true); view.setUint16(22, 1, true); view.setUint32(24, rate, true);
        view.setUint32(28, rate, true); view.setUint16(32, 1, true); view.setUint16(34, 8, true);
        write(36, "data"); view.setUint32(40, size, true);
        for (let at = 44; at < 44 + size; at += 1) view.setUint8(at, 128);
        return URL.createObjectURL(new Blob([view], { type: "audio/wav" }));
    };
    window.short = silence(0.5);
    window.long = silence(20);
    window.player = new Player();
    window.ended = [];
    window.heard = [];
    window.most = 0;
    player.addEventListener("ended", ({ detail }) => ended.push(detail));
    player.addEventListener("heard", ({ detail }) => heard.push(detail));
    player.addEventListener("change", () => (most = Math.max(most, player.progress)));
}
"""


async def do(page: Page, script: str) -> Any:
    return await page.evaluate(f"async () => {{ {script} }}")


async def test_played_to_its_end(page: Page) -> None:
    await do(page, "await player.toggle('a', short)")
    await eventually(lambda: page.evaluate("ended"), lambda ended: ended == ["a"])
    assert await do(page, "return [player.isPlaying, player.progress, player.id]") == [False, 0, "a"]
    assert await do(page, "return player.element.currentTime") == pytest.approx(0.5, abs=0.05)
    assert await do(page, "return most") > 0.5


async def test_pause_and_go_on(page: Page) -> None:
    assert await do(page, "await player.toggle('a', long); return player.isPlaying") is True
    assert await do(page, "await player.toggle('a', long); return player.isPlaying") is False
    assert await do(page, "await player.toggle('a', long); return player.isPlaying") is True


async def test_another_one_ends_this_one(page: Page) -> None:
    await do(page, "await player.toggle('a', long); await player.toggle('b', short)")
    await eventually(lambda: page.evaluate("ended"), lambda ended: ended == ["b"])
    assert await page.locator("audio").count() == 1


async def test_any_place_in_it(page: Page) -> None:
    await do(page, "await player.toggle('a', long); player.seek(0.5)")
    assert await do(page, "return player.element.currentTime") == pytest.approx(10, abs=0.5)


async def test_a_speed_is_remembered(page: Page) -> None:
    await do(page, "await player.toggle('a', long)")
    script = "const seen = []; while (seen.length < 5) { player.nextSpeed(); seen.push(player.speed); } return seen"
    assert await do(page, script) == [1.5, 2, 0.75, 1, 1.5]
    assert await do(page, "await player.toggle('b', short); return player.element.playbackRate") == 1.5
    assert await do(page, "return player.element.preservesPitch") is True
    assert await do(page, "return new (await load('web_common/player.js')).Player().speed") == 1.5


async def test_what_cannot_be_played_is_said(page: Page) -> None:
    script = """
        const rubbish = URL.createObjectURL(new Blob(["no sound"]));
        return player.toggle("a", rubbish).then(() => null, (problem) => problem.code);
    """
    assert await do(page, script) == "not_playable"
    assert await do(page, "return [player.id, player.isPlaying]") == [None, False]


async def test_stopped(page: Page) -> None:
    await do(page, "await player.toggle('a', long); player.stop()")
    assert await do(page, "return [player.id, player.isPlaying, player.progress]") == [None, False, 0]


async def test_what_was_played_to_its_end_was_heard(page: Page) -> None:
    await do(page, "await player.toggle('a', short)")
    await eventually(lambda: page.evaluate("ended"), lambda ended: ended == ["a"])
    assert await do(page, "return heard") == ["a"]


async def test_whoever_jumps_to_the_end_has_not_heard_it(page: Page) -> None:
    await do(page, "await player.toggle('a', long); player.seek(1)")
    assert await do(page, "return player.element.currentTime") == pytest.approx(19.7, abs=0.1)
    await eventually(lambda: page.evaluate("ended"), lambda ended: ended == ["a"])
    assert await do(page, "return heard") == []


async def test_whoever_goes_back_and_hears_the_rest_has_heard_it(page: Page) -> None:
    await do(page, "await player.toggle('a', short); player.seek(1)")
    await eventually(lambda: page.evaluate("ended"), lambda ended: ended == ["a"])
    assert await do(page, "const none = heard.length; await player.toggle('a', short); return none") == 0
    await eventually(lambda: page.evaluate("heard"), lambda heard: heard == ["a"])
