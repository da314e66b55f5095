"""Takes a page as it is: on a phone and on a desk, by day and by night; small files, and the same ones every time."""

from __future__ import annotations

import asyncio
import fnmatch
import io
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.async_api import Page, ViewportSize

from tests.browser.chromium import DESKTOP, PHONE
from tests.browser.screenshots.words import Lang

SCREENS: dict[str, ViewportSize] = {"phone": PHONE, "desktop": DESKTOP}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
COLOURS, ROUNDS = 192, 2

_SETTLED = """async () => {
    await document.fonts.ready;
    await Promise.all([...document.images].map((one) => one.decode().catch(() => null)));
    for (let frame = 0; frame < 3; frame += 1) await new Promise((resolve) => requestAnimationFrame(resolve));
}"""


@dataclass(frozen=True, slots=True)
class Camera:
    """Of one language. `wanted` are patterns of the names of screens."""

    folder: Path
    lang: Lang
    wanted: tuple[str, ...]
    taken: list[Path] = field(default_factory=list)

    def wants(self, *names: str) -> bool:
        return any(fnmatch.fnmatch(name, pattern) for name in names for pattern in self.wanted)

    async def shoot(self, page: Page, name: str, *, is_held: bool = False) -> None:
        """Four pictures of this screen, unless nobody wants it. The pointer goes aside, unless it holds something."""
        if not self.wants(name):
            return
        if not is_held:
            await page.mouse.move(0, 0)
        for screen, size in SCREENS.items():
            await page.set_viewport_size(size)
            for theme in THEMES:
                await page.emulate_media(color_scheme=theme)
                await page.evaluate(_SETTLED)
                picture = await page.screenshot(animations="disabled", caret="hide")
                file = self.folder / f"{screen}-{self.lang}-{theme}-{name}.png"
                await asyncio.to_thread(_save_small, picture, file)
                self.taken.append(file)
        await page.set_viewport_size(PHONE)
        print(f"{self.lang} {name}", file=sys.stderr, flush=True)


def _save_small(picture: bytes, file: Path) -> None:
    with Image.open(io.BytesIO(picture)) as full:
        few = full.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=ROUNDS, dither=Image.Dither.NONE)
    few.save(file, optimize=True)
