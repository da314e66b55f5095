"""What a page or an app needs to know before anybody logs in."""

from __future__ import annotations

import msgspec
from aiohttp import web

from toybackend import __version__
from toybackend.web.bodies import json_response
from toybackend.web.prompts import languages
from toybackend.web.rooms import ROOMS


class Limits(msgspec.Struct, frozen=True):
    max_audio_bytes: int
    max_audio_seconds: int
    max_text: int
    """In characters."""


class Config(msgspec.Struct, frozen=True):
    ws_url: str
    """Without a path: people add `/app`, toys `/toy`."""
    languages: list[str]
    limits: Limits
    version: str


async def get_config(request: web.Request) -> web.Response:
    """`GET /api/v1/config`."""
    rooms = request.app[ROOMS]
    audio = rooms.settings.audio
    limits = Limits(audio.max_bytes, audio.max_seconds, audio.max_text)
    return json_response(Config(rooms.addresses().ws_url, await languages(request), limits, __version__))
