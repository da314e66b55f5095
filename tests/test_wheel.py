"""What `pip install .` gives: everything the server needs and nothing else, and it works from any folder."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.commands.running import environment
from toybackend.web.pages import FOLDERS

pytestmark = pytest.mark.timeout(90)

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "toybackend"
DATA = {
    "toybackend/clips/demo.amr",
    "toybackend/transcoder/known_good.amr",
    "toybackend/databases/migrations/versions/0001_first.py",
}


def pip(*arguments: object) -> None:
    """Without any network: what it needs is here, or it fails."""
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, REPOSITORY)
    [built] = folder.iterdir()
    return built


def test_everything_is_in_it_and_nothing_else(wheel: Path) -> None:
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    ours = {
        str(file.relative_to(REPOSITORY))
        for file in PACKAGE.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    pages = {
        f"toybackend/pages/{file.relative_to(REPOSITORY)}"
        for folder in FOLDERS
        for file in (REPOSITORY / folder).rglob("*")
        if file.is_file() and not file.name.endswith((".d.ts", ".py"))
    }
    assert inside == ours | pages
    assert inside >= DATA
    assert {name.rpartition("/")[2].rpartition(".")[2] for name in inside} <= {
        "py",
        "amr",
        "mp3",
        "html",
        "js",
        "css",
        "3gp",
        "m4a",
        "webm",
        "svg",
        "png",
        "webmanifest",
        "LICENSE",
        "txt",
        "typed",
    }


def test_both_languages_have_every_prompt(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    spoken = {
        language: {name.rpartition("/")[2] for name in names if name.startswith(f"toybackend/prompts/{language}/")}
        for language in ("en", "zh")
    }
    assert spoken["en"] == spoken["zh"] >= {"ready.mp3", "unbound.mp3", "unlicensed.mp3", "new_message.mp3"}


def test_it_works_from_any_folder(wheel: Path, tmp_path: Path) -> None:
    target, elsewhere = tmp_path / "installed", tmp_path / "elsewhere"
    elsewhere.mkdir()
    pip("install", "--no-index", "--no-deps", "--target", target, wheel)
    where = f"import toybackend, pathlib; assert pathlib.Path(toybackend.__file__).is_relative_to({str(target)!r})"
    pages = "from toybackend.web.pages import read_pages; assert 'web_app/main.js' in read_pages().assets"
    for arguments in (["-c", where], ["-c", pages], ["-m", "toybackend", "demo"]):
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=elsewhere,
            env={**environment(), "PYTHONPATH": str(target)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("The toy has the voice.\n")
    assert list(elsewhere.iterdir()) == []
