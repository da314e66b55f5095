from __future__ import annotations

import pytest

from tests.web.conftest import OpenHouse
from tests.web.fakes import ANNA, BEAR, LOST, MESSAGE, House
from tests.web.test_access_log import raw
from toybackend.services.tokens import COOKIE
from toybackend.settings import Network, Settings
from toybackend.web.rooms import Addresses

AUDIO = f"/api/v1/audio/{MESSAGE}.mp3"
LOG_OUT = "/api/v1/sessions/current"


@pytest.fixture
async def home(house: House, sound: bytes) -> House:
    house.store.keep(MESSAGE, sound)
    return house


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
async def test_the_scheme_is_read_in_any_case(home: House, scheme: str) -> None:
    reply = await home.client.get(AUDIO, headers={"Authorization": f"{scheme} {await home.token(ANNA)}"})
    assert reply.status == 200


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer nonsense", "Basic QW5uYTpw", "Bearer a b", "Bearer é", "Bearer \u4f60"]
)
async def test_what_is_no_token_of_ours(home: House, header: str) -> None:
    reply = await home.client.get(AUDIO, headers={"Authorization": header})
    assert reply.status == 401
    assert reply.headers["WWW-Authenticate"] == "Bearer"
    assert (await reply.json(content_type=None))["code"] == "not_authenticated"


async def test_bytes_that_are_not_utf8_are_no_token_either(home: House) -> None:
    request = f"GET {AUDIO} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ".encode() + b"\xff\xfe\r\n\r\n"
    assert (await raw(home, request)).startswith(b"HTTP/1.1 401 ")


async def test_a_token_ends_with_its_time(home: House) -> None:
    bearer = await home.bearer(ANNA)
    home.clock.now += 30 * 86_400_000 - 1
    assert (await home.client.get(AUDIO, headers=bearer)).status == 200
    home.clock.now += 1
    assert (await home.client.get(AUDIO, headers=bearer)).status == 401


async def test_the_token_of_a_waiting_toy_is_good_for_nothing(home: House) -> None:
    bearer = await home.bearer(LOST)
    assert (await home.client.get(AUDIO, headers=bearer)).status == 401
    assert (await home.client.delete(LOG_OUT, headers=bearer)).status == 403


async def test_the_cookie_does_for_pages_and_the_header_goes_before_it(home: House) -> None:
    cookie = {"Cookie": f"{COOKIE}={await home.token(ANNA)}"}
    assert (await home.client.get(AUDIO, headers=cookie)).status == 200
    assert (await home.client.get(AUDIO, headers=cookie | {"Authorization": "Bearer wrong"})).status == 401
    # Another scheme, of a proxy in front of us say, is none of our business.
    assert (await home.client.get(AUDIO, headers=cookie | {"Authorization": "Basic QW5uYTpw"})).status == 200


async def test_a_cookie_that_is_no_token(home: House) -> None:
    assert (await home.client.get(AUDIO, headers={"Cookie": f'{COOKIE}="a b"'})).status == 401


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 204),
        ("http://toys.test", 204),
        ("HTTP://TOYS.TEST", 204),
        ("https://app.toys.test", 204),
        ("null", 403),
        ("http://evil.test", 403),
        ("http://toys.test.evil.test", 403),
        ("https://toys.test", 403),
        ("http://toys.test:81", 403),
    ],
)
async def test_a_write_by_cookie_must_come_from_a_page_of_ours(
    open_house: OpenHouse, origin: str | None, status: int
) -> None:
    network = Network(public_url="http://toys.test/", allowed_origins=("https://app.toys.test",))
    house = await open_house(Settings(network=network))
    cookie = {"Cookie": f"{COOKIE}={await house.token(ANNA)}"}
    reply = await house.client.delete(LOG_OUT, headers=cookie | ({"Origin": origin} if origin else {}))
    assert reply.status == status
    if status == 403:
        assert (await reply.json(content_type=None))["code"] == "not_allowed"


async def test_a_refused_write_changes_nothing(home: House) -> None:
    cookie = {"Cookie": f"{COOKIE}={await home.token(ANNA)}"}
    await home.client.delete(LOG_OUT, headers=cookie | {"Origin": "http://evil.test"})
    assert (await home.client.get(AUDIO, headers=cookie)).status == 200


async def test_a_write_by_header_may_come_from_anywhere(home: House) -> None:
    # A browser never sends this header on its own.
    reply = await home.client.delete(LOG_OUT, headers=await home.bearer(ANNA) | {"Origin": "http://evil.test"})
    assert reply.status == 204


async def test_without_a_public_address_the_name_that_reached_us_is_ours(open_house: OpenHouse) -> None:
    for public_url, status in [("", 204), ("http://toys.test", 403)]:
        house = await open_house(Settings(network=Network(public_url=public_url)), None)
        headers = {
            "Cookie": f"{COOKIE}={await house.token(ANNA)}",
            "Host": "localhost:9527",
            "Origin": "http://localhost:9527",
        }
        assert (await house.client.delete(LOG_OUT, headers=headers)).status == status


async def test_a_public_address_with_a_path_is_still_one_origin(open_house: OpenHouse) -> None:
    house = await open_house(
        Settings(network=Network(public_url="https://home.test/toys")), Addresses("https://home.test/toys", "wss://h")
    )
    cookie = {"Cookie": f"{COOKIE}={await house.token(ANNA)}"}
    reply = await house.client.delete(LOG_OUT, headers=cookie | {"Origin": "https://home.test"})
    assert reply.status == 204


async def test_a_toy_may_not_do_what_people_do(home: House) -> None:
    reply = await home.client.delete(LOG_OUT, headers=await home.bearer(BEAR))
    assert reply.status == 403
    assert (await reply.json(content_type=None))["code"] == "not_allowed"
