"""How long requests take, and the page where Prometheus reads it together with everything else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.typedefs import Middleware

from toybackend.metrics import Metrics

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def metering(metrics: Metrics) -> Middleware:
    """A middleware, the outermost, that notes every request under its route: never under its path, which has ids."""

    @web.middleware
    async def metered(request: web.Request, handler: Handler) -> web.StreamResponse:
        began = asyncio.get_running_loop().time()
        status = "499"  # the client went away before there was an answer
        try:
            response = await handler(request)
            status = str(response.status)
            return response
        except web.HTTPException as error:
            status = str(error.status)
            raise
        finally:
            seconds = asyncio.get_running_loop().time() - began
            metrics.http_seconds.labels(_method(request), _route(request), status).observe(seconds)

    return metered


def _method(request: web.Request) -> str:
    """Anybody may send any word as a method; only those of our routes get a number of their own."""
    return request.method if request.match_info.http_exception is None else "other"


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "none"


@asynccontextmanager
async def metrics_page(metrics: Metrics, host: str, port: int) -> AsyncIterator[int]:
    """`/metrics` on an address of its own; gives the port."""

    async def get_metrics(request: web.Request) -> web.Response:
        return web.Response(body=metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    app = web.Application()
    app.router.add_get("/metrics", get_metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound: int = runner.addresses[0][1]
        log.info("metrics on http://%s:%d/metrics", host, bound)
        yield bound
    finally:
        await runner.cleanup()
