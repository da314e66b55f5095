"""The route table, and what all routes have in common."""

from __future__ import annotations

import functools
import logging
import warnings
from http import HTTPStatus

import msgspec
from aiohttp import hdrs, web

from toybackend.metrics import Metrics
from toybackend.web import (
    access_log,
    accounts,
    audio,
    claims,
    config,
    consent,
    contacts,
    conversations,
    devices,
    groups,
    health,
    leaving,
    library,
    licences,
    openapi,
    overview,
    pages,
    playback,
    prompts,
    sessions,
    toys,
)
from toybackend.web.bodies import MOST_BODY
from toybackend.web.connections import Connections, Runner
from toybackend.web.metering import metering
from toybackend.web.pages import Pages
from toybackend.web.problems import HEADERS, NOT_KEPT, problems
from toybackend.web.rooms import ROOMS, Rooms
from toybackend.web.routing import Route, aiohttp_route

SHUTDOWN_SECONDS = 2.5
"""How long a request under way may take when we stop; a download cut off goes on with a range. aiohttp waits for as
long once more, before it ends the handler."""

ROUTES: tuple[Route, ...] = (
    *accounts.ROUTES,
    *sessions.ROUTES,
    *devices.ROUTES,
    *licences.ROUTES,
    *overview.ROUTES,
    *claims.ROUTES,
    *toys.ROUTES,
    *consent.ROUTES,
    *contacts.ROUTES,
    *groups.ROUTES,
    *conversations.ROUTES,
    *library.ROUTES,
    *playback.ROUTES,
    *leaving.ROUTES,
    *audio.ROUTES,
    *prompts.ROUTES,
    *config.ROUTES,
    *health.ROUTES,
    *openapi.ROUTES,
    *pages.ROUTES,
)
"""Every row. Whatever is got can be asked for with HEAD too."""


CONNECTIONS = web.AppKey("connections", Connections)


def make_web_app(rooms: Rooms, metrics: Metrics, files: Pages) -> web.Application:
    """Everything we serve over HTTP. Opens nothing; run it with `make_web_runner`."""
    for odd in library.ODD_PARTS:
        warnings.filterwarnings("error", category=odd)
    app = web.Application(middlewares=[metering(metrics), problems], client_max_size=MOST_BODY)
    app[ROOMS] = rooms
    app[pages.PAGES] = files
    app[health.READINESS] = health.Readiness(rooms.ready, rooms.concerns)
    app[CONNECTIONS] = connections = Connections(rooms.settings.http)
    app.cleanup_ctx.append(connections.watched)
    metrics.watch("http_connections", "Open HTTP connections.", connections.__len__)
    app.on_response_prepare.append(_common_headers)
    app[openapi.DOCUMENT] = _document()
    app.add_routes(aiohttp_route(route) for route in ROUTES)
    return app


@functools.cache
def _document() -> bytes:
    """It takes a twentieth of a second to write, and is the same for all."""
    return msgspec.json.encode(openapi.document(ROUTES))


def make_web_runner(app: web.Application) -> web.AppRunner:
    """A runner that keeps secrets out of the log; aiohttp's own log has queries, and with them signed links."""
    server_log = logging.getLogger(f"{__name__}.server")
    server_log.addFilter(access_log.calm)
    return Runner(
        app,
        app[CONNECTIONS],
        shutdown_seconds=SHUTDOWN_SECONDS,
        access_log_class=access_log.AccessLog,
        access_log=access_log.log,
        logger=server_log,
    )


async def _common_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
    # Errors pass, and answers may hold tokens: nothing is kept but what a route says may be.
    if response.status >= HTTPStatus.BAD_REQUEST or hdrs.CACHE_CONTROL not in response.headers:
        response.headers.update(NOT_KEPT)
