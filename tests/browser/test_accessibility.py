"""Nothing that axe-core finds: on every screen that has a picture, by day and by night, for a phone.

The scenes are those of the pictures, so that a new screen is looked at here as soon as it has its picture.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.chromium import Contexts
from tests.browser.film import write_film
from tests.browser.restartable import Restartable
from tests.browser.screenshots import app_scenes, history, operator_scenes, toy_scenes
from tests.browser.screenshots.camera import THEMES, Camera
from tests.browser.screenshots.studio import SCENES, Scene, Studio
from tests.browser.screenshots.town import Town
from tests.browser.screenshots.words import WORDS

pytestmark = [pytest.mark.asyncio(loop_scope="session")]

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
ROOMS = (app_scenes, toy_scenes, operator_scenes)
"""Importing them is what fills `SCENES`."""

ENOUGH = 8.0
"""Seconds of a voice that still plays when axe is done; pictures take longer."""
SONG_SECONDS = 6
FEW_TALKS = 20
"""Axe needs no more to see all that there is; for pictures a town has more of everything."""

_SETTLED = """async () => {
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  const passing = document.getAnimations().filter((one) => one.effect?.getComputedTiming().endTime < 5_000);
  await Promise.allSettled(passing.map((one) => one.finished));
}"""
# The default rules are those of WCAG 2.2 A and AA and the best practices, without the one that measures targets.
_LOOK = """async ({ only }) => {
  const rules = { "target-size": { enabled: true } };
  const some = only.length ? { runOnly: { type: "rule", values: only } } : { rules };
  const { violations, passes } = await axe.run({ ...some, resultTypes: ["violations"] });
  if (!only.length && !passes.length) throw new Error("axe did not look");
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target, html }) => `${id}: ${target.join(" ")}: ${html}`));
}"""
COLOURS = ("color-contrast", "link-in-text-block")
"""The rules that can see a difference between day and night."""


async def look(page: Page, only: tuple[str, ...] = ()) -> list[str]:
    """What axe finds in the page as it is; by all rules, or by these."""
    if not await page.evaluate("'axe' in globalThis"):
        await page.evaluate(AXE.read_text("utf-8"))
    await page.evaluate(_SETTLED)
    found: list[str] = await page.evaluate(_LOOK, {"only": only})
    return found


@dataclass(frozen=True, slots=True)
class Inspector(Camera):
    """Stands where the camera stands, and looks instead of taking pictures."""

    seen: set[str] = field(default_factory=set)
    found: list[str] = field(default_factory=list)

    async def shoot(self, page: Page, name: str, *, is_held: bool = False) -> None:
        self.seen.add(name)
        for theme in THEMES:
            await page.emulate_media(color_scheme=theme)
            found = await look(page, COLOURS if theme == "dark" else ())
            self.found.extend(f"{name}, {theme}: {one}" for one in found)


@pytest.fixture(scope="module")
def browser_arguments(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """The camera sees a lamp."""
    film = tmp_path_factory.mktemp("camera") / "film.y4m"
    write_film(film, "A lamp")
    return (f"--use-file-for-fake-video-capture={film}",)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def town(tmp_path_factory: pytest.TempPathFactory, cheap_hashes: None) -> AsyncIterator[Town]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "SONG_SECONDS", [SONG_SECONDS for _ in history.SONG_SECONDS])
        patch.setattr(history, "TALKS", FEW_TALKS)
        async with history.living(WORDS["en"], tmp_path_factory.mktemp("town")) as town:
            yield town


@pytest.mark.parametrize(("names", "scene"), SCENES, ids=[names[0] for names, _ in SCENES])
async def test_axe_finds_nothing(
    names: tuple[str, ...], scene: Scene, town: Town, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toy_scenes, "LONG", ENOUGH)
    inspector = Inspector(Path(), "en", ("*",))
    async with AsyncExitStack() as stack:
        await scene(Studio(browser, town, inspector, stack))
    assert inspector.seen == set(names)
    assert not inspector.found, "\n".join(inspector.found)


async def test_axe_finds_what_is_wrong(browser_context: Contexts, server: Restartable) -> None:
    page = await (await browser_context()).new_page()
    await page.goto(server.url)
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    assert await look(page) == []
    await page.get_by_label("Name").evaluate("(field) => { field.labels[0].remove(); }")
    await page.get_by_role("heading", name="Log in").evaluate("(heading) => { heading.style.color = '#ddd'; }")
    assert {one.split(":")[0] for one in await look(page)} == {"label", "color-contrast"}
