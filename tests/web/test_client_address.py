"""Whose tries are counted together."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from toybackend.settings import Network, Settings
from toybackend.web.client_address import FORWARDED_FOR, client_address
from toybackend.web.rooms import ROOMS, Rooms

PROXY, OTHER_PROXY, CLIENT = "10.0.0.1", "10.0.0.2", "192.0.2.7"


def address(remote: Any, *forwarded: str, trusted: tuple[str, ...] = ()) -> str:
    app = web.Application()
    app[ROOMS] = cast(Rooms, SimpleNamespace(settings=Settings(network=Network(trusted_proxies=trusted))))
    headers = CIMultiDict((FORWARDED_FOR, line) for line in forwarded)
    return client_address(make_mocked_request("GET", "/", headers=headers, app=app).clone(remote=remote))


@pytest.mark.parametrize("forwarded", ["198.51.100.1", "nonsense", "", "10.0.0.1"])
def test_what_a_stranger_says_about_itself_does_not_count(forwarded: str) -> None:
    assert address(CLIENT, forwarded) == CLIENT
    assert address(CLIENT, forwarded, trusted=(PROXY,)) == CLIENT


@pytest.mark.parametrize(
    ("forwarded", "found"),
    [
        ([CLIENT], CLIENT),
        ([f"198.51.100.1, {CLIENT}"], CLIENT),
        (["198.51.100.1", CLIENT], CLIENT),
        ([f"{CLIENT}, {OTHER_PROXY}"], CLIENT),
        ([f" {CLIENT} ,{OTHER_PROXY}, {PROXY}"], CLIENT),
        ([f"{CLIENT}, 198.51.100.1, {OTHER_PROXY}"], "198.51.100.1"),
        ([], PROXY),
        ([OTHER_PROXY], OTHER_PROXY),
        (["nonsense"], ""),
        (["unknown, " + OTHER_PROXY], ""),
    ],
)
def test_our_proxies_say_who_asks(forwarded: list[str], found: str) -> None:
    assert address(PROXY, *forwarded, trusted=(PROXY, OTHER_PROXY)) == found


def test_an_ipv6_line_is_one_client_however_many_addresses_it_takes() -> None:
    one, other = address("2001:db8:1:2::1"), address("2001:db8:1:2:ffff::abcd")
    assert one == other == "2001:db8:1:2::/64"
    assert address("2001:db8:1:3::1") != one


def test_an_ipv4_address_may_come_in_the_clothes_of_ipv6() -> None:
    assert address(f"::ffff:{CLIENT}") == CLIENT
    assert address(f"::ffff:{PROXY}", CLIENT, trusted=(PROXY,)) == CLIENT
    assert address("::1", CLIENT, trusted=("0:0::1",)) == CLIENT


def test_a_socket_without_an_address_is_one_client_too() -> None:
    assert address(None) == ""
