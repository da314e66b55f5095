"""The microphone: opened for a recording, closed after it, and a word for each trouble."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page

from tests.browser.modules import blank_page
from tests.browser.restartable import Restartable

pytestmark = pytest.mark.asyncio(loop_scope="session")

TRACKS = """
const opened = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
window.tracks = [];
navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await opened(wanted);
    window.tracks.push(...stream.getTracks());
    return stream;
};
window.wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
"""
"""Notes every microphone that is opened."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def context(browser: Browser) -> BrowserContext:
    return await browser.new_context(permissions=["microphone"])


@pytest_asyncio.fixture(loop_scope="session")
async def page(context: BrowserContext, server: Restartable) -> AsyncIterator[Page]:
    page = await blank_page(context, server)
    await page.evaluate(f"() => {{ {TRACKS} }}")
    yield page
    await page.close()


async def run(page: Page, script: str) -> Any:
    """With a fresh `recorder`."""
    return await page.evaluate(
        f"""async () => {{
            const {{ Recorder, barsOf, NoMicrophone }} = await load("web_common/recorder.js");
            const recorder = new Recorder();
            {script}
        }}"""
    )


async def tracks(page: Page) -> list[str]:
    return list(await page.evaluate("tracks.map((one) => one.readyState)"))


async def test_it_records_what_is_said(page: Page) -> None:
    found = await run(
        page,
        """
        const begun = await recorder.start();
        await wait(1500);
        const level = recorder.level;
        const { blob, durationMs, waveform } = await recorder.stop();
        const sound = await new AudioContext().decodeAudioData(await blob.arrayBuffer());
        const loudest = sound.getChannelData(0).reduce((most, one) => Math.max(most, Math.abs(one)), 0);
        return { begun, level, durationMs, waveform, type: blob.type, seconds: sound.duration, loudest };
        """,
    )
    assert found["begun"] is True
    assert 1400 <= found["durationMs"] <= 4000
    assert found["type"].startswith("audio/webm")
    assert found["seconds"] == pytest.approx(found["durationMs"] / 1000, abs=0.5)
    assert found["loudest"] > 0.05
    assert len(found["waveform"]) == 48 and max(found["waveform"]) == 100
    assert await tracks(page) == ["ended"]


async def test_cancelled_before_the_microphone_is_open_it_stays_closed(page: Page) -> None:
    begun = await run(page, "const coming = recorder.start(); recorder.cancel(); return [await coming, recorder.ms];")
    assert begun == [False, 0]
    assert await tracks(page) == ["ended"]


async def test_cancelled_it_keeps_nothing(page: Page) -> None:
    assert (
        await run(page, "await recorder.start(); await wait(300); recorder.cancel(); return recorder.stop();") is None
    )
    assert await tracks(page) == ["ended"]


@pytest.mark.parametrize(
    ("break_it", "why"),
    [
        ("tracks[0].stop(); tracks[0].dispatchEvent(new Event('ended'));", "microphone"),
        ("tracks[0].dispatchEvent(new Event('mute'));", "microphone"),
        (
            "Object.defineProperty(document, 'hidden', { value: true });"
            "document.dispatchEvent(new Event('visibilitychange'));",
            "hidden",
        ),
    ],
)
async def test_interrupted_it_keeps_what_there_is(page: Page, break_it: str, why: str) -> None:
    found = await run(
        page,
        f"""
        const whys = [];
        recorder.addEventListener("interrupted", ({{ detail }}) => whys.push(detail));
        await recorder.start();
        await wait(600);
        {break_it}
        const ms = recorder.ms;
        await wait(300);
        const recording = await recorder.stop();
        return {{ whys, stands: recorder.ms === ms, bytes: recording.blob.size, durationMs: recording.durationMs }};
        """,
    )
    assert found["whys"] == [why]
    assert found["stands"] and found["durationMs"] >= 600
    assert found["bytes"] > 1000
    assert await tracks(page) == ["ended"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("NotAllowedError", "mic_denied"),
        ("SecurityError", "mic_denied"),
        ("NotFoundError", "mic_missing"),
        ("NotReadableError", "mic_busy"),
        ("AbortError", "mic_busy"),
        ("TypeError", "mic_failed"),
    ],
)
async def test_each_trouble_has_its_word(page: Page, name: str, code: str) -> None:
    script = f"navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('no', '{name}'); }};"
    assert await run(page, f"{script} return recorder.start().catch((error) => error.code);") == code
    words = await page.evaluate(
        "async (code) => (await load('web_common/talk_words.js')).talkWords(code)",
        code,
    )
    assert len(words) > 20


@pytest.mark.parametrize(
    ("prepare", "code"),
    [
        ("Object.defineProperty(navigator, 'mediaDevices', { value: undefined });", "mic_unsupported"),
        (
            "Object.defineProperty(navigator, 'mediaDevices', { value: undefined });"
            "Object.defineProperty(window, 'isSecureContext', { value: false });",
            "mic_insecure",
        ),
        ("delete window.MediaRecorder;", "mic_unsupported"),
    ],
)
async def test_a_browser_that_cannot(page: Page, prepare: str, code: str) -> None:
    assert await run(page, f"{prepare} return recorder.start().catch((error) => error.code);") == code


@pytest.mark.parametrize(
    ("levels", "bars"),
    [
        ("[]", [0] * 48),
        ("[0, 0, 0]", [0] * 48),
        ("[0.5]", [100] * 48),
        ("[0.1, 0.2]", [50] * 24 + [100] * 24),
        ("Array.from({ length: 96 }, (_, i) => (i < 48 ? 0 : 0.3))", [0] * 24 + [100] * 24),
    ],
)
async def test_levels_as_bars(page: Page, levels: str, bars: list[int]) -> None:
    assert await run(page, f"return barsOf({levels});") == bars
