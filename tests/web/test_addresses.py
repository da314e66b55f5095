"""By which name we are called in answers."""

from __future__ import annotations

import pytest
from yarl import URL

from tests.web.conftest import OpenHouse
from tests.web.fakes import BEARS_LICENCE, LOST, LOST_LICENCE, House
from tests.web.test_access_log import raw
from toybackend.settings import Network, Settings
from toybackend.web.addresses import Host, read_host

# In these houses nothing listens for sockets: their port is 0.


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("toys.test", Host("toys.test", None)),
        ("TOYS.test:9527", Host("toys.test", 9527)),
        ("my_box-2.local.:65535", Host("my_box-2.local.", 65535)),
        ("192.168.1.20:9527", Host("192.168.1.20", 9527)),
        ("[FE80::1]:9527", Host("[fe80::1]", 9527)),
        ("[::ffff:1.2.3.4]", Host("[::ffff:1.2.3.4]", None)),
    ],
)
def test_a_host_has_a_name_and_perhaps_a_port(header: str, host: Host) -> None:
    assert read_host(header) == host
    assert str(host) == header.lower()


@pytest.mark.parametrize(
    "header",
    [
        "",
        ":9527",
        "toys.test:",
        "toys.test:0",
        "toys.test:65536",
        "toys.test:123456",
        "toys.test:١",
        "toys.test:9527:1",
        "toys.test/x",
        "toys.test?",
        "toys.test#",
        "anna@toys.test",
        "toys test",
        " toys.test",
        "toys.test\n",
        "toys.test;script-src *",
        "toys.test,evil.test",
        "-toys.test",
        ".test",
        "tøys.test",
        "%74oys.test",
        "<b>",
        "::1",
        "[::1",
        "[]",
        "[toys]",
        "[:1]",
        "[1.2.3.4]",
        "[1::2::3]",
        "[fe80::1%eth0]",
        "x" * 254,
    ],
)
def test_what_is_no_host(header: str) -> None:
    assert read_host(header) is None


async def called(house: House, host: str) -> tuple[str, str, str, str]:
    """The addresses in answers: of the socket, the same for a toy, of a prompt, in a QR."""
    config = await (await house.client.get("/api/v1/config", headers={"Host": host})).json()
    said = []
    for licence in (BEARS_LICENCE, LOST_LICENCE):
        asked = {"license": licence}
        reply = await house.client.post("/api/v1/devices/authorize", json=asked, headers={"Host": host})
        said.append(await reply.json())
    ready, waiting = said
    prompt = str(URL(ready["prompt"]["url"]).origin())
    return config["ws_url"], ready["ws_url"], prompt, waiting["claim"]["qr_url"].partition("/?claim=")[0]


@pytest.mark.parametrize(
    ("host", "http", "ws"),
    [
        ("192.168.1.20:9527", "http://192.168.1.20:9527", "ws://192.168.1.20:0"),
        ("localhost:8080", "http://localhost:8080", "ws://localhost:0"),
        ("Toys.Test", "http://toys.test", "ws://toys.test:0"),
        ("[::1]:9527", "http://[::1]:9527", "ws://[::1]:0"),
        ("evil.test/x", "http://127.0.0.1:0", "ws://127.0.0.1:0"),
        ("evil.test;a", "http://127.0.0.1:0", "ws://127.0.0.1:0"),
    ],
)
async def test_without_a_setting_we_are_called_as_the_request_calls_us(
    open_house: OpenHouse, host: str, http: str, ws: str
) -> None:
    house = await open_house(addresses=None)
    assert await called(house, host) == (ws, f"{ws}/toy", http, http)


@pytest.mark.parametrize(
    ("network", "http", "ws"),
    [
        (Network(public_url="https://toys.test/"), "https://toys.test", "ws://127.0.0.1:0"),
        (Network(public_ws_url="wss://toys.test/ws"), "http://box:9527", "wss://toys.test/ws"),
        (Network(public_url="https://toys.test", public_ws_url="wss://w"), "https://toys.test", "wss://w"),
    ],
)
async def test_a_setting_goes_before_the_name_in_the_request(
    open_house: OpenHouse, network: Network, http: str, ws: str
) -> None:
    house = await open_house(Settings(network=network), None)
    assert await called(house, "box:9527") == (ws, f"{ws}/toy", http, http)


async def test_a_request_without_a_name(open_house: OpenHouse) -> None:
    house = await open_house(addresses=None)
    assert b'"ws_url":"ws://127.0.0.1:0"' in await raw(house, b"GET /api/v1/config HTTP/1.0\r\n\r\n")


async def test_a_code_that_is_renewed_is_shown_under_the_same_name(open_house: OpenHouse) -> None:
    house = await open_house(addresses=None)
    reply = await house.client.post("/api/v1/claims", headers={**await house.bearer(LOST), "Host": "box:9527"})
    shown = await reply.json()
    assert shown["qr_url"] == f"http://box:9527/?claim={shown['code']}"
