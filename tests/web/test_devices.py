from __future__ import annotations

import logging
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.web.conftest import OpenHouse
from tests.web.fakes import BEAR, BEARS_LICENCE, LOST_LICENCE, WRONG_LICENCE, House
from toybackend.errors import RateLimited
from toybackend.models import BootState, PartyKind
from toybackend.settings import Service, Settings
from toybackend.web import devices
from toybackend.web.devices import TEXTS, WRONG_LICENCES, WrongLicences

ROOT = Path(__file__).parents[2]
ROUTE = "/api/v1/devices/authorize"


async def power_on(house: House, licence: Any, lang: str = "") -> tuple[int, Any]:
    reply = await house.client.post(ROUTE, json={"license": licence}, headers={"Accept-Language": lang})
    return reply.status, await reply.json(content_type=None)


async def test_a_toy_with_an_owner_is_ready(house: House) -> None:
    status, body = await power_on(house, BEARS_LICENCE)
    token = body.pop("token")
    assert (status, body) == (
        200,
        {
            "state": "ready",
            "prompt": {
                "name": "ready",
                "url": "http://toys.test/api/v1/prompts/ready.mp3?lang=en",
                "text": "Welcome! I am ready to talk.",
            },
            "toy": {"id": BEAR.id, "name": "Bear", "child_name": "Mia", "settings": {"volume_cap": 70}},
            "ws_url": "ws://toys.test:9528/toy",
        },
    )
    assert (await house.tokens.bearer(token)).kind is PartyKind.TOY


async def test_a_toy_without_an_owner_shows_a_claim(house: House) -> None:
    status, body = await power_on(house, LOST_LICENCE.upper())
    code = house.database.claims[0].code
    assert (status, body["state"], body["prompt"]["name"]) == (200, "unbound", "unbound")
    assert body["claim"] == {
        "code": code,
        "qr_url": f"http://toys.test/?claim={code}",
        "expires_at": "2026-11-21T08:10:00.000Z",
    }
    assert body["ws_url"] == "ws://toys.test:9528/toy"
    assert "toy" not in body
    assert (await house.tokens.bearer(body["token"])).kind is PartyKind.WAITING_TOY


async def test_an_unknown_licence_is_a_problem_with_a_prompt(house: House) -> None:
    reply = await house.client.post(ROUTE, json={"license": WRONG_LICENCE})
    assert (reply.status, reply.content_type) == (403, "application/problem+json")
    body = await reply.json(content_type=None)
    assert (body["status"], body["code"], body["state"]) == (403, "unlicensed", "unlicensed")
    assert body["prompt"]["url"] == "http://toys.test/api/v1/prompts/unlicensed.mp3?lang=en"
    assert body["prompt"]["text"] == "This toy has no licence. Please contact the manufacturer."
    assert "token" not in body and "ws_url" not in body


async def test_answers_that_hold_a_token_are_not_kept(house: House) -> None:
    reply = await house.client.post(ROUTE, json={"license": BEARS_LICENCE})
    assert reply.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("licence", ["", "1" * 31, "1" * 33, "g" * 32, "1" * 32 + "\n", 1, None, ["1" * 32]])
async def test_what_is_no_licence_at_all(house: House, licence: Any) -> None:
    status, body = await power_on(house, licence)
    assert (status, body["code"]) == (400, "missing_field")
    if isinstance(licence, str) and licence:
        assert licence not in str(body)


async def test_the_licence_is_neither_echoed_nor_logged(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for licence in (BEARS_LICENCE, LOST_LICENCE, WRONG_LICENCE):
            assert licence not in str(await power_on(house, licence))
            assert licence not in caplog.text


async def test_prompts_speak_the_language_of_the_toy(house: House) -> None:
    for lang, text in [("zh-CN", TEXTS["zh"]), ("en", TEXTS["en"])]:
        _, body = await power_on(house, BEARS_LICENCE, lang)
        assert body["prompt"]["text"] == text[BootState.READY]
        assert body["prompt"]["url"].endswith(f"?lang={lang[:2]}")


async def test_a_language_of_the_operator_has_its_sound_and_english_words(
    open_house: OpenHouse, tmp_path: Path, sound: bytes
) -> None:
    (tmp_path / "fr").mkdir()
    (tmp_path / "fr" / "ready.mp3").write_bytes(sound)
    house = await open_house(Settings(service=Service(prompts_dir=str(tmp_path))))
    _, body = await power_on(house, BEARS_LICENCE, "fr")
    assert body["prompt"]["url"].endswith("?lang=fr")
    assert body["prompt"]["text"] == TEXTS["en"][BootState.READY]


def test_the_words_are_those_that_are_spoken() -> None:
    spoken = tomllib.loads((ROOT / "prompts" / "prompts.toml").read_text())
    for lang in spoken["voices"]:
        assert TEXTS[lang] == {state: spoken["texts"][state][lang] for state in BootState}
    assert set(TEXTS) == set(spoken["voices"])


async def test_one_wrong_licence_too_many_and_a_right_one_all_the_same(house: House) -> None:
    for _ in range(WRONG_LICENCES):
        assert (await power_on(house, WRONG_LICENCE))[0] == 403
    reply = await house.client.post(ROUTE, json={"license": WRONG_LICENCE})
    assert (reply.status, (await reply.json(content_type=None))["code"]) == (429, "rate_limited")
    assert 1 <= int(reply.headers["Retry-After"]) <= 61
    assert (await power_on(house, BEARS_LICENCE))[0] == 200


def test_wrong_licences_are_forgotten_after_a_while_and_counted_by_address() -> None:
    wrong = WrongLicences()
    for second in range(WRONG_LICENCES):
        wrong.wrong("a", float(second))
    wrong.wrong("b", 10.0)
    with pytest.raises(RateLimited) as refused:
        wrong.wrong("a", 59.9)
    assert refused.value.retry_after == 1
    wrong.wrong("a", 60.0)
    with pytest.raises(RateLimited):
        wrong.wrong("a", 60.5)


def test_the_addresses_watched_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "MOST_ADDRESSES_WATCHED", 2)
    wrong = WrongLicences()
    for _ in range(WRONG_LICENCES):
        wrong.wrong("a", 0.0)
    wrong.wrong("b", 0.0)
    with pytest.raises(RateLimited):
        wrong.wrong("a", 1.0)
    wrong.wrong("c", 1.0)  # the third: "b", unheard of for longest, is forgotten
    with pytest.raises(RateLimited):
        wrong.wrong("a", 1.0)
    wrong.wrong("d", 1.0)
    wrong.wrong("e", 1.0)
    wrong.wrong("a", 1.0)  # by now "a" is forgotten as well
