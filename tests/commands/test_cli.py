"""The list of commands, and what the exit codes mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.running import call, run
from toybackend import __version__
from toybackend.commands.cli import app


def test_every_command_says_what_it_does() -> None:
    done = call("--help")
    assert done.code == 0
    listed = [command.name for command in app.registered_commands] + [group.name for group in app.registered_groups]
    simulators, groups = {"demo", "send", "toy"}, {"device", "user", "library", "db"}
    assert {"serve", "doctor", "version", "backup", "restore", *simulators, *groups} == set(listed)
    for name in listed:
        assert name is not None and name in done.out
        help_of_one = call(name, "--help")
        assert help_of_one.code == 0 and "Usage" in help_of_one.out


def test_the_version() -> None:
    assert call("version") == call("version")
    assert call("version").out == f"{__version__}\n"


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("device",), ("device", "issue", "--count", "0")])
def test_wrong_usage_is_2(arguments: tuple[str, ...]) -> None:
    done = call(*arguments)
    assert done.code == 2
    assert "Usage" in done.out + done.err


def test_a_setting_that_does_not_exist_is_2_in_one_line(tmp_path: Path) -> None:
    done = call("user", "add", "mum", "--data", tmp_path, stdin="password1\n", NONSENSE="1")
    assert (done.code, done.out) == (2, "")
    assert done.err == "toybackend: no such setting: TOYBACKEND_NONSENSE\n"


def test_an_unusable_setting_is_2_in_one_line() -> None:
    done = run("serve", HTTP_PORT="many")
    assert (done.code, done.out) == (2, "")
    assert done.err == "toybackend: TOYBACKEND_HTTP_PORT='many' is not usable; it takes a whole number\n"


def test_what_the_machine_refuses_is_1_in_one_line(tmp_path: Path) -> None:
    away = tmp_path / "no such folder" / "licences.csv"
    done = call("device", "issue", "--data", tmp_path / "data", "--out", away)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("toybackend: ") and str(away) in done.err and done.err.count("\n") == 1


def test_a_data_folder_that_cannot_be_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = call("device", "list", "--json", "--data", tmp_path / "file" / "data")
    assert done.code in (1, 2) and done.out == ""
    assert str(tmp_path / "file") in done.err and done.err.count("\n") == 1
