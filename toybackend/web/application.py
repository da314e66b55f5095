"""The route table, and what all routes have in common."""

from __future__ import annotations

import logging
from http import HTTPStatus

from aiohttp import hdrs, web

from toybackend.services.listening import AUDIO_PATH
from toybackend.web import access_log, audio, config, devices, health, prompts, sessions
from toybackend.web.bodies import MOST_BODY
from toybackend.web.problems import problems
from toybackend.web.rooms import ROOMS, Rooms

API = "/api/v1"
SHUTDOWN_SECONDS = 5.0
"""How long a request under way may take when we stop; a download cut off goes on with a range."""

ROUTES = (
    web.post(f"{API}/sessions", sessions.log_in),
    web.delete(f"{API}/sessions/current", sessions.log_out),
    web.post(f"{API}/devices/authorize", devices.authorize),
    web.get(AUDIO_PATH + "/{id:m_[a-z0-9]+}.mp3", audio.get_audio),
    web.get(f"{API}/prompts/{{name:[a-z0-9_]{{1,64}}}}.mp3", prompts.get_prompt),
    web.get(f"{API}/config", config.get_config),
    web.get("/healthz", health.get_healthz),
    web.get("/readyz", health.get_readyz),
)
"""Whatever is got can be asked for with HEAD too. Ids and names are matched narrowly: none of them is ever a path."""


def make_web_app(rooms: Rooms) -> web.Application:
    """Everything we serve over HTTP. Opens nothing; run it with `make_web_runner`."""
    app = web.Application(middlewares=[problems], client_max_size=MOST_BODY)
    app[ROOMS] = rooms
    app[devices.WRONG] = devices.WrongLicences()
    app[health.READINESS] = health.Readiness(rooms.ready)
    app.on_response_prepare.append(_common_headers)
    app.add_routes(ROUTES)
    return app


def make_web_runner(app: web.Application) -> web.AppRunner:
    """A runner that keeps secrets out of the log; aiohttp's own log has queries, and with them signed links."""
    server_log = logging.getLogger(f"{__name__}.server")
    server_log.addFilter(access_log.calm)
    return web.AppRunner(
        app,
        access_log_class=access_log.AccessLog,
        access_log=access_log.log,
        logger=server_log,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )


async def _common_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    # Errors pass, and answers may hold tokens: nothing is kept but what a route says may be.
    if response.status >= HTTPStatus.BAD_REQUEST or hdrs.CACHE_CONTROL not in response.headers:
        response.headers[hdrs.CACHE_CONTROL] = "no-store"
