"""`toybackend device …`"""

from __future__ import annotations

import asyncio
import csv
import json
import re
import stat
from pathlib import Path

import pytest

from tests.commands.running import call
from toybackend.app import open_house
from toybackend.commands.options import settings_for
from toybackend.models import BootState
from toybackend.services.devices import Boot

LICENCE = re.compile(r"[0-9a-f]{32}")


def boot(data: Path, licence: str) -> Boot:
    """Switch a toy on, beside the command line."""

    async def power_on() -> Boot:
        async with open_house(settings_for(data)) as house:
            return await house.devices.power_on(licence)

    return asyncio.run(power_on())


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_licences_are_shown_once(tmp_path: Path) -> None:
    done = call("device", "issue", "--count", 3, "--data", tmp_path)
    assert (done.code, done.err) == (0, "")
    made = rows(done.out)
    assert len({row["license"] for row in made}) == 3 == len({row["toy_id"] for row in made})
    for row in made:
        assert LICENCE.fullmatch(row["license"])
        kept = [file for file in tmp_path.rglob("*") if file.is_file() and row["license"].encode() in file.read_bytes()]
        assert kept == []
        assert boot(tmp_path, row["license"]).state is BootState.UNBOUND
    assert boot(tmp_path, "0" * 32).state is BootState.UNLICENSED


def test_json(tmp_path: Path) -> None:
    done = call("device", "issue", "--count", 2, "--data", tmp_path, "--json")
    made = json.loads(done.out)
    assert done.code == 0 and len(made) == 2
    assert all(row["toy_id"].startswith("t_") and LICENCE.fullmatch(row["license"]) for row in made)


def test_a_file_only_we_can_read(tmp_path: Path) -> None:
    out = tmp_path / "licences.csv"
    done = call("device", "issue", "--count", 2, "--data", tmp_path / "data", "--out", out)
    assert (done.code, done.out) == (0, "")
    assert f"2 licences written to {out}" in done.err
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    made = rows(out.read_text())
    assert len(made) == 2
    assert not any(row["license"] in done.err for row in made)
    assert boot(tmp_path / "data", made[0]["license"]).state is BootState.UNBOUND


def test_an_older_list_is_never_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "licences.csv"
    out.write_text("the only copy")
    done = call("device", "issue", "--data", tmp_path / "data", "--out", out)
    assert (done.code, done.out) == (1, "")
    assert str(out) in done.err and done.err.count("\n") == 1
    assert out.read_text() == "the only copy"
    assert not (tmp_path / "data").exists()  # and no licence was made that nobody will ever see


def test_a_list_that_was_not_made_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    out = tmp_path / "licences.csv"
    assert call("device", "issue", "--data", tmp_path / "data", "--out", out).code in (1, 2)
    assert not out.exists()


@pytest.mark.usefixtures("cheap_passwords")
def test_a_waiting_toy_is_given_an_owner(tmp_path: Path) -> None:
    [row] = rows(call("device", "issue", "--data", tmp_path).out)
    assert call("user", "add", "mum", "--data", tmp_path, stdin="a good password").code == 0
    claim = boot(tmp_path, row["license"]).claim
    assert claim is not None
    typed = f"{claim.code[:4]}-{claim.code[4:]}".lower()

    wrong = call("device", "bind", "22222222", "--user", "mum", "--data", tmp_path)
    assert (wrong.code, wrong.out) == (1, "") and wrong.err.startswith("toybackend: claim_wrong: ")
    nobody = call("device", "bind", typed, "--user", "dad", "--data", tmp_path)
    assert (nobody.code, nobody.err) == (1, "toybackend: unknown_recipient: there is no account 'dad'\n")

    done = call("device", "bind", typed, "--user", "mum", "--name", "Bear", "--data", tmp_path)
    assert (done.code, done.out) == (0, f"Bear ({row['toy_id']}) is mum's now\n")
    assert boot(tmp_path, row["license"]).state is BootState.READY
    again = call("device", "bind", typed, "--user", "mum", "--data", tmp_path, "--json")
    assert again.code == 1 and again.out == ""


@pytest.mark.usefixtures("cheap_passwords")
def test_binding_in_json(tmp_path: Path) -> None:
    [row] = rows(call("device", "issue", "--data", tmp_path).out)
    call("user", "add", "mum", "--data", tmp_path, stdin="a good password")
    claim = boot(tmp_path, row["license"]).claim
    assert claim is not None
    done = call("device", "bind", claim.code, "--user", "mum", "--name", "熊", "--data", tmp_path, "--json")
    assert json.loads(done.out) == {"id": row["toy_id"], "name": "熊"}
