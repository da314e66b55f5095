"""A server with its pages and a browser. All files share one event loop and one browser; each file has a server."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.chromium import SPEECH, Browsers, Contexts, chromium, speak_again_and_again
from tests.browser.eventually import PATIENCE
from tests.browser.modules import blank_page
from tests.browser.restartable import Restartable
from tests.browser.watch import Watch
from toybackend.settings import Network, Settings, Storage
from toybackend.web import prompts

expect.set_options(timeout=PATIENCE * 1000)


@pytest.fixture(scope="session")
def brief_prompts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those that we ship, each as a word of a third of a second: a toy speaks a prompt to its end before it goes on."""
    folder = tmp_path_factory.mktemp("prompts")
    word = folder / "word.mp3"
    cut = ["ffmpeg", "-v", "error", "-ss", "0.3", "-t", "0.3", "-i", str(SPEECH), "-ar", "16000", str(word)]
    subprocess.run(cut, check=True)
    for file in prompts.SHIPPED.glob("*/*.mp3"):
        brief = folder / file.relative_to(prompts.SHIPPED)
        brief.parent.mkdir(exist_ok=True)
        shutil.copy(word, brief)
    return folder


@pytest.fixture(scope="module")
def prompts_folder(brief_prompts: Path) -> Path:
    """What the servers of a test file ship; a file may have its own."""
    return brief_prompts


@pytest.fixture(scope="module", autouse=True)
def shipped_prompts(prompts_folder: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prompts, "SHIPPED", prompts_folder)
        yield


@pytest.fixture(scope="module")
def server_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Of the server that a test file shares; a file may have its own."""
    folder = tmp_path_factory.mktemp("server")
    return Settings(network=Network(http_port=0, ws_port=0), storage=Storage(data_dir=folder / "data"))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server(server_settings: Settings, cheap_hashes: None) -> AsyncIterator[Restartable]:
    """Running. Who stops it starts it again."""
    async with Restartable(server_settings) as server:
        yield server


@pytest.fixture(scope="module")
def browser_arguments() -> tuple[str, ...]:
    """Further ones of the command line, for a test file that needs them, such as a film for the camera."""
    return ()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browsers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browsers]:
    """To start one takes as long as many a test."""
    async with chromium(speak_again_and_again(tmp_path_factory.mktemp("microphone") / "speech.wav")) as browsers:
        yield browsers


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser(browsers: Browsers, browser_arguments: tuple[str, ...]) -> Browser:
    return await browsers(*browser_arguments)


@pytest.fixture(scope="module")
def watch_of_the_file() -> Watch:
    """It follows the browser contexts of all tests of a file."""
    return Watch()


@pytest.fixture
def watch(watch_of_the_file: Watch) -> Iterator[Watch]:
    """What goes wrong in any page of a test fails the test, unless the test takes it out."""
    with watch_of_the_file.watching():
        yield watch_of_the_file


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def contexts_of_the_file(browser: Browser, watch_of_the_file: Watch) -> AsyncIterator[Contexts]:
    contexts = Contexts(browser, watch_of_the_file)
    yield contexts
    await contexts.close()


@pytest_asyncio.fixture(loop_scope="session")
async def browser_context(contexts_of_the_file: Contexts, watch: Watch) -> AsyncIterator[Contexts]:
    """Call it for a browser context, as often as there are people and toys; after the test nobody is in it."""
    yield contexts_of_the_file
    await contexts_of_the_file.put_back()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def blank(browser: Browser, server: Restartable) -> AsyncIterator[Page]:
    """A blank page for all tests of a file: for modules that keep nothing."""
    context = await browser.new_context()
    yield await blank_page(context, server)
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(request: pytest.FixtureRequest, browser_context: Contexts, server: Restartable) -> Page:
    """One of its own for each test of a module that keeps something, after the script `BEGIN` of the test file. Tests
    of whole pages bring theirs."""
    page = await blank_page(await browser_context(), server)
    if begin := getattr(request.module, "BEGIN", None):
        await page.evaluate(begin)
    return page
