"""`toybackend user …`"""

from __future__ import annotations

import asyncio
import getpass
import io
import json
import sys
from pathlib import Path

import pytest
import typer

from tests.commands.running import call
from tests.contracts.test_erasing import add_guardian
from tests.end_to_end.family import database_of
from tests.world import accept, add_toy, message
from toybackend.commands.options import settings_for
from toybackend.commands.user import read_new_password
from toybackend.errors import NotAuthenticated
from toybackend.house import open_house
from toybackend.models import Party, PartyKind

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


def test_an_operator_is_added_made_and_unmade(tmp_path: Path) -> None:
    assert call("user", "add", "olga", "--operator", "--data", tmp_path, stdin=PASSWORD).code == 0
    assert call("user", "add", "mum", "--data", tmp_path, stdin=PASSWORD).code == 0
    assert operators(tmp_path) == {"olga": True, "mum": False}
    assert call("user", "operator", "Mum", "--data", tmp_path).out == "mum is an operator now\n"
    assert call("user", "operator", "olga", "--off", "--data", tmp_path).out == "olga is no operator any more\n"
    assert operators(tmp_path) == {"olga": False, "mum": True}


def operators(folder: Path) -> dict[str, bool]:
    listed = json.loads(call("user", "list", "--data", folder, "--json").out)
    return {one["name"]: one["is_operator"] for one in listed}


def test_everybody_is_listed_by_name_and_without_secrets(tmp_path: Path) -> None:
    assert call("user", "list", "--data", tmp_path).out == ""
    for name in ("mum", "Dad", "小\u202e熊"):
        call("user", "add", name, "--data", tmp_path, stdin=PASSWORD)
    done = call("user", "list", "--data", tmp_path)
    assert [line.split()[-1] for line in done.out.splitlines()] == ["Dad", "mum", "小\ufffd熊"]
    [dad, *_] = json.loads(call("user", "list", "--data", tmp_path, "--json").out)
    assert dad.keys() == {"id", "name", "is_operator", "created_at"}
    assert done.out.startswith(f"{dad['id']}  {dad['created_at']}  person ")


def test_a_forgotten_password_is_set_anew(tmp_path: Path) -> None:
    call("user", "add", "mum", "--data", tmp_path, stdin=PASSWORD)
    assert log_in(tmp_path, PASSWORD)
    done = call("user", "password", "Mum", "--data", tmp_path, stdin="another good one\n")
    assert (done.code, done.out) == (0, "mum has a new password, and is logged out everywhere\n")
    assert [log_in(tmp_path, one) for one in (PASSWORD, "another good one")] == [False, True]


@pytest.mark.parametrize("command", ["password", "operator"])
def test_nobody_of_this_name(command: str, tmp_path: Path) -> None:
    done = call("user", command, "nobody", "--data", tmp_path, stdin=PASSWORD)
    assert (done.code, done.err) == (1, "toybackend: unknown_recipient: there is no account 'nobody'\n")


def log_in(folder: Path, password: str) -> bool:
    async def tried() -> bool:
        async with open_house(settings_for(folder)) as house:
            try:
                await house.accounts.log_in("mum", password)
            except NotAuthenticated:
                return False
            return True

    return asyncio.run(tried())


def test_invitations_are_shown_once(tmp_path: Path) -> None:
    done = call("user", "invite", "--count", "3", "--data", tmp_path, INVITATION_DAYS="1")
    codes = done.out.split()
    assert done.code == 0 and len(set(codes)) == 3
    assert done.err.startswith("good until ")
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert not any(code.encode() in kept for code in codes)
    answer = json.loads(call("user", "invite", "--data", tmp_path, "--json").out)
    assert len(answer["codes"]) == 1 and answer["expires_at"].endswith("Z")


@pytest.mark.parametrize("count", ["0", "-1", "10001", "x"])
def test_so_many_invitations_are_a_mistake(count: str, tmp_path: Path) -> None:
    assert call("user", "invite", "--count", count, "--data", tmp_path).code == 2


def test_a_name_that_is_taken_fails(tmp_path: Path) -> None:
    assert call("user", "add", "mum", "--data", tmp_path, stdin=PASSWORD).code == 0
    done = call("user", "add", "MUM", "--data", tmp_path, stdin=PASSWORD)
    assert (done.code, done.out, done.err) == (1, "", "toybackend: name_taken: this name is taken\n")


@pytest.mark.parametrize("typed", ["", "\n", "short\n"])
def test_a_poor_password_fails(typed: str, tmp_path: Path) -> None:
    done = call("user", "add", "mum", "--data", tmp_path, stdin=typed)
    assert (done.code, done.out) == (1, "")
    assert done.err == "toybackend: weak_password: a password has at least 8 characters\n"


def test_a_password_that_everybody_tries_first_fails(tmp_path: Path) -> None:
    done = call("user", "add", "mum", "--data", tmp_path, stdin="password1\n")
    assert done.code == 1 and done.err.startswith("toybackend: weak_password: ")


def test_a_password_is_never_an_argument(tmp_path: Path) -> None:
    for arguments in (["mum", PASSWORD], ["mum", "--password", PASSWORD]):
        done = call("user", "add", *arguments, "--data", tmp_path, stdin=PASSWORD)
        assert done.code == 2
    assert not (tmp_path / "toybackend.sqlite3").exists()


async def two_guardians(data: Path) -> None:
    """Mum and dad, who share a bear; a word was said."""
    async with open_house(settings_for(data)) as house:
        database = database_of(house)
        mum, dad = [await house.accounts.add(name, PASSWORD) for name in ("mum", "dad")]
        as_party = Party(mum.id, PartyKind.PERSON, mum.name)
        bear = await add_toy(database, "Bear", as_party)
        await add_guardian(database, bear, Party(dad.id, PartyKind.PERSON, dad.name))
        await accept(database, message(as_party, bear, text="good night"))


def names_of(data: Path) -> list[str]:
    return [one["name"] for one in json.loads(call("user", "list", "--json", "--data", data).out)]


def test_one_person_is_removed_and_the_toy_stays_with_the_other(tmp_path: Path) -> None:
    asyncio.run(two_guardians(tmp_path))
    done = call("user", "remove", "MUM", "--yes", "--data", tmp_path)
    assert (done.code, done.out) == (0, "erased: people 1, toys 0, messages 1, files 0\n")
    assert names_of(tmp_path) == ["dad"]


def test_a_family_is_removed_with_its_toys(tmp_path: Path) -> None:
    asyncio.run(two_guardians(tmp_path))
    done = call("user", "remove", "dad", "--family", "--yes", "--json", "--data", tmp_path)
    answer = json.loads(done.out)
    assert (answer["rows"]["accounts"], answer["rows"]["toys"], answer["files"]) == (2, 1, 0)
    assert names_of(tmp_path) == []
    assert b"good night" not in b"".join(one.read_bytes() for one in tmp_path.glob("toybackend.sqlite3*"))


@pytest.mark.parametrize(("typed", "code", "left"), [("n\n", 1, 2), ("", 1, 2), ("y\n", 0, 1)])
def test_removing_asks_first(tmp_path: Path, typed: str, code: int, left: int) -> None:
    asyncio.run(two_guardians(tmp_path))
    assert call("user", "remove", "mum", "--data", tmp_path, stdin=typed).code == code
    assert len(names_of(tmp_path)) == left


def test_nobody_of_that_name_is_removed(tmp_path: Path) -> None:
    done = call("user", "remove", "nobody", "--yes", "--data", tmp_path)
    assert (done.code, done.out) == (1, "")
    assert "there is no account 'nobody'" in done.err


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
