"""A song that somebody chose, in words."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 kB"), (2_540, "2.5 kB"), (321_000, "321 kB"), (3_400_000, "3.4 MB"), (67_108_864, "67 MB")],
)
async def test_file_size(blank: Page, size: int, words: str) -> None:
    call = "async (size) => (await load('web_app/songs/file_words.js')).fileSize(size)"
    assert await blank.evaluate(call, size) == words


@pytest.mark.parametrize(
    ("file", "title"),
    [
        ("01_Twinkle_little-star.mp3", "01 Twinkle little-star"),
        ("No. 5 for Mia.m4a", "No. 5 for Mia"),
        ("小星星.wav", "小星星"),
        (".mp3", ".mp3"),
        ("x" * 200 + ".mp3", "x" * 120),
    ],
)
async def test_title_of(blank: Page, file: str, title: str) -> None:
    call = "async (file) => (await load('web_app/songs/file_words.js')).titleOf(file)"
    assert await blank.evaluate(call, file) == title
