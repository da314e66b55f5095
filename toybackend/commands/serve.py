"""`toybackend serve`: the server."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Annotated

import typer

from toybackend import descriptors, heap, logs
from toybackend.app import serving
from toybackend.commands.options import DataDir, settings_for
from toybackend.errors import BadSettings
from toybackend.settings import Settings

SIGNALS = (signal.SIGTERM, signal.SIGINT)
TURN_SECONDS = 0.0005
"""After which a thread that computes lets another one go on. A query of the database gives up its turn with every row,
and gets it back from a busy event loop only then: ten times later, as Python has it, is too late."""


def serve(
    data: DataDir = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default=False)] = None,
    http_port: Annotated[int | None, typer.Option(help="HTTP port; 0 takes a free one.", show_default=False)] = None,
    ws_port: Annotated[int | None, typer.Option(help="WebSocket port; 0 takes a free one.", show_default=False)] = None,
    insecure_bind: Annotated[bool, typer.Option(help="Listen beyond this machine without TLS.")] = False,
) -> None:
    """Serve phones and toys until SIGTERM or Ctrl-C. Says where on standard output once it is ready."""
    settings = settings_for(data, host=host, http_port=http_port, ws_port=ws_port, insecure_bind=insecure_bind or None)
    _set_up_log(settings.service.log_level)
    heap.keep_little()
    sys.setswitchinterval(TURN_SECONDS)
    asyncio.run(_serve(descriptors.fitted(settings, descriptors.raise_limit())))


def _set_up_log(level: str) -> None:
    try:
        logs.set_up(level)
    except ValueError:
        raise BadSettings(f"TOYBACKEND_LOG_LEVEL={level!r}: no such level") from None


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(descriptors.calm_handler())
    for number in SIGNALS:
        loop.add_signal_handler(number, _stop_once, stop, loop)
    async with serving(settings) as house:
        heap.collect_seldom()
        bound = house.listeners.bound()
        print(f"toybackend ready http={bound.http_url} ws={bound.ws_url}", flush=True)
        await stop.wait()


def _stop_once(stop: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
    """Stop in order. Whoever asks a second time shall not wait: then the system ends us, at once, and nothing that was
    accepted is lost by it either."""
    stop.set()
    for number in SIGNALS:
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_DFL)
