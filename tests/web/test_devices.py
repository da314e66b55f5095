from __future__ import annotations

import logging
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.web.conftest import OpenHouse
from tests.web.fakes import BEAR, BEARS_LICENCE, LOST, LOST_LICENCE, WRONG_LICENCE, House
from toybackend.models import BootState, DeviceId, PartyKind
from toybackend.services.challenges import prove
from toybackend.services.devices import fingerprint
from toybackend.services.tokens import digest
from toybackend.settings import Access, Service, Settings
from toybackend.web.devices import ROUTES, TEXTS
from toybackend.web.openapi import document
from toybackend.web.qr import qr_rows

ROOT = Path(__file__).parents[2]
ROUTE = "/api/v1/devices/authorize"
CHALLENGE = "/api/v1/devices/challenge"
BEARS_DEVICE = fingerprint(digest(BEARS_LICENCE))
SETTINGS: dict[str, object] = {
    "volume_cap": 70,
    "daily_limit_minutes": None,
    "time_zone": "UTC",
    "quiet_hours": [],
    "quiet_until": None,
    "autoplay": True,
}
NO_DEVICE = fingerprint(digest(WRONG_LICENCE))


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
            "toy": {"id": BEAR.id, "name": "Bear", "child_name": "Mia", "settings": SETTINGS},
            "ws_url": "ws://toys.test:9528/toy",
        },
    )
    assert (await house.tokens.bearer(token)).kind is PartyKind.TOY


