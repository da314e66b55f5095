from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.conftest import OpenHouse
from toybackend import __version__
from toybackend.settings import Audio, Settings, Shelf
from toybackend.web import prompts


async def test_what_a_page_needs_before_anybody_logs_in(
    open_house: OpenHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in ("zh/ready.mp3", "en/ready.mp3", "en/sent.mp3", "empty/readme.txt", "notalang/ready.mp3"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    monkeypatch.setattr(prompts, "SHIPPED", tmp_path)
    audio, shelf = Audio(max_bytes=1000, max_seconds=20, max_text=30), Shelf(max_bytes=4000, max_cover_bytes=500)
    house = await open_house(Settings(audio=audio, shelf=shelf))
    reply = await house.client.get("/api/v1/config")
    assert (reply.status, reply.content_type) == (200, "application/json")
    assert await reply.json() == {
        "ws_url": "ws://toys.test:9528",
        "registration": "open",
        "languages": ["en", "zh"],
        "limits": {
            "max_audio_bytes": 1000,
            "max_audio_seconds": 20,
            "max_text": 30,
            "max_item_bytes": 4000,
            "max_cover_bytes": 500,
        },
        "version": __version__,
    }
    assert (await house.client.head("/api/v1/config")).status == 200
