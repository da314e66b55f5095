"""Lists of licences, written and read."""

from __future__ import annotations

import csv
import json
import os
import stat
from pathlib import Path

import pytest

from toybackend.commands.licence_lists import (
    CsvFile,
    Line,
    NoColumn,
    check_list,
    new_csv_file,
    on_screen,
    read_list,
)

NAMES = ("device_id", "license")
A, B = "a" * 32, "b" * 32


# ── written ──


def test_rows_are_on_disk_when_add_returns(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    with new_csv_file(file, NAMES) as made:
        assert file.read_text().splitlines() == ["device_id,license"]
        made.add([("d_1", A), ("d_2", B)])
        assert list(csv.reader(file.read_text().splitlines()))[1:] == [["d_1", A], ["d_2", B]]
        made.add([("d_3", A)])
    assert made.rows == 3
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_empty_list_that_failed_is_gone_again(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), new_csv_file(tmp_path / "list.csv", NAMES):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_list_with_rows_that_failed_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    with pytest.raises(KeyboardInterrupt), new_csv_file(file, NAMES) as made:
        made.add([("d_1", A)])
        raise KeyboardInterrupt
    assert A in file.read_text()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("the only copy")
    with pytest.raises(FileExistsError), new_csv_file(file, NAMES):
        pass
    assert file.read_text() == "the only copy"


def test_a_batch_that_does_not_fit_is_not_there_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "list.csv"

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"), new_csv_file(file, NAMES) as made:
        made.add([("d_1", A)])
        whole = file.read_bytes()
        monkeypatch.setattr(os, "fsync", full)
        made.add([("d_2", B)])
    assert file.read_bytes() == whole
    assert made.rows == 1


def test_short_writes_are_gone_on_with(tmp_path: Path) -> None:
    class Slow:
        """A file that takes three bytes at a time."""

        def __init__(self, file: int) -> None:
            self.taken = b""
            self._file = file

        def write(self, data: memoryview) -> int:
            self.taken += bytes(data[:3])
            return min(3, len(data))

        def tell(self) -> int:
            return len(self.taken)

        def fileno(self) -> int:
            return self._file

    with (tmp_path / "file").open("wb") as real:
        slow = Slow(real.fileno())
        CsvFile(slow, NAMES).add([("d_1", A)])  # type: ignore[arg-type]
    assert slow.taken.decode().splitlines() == ["device_id,license", f"d_1,{A}"]


def test_on_screen(capsys: pytest.CaptureFixture[str]) -> None:
    with on_screen(NAMES, as_json=False) as rows:
        rows.add([("d_1", A)])
        rows.add([("d_2", None)])
    assert capsys.readouterr().out == f"device_id,license\nd_1,{A}\nd_2,\n"
    with on_screen(NAMES, as_json=True) as rows:
        rows.add([("d_1", A), ("d_2", None)])
        rows.add([("d_3", True)])
    shown = json.loads(capsys.readouterr().out)
    assert [list(one.values()) for one in shown] == [["d_1", A], ["d_2", None], ["d_3", True]]
    with on_screen(NAMES, as_json=True):
        pass
    assert json.loads(capsys.readouterr().out) == []


# ── read ──


def read(tmp_path: Path, text: str | bytes, column: str = "") -> list[Line]:
    file = tmp_path / "old"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(read_list(file, column))


def codes(tmp_path: Path, text: str | bytes, column: str = "") -> dict[int, str]:
    found = read(tmp_path, text, column)
    assert not any(line.problem for line in found)
    return {line.number: line.code for line in found}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        (f"{A}\n{B}\n", {1: A, 2: B}),
        (f"\n  {A.upper()} \r\n\n# {A}\n{B}", {2: A, 5: B}),
        (f"\ufeff{A}\n", {1: A}),
        (f"code\n{A}\n", {2: A}),
        (f"Serial;License;Made\n1;{A};2019\n2;{B};2020\n", {2: A, 3: B}),
        (f"md5\tother\n{A}\t{B}\n", {2: A}),
        (f"1,{A}\n2,{B}\n", {1: A, 2: B}),
        (f'"1, of many","{A}"\n', {1: A}),
        (f"device_id,license\nd_abc,{A}\n", {2: A}),
    ],
)
def test_lists_as_they_come(tmp_path: Path, text: str, found: dict[int, str]) -> None:
    assert codes(tmp_path, text) == found


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lists_out_of_a_spreadsheet(tmp_path: Path, encoding: str) -> None:
    assert codes(tmp_path, f"Gerät;Code\nBär;{A}\n".encode(encoding)) == {2: A}


def test_a_column_by_its_name(tmp_path: Path) -> None:
    text = f"Secret,Code\n{A},{B}\n"
    assert codes(tmp_path, text) == {2: B}
    assert codes(tmp_path, text, "secret") == {2: A}
    with pytest.raises(NoColumn):
        read(tmp_path, text, "key")


@pytest.mark.parametrize(
    "line",
    [
        "x",
        A[:-1],
        A + "a",
        "g" * 32,
        f"{A[:16]} {A[16:]}",
        f"0x{A}",
        "ａ" * 32,
        "\x00" * 32,
        f"{A}.",
        ";;;",
        f'"{A[:16]}"{A[16:]}',
    ],
)
def test_bad_lines_are_named_and_not_shown(tmp_path: Path, line: str) -> None:
    first, bad, last = read(tmp_path, f"{A}\n{line}\n{B}\n")
    assert (first.code, bad.number, bad.problem, last.code) == (A, 2, "no code of 32 hex digits", B)


def test_an_open_quote_ends_with_its_line(tmp_path: Path) -> None:
    assert codes(tmp_path, f'"{A}\n{B}\n') == {1: A, 2: B}


def test_two_codes_in_a_line_are_not_chosen_from(tmp_path: Path) -> None:
    [line] = read(tmp_path, f"{A},{B}\n")
    assert (line.code, line.problem) == ("", "more than one code; name the column")


def test_a_line_too_short_for_its_column(tmp_path: Path) -> None:
    lines = read(tmp_path, f"serial,code\n1\n{A}\n2,{B}\n")
    assert [bool(line.problem) for line in lines] == [True, True, False]


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    lines = read(tmp_path, b"\x80\xff\xfe\n" + A.encode() + b"\n")
    assert [line.code for line in lines] == ["", A]


def test_a_cell_without_end(tmp_path: Path) -> None:
    [line] = read(tmp_path, "x" * 200_000)
    assert line.problem


def test_a_check_keeps_little(tmp_path: Path) -> None:
    check = check_list(iter(read(tmp_path, f"{A}\n" + "bad\n" * 50)))
    assert (check.good, check.bad, len(check.first_bad)) == (1, 50, 20)
    assert check.first_bad[0].number == 2
