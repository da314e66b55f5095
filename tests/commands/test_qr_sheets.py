"""QR codes of device ids, on sheets to print."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st

from toybackend.commands.qr_sheets import PER_SHEET, QUIET_ZONE, QrCodes, QrSheets, link_to_devices
from toybackend.models import DeviceId

DEVICE = DeviceId("d_abcdefghij234567klmn")
PUBLIC_URL = "https://toys.test"
LINK = "https://toys.test/?device="


def devices(count: int) -> list[DeviceId]:
    letters = "abcdefghijklmnopqrstuvwxyz"
    return [DeviceId(f"d_{letters[n // 26 % 26]}{letters[n % 26]}" + "a" * 18) for n in range(count)]


@pytest.mark.parametrize(
    ("public_url", "link"),
    [
        ("", ""),
        (PUBLIC_URL, LINK),
        (PUBLIC_URL + "/", LINK),
        ("https://toys.test:9443/family", "https://toys.test:9443/family/?device="),
        ("https://teddybären.test", "https://teddyb%C3%A4ren.test/?device="),
    ],
)
def test_what_a_code_holds_besides_the_id(public_url: str, link: str) -> None:
    assert link_to_devices(public_url) == link


LINKS = ("", LINK, link_to_devices("https://" + "long." * 40 + "test"))
CODES = {link: QrCodes(link) for link in LINKS}


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(LINKS), st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=20, max_size=20))
def test_a_code_is_module_for_module_the_one_that_segno_makes(link: str, letters: str) -> None:
    codes = CODES[link]
    ours = f"{codes.modules('d_' + letters):0{codes.size**2}b}"
    mask = segno.make_qr(link + "d_" + "a" * 20, error="m", mode="byte", boost_error=False).mask
    right = segno.make_qr(link + "d_" + letters, error="m", mode="byte", boost_error=False, mask=mask)
    assert ours == "".join(str(module) for row in right.matrix for module in row)


def test_an_image_draws_every_dark_module_and_no_other() -> None:
    codes = QrCodes(LINK)
    svg = codes.svg(DEVICE)
    side = codes.size + 2 * QUIET_ZONE
    assert f'viewBox="{-QUIET_ZONE} {-QUIET_ZONE} {side} {side}"' in svg
    drawn = 0
    x = y = 0
    [path] = re.findall(r'd="([^"]*)"', svg)
    for step, first, second in re.findall(r"([Mmh])(\d+)(?: ([\d.]+))?", path):
        if step == "M":
            x, y = int(first), int(float(second))
            assert second == f"{y}.5"  # a stroke one wide, through the middle of the row
        elif step == "m":
            x += int(first)
        else:
            for column in range(x, x + int(first)):
                drawn |= 1 << (codes.size**2 - 1 - y * codes.size - column)
            x += int(first)
    assert drawn == codes.modules(DEVICE)


@pytest.mark.parametrize(("count", "sheets"), [(1, 1), (PER_SHEET, 1), (PER_SHEET + 1, 2), (2 * PER_SHEET, 2)])
def test_as_many_sheets_as_it_takes(tmp_path: Path, count: int, sheets: int) -> None:
    with QrSheets(tmp_path / "qr", PUBLIC_URL, count) as made:
        for start in range(0, count, 7):
            made.add(devices(count)[start : start + 7])
    assert made.sheets == sheets
    names = sorted(file.name for file in (tmp_path / "qr").iterdir())
    assert names == [f"sheet-{number:04}.html" for number in range(1, sheets + 1)]
    pages = [(tmp_path / "qr" / name).read_text() for name in names]
    shown = [one for page in pages for one in re.findall("<figcaption>(.*?)</figcaption>", page)]
    assert shown == devices(count)
    assert f"Devices 1 to {min(count, PER_SHEET)} of {count}" in pages[0]
    assert all(page.count("<svg") == page.count("<figcaption>") for page in pages)


def test_many_sheets_stay_in_order_by_name(tmp_path: Path) -> None:
    with QrSheets(tmp_path, PUBLIC_URL, 20_000 * PER_SHEET) as made:
        made.add([DEVICE])
    assert [file.name for file in tmp_path.iterdir()] == ["sheet-00001.html"]


def test_what_was_issued_is_on_a_sheet_whatever_happens(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), QrSheets(tmp_path, "", 100) as made:
        made.add(devices(3))
        raise KeyboardInterrupt
    assert (tmp_path / "sheet-0001.html").read_text().count("<svg") == 3


def test_nothing_issued_makes_no_sheet(tmp_path: Path) -> None:
    with QrSheets(tmp_path, "", 5):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_sheets_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sheet-0007.html").touch()
    with pytest.raises(FileExistsError):
        QrSheets(tmp_path, "", 1)


def test_a_page_fetches_and_runs_nothing(tmp_path: Path) -> None:
    with QrSheets(tmp_path, PUBLIC_URL, 2) as made:
        made.add(devices(2))
    tags: list[tuple[str, dict[str, str | None]]] = []
    reader = HTMLParser()
    reader.handle_starttag = lambda tag, attrs: tags.append((tag, dict(attrs)))  # type: ignore[method-assign]
    page = (tmp_path / "sheet-0001.html").read_text()
    reader.feed(page)
    assert {tag for tag, _ in tags} <= {
        "html", "meta", "title", "style", "h1", "main", "figure", "figcaption", "svg", "path"
    }  # fmt: skip
    assert not any({"src", "href", "onload", "xlink:href"} & set(attributes) for _, attributes in tags)
    assert "url(" not in page and "@import" not in page and "default-src 'none'" in page
    assert "size: A4" in page


def test_single_files_for_label_printers(tmp_path: Path) -> None:
    with QrSheets(tmp_path, PUBLIC_URL, 2, single=True) as made:
        made.add([DEVICE])
    svg = (tmp_path / f"{DEVICE}.svg").read_text()
    assert svg.startswith("<svg xmlns=") and 'width="25mm"' in svg
    assert QrCodes(LINK).svg(DEVICE).partition("viewBox")[2] == svg.partition("viewBox")[2]
