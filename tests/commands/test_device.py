"""`toybackend device …`"""

from __future__ import annotations

import asyncio
import csv
import json
import re
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.commands.running import call
from toybackend.commands.options import settings_for
from toybackend.errors import Overloaded
from toybackend.house import open_house
from toybackend.models import BootState, Device, DeviceId
from toybackend.services import devices as service
from toybackend.services.devices import Boot, Devices, fingerprint
from toybackend.services.tokens import digest

LICENCE = re.compile(r"[0-9a-f]{32}")
OLD = [f"{number:032x}" for number in (10, 11, 12)]


def boot(data: Path, licence: str) -> Boot:
    """Switch a toy on, beside the command line."""

    async def power_on() -> Boot:
        async with open_house(settings_for(data)) as house:
            return await house.devices.power_on(licence)

    return asyncio.run(power_on())


def known(data: Path, *licences: str) -> list[Device]:
    async def look() -> list[Device | None]:
        async with open_house(settings_for(data)) as house:
            return [await house.database.device(fingerprint(digest(one))) for one in licences]

    return [one for one in asyncio.run(look()) if one is not None]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


# ── issue ──


def test_licences_are_shown_once(tmp_path: Path) -> None:
    done = call("device", "issue", "--count", 3, "--data", tmp_path)
    assert (done.code, done.err) == (0, "")
    made = rows(done.out)
    assert len({row["license"] for row in made}) == 3 == len({row["device_id"] for row in made})
    for row in made:
        assert LICENCE.fullmatch(row["license"])
        assert row["device_id"] == fingerprint(digest(row["license"]))
        kept = [file for file in tmp_path.rglob("*") if file.is_file() and row["license"].encode() in file.read_bytes()]
        assert kept == []
    assert boot(tmp_path, made[0]["license"]).state is BootState.UNBOUND
    assert boot(tmp_path, "0" * 32).state is BootState.UNLICENSED


def test_json(tmp_path: Path) -> None:
    done = call("device", "issue", "--count", 2, "--data", tmp_path, "--json")
    made = json.loads(done.out)
    assert (done.code, done.err, len(made)) == (0, "", 2)
    assert all(row["device_id"].startswith("d_") and LICENCE.fullmatch(row["license"]) for row in made)


def test_a_file_only_we_can_read(tmp_path: Path) -> None:
    out = tmp_path / "licences.csv"
    done = call("device", "issue", "--count", 2, "--data", tmp_path / "data", "--out", out)
    assert (done.code, done.out) == (0, "")
    assert f"2 licences written to {out}" in done.err
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    made = rows(out.read_text())
    assert len(known(tmp_path / "data", *(row["license"] for row in made))) == 2
    assert not any(row["license"] in done.err for row in made)


def test_json_with_a_file_says_only_how_many(tmp_path: Path) -> None:
    out, qr = tmp_path / "licences.csv", tmp_path / "qr"
    done = call("device", "issue", "--count", 3, "--data", tmp_path / "data", "--out", out, "--qr", qr, "--json")
    assert json.loads(done.out) == {"issued": 3, "out": str(out), "sheets": 1}
    assert done.err == ""


def test_a_large_number_comes_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "BATCH", 4)
    out = tmp_path / "licences.csv"
    assert call("device", "issue", "--count", 10, "--data", tmp_path / "data", "--out", out).code == 0
    assert len({row["license"] for row in rows(out.read_text())}) == 10


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


def test_a_list_that_was_made_in_part_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    issue = Devices.issue

    async def breaks(self: Devices, count: int) -> AsyncIterator[list[tuple[DeviceId, str]]]:
        async for batch in issue(self, 2):
            yield batch
        raise Overloaded

    monkeypatch.setattr(Devices, "issue", breaks)
    out, qr = tmp_path / "licences.csv", tmp_path / "qr"
    done = call("device", "issue", "--count", 9, "--data", tmp_path / "data", "--out", out, "--qr", qr)
    assert done.code == 1
    assert f"2 of 9 licences were issued before this, and are in {out}" in done.err
    assert "toybackend: overloaded: " in done.err
    made = rows(out.read_text())
    assert len(known(tmp_path / "data", *(row["license"] for row in made))) == 2
    assert all(row["device_id"] in (qr / "sheet-0001.html").read_text() for row in made)


