"""What is installed is what was chosen, to the byte, from wherever it comes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from supply.sbom import Pinned, read_requirements

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCKS = {
    "requirements.txt": [*PROJECT["dependencies"], *EXTRAS["checkout"]],
    "requirements-dev.txt": [*PROJECT["dependencies"], *EXTRAS["checkout"], *EXTRAS["dev"]],
}
"""Each with what it has to hold."""


def locked(file: str) -> dict[str, Pinned]:
    return read_requirements((ROOT / file).read_text())


@pytest.mark.parametrize("file", LOCKS)
def test_every_line_is_a_version_with_its_hashes_and_nothing_says_from_where(file: str) -> None:
    lines = (ROOT / file).read_text().splitlines()
    told = [line for line in lines if line and not line.lstrip().startswith("#")]
    for line, following in zip(told, [*told[1:], ""], strict=True):
        is_pin = re.fullmatch(r"[a-z0-9-]+==[\w.+!-]+(?: ; .+)? \\", line)
        assert is_pin or re.fullmatch(r" {4}--hash=sha256:[0-9a-f]{64}(?: \\)?", line), line
        assert not is_pin or "--hash" in following
    assert "://" not in "".join(lines)


@pytest.mark.parametrize("file", LOCKS)
def test_it_holds_what_the_project_asks_for(file: str) -> None:
    for asked in map(Requirement, LOCKS[file]):
        if asked.marker is None or asked.marker.evaluate():
            pinned = locked(file)[canonicalize_name(asked.name)]
            assert pinned.version in asked.specifier
            assert "toybackend" in pinned.wanted_by


@pytest.mark.parametrize("file", LOCKS)
def test_it_holds_nothing_that_nobody_asks_for(file: str) -> None:
    asked = {canonicalize_name(Requirement(one).name) for one in LOCKS[file]}
    pinned = locked(file)
    assert {name for name, one in pinned.items() if "toybackend" in one.wanted_by} <= asked
    assert all(one.wanted_by <= pinned.keys() | {"toybackend"} for one in pinned.values())
    assert all(one.wanted_by for one in pinned.values())


def test_what_runs_is_what_is_tested() -> None:
    run, dev = locked("requirements.txt"), locked("requirements-dev.txt")
    assert {name: one.version for name, one in run.items()}.items() <= {
        name: one.version for name, one in dev.items()
    }.items()
    assert {"pytest", "playwright", "mypy"} <= dev.keys() - run.keys()


def test_the_pages_tools_are_locked_by_hash_and_from_nowhere_in_particular() -> None:
    text = (ROOT / "package-lock.json").read_text()
    assert '"resolved"' not in text
    assert text.count('"integrity": "sha512-') == text.count('    "node_modules/')
