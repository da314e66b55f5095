from __future__ import annotations

from pathlib import Path

import pytest
from yarl import URL

from tests.web.conftest import OpenHouse
from tests.web.fakes import House
from toybackend.settings import Service, Settings
from toybackend.web import prompts
from toybackend.web.prompts import MOST_LANGUAGES


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Prompts as if we shipped them; each file says which it is."""
    folder = tmp_path / "shipped"
    for lang, name in [("en", "ready"), ("en", "sent"), ("zh", "ready")]:
        put(folder, lang, name, f"shipped {lang} {name}")
    monkeypatch.setattr(prompts, "SHIPPED", folder)
    return folder


def put(folder: Path, lang: str, name: str, text: str) -> None:
    (folder / lang).mkdir(parents=True, exist_ok=True)
    (folder / lang / f"{name}.mp3").write_text(text)


@pytest.fixture
async def home(house: House, shipped: Path) -> House:
    return house


async def spoken(house: House, path: str, accept: str = "") -> str:
    reply = await house.client.get(URL(f"/api/v1/prompts/{path}", encoded=True), headers={"Accept-Language": accept})
    return await reply.text() if reply.status == 200 else str(reply.status)


async def test_what_comes_with_a_prompt(home: House) -> None:
    reply = await home.client.get("/api/v1/prompts/ready.mp3?lang=zh")
    assert (reply.status, await reply.text()) == (200, "shipped zh ready")
    assert reply.headers["Content-Type"] == "audio/mpeg"
    assert reply.headers["Cache-Control"] == "public, max-age=3600"
    assert reply.headers["Content-Language"] == "zh"
    assert reply.headers["Vary"] == "Accept-Language"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    again = await home.client.get("/api/v1/prompts/ready.mp3?lang=zh", headers={"If-None-Match": reply.headers["ETag"]})
    assert again.status == 304
    head = await home.client.head("/api/v1/prompts/ready.mp3?lang=zh")
    assert (head.status, head.headers["Content-Length"], await head.read()) == (200, "16", b"")


@pytest.mark.parametrize(
    ("query", "accept", "lang"),
    [
        ("?lang=zh", "en", "zh"),
        ("?lang=zh-CN", "en", "zh"),
        ("?lang=ZH_hans", "en", "zh"),
        ("?lang=xx", "zh", "zh"),
        ("?lang=xx", "", "en"),
        ("?lang=../en", "zh", "zh"),
        ("", "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("", "en;q=0.5, zh", "zh"),
        ("", "fr, en;q=0.2, zh;q=0.7", "zh"),
        ("", "zh;q=0", "en"),
        ("", "*", "en"),
        ("", "zh;q=9, ;;;, zh;q=x", "en"),
        ("", ",".join([f"a{chr(97 + n)}" for n in range(MOST_LANGUAGES - 1)] + ["zh"]), "zh"),
        ("", ",".join([f"a{chr(97 + n)}" for n in range(MOST_LANGUAGES)] + ["zh"]), "en"),
    ],
)
async def test_which_language(home: House, query: str, accept: str, lang: str) -> None:
    assert await spoken(home, f"ready.mp3{query}", accept) == f"shipped {lang} ready"


async def test_the_setting_speaks_when_nobody_asks(open_house: OpenHouse, shipped: Path) -> None:
    house = await open_house(Settings(service=Service(lang="zh")))
    assert await spoken(house, "ready.mp3") == "shipped zh ready"
    assert await spoken(house, "ready.mp3", "en") == "shipped en ready"


async def test_a_prompt_that_one_language_lacks_is_spoken_in_the_next(home: House) -> None:
    assert await spoken(home, "sent.mp3?lang=zh") == "shipped en sent"


async def test_the_operator_replaces_file_by_file(open_house: OpenHouse, shipped: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    put(own, "en", "ready", "own en ready")
    put(own, "fr", "ready", "own fr ready")
    house = await open_house(Settings(service=Service(prompts_dir=str(own))))
    assert await spoken(house, "ready.mp3?lang=en") == "own en ready"
    assert await spoken(house, "ready.mp3?lang=fr") == "own fr ready"
    assert await spoken(house, "ready.mp3?lang=zh") == "shipped zh ready"
    assert await spoken(house, "sent.mp3?lang=en") == "shipped en sent"
    config = await (await house.client.get("/api/v1/config")).json()
    assert config["languages"] == ["en", "fr", "zh"]


@pytest.mark.parametrize(
    "path",
    [
        "nothing.mp3",
        "READY.mp3",
        "..%2Fen%2Fready.mp3",
        "..%2f..%2f..%2f__init__.mp3",
        "%2e%2e/en/ready.mp3",
        "ready%00.mp3",
        "ready.mp3.mp3",
        "ready",
        "r" * 65 + ".mp3",
        ".mp3",
    ],
)
async def test_unknown_names_and_tricks(home: House, path: str) -> None:
    assert await spoken(home, path) == "404"


@pytest.mark.parametrize("lang", ["../kept", "..%2Fkept", "/kept", "."])
async def test_a_language_is_never_a_path(home: House, shipped: Path, lang: str) -> None:
    put(shipped.parent, "kept", "ready", "not for your ears")
    put(shipped, "", "ready", "nor this")
    assert await spoken(home, f"ready.mp3?lang={lang}") == "shipped en ready"
