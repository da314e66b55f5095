"""What the routes need, and nothing else: `app.py` fills this in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from toybackend.ports import Clock, Presence
from toybackend.services.accounts import Accounts
from toybackend.services.consent import Consents
from toybackend.services.contacts import Contacts
from toybackend.services.conversations import Conversations
from toybackend.services.devices import Devices
from toybackend.services.erasing import Erasing
from toybackend.services.exporting import Exporting
from toybackend.services.groups import Groups
from toybackend.services.library import Library
from toybackend.services.listening import Listening
from toybackend.services.observing import Observing
from toybackend.services.playback import Playback
from toybackend.services.tokens import Tokens
from toybackend.services.toys import Toys
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
    toys: Toys
    consents: Consents
    presence: Presence
    contacts: Contacts
    groups: Groups
    devices: Devices
    library: Library
    playback: Playback
    listening: Listening
    conversations: Conversations
    erasing: Erasing
    exporting: Exporting
    observing: Observing
    clock: Clock
    ready: Mapping[str, Check]
    """By the name that `/readyz` gives to a part that is not well."""
    concerns: Mapping[str, Callable[[], bool]]
    """By the name that it gives to what keeps nobody from being served, and should be looked after. Must not block."""
    addresses: Callable[[str], Addresses]
    """By the `Host` header of a request, see `addresses.py`. Asked each time: with port 0 the addresses are known only
    once both listeners are open."""


ROOMS = web.AppKey("rooms", Rooms)
