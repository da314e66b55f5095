"""Sheets of QR codes to print: one code for every board, for its sticker or its box.

A code holds what anybody may see: the device id, never the licence. With a public address it is a link, so that a
buyer's telephone can ask at once whether the toy is free; without one it is the bare id.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Self
from urllib.parse import quote

import segno

from toybackend.models import DeviceId

COLUMNS = 6
ROWS = 9
PER_SHEET = COLUMNS * ROWS
QUIET_ZONE = 4
"""Modules that stay white around a code, as ISO/IEC 18004 wants."""
CACHED = 11
"""Modules in a row whose drawing is remembered: there are only 2,048 ways that they can be."""

_ALIKE = DeviceId("d_" + "a" * 20)
"""As long as every device id is."""
_RUN = re.compile("0+|1+")


def link_to_devices(public_url: str) -> str:
    """What a code holds in front of the device id; nothing where the server has no public address."""
    return quote(f"{public_url.rstrip('/')}/?device=", safe=":/?=&[]%~") if public_url else ""


class QrCodes:
    """The codes of many devices, fast enough for 100,000.

    In codes of one version and one mask every module is the XOR of some bits of the text, because Reed-Solomon codes
    are linear. So segno makes the code of one id, and of the ids that differ from it in one character; that of any
    other id is the XOR of these. A code is kept as a number with one bit for each module.
    """

    def __init__(self, link: str) -> None:
        self._link = link
        first = segno.make_qr(link + _ALIKE, error="m", mode="byte", boost_error=False)
        self._version, self._mask = first.version, first.mask
        self.size = len(first.matrix)
        """Modules on a side."""
        self._first = self._made(_ALIKE)
        self._differences: dict[tuple[int, str], int] = {}

    def modules(self, device_id: str) -> int:
        """The modules of a code, row by row, the first one in the highest bit; 1 is dark."""
        assert len(device_id) == len(_ALIKE)  # noqa: S101
        found = self._first
        for change in enumerate(device_id):
            if change not in self._differences:
                self._differences[change] = self._difference(*change)
            found ^= self._differences[change]
        return found

    def svg(self, device_id: str, attributes: str = "") -> str:
        """An `svg` element."""
        side = self.size + 2 * QUIET_ZONE
        box = f"{-QUIET_ZONE} {-QUIET_ZONE} {side} {side}"
        return f'<svg{attributes} viewBox="{box}"><path stroke="#000" d="{self._path(device_id)}"/></svg>'

    def _path(self, device_id: str) -> str:
        """One stroke through the middle of every run of dark modules."""
        bits = f"{self.modules(device_id):0{self.size**2}b}"
        steps: list[str] = []
        for row in range(self.size):
            steps.append(f"M0 {row}.5")
            start, end = row * self.size, (row + 1) * self.size
            steps += (_strokes(bits[at : min(at + CACHED, end)]) for at in range(start, end, CACHED))
        return "".join(steps)

    def _difference(self, place: int, letter: str) -> int:
        return self._first ^ self._made(_ALIKE[:place] + letter + _ALIKE[place + 1 :])

    def _made(self, device_id: str) -> int:
        code = segno.make_qr(
            self._link + device_id, error="m", mode="byte", boost_error=False, version=self._version, mask=self._mask
        )
        return int("".join(str(module) for row in code.matrix for module in row), 2)


@cache
def _strokes(modules: str) -> str:
    """A line over those that are dark, a move over those that are light."""
    return "".join(f"h{len(run)}" if run[0] == "1" else f"m{len(run)} 0" for run in _RUN.findall(modules))


class QrSheets:
    """Pages of A4 in a folder, written as devices come: `sheet-0001.html` …"""

    def __init__(self, folder: Path, public_url: str, total: int, *, single: bool = False) -> None:
        """`single`: also one SVG file for each device, for whoever prints labels. Makes the folder.
        Raises FileExistsError where there are sheets already: nobody wants to mix two batches up."""
        folder.mkdir(parents=True, exist_ok=True)
        if older := next(folder.glob("sheet-*.html"), None):
            raise FileExistsError(f"{older} is there already; choose another folder")
        self._folder = folder
        self._codes = QrCodes(link_to_devices(public_url))
        self._total = total
        self._single = single
        self._waiting: list[DeviceId] = []
        self._done = 0
        self.sheets = 0
        """How many were written."""

    def add(self, device_ids: Sequence[DeviceId]) -> None:
        """Write the sheets that are full."""
        self._waiting += device_ids
        while len(self._waiting) >= PER_SHEET:
            self._write()
        if self._single:
            for device_id in device_ids:
                self._write_single(device_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        """Write the last sheet, whatever happened: these devices were issued."""
        if self._waiting:
            self._write()

    def _write(self) -> None:
        devices, self._waiting = self._waiting[:PER_SHEET], self._waiting[PER_SHEET:]
        cells = "\n".join(
            f"<figure>{self._codes.svg(one)}<figcaption>{escape(one)}</figcaption></figure>" for one in devices
        )
        words = f"Devices {self._done + 1} to {self._done + len(devices)} of {self._total}"
        digits = max(4, len(str(-(-self._total // PER_SHEET))))
        file = self._folder / f"sheet-{self.sheets + 1:0{digits}}.html"
        with file.open("x", encoding="utf-8") as made:
            made.write(_PAGE.substitute(words=words, columns=COLUMNS, cells=cells))
        self._done += len(devices)
        self.sheets += 1

    def _write_single(self, device_id: DeviceId) -> None:
        with (self._folder / f"{device_id}.svg").open("x", encoding="utf-8") as made:
            made.write(self._codes.svg(device_id, _ALONE))


_ALONE = ' xmlns="http://www.w3.org/2000/svg" width="25mm" height="25mm"'
_PAGE = Template("""\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>$words</title>
<style>
@page { size: A4; margin: 8mm }
body { margin: 0; color: #000; background: #fff; font: 6.5pt/1.2 monospace }
h1 { margin: 0; height: 5mm; font: inherit }
main { display: grid; grid-template-columns: repeat($columns, 1fr) }
figure { margin: 0; height: 30mm; text-align: center; break-inside: avoid }
svg { display: block; width: 25mm; height: 25mm; margin: auto; background: #fff }
</style>
<h1>$words</h1>
<main>
$cells
</main>
</html>
""")
