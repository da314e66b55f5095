"""The list of what a deployment installs is whole, true and in the form that others read."""

from __future__ import annotations

import json
import re
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import jsonschema_rs
import pytest

from supply.sbom import LOCKS, OURSELVES, SBOM, SHIPPED, Pinned, document, main, read_requirements

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / SBOM).read_text()
WHOLE: dict[str, Any] = json.loads(TEXT)
COMPONENTS = {one["bom-ref"]: one for one in WHOLE["components"]}
NEEDS = {one["ref"]: one["dependsOn"] for one in WHOLE["dependencies"]}


def test_it_is_of_these_locks() -> None:
    assert document(ROOT) == TEXT, "the locks changed; say: make sbom"


@pytest.mark.parametrize("lock", [*LOCKS, "pyproject.toml", "ffmpeg/configure-flags"])
def test_a_change_of_any_lock_makes_it_stale(lock: str, tmp_path: Path) -> None:
    for name in {*LOCKS, "pyproject.toml", "ffmpeg/configure-flags"}:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    assert document(tmp_path) == TEXT
    changed = (tmp_path / lock).read_text().replace("aiohttp", "aiohttq").replace("7.0.2", "7.0.3")
    changed = changed.replace("-libmp3lame", "-libmp4lame").replace("ffmpeg-5", "ffmpeg-6")
    (tmp_path / lock).write_text(changed)
    assert document(tmp_path) != TEXT


def test_it_is_written_where_it_belongs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(Path, "write_text", lambda file, text: written.extend((file.name, text)))
    main()
    assert written == [SBOM, TEXT]


def test_it_is_cyclonedx() -> None:
    names = [f"{name}.SNAPSHOT.schema.json" for name in ("bom-1.6", "spdx", "jsf-0.82", "cryptography-defs")]
    schema, *others = [json.loads((files("cyclonedx.schema") / "_res" / name).read_text()) for name in names]
    addresses = [urljoin(schema["$id"], name) for name in names[1:]]  # by which the first one refers to them
    registry = jsonschema_rs.Registry(list(zip(addresses, others, strict=True)))
    validator = jsonschema_rs.validator_for(schema, registry=registry)
    validator.validate(WHOLE)
    assert not validator.is_valid(WHOLE | {"components": [{"type": "toy", "name": "bear"}]})  # it does look


def test_it_says_nothing_about_when_and_where() -> None:
    assert not re.search(r"://|timestamp|serialNumber|/home|/work|/tmp|/opt", TEXT)


def test_everything_that_runs_is_reached_from_us_and_nothing_else() -> None:
    found, more = set[str](), {OURSELVES}
    while more:
        found |= more
        more = {ref for one in more for ref in NEEDS[one]} - found
    assert found == {OURSELVES} | {ref for ref, one in COMPONENTS.items() if one["scope"] == "required"}


def test_it_lists_what_is_locked_to_run_and_no_tool_of_ours() -> None:
    pinned = read_requirements((ROOT / "requirements.txt").read_text())
    python = {one["name"]: one["version"] for one in WHOLE["components"] if one.get("purl", "").startswith("pkg:pypi/")}
    assert python == {name: one.version for name, one in pinned.items()}
    assert {"aiohttp", "websockets", "sqlalchemy"} <= python.keys()
    assert {"pytest", "mypy", "playwright"}.isdisjoint(python)
    assert COMPONENTS[f"pkg:pypi/hatchling@{python['hatchling']}"]["scope"] == "excluded"


def test_it_lists_what_the_pages_ship() -> None:
    copied = set(re.findall(r"node_modules/([\w-]+)/LICENSE", (ROOT / "vendor.sh").read_text()))
    assert copied == set(SHIPPED)
    for name in copied:
        version = json.loads((ROOT / "package.json").read_text())["devDependencies"][name]
        assert COMPONENTS[f"pkg:npm/{name}@{version}"]["hashes"][0]["alg"] == "SHA-512"


def test_it_lists_our_ffmpeg_and_what_is_linked_into_it() -> None:
    [ffmpeg] = [ref for ref in COMPONENTS if ref.startswith("ffmpeg@")]
    assert NEEDS[ffmpeg] == ["libmp3lame", "libopencore-amrnb", "libopencore-amrwb"]
    assert ffmpeg in NEEDS[OURSELVES]


def test_requirements_are_read_as_pip_compile_writes_them() -> None:
    text = (
        "one-two==1.0.post1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n    # via toybackend (pyproject.toml)\n"
        "three==2 ; python_version < '3.12' \\\n    --hash=sha256:02\n    # via\n    #   one-two\n    #   four\n"
    )
    assert read_requirements(text) == {
        "one-two": Pinned("1.0.post1", frozenset({"toybackend"})),
        "three": Pinned("2", frozenset({"one-two", "four"})),
    }
