"""Lists of licences: written when they are issued, read when old ones are imported."""

from __future__ import annotations

import codecs
import csv
import io
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from toybackend.durable import sync

LICENCE = re.compile(r"[0-9A-Fa-f]{32}")
COLUMN_NAMES = frozenset({"license", "licence", "license_code", "licence_code", "code", "key", "md5"})
"""What the column of an old list may be called, in any case, without being told."""
DELIMITERS = ",;\t"
MOST_SHOWN = 20
"""Bad lines that are named one by one."""

Row = Sequence[object]


# ── written ──


class Rows(Protocol):
    """Takes rows as they are made."""

    def add(self, rows: Sequence[Row]) -> None: ...


class CsvFile:
    """A new file, of which every batch of rows is on disk when `add` returns, or not in it at all."""

    def __init__(self, file: io.FileIO, names: Sequence[str]) -> None:
        self._file = file
        self._append(_csv([names]))
        self.rows = 0

    def add(self, rows: Sequence[Row]) -> None:
        self._append(_csv(rows))
        self.rows += len(rows)

    def _append(self, data: bytes) -> None:
        whole = self._file.tell()
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError:  # the disk is full, say: half a code would look like a whole one
            self._file.truncate(whole)
            raise


@contextmanager
def new_csv_file(path: Path, names: Sequence[str]) -> Iterator[CsvFile]:
    """A file readable by us only, never in place of another one; if something goes wrong before there is a row in it,
    it is gone again. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb", buffering=0) as file:
        made = None
        try:
            made = CsvFile(file, names)
            sync(path.parent)
            yield made
        except BaseException:
            if made is None or made.rows == 0:
                path.unlink()
            raise


class CsvOnScreen:
    """The same on standard output; nothing at all while it is not known that there will be a list."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names: Sequence[str] | None = names
        self._rows = csv.writer(sys.stdout, lineterminator="\n")

    def add(self, rows: Sequence[Row]) -> None:
        if self._names is not None:
            self._rows.writerow(self._names)
            self._names = None
        self._rows.writerows(rows)

    def end(self) -> None:
        self.add([])


class JsonOnScreen:
    """One JSON array of objects on standard output, written as it grows."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._is_empty = True

    def add(self, rows: Sequence[Row]) -> None:
        for row in rows:
            sys.stdout.write("[" if self._is_empty else ",\n")
            sys.stdout.write(json.dumps(dict(zip(self._names, row, strict=True))))
            self._is_empty = False

    def end(self) -> None:
        sys.stdout.write("[]\n" if self._is_empty else "]\n")


@contextmanager
def on_screen(names: Sequence[str], *, as_json: bool) -> Iterator[Rows]:
    """Standard output, for people or for scripts."""
    rows = JsonOnScreen(names) if as_json else CsvOnScreen(names)
    yield rows
    rows.end()


def _csv(rows: Sequence[Row]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


# ── read ──


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an old list that is not blank, a comment or the header: its code, or what is wrong with it."""

    number: int
    code: str = ""
    problem: str = ""
    """Says nothing of what stands in the line: it may be most of a licence."""


class NoColumn(ValueError):
    """There is no column of this name."""


def read_list(path: Path, column: str = "") -> Iterator[Line]:
    """The lines of a list of codes: one in a line, or in a CSV file. There the column is found by its name in the
    first line, `column` or one of `COLUMN_NAMES`; without such a line the only cell that looks like a code is it.
    Raises OSError or NoColumn."""
    with path.open(encoding=_encoding(path), errors="replace") as file:
        lines = ((number, line.strip()) for number, line in enumerate(file, 1))
        filled = ((number, _cells(line)) for number, line in lines if line and not line.startswith("#"))
        first = next(filled, None)
        if first is None:
            return
        place = _place(first[1], column)
        if place is None:
            yield _line(*first, place)
        for number, cells in filled:
            yield _line(number, cells, place)


def _encoding(path: Path) -> str:
    """UTF-8, or UTF-16 as spreadsheets save «Unicode text»; a byte order mark tells."""
    with path.open("rb") as file:
        return "utf-16" if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def _cells(line: str) -> list[str]:
    delimiter = next((one for one in DELIMITERS if one in line), DELIMITERS[0])
    try:
        cells = [cell for row in csv.reader([line], delimiter=delimiter) for cell in row]
    except csv.Error:
        return []
    # The reader puts together what stands on both sides of a quote; two halves of a damaged line are no code.
    return [cell.strip() if cell in line else "" for cell in cells]


def _place(cells: Sequence[str], column: str) -> int | None:
    """Which column the first line says the codes are in; None if it says nothing. Raises NoColumn."""
    wanted = {column.casefold()} if column else COLUMN_NAMES
    found = [place for place, cell in enumerate(cells) if cell.casefold() in wanted]
    if column and not found:
        raise NoColumn(f"the first line names no column {column!r}")
    return found[0] if found else None


def _line(number: int, cells: Sequence[str], place: int | None) -> Line:
    looked_at = cells if place is None else cells[place : place + 1]
    codes = [cell for cell in looked_at if LICENCE.fullmatch(cell)]
    if len(codes) == 1:
        return Line(number, codes[0].lower())
    return Line(number, problem="more than one code; name the column" if codes else "no code of 32 hex digits")


@dataclass(frozen=True, slots=True)
class Check:
    """What a whole list is like."""

    good: int
    bad: int
    first_bad: Sequence[Line]


def check_list(lines: Iterator[Line]) -> Check:
    """Read it all, and keep little."""
    good, bad, first_bad = 0, 0, list[Line]()
    for line in lines:
        if not line.problem:
            good += 1
            continue
        bad += 1
        if bad <= MOST_SHOWN:
            first_bad.append(line)
    return Check(good, bad, first_bad)
