"""The rows are those of the standard, as far as can be told without a camera: a decoder is not at hand."""

from __future__ import annotations

import pytest
import segno

from toybackend.web.qr import qr_rows

CLAIM = "http://127.0.0.1:9527/?claim=K7PF3MXA"
FINDER = ["1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111"]


@pytest.mark.parametrize("text", ["A", CLAIM, "https://toys.test/?contact=t_" + "a" * 20, "x" * 500])
async def test_rows_are_the_modules_of_the_code(text: str) -> None:
    code = segno.make(text, error="m", micro=False)
    rows = await qr_rows(text)
    assert [[int(module) for module in row] for row in rows] == [list(row) for row in code.matrix]
    assert {len(row) for row in rows} == {len(rows)} == {17 + 4 * int(code.version)}
    assert {*"".join(rows)} == {"0", "1"}


async def test_it_is_a_whole_code_and_no_more() -> None:
    """ISO/IEC 18004: finder patterns in three corners, timing patterns between them, no quiet zone."""
    rows = await qr_rows(CLAIM)
    assert [row[:7] for row in rows[:7]] == [row[-7:] for row in rows[:7]] == [row[:7] for row in rows[-7:]] == FINDER
    assert rows[6][6:-6] == "".join(row[6] for row in rows[6:-6]) == "1" + "01" * ((len(rows) - 13) // 2)


async def test_another_text_is_another_code() -> None:
    assert await qr_rows(CLAIM) != await qr_rows(CLAIM + "B")
