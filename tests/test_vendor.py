"""What the pages ship of other people's code is what its makers published, with its licence."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ROOT / "node_modules"
SHIPPED = {
    ROOT / "web_common" / "vendor" / "lit-html": PACKAGES / "lit-html",
    ROOT / "web_app" / "vendor": PACKAGES / "jsqr",
}
MODULES = [
    pytest.param(file, published, id=file.name)
    for folder, published in SHIPPED.items()
    for file in sorted(folder.rglob("*.js"))
]


def original_of(file: Path, published: Path) -> Path:
    [folder] = [folder for folder in SHIPPED if file.is_relative_to(folder)]
    return published / ("dist" if published.name == "jsqr" else "") / file.relative_to(folder)


@pytest.mark.parametrize(("file", "published"), MODULES)
def test_a_module_is_what_was_published_but_for_its_source_map(file: Path, published: Path) -> None:
    lines = original_of(file, published).read_text("utf-8").splitlines(keepends=True)
    assert file.read_text("utf-8") == "".join(one for one in lines if not one.startswith("//# sourceMappingURL="))


@pytest.mark.parametrize(("folder", "published"), SHIPPED.items(), ids=lambda folder: folder.name)
def test_its_licence_goes_with_it(folder: Path, published: Path) -> None:
    assert (folder / "LICENSE").read_bytes() == (published / "LICENSE").read_bytes()


@pytest.mark.parametrize(("file", "published"), MODULES)
def test_every_module_that_it_imports_is_shipped_too(file: Path, published: Path) -> None:
    imported = re.findall(r'\bfrom"([^"]+)"', file.read_text("utf-8"))
    assert [one for one in imported if not (file.parent / one).is_file()] == []


def test_the_lock_file_names_hashes_and_no_addresses() -> None:
    locked = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"]
    assert all("integrity" in one and "resolved" not in one for name, one in locked.items() if name)
    assert "://" not in (ROOT / "package-lock.json").read_text("utf-8")


def test_the_versions_are_exact() -> None:
    wanted = json.loads((ROOT / "package.json").read_text("utf-8"))["devDependencies"]
    assert {version for version in wanted.values() if not re.fullmatch(r"\d+\.\d+\.\d+", version)} == set()
