"""What comes out of a page: which sounds were played, whether to their end, and that they are not silence.

The page's own audio elements say when a sound ends, and where they are then. What they played is taken from where they
took it, a blob or a link of the server, and decoded once more, because an element tells nobody its samples.
"""

from __future__ import annotations

from dataclasses import dataclass

from playwright.async_api import BrowserContext, Page

from tests.browser.eventually import PATIENCE, eventually

SILENCE = 0.005
"""Speech has twenty times this level, as the square root of its mean power; full scale is 1."""

_LISTEN = """
(() => {
  const blobs = new Map();
  const made = URL.createObjectURL;
  URL.createObjectURL = (what) => {
    const url = made.call(URL, what);
    blobs.set(url, what);
    return url;
  };
  const bytes = async (url) => (blobs.get(url) ?? (await fetch(url))).arrayBuffer();
  const level = async (url) => {
    const sound = await new OfflineAudioContext(1, 1, 48_000).decodeAudioData(await bytes(url));
    const samples = sound.getChannelData(0);
    return Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length);
  };
  globalThis.earHeard = [];
  // These events do not bubble, but they are seen on their way down.
  addEventListener("ended", ({ target: { currentSrc, currentTime, duration } }) => {
    const kind = document.querySelector("[data-playing]")?.dataset.playing ?? "";
    earHeard.push(level(currentSrc).then((level) => ({ kind, currentTime, duration, level })));
  }, true);
})();
"""


@dataclass(frozen=True, slots=True)
class Heard:
    """A sound that was played to its end. `kind` is what a toy calls it: message, prompt or song. Seconds; the level
    is from 0 to 1."""

    kind: str
    current_time: float
    duration: float
    level: float

    @property
    def is_whole(self) -> bool:
        return abs(self.current_time - self.duration) < 0.25

    @property
    def is_silent(self) -> bool:
        return self.level < SILENCE


async def listen_in(context: BrowserContext) -> None:
    """Before the context has any page."""
    await context.add_init_script(_LISTEN)


async def heard(page: Page, kind: str = "") -> list[Heard]:
    """Everything that ended so far, in that order; only of one kind, where it is named."""
    sounds = await page.evaluate("Promise.all(earHeard)")
    found = [Heard(one["kind"], one["currentTime"], one["duration"], one["level"]) for one in sounds]
    return [one for one in found if not kind or one.kind == kind]


async def wait_for_sounds(page: Page, count: int, kind: str = "", *, seconds: float = PATIENCE) -> list[Heard]:
    """Until so many have ended."""
    return await eventually(lambda: heard(page, kind), lambda sounds: len(sounds) >= count, seconds=seconds)
