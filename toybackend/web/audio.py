"""Voice messages, for whoever may hear them."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from toybackend.errors import Gone, NotAllowed, NotAuthenticated, NotFound, Overloaded
from toybackend.services.listening import AUDIO_PATH
from toybackend.web.authentication import authenticate, credential
from toybackend.web.mp3 import Mp3Response
from toybackend.web.rooms import ROOMS
from toybackend.web.routing import Route, Who

HEADERS = {
    # Short, because what is deleted must be gone from caches too; after that an entity tag saves the bytes.
    "Cache-Control": "private, max-age=300",
    # Whoever uses this browser next must not be served from the cache of the last one.
    "Vary": "Authorization, Cookie",
}


async def get_audio(request: web.Request) -> web.StreamResponse:
    """`GET /api/v1/audio/{id}.mp3`. Raises NotFound (also: not yours), Gone or NotAuthenticated."""
    return Mp3Response(await _file(request, request.match_info["sound_id"]), HEADERS)


async def _file(request: web.Request, message_id: str) -> Path:
    listening, query = request.app[ROOMS].listening, request.query
    if "sig" in query:
        try:
            return await listening.by_link(message_id, query.get("for", ""), query.get("until", ""), query["sig"])
        except NotFound:
            # A link that is too old takes nothing away from whoever shows a token as well.
            if credential(request) is None:
                raise
    return await listening.by_token(await authenticate(request), message_id)


ROUTES = (
    Route(
        method="GET",
        path=AUDIO_PATH + "/{sound_id}.mp3",
        handler=get_audio,
        who=Who.ANYONE,  # who has a signed link shows no token
        media="audio/mpeg",
        refuses=(NotFound, Gone, NotAuthenticated, NotAllowed, Overloaded),
    ),
)