def test_nothing_is_printed_of_a_list_that_was_not_made(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    done = call("device", "issue", "--data", tmp_path / "data")
    assert done.code in (1, 2)
    assert done.out == ""


def test_sheets_of_qr_codes_never_hold_a_licence(tmp_path: Path) -> None:
    out, qr = tmp_path / "licences.csv", tmp_path / "qr"
    done = call("device", "issue", "--count", 60, "--data", tmp_path / "data", "--out", out, "--qr", qr, "--svg")
    assert done.code == 0
    assert f"2 sheets of QR codes written to {qr}" in done.err
    sheets = [file.read_text() for file in sorted(qr.glob("*.html"))]
    assert len(sheets) == 2
    for row in rows(out.read_text()):
        assert sum(row["device_id"] in sheet for sheet in sheets) == 1
        assert (qr / f"{row['device_id']}.svg").is_file()
        assert not any(row["license"] in file.read_text() for file in qr.iterdir())


def test_sheets_are_never_mixed_up(tmp_path: Path) -> None:
    qr = tmp_path / "qr"
    assert call("device", "issue", "--data", tmp_path / "data", "--qr", qr).code == 0
    again = call("device", "issue", "--data", tmp_path / "other", "--qr", qr)
    assert (again.code, again.out) == (1, "")
    assert "sheet-0001.html" in again.err
    assert not (tmp_path / "other").exists()


def test_single_codes_go_with_sheets(tmp_path: Path) -> None:
    assert call("device", "issue", "--data", tmp_path / "data", "--svg").code == 2


# ── import ──


def test_an_old_list_is_imported_once(tmp_path: Path) -> None:
    old, ids = tmp_path / "old.txt", tmp_path / "ids.csv"
    old.write_text(f"# codes of 2019\n\n{OLD[0]}\n{OLD[1].upper()}\n{OLD[0]}\n")
    done = call("device", "import", old, "--data", tmp_path / "data", "--out", ids)
    assert (done.code, done.out, done.err) == (0, "2 new, 1 known already, 0 bad\n", "")
    first, second = (fingerprint(digest(one)) for one in OLD[:2])
    assert ids.read_text().splitlines() == ["device_id,line", f"{first},3", f"{second},4", f"{first},5"]
    again = call("device", "import", old, "--data", tmp_path / "data", "--json")
    assert json.loads(again.out) == {"new": 0, "known": 3, "bad": 0}
    assert boot(tmp_path / "data", OLD[1]).state is BootState.UNBOUND


def test_nothing_comes_of_a_list_with_a_bad_line(tmp_path: Path) -> None:
    old, ids, data = tmp_path / "old.txt", tmp_path / "ids.csv", tmp_path / "data"
    old.write_text(f"{OLD[0]}\n{OLD[1][:-1]}\n{OLD[2]}\n{OLD[2]}0\n")
    done = call("device", "import", old, "--data", data, "--out", ids)
    assert (done.code, done.out) == (1, "")
    assert "line 2: " in done.err and "line 4: " in done.err
    assert not any(one[:-1] in done.err for one in OLD)
    assert known(data, *OLD) == []
    assert not ids.exists()

    done = call("device", "import", old, "--data", data, "--skip-bad", "--json")
    assert done.code == 0
    assert json.loads(done.out) == {"new": 2, "known": 0, "bad": 2}
    assert "line 2: " in done.err
    assert len(known(data, *OLD)) == 2


def test_a_list_full_of_bad_lines_is_told_shortly(tmp_path: Path) -> None:
    old = tmp_path / "old.txt"
    old.write_text("secret\n" * 500)
    done = call("device", "import", old, "--data", tmp_path / "data")
    assert done.code == 1
    assert "… and 480 more bad lines" in done.err
    assert len(done.err.splitlines()) < 30 and "secret" not in done.err


def test_a_large_list_is_imported_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toybackend.commands.device.BATCH", 3)
    old = tmp_path / "old.txt"
    old.write_text("\n".join(OLD * 3 + [f"{number:032x}" for number in range(100, 104)]))
    done = call("device", "import", old, "--data", tmp_path / "data", "--json")
    assert json.loads(done.out) == {"new": 7, "known": 6, "bad": 0}


def test_what_we_issued_is_imported_elsewhere(tmp_path: Path) -> None:
    out = tmp_path / "licences.csv"
    call("device", "issue", "--count", 3, "--data", tmp_path / "one", "--out", out)
    done = call("device", "import", out, "--data", tmp_path / "two", "--json")
    assert json.loads(done.out) == {"new": 3, "known": 0, "bad": 0}


def test_a_column_that_is_not_there(tmp_path: Path) -> None:
    old = tmp_path / "old.csv"
    old.write_text(f"serial,secret\n1,{OLD[0]}\n")
    assert call("device", "import", old, "--data", tmp_path / "data", "--column", "nothing").code == 2
    assert call("device", "import", old, "--data", tmp_path / "data", "--column", "Secret").code == 0
    assert call("device", "import", tmp_path / "nowhere", "--data", tmp_path / "data").code == 1


# ── list and revoke ──


def test_devices_are_listed_and_revoked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toybackend.commands.device.BATCH", 2)
    made = rows(call("device", "issue", "--count", 5, "--data", tmp_path).out)
    ids = sorted(row["device_id"] for row in made)
    listed = call("device", "list", "--data", tmp_path)
    assert [row["device_id"] for row in rows(listed.out)] == ids
    assert {row["is_bound"] for row in rows(listed.out)} == {"False"}

    done = call("device", "revoke", ids[2], "--data", tmp_path)
    assert (done.code, done.out) == (0, f"{ids[2]} has no licence any more\n")
    again = json.loads(call("device", "revoke", ids[2], "--data", tmp_path, "--json").out)
    listed = call("device", "list", "--begins", ids[2], "--data", tmp_path, "--json")
    assert json.loads(listed.out) == [again]
    assert (again["device_id"], again["is_bound"]) == (ids[2], False) and again["revoked_at"]
    [licence] = [row["license"] for row in made if row["device_id"] == ids[2]]
    assert boot(tmp_path, licence).state is BootState.UNLICENSED
    assert len(json.loads(call("device", "list", "--data", tmp_path, "--json").out)) == 5


def test_nothing_to_list_or_to_revoke(tmp_path: Path) -> None:
    assert json.loads(call("device", "list", "--data", tmp_path, "--json").out) == []
    assert call("device", "list", "--data", tmp_path).out == "device_id,issued_at,revoked_at,is_bound\n"
    done = call("device", "revoke", "d_none", "--data", tmp_path)
    assert (done.code, done.out) == (1, "") and done.err.startswith("toybackend: not_found: ")


# ── bind ──


@pytest.mark.usefixtures("cheap_passwords")
def test_a_waiting_toy_is_given_an_owner(tmp_path: Path) -> None:
    [row] = rows(call("device", "issue", "--data", tmp_path).out)
    assert call("user", "add", "mum", "--data", tmp_path, stdin="a good password 27").code == 0
    waiting = boot(tmp_path, row["license"])
    assert waiting.claim is not None
    code = waiting.claim.code
    typed = f"{code[:4]}-{code[4:]}".lower()

    wrong = call("device", "bind", "22222222", "--user", "mum", "--data", tmp_path)
    assert (wrong.code, wrong.out) == (1, "") and wrong.err.startswith("toybackend: claim_wrong: ")
    nobody = call("device", "bind", typed, "--user", "dad", "--data", tmp_path)
    assert (nobody.code, nobody.err) == (1, "toybackend: unknown_recipient: there is no account 'dad'\n")

    done = call("device", "bind", typed, "--user", "mum", "--name", "Bear", "--data", tmp_path)
    assert (done.code, done.out) == (0, f"Bear ({waiting.claim.toy_id}) is mum's now\n")
    ready = boot(tmp_path, row["license"])
    assert ready.state is BootState.READY
    again = call("device", "bind", typed, "--user", "mum", "--data", tmp_path, "--json")
    assert json.loads(again.out) == {"id": waiting.claim.toy_id, "name": "Bear"}  # whoever used it may ask again
