"""What the routes need, and nothing else: the composition root fills this in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from toybackend.services.accounts import Accounts
from toybackend.services.devices import Devices
from toybackend.services.listening import Listening
from toybackend.services.tokens import Tokens
from toybackend.settings import Settings

Check = Callable[[], Awaitable[None]]
"""Returns when a part of the server is well; raises when it is not."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """What others call us, without a slash at the end."""

    http_url: str
    ws_url: str


@dataclass(frozen=True, slots=True)
class Rooms:
    """The services behind the routes."""

    settings: Settings
    accounts: Accounts
    tokens: Tokens
    devices: Devices
    listening: Listening
    ready: Mapping[str, Check]
    """By the name that `/readyz` gives to a part that is not well."""
    addresses: Callable[[], Addresses]
    """Asked at every request: with port 0 the addresses are known only once both listeners are open."""


ROOMS = web.AppKey("rooms", Rooms)
