"""Scanning a code with a camera that sees a film. Debian's Chromium reads no codes itself: our library does."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.chromium import Contexts
from tests.browser.eventually import eventually
from tests.browser.film import write_film
from tests.browser.people import SLOW, Parent
from tests.browser.restartable import Restartable
from tests.end_to_end.family import waiting_toy

pytestmark = pytest.mark.asyncio(loop_scope="session")

REMEMBER_CAMERAS = """
window.cameras = [];
const open = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
if (open) navigator.mediaDevices.getUserMedia = async (wanted) => {
  const stream = await open(wanted);
  window.cameras.push(...stream.getTracks());
  return stream;
};
"""
REFUSE = """(name) => {
  navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("no", name); };
}"""

DETECTOR = """() => {
  window.BarcodeDetector = class {
    static getSupportedFormats = async () => ["qr_code"];
    detect = async () => [{ rawValue: "https://toys.example/?contact=p_seen" }];
  };
}"""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the camera sees from the next time on that it is opened."""
    film = tmp_path_factory.mktemp("camera") / "film.y4m"
    write_film(film, "nothing of ours")
    return film


@pytest.fixture(scope="module")
def browser_arguments(film: Path) -> tuple[str, ...]:
    return (f"--use-file-for-fake-video-capture={film}",)


@pytest.fixture
def show(film: Path) -> Callable[[str], None]:
    return lambda text: write_film(film, text)


@pytest_asyncio.fixture(loop_scope="session")
async def mum(browser_context: Contexts, server: Restartable) -> Parent:
    """On the page where a toy is added."""
    mum = await Parent.settled(browser_context, server)
    await mum.page.add_init_script(REMEMBER_CAMERAS)
    await mum.page.goto(f"{server.url}/#/toys/add")
    await mum.page.reload()
    await expect(mum.heading).to_have_text("Add a toy")
    return mum


async def scan(page: Page) -> None:
    await page.get_by_role("button", name="Scan the code").click()


async def camera_is_off(page: Page) -> None:
    """And was on before."""
    await eventually(lambda: page.evaluate("cameras.length > 0 && cameras.every((one) => one.readyState === 'ended')"))


async def test_a_toy_is_taken_home(mum: Parent, server: Restartable, show: Callable[[str], None]) -> None:
    _, code = await waiting_toy(server.house)
    show(f"{server.url}/?claim={code}")
    await scan(mum.page)
    await expect(mum.page.get_by_role("heading", name="There it is!")).to_be_visible(timeout=SLOW)
    await camera_is_off(mum.page)
    await mum.page.get_by_label("Name of the toy").fill("Otto")
    await mum.page.get_by_text("Owl", exact=True).locator("..").click()
    await mum.page.get_by_role("button", name="Take it home").click()
    await expect(mum.page.get_by_role("heading", name="Otto is home")).to_be_visible()
    [toy] = (await mum.ask("/toys"))["toys"]
    assert (toy["name"], toy["picture"], toy["colour"]) == ("Otto", "owl", "honey")


async def test_the_code_of_a_family_leads_to_its_people(mum: Parent, show: Callable[[str], None]) -> None:
    show("https://toys.example/?contact=p_0123456789abcdefghij")
    await scan(mum.page)
    await expect(mum.page).to_have_url(re.compile("#/people/add/p_0123456789abcdefghij$"), timeout=SLOW)
    await camera_is_off(mum.page)


async def test_another_code_is_explained(mum: Parent, show: Callable[[str], None]) -> None:
    show("https://elsewhere.example/menu")
    await scan(mum.page)
    await expect(mum.dialog).to_contain_text("This is another kind of code", timeout=SLOW)
    await mum.page.get_by_role("button", name="Type the code").click()
    await expect(mum.dialog).to_have_count(0)
    await camera_is_off(mum.page)


async def test_leaving_the_page_lets_the_camera_go(mum: Parent, show: Callable[[str], None]) -> None:
    show("https://elsewhere.example/menu")
    await scan(mum.page)
    await expect(mum.dialog).to_contain_text("This is another kind of code", timeout=SLOW)
    await mum.go("toys")
    await expect(mum.dialog).to_have_count(0)
    await camera_is_off(mum.page)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NotAllowedError", "The camera is not allowed here"),
        ("NotFoundError", "no camera that we can use"),
        ("NotReadableError", "another app uses it"),
    ],
)
async def test_a_camera_that_cannot_be_used_is_said(mum: Parent, name: str, words: str) -> None:
    await mum.page.evaluate(REFUSE, name)
    await scan(mum.page)
    await expect(mum.dialog).to_contain_text(words)


async def test_what_the_browser_brings_is_used_first(mum: Parent) -> None:
    fetched: list[str] = []
    mum.page.on("request", lambda request: fetched.append(request.url))
    await mum.page.evaluate(DETECTOR)
    await scan(mum.page)
    await expect(mum.page).to_have_url(re.compile("#/people/add/p_seen$"), timeout=SLOW)
    assert not [url for url in fetched if "jsQR" in url]
