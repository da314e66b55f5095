"""What a page or an app needs to know before anybody logs in."""

from __future__ import annotations

import msgspec
from aiohttp import web

from toybackend import __version__
from toybackend.settings import Registration
from toybackend.web.addresses import addresses
from toybackend.web.prompts import languages
from toybackend.web.rooms import ROOMS
from toybackend.web.routing import API, Route, Who


class Limits(msgspec.Struct, frozen=True):
    max_audio_bytes: int
    max_audio_seconds: int
    max_text: int
    """In characters."""
    max_item_bytes: int
    """Of a song or story."""
    max_cover_bytes: int


class Config(msgspec.Struct, frozen=True):
    ws_url: str
    """Without a path: people add `/app`, toys `/toy`."""
    registration: Registration
    """Who may make an account."""
    languages: list[str]
    limits: Limits
    version: str


async def get_config(request: web.Request) -> Config:
    """`GET /api/v1/config`."""
    settings = request.app[ROOMS].settings
    audio, shelf = settings.audio, settings.shelf
    limits = Limits(audio.max_bytes, audio.max_seconds, audio.max_text, shelf.max_bytes, shelf.max_cover_bytes)
    registration = settings.access.registration
    return Config(addresses(request).ws_url, registration, await languages(request), limits, __version__)


ROUTES = (Route(method="GET", path=f"{API}/config", handler=get_config, who=Who.ANYONE, answer=Config),)
