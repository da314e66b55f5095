"""Every screen of the pages as a picture, in `docs/screenshots/`.

The names are `<phone|desktop>-<en|zh>-<light|dark>-<screen>.png`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import traceback
from contextlib import AsyncExitStack
from pathlib import Path

from playwright.async_api import Browser, expect

from tests.browser.chromium import SPEECH, chromium
from tests.browser.film import write_film
from tests.browser.people import SLOW
from tests.browser.screenshots import app_scenes, operator_scenes, toy_scenes
from tests.browser.screenshots.camera import Camera
from tests.browser.screenshots.history import living
from tests.browser.screenshots.studio import SCENES, Studio
from tests.browser.screenshots.words import WORDS, Lang

FOLDER = Path(__file__).parents[3] / "docs" / "screenshots"
ROOMS = (app_scenes, toy_scenes, operator_scenes)
"""Importing them is what fills `SCENES`."""


async def take_all(cameras: tuple[Camera, ...]) -> int:
    """How many scenes could not be taken."""
    with tempfile.TemporaryDirectory(prefix="toybackend-screenshots-") as folder:
        film = Path(folder) / "film.y4m"
        await asyncio.to_thread(write_film, film, "A lamp")
        async with chromium(SPEECH) as browsers:
            browser = await browsers(f"--use-file-for-fake-video-capture={film}")
            return sum([await _take(browser, camera, Path(folder) / camera.lang) for camera in cameras])


async def _take(browser: Browser, camera: Camera, folder: Path) -> int:
    print(f"{camera.lang}: the town comes about", file=sys.stderr, flush=True)
    async with living(WORDS[camera.lang], folder) as town, AsyncExitStack() as stack:
        studio, failed = Studio(browser, town, camera, stack), 0
        # What the operator sees is freshest now.
        for names, make in sorted(SCENES, key=lambda one: not one[0][0].startswith("operator")):
            if not camera.wants(*names):
                continue
            try:
                await make(studio)
            except Exception:
                failed += 1
                print(f"{camera.lang}: cannot take all of {', '.join(names)}", file=sys.stderr)
                traceback.print_exc()
        return failed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("screens", nargs="*", default=["*"], help="names or patterns of screens (default all)")
    parser.add_argument("--lang", choices=list(WORDS), action="append", help="en or zh (default both)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where they go (default docs/screenshots)")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    langs: list[Lang] = given.lang or list(WORDS)
    cameras = tuple(Camera(given.folder, lang, tuple(given.screens)) for lang in langs)
    expect.set_options(timeout=SLOW)
    failed = asyncio.run(take_all(cameras))
    sizes = [file.stat().st_size for camera in cameras for file in camera.taken]
    if sizes:
        print(f"{len(sizes)} pictures, {sum(sizes) / len(sizes) / 1000:.1f} KB each, in {given.folder}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
