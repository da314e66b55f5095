"""What we are called in an answer.

Where no setting names an address, it is the name by which the request came: `0.0.0.0` leads nowhere from another
machine, and a page at `localhost` has no cookie at `127.0.0.1`. Whoever makes a name up sends nobody there but itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address

from aiohttp import hdrs, web

from toybackend.web.rooms import ROOMS, Addresses

_HOST = re.compile(r"([a-z0-9][a-z0-9._-]{0,99}|\[[0-9a-f:.]{2,45}\])(?::([0-9]{1,5}))?", re.ASCII)
"""A name, an IPv4 or an IPv6 address, and perhaps a port: nothing that would mean something in a header or a link."""
MOST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Host:
    """What a `Host` header says (RFC 9110, section 7.2)."""

    name: str
    """In lower case; an IPv6 address in brackets."""
    port: int | None

    def __str__(self) -> str:
        return self.name if self.port is None else f"{self.name}:{self.port}"


def read_host(header: str) -> Host | None:
    """None for what is no host, or no port, that a browser would send."""
    found = _HOST.fullmatch(header.lower())
    if found is None:
        return None
    port = int(found[2]) if found[2] else None
    if found[1].startswith("[") and not _is_ipv6(found[1][1:-1]):
        return None
    return Host(found[1], port) if port is None or 0 < port <= MOST_PORT else None


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def addresses(request: web.Request) -> Addresses:
    """What whoever asks calls us."""
    return request.app[ROOMS].addresses(request.headers.get(hdrs.HOST, ""))
