"""What many tests start from."""

from __future__ import annotations

import functools
import os
import shutil
import signal
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import argon2
import hypothesis
import pytest
from blockbuster import blockbuster_ctx
from sqlalchemy import create_engine

from tests.log_watch import LogWatch
from tests.offline import NetworkWatch
from tests.world import Clock
from toybackend.audio_stores import local_files
from toybackend.databases.engine import sqlite_url
from toybackend.databases.migrate import migrate
from toybackend.house import House, open_house
from toybackend.settings import Network, Settings, Storage

REPOSITORY = Path(__file__).parent.parent
WATCHED = {"services", "gateway", "end_to_end"}
"""Folders whose tests fail when our code blocks the event loop."""

LONG = ("trials", "transcoder", "browser", "end_to_end")
"""Folders whose files take longest, in this order."""
SHARING = {"trials", "commands"}
"""Folders whose tests look into a house that another process lives in."""


def pytest_configure(config: pytest.Config) -> None:
    """No test is about how fast a machine with other things to do happens to be.

    In the background of a shell SIGINT is ignored, and children would inherit that; a handler they do not.
    """
    hypothesis.settings.register_profile("unhurried", deadline=None)
    hypothesis.settings.load_profile("unhurried")
    config.pluginmanager.register(LogWatch(), "log-watch")
    config.pluginmanager.register(NetworkWatch(), "network-watch")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first: of several processes none is left alone with one at the end."""
    ranks = {REPOSITORY / "tests" / name: rank for rank, name in enumerate(LONG)}
    items.sort(key=lambda item: min((rank for at, rank in ranks.items() if at in item.path.parents), default=len(LONG)))


@pytest.fixture(autouse=True)
def loop_is_never_blocked(request: pytest.FixtureRequest) -> Iterator[None]:
    if WATCHED.isdisjoint(request.path.relative_to(REPOSITORY).parts):
        yield
        return
    with blockbuster_ctx("toybackend") as watch:
        watch.functions["os.path.abspath"].deactivate()  # asks for the working folder, not the disk
        watch.functions["threading.Lock.acquire"].can_block_in("coverage/collector.py", {"lock_data"})
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI nothing is skipped: whatever a test needs is to be installed. Only the recordings may be missing."""
    report = yield
    if os.environ.get("CI") and report.skipped and "TOYBACKEND_CORPUS" not in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


def changed(settings: Settings, group: str, **values: Any) -> Settings:
    """The same but for these values of one group."""
    return replace(settings, **{group: replace(getattr(settings, group), **values)})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def clips() -> Path:
    """The recordings that `tests/clips/README.md` describes."""
    return Path(__file__).parent / "clips"


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Real recordings, which are not ours to ship."""
    folder = Path(os.environ.get("TOYBACKEND_CORPUS", REPOSITORY.parent / "shared" / "corpus"))
    if not (folder / "INDEX.tsv").is_file():
        pytest.skip(f"no real recordings in {folder}; TOYBACKEND_CORPUS names their folder")
    return folder


@pytest.fixture(scope="module", autouse=True)
def few_folders(request: pytest.FixtureRequest) -> Iterator[None]:
    """Of the folders that keep sound, each house of a test would make and remove 256: a third of all its work."""
    with pytest.MonkeyPatch.context() as patch:
        if not SHARING.intersection(request.path.relative_to(REPOSITORY).parts):
            patch.setattr(local_files, "FOLDERS", 8)
        yield


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of the newest schema: to copy it takes a tenth of the time that it takes to make one."""
    file = tmp_path_factory.mktemp("schema") / "toybackend.sqlite3"
    engine = create_engine(sqlite_url(file))
    with engine.begin() as connection:
        migrate(connection)
    engine.dispose()
    return file


@pytest.fixture
def migrated_folder(tmp_path: Path, empty_database: Path) -> Path:
    """The folder of the test, with an empty database in it."""
    shutil.copy(empty_database, tmp_path)
    return tmp_path


def with_cheap_hashes() -> Iterator[None]:
    """argon2id with the least work it takes; its cost is not what most tests are about."""
    cheap = functools.partial(argon2.PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argon2, "PasswordHasher", cheap)
        yield


cheap_passwords = pytest.fixture(with_cheap_hashes, name="cheap_passwords")
cheap_hashes = pytest.fixture(with_cheap_hashes, name="cheap_hashes", scope="module")
"""The same for all of a test file."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A server of its own: its folder, and any free ports."""
    return Settings(network=Network(http_port=0, ws_port=0), storage=Storage(data_dir=tmp_path / "data"))


@pytest.fixture
async def house(settings: Settings, empty_database: Path, cheap_passwords: None) -> AsyncIterator[House]:
    """Every adapter and service, as the server has them, without listeners."""
    settings.storage.data_dir.mkdir(mode=0o700)
    shutil.copy(empty_database, settings.storage.data_dir)
    async with open_house(settings) as opened:
        yield opened
