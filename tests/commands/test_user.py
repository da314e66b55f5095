"""`toybackend user …`"""

from __future__ import annotations

import getpass
import io
import json
import sys
from pathlib import Path

import pytest
import typer

from tests.commands.running import call
from toybackend.commands.user import read_new_password

pytestmark = pytest.mark.usefixtures("cheap_passwords")

PASSWORD = "a good password"


def test_an_account_is_made(tmp_path: Path) -> None:
    done = call("user", "add", "mum", "--data", tmp_path, stdin=f"{PASSWORD}\n")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("mum may log in now (id p_")
    assert PASSWORD not in done.out
    assert not any(PASSWORD.encode() in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


def test_json(tmp_path: Path) -> None:
    done = call("user", "add", " mum ", "--data", tmp_path, "--json", stdin=PASSWORD)
    answer = json.loads(done.out)
    assert done.code == 0 and answer["name"] == "mum" and answer["id"].startswith("p_")


def test_a_name_that_is_taken_fails(tmp_path: Path) -> None:
    assert call("user", "add", "mum", "--data", tmp_path, stdin=PASSWORD).code == 0
    done = call("user", "add", "MUM", "--data", tmp_path, stdin=PASSWORD)
    assert (done.code, done.out, done.err) == (1, "", "toybackend: name_taken: this name is taken\n")


@pytest.mark.parametrize("typed", ["", "\n", "short\n"])
def test_a_poor_password_fails(typed: str, tmp_path: Path) -> None:
    done = call("user", "add", "mum", "--data", tmp_path, stdin=typed)
    assert (done.code, done.out) == (1, "")
    assert "at least 8 characters" in done.err and done.err.count("\n") == 1


def test_a_password_is_never_an_argument(tmp_path: Path) -> None:
    for arguments in (["mum", PASSWORD], ["mum", "--password", PASSWORD]):
        done = call("user", "add", *arguments, "--data", tmp_path, stdin=PASSWORD)
        assert done.code == 2
    assert not (tmp_path / "toybackend.sqlite3").exists()


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("second", "agrees"), [(PASSWORD, True), ("a typing mistake", False)])
def test_on_a_terminal_it_is_asked_for_twice(second: str, agrees: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([PASSWORD, second])
    monkeypatch.setattr(sys, "stdin", _Terminal())
    monkeypatch.setattr(getpass, "getpass", lambda prompt: next(answers))
    if agrees:
        assert read_new_password() == PASSWORD
    else:
        with pytest.raises(typer.BadParameter, match="differ"):
            read_new_password()
    assert next(answers, None) is None
