"""Where a request comes from, as far as its tries are counted by that."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from aiohttp import web

from toybackend.web.rooms import ROOMS

FORWARDED_FOR = "X-Forwarded-For"
HOUSEHOLD_BITS = 64
"""One IPv6 line has at least so many addresses to itself that counting each would count nothing."""


def client_address(request: web.Request) -> str:
    """The address of the client, or its network with IPv6. Behind proxies of ours it is the one that the outermost of
    them saw; whatever else `X-Forwarded-For` says, anybody may have written."""
    trusted = {_canonical(one) for one in request.app[ROOMS].settings.network.trusted_proxies}
    address = _canonical(request.remote or "")
    seen = [_canonical(one) for line in request.headers.getall(FORWARDED_FOR, []) for one in line.split(",")]
    while seen and address in trusted:
        address = seen.pop()
    return _household(address)


def _canonical(text: str) -> str:
    found = _parsed(text.strip())
    return str(found) if found else ""


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _household(address: str) -> str:
    found = _parsed(address)
    return str(IPv6Network((int(found), HOUSEHOLD_BITS), strict=False)) if isinstance(found, IPv6Address) else address
