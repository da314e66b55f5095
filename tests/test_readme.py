"""The README is held to the code: its settings table, its commands, its paths."""

from __future__ import annotations

import re
from dataclasses import Field
from pathlib import Path
from typing import Any

import pytest

from toybackend.settings import PREFIX, every_setting

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def settings_table() -> str:
    rows = ["| variable | default | what it does |", "|---|---|---|"]
    return "\n".join([*rows, *(_row(one) for _, one in every_setting())])


def _row(one: Field[Any]) -> str:
    default = one.default
    shown = {True: "yes", False: "no"}[default] if isinstance(default, bool) else default
    shown = "" if shown in ("", ()) else f"`{shown}`"
    return f"| `{PREFIX}{one.metadata['name']}` | {shown} | {one.metadata['doc']} |"


def test_the_settings_table_is_the_settings() -> None:
    found = re.search(r"^\| variable .*?(?=\n\n)", README, re.MULTILINE | re.DOTALL)
    assert found, f"the README has no settings table; it should have:\n{settings_table()}"
    assert found[0] == settings_table()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:`|^)make ([a-z]+)", README, re.MULTILINE))))
def test_every_make_target_it_names_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_every_link_leads_somewhere(path: str) -> None:
    assert (ROOT / path).exists()


def test_every_command_is_described() -> None:
    from toybackend.commands.cli import app

    names = [command.name for command in app.registered_commands] + [group.name for group in app.registered_groups]
    for name in names:
        assert f"toybackend {name}" in README, name
