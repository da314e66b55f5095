"""Fetching what a toy plays, and how long it is."""

from __future__ import annotations

import aiohttp

CLIP_SECONDS = 3.46
MP3_BYTES_PER_SECOND = 32_000 / 8
PADDING_SECONDS = 0.12
"""What an MP3 encoder may add at both ends together."""


async def fetch(url: str) -> bytes:
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        assert response.status == 200
        return await response.read()


def seconds_of(mp3: bytes) -> float:
    """By its size: it has a constant bit rate and nothing in it but sound."""
    assert mp3[:2] in (b"\xff\xf3", b"\xff\xf2"), "an MPEG-2 layer III frame comes first"
    return len(mp3) / MP3_BYTES_PER_SECOND