async def test_a_toy_without_an_owner_shows_a_claim(house: House) -> None:
    status, body = await power_on(house, LOST_LICENCE.upper())
    code = body["claim"]["code"]
    claim = await house.database.claim(code)
    assert claim is not None
    assert (claim.toy_id, claim.opened_by) == (LOST.id, None)
    assert (status, body["state"], body["prompt"]["name"]) == (200, "unbound", "unbound")
    assert body["claim"] == {
        "code": code,
        "qr_url": f"http://toys.test/?claim={code}",
        "qr": list(await qr_rows(f"http://toys.test/?claim={code}")),
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


async def test_one_wrong_licence_too_many_and_a_right_one_all_the_same(open_house: OpenHouse) -> None:
    house = await open_house(Settings(access=Access(licence_tries=3)))
    for _ in range(3):
        assert (await power_on(house, WRONG_LICENCE))[0] == 403
    reply = await house.client.post(ROUTE, json={"license": WRONG_LICENCE})
    assert (reply.status, (await reply.json(content_type=None))["code"]) == (429, "rate_limited")
    assert 1 <= int(reply.headers["Retry-After"]) <= 61
    assert (await power_on(house, BEARS_LICENCE))[0] == 200


# ── by proof ──


async def ask(house: House, device_id: str = BEARS_DEVICE) -> str:
    reply = await house.client.post(CHALLENGE, json={"device_id": device_id})
    assert reply.status == 200
    body = await reply.json()
    assert body["expires_at"] == "2026-11-21T08:01:00.000Z"
    return str(body["nonce"])


async def answer(house: House, device_id: str, nonce: str, proof: str) -> tuple[int, Any]:
    reply = await house.client.post(ROUTE, json={"device_id": device_id, "nonce": nonce, "proof": proof})
    return reply.status, await reply.json(content_type=None)


async def test_a_toy_proves_its_licence_once(house: House) -> None:
    nonce = await ask(house)
    proof = prove(digest(BEARS_LICENCE), nonce)
    status, body = await answer(house, BEARS_DEVICE, nonce, proof)
    assert (status, body["state"], body["toy"]["id"]) == (200, "ready", BEAR.id)
    assert (await house.tokens.bearer(body["token"])).kind is PartyKind.TOY
    status, body = await answer(house, BEARS_DEVICE, nonce, proof)
    assert (status, body["code"]) == (401, "not_authenticated")


async def test_a_proof_that_is_wrong_late_or_borrowed(house: House) -> None:
    nonce, lost = await ask(house), fingerprint(digest(LOST_LICENCE))
    right = prove(digest(BEARS_LICENCE), nonce)
    for device_id, shown, proof in (
        (BEARS_DEVICE, nonce, "0" * 64),
        (BEARS_DEVICE, nonce, prove(digest(LOST_LICENCE), nonce)),
        (lost, nonce, right),
        (lost, nonce, prove(digest(LOST_LICENCE), nonce)),
        (BEARS_DEVICE, "0.1.2", prove(digest(BEARS_LICENCE), "0.1.2")),
    ):
        assert (await answer(house, device_id, shown, proof))[0] == 401
    house.clock.pass_seconds(60)
    assert (await answer(house, BEARS_DEVICE, nonce, right))[0] == 401


async def test_an_unknown_or_revoked_device_is_unlicensed_as_by_its_licence(house: House) -> None:
    bare = await power_on(house, WRONG_LICENCE)
    nonce = await ask(house, NO_DEVICE)
    assert await answer(house, NO_DEVICE, nonce, prove(digest(WRONG_LICENCE), nonce)) == bare
    await house.whole.devices.revoke(BEARS_DEVICE)
    nonce = await ask(house)
    assert await answer(house, BEARS_DEVICE, nonce, prove(digest(BEARS_LICENCE), nonce)) == bare
    assert await power_on(house, BEARS_LICENCE) == bare
    assert bare[0] == 403


async def test_wrong_proofs_count_like_wrong_licences(open_house: OpenHouse) -> None:
    house = await open_house(Settings(access=Access(licence_tries=2)))
    nonce = await ask(house)
    assert [(await answer(house, BEARS_DEVICE, nonce, "0" * 64))[0] for _ in range(3)] == [401, 401, 429]
    assert (await answer(house, BEARS_DEVICE, nonce, prove(digest(BEARS_LICENCE), nonce)))[0] == 200


async def test_a_server_may_insist_on_proof(open_house: OpenHouse) -> None:
    house = await open_house(Settings(access=Access(bare_licence=False)))
    known, unknown = await power_on(house, BEARS_LICENCE), await power_on(house, WRONG_LICENCE)
    assert known == unknown
    assert (known[0], known[1]["code"]) == (403, "not_allowed")
    assert "challenge" in known[1]["detail"]
    nonce = await ask(house)
    assert (await answer(house, BEARS_DEVICE, nonce, prove(digest(BEARS_LICENCE), nonce)))[0] == 200


GOOD = {"device_id": BEARS_DEVICE, "nonce": "n.1.x", "proof": "0" * 64}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"device_id": BEARS_DEVICE},
        {"device_id": BEARS_DEVICE, "nonce": "n.1.x"},
        GOOD | {"license": BEARS_LICENCE},
        GOOD | {"proof": "0" * 63},
        GOOD | {"proof": "g" * 64},
        GOOD | {"nonce": ""},
        GOOD | {"nonce": "n" * 201},
        GOOD | {"nonce": "n\u0000"},
        GOOD | {"device_id": "t_bearbearbear"},
        GOOD | {"device_id": "d_" + "a" * 41},
        GOOD | {"device_id": None},
        {"license": None},
    ],
)
async def test_neither_a_licence_nor_an_answer(house: House, body: Any) -> None:
    reply = await house.client.post(ROUTE, json=body)
    problem = await reply.json(content_type=None)
    assert (reply.status, problem["code"]) == (400, "missing_field")
    assert BEARS_LICENCE not in str(problem)


@pytest.mark.parametrize("device_id", ["", "d_", "t_bearbearbear", 1, None])
async def test_only_devices_are_challenged(house: House, device_id: Any) -> None:
    reply = await house.client.post(CHALLENGE, json={"device_id": device_id})
    assert (reply.status, (await reply.json(content_type=None))["code"]) == (400, "missing_field")


async def test_a_challenge_tells_nobody_whether_there_is_such_a_device(house: House) -> None:
    known, unknown = await ask(house), await ask(house, NO_DEVICE)
    assert [len(part) for part in known.split(".")] == [len(part) for part in unknown.split(".")]


async def test_asking_for_challenges_writes_nothing(house: House) -> None:
    async def fails(*_: object) -> None:
        raise AssertionError("the database was asked")

    house.database._engine.read = house.database._engine.write = fails  # type: ignore[method-assign, assignment]
    await ask(house)
    await ask(house, DeviceId("d_nobody"))


def test_the_document_says_that_it_is_one_or_the_other() -> None:
    schemas = document(ROUTES)["components"]["schemas"]
    assert schemas["Authorize"]["oneOf"] == [{"required": ["license"]}, {"required": ["device_id", "nonce", "proof"]}]
    assert "required" not in schemas["Authorize"] or schemas["Authorize"]["required"] == []
