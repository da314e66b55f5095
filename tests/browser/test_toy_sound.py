"""The loudspeaker of the web toy: where a sound ended, also one that never began, and how loud it may be."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEGIN = """async () => {
    const { Sound } = await load("web_toy/sound.js");
    const audio = document.body.appendChild(new Audio());
    const sound = new Sound(audio);
    const silence = (seconds) => {
        const rate = 8000, bytes = new DataView(new ArrayBuffer(44 + seconds * rate));
        const word = (at, letters) => [...letters].forEach((one, n) => bytes.setUint8(at + n, one.charCodeAt(0)));
        word(0, "RIFF"), word(8, "WAVEfmt "), word(36, "data");
        bytes.setUint32(4, bytes.byteLength - 8, true), bytes.setUint32(16, 16, true);
        bytes.setUint16(20, 1, true), bytes.setUint16(22, 1, true);
        bytes.setUint32(24, rate, true), bytes.setUint32(28, rate, true);
        bytes.setUint16(32, 1, true), bytes.setUint16(34, 8, true);
        bytes.setUint32(40, seconds * rate, true);
        for (let at = 44; at < bytes.byteLength; at += 1) bytes.setUint8(at, 128);
        return URL.createObjectURL(new Blob([bytes], { type: "audio/wav" }));
    };
    const until = async (isIt) => { while (!isIt()) await new Promise((done) => setTimeout(done, 20)); };
    Object.assign(window, { audio, sound, silence, until });
}"""


async def test_where_it_was_stopped(page: Page) -> None:
    how, position = await page.evaluate(
        """async () => {
            const playing = sound.play(silence(60), 12);
            await until(() => audio.currentTime > 12.2);
            sound.stop();
            return [await playing, sound.position];
        }"""
    )
    assert (how, 12.2 < position < 20) == ("stopped", True)


async def test_what_never_began_is_where_it_was_to_begin(page: Page) -> None:
    assert await page.evaluate(
        """async () => {
            const first = sound.play(silence(60), 30);
            await until(() => audio.currentTime > 30.1);
            sound.stop(); await first;
            const second = sound.play(silence(60), 7);
            sound.stop();
            return [await second, sound.position];
        }"""
    ) == ["stopped", 7]


async def test_a_cap_is_obeyed_at_once(page: Page) -> None:
    assert await page.evaluate(
        """async () => {
            void sound.play(silence(60)); await until(() => !audio.paused);
            const loud = audio.volume; sound.cap = 40;
            const capped = audio.volume; sound.volume = 0.5;
            return [loud, capped, audio.volume];
        }"""
    ) == [1, 0.4, 0.2]
