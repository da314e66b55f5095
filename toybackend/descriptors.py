"""File descriptors: every socket and every open file is one, and the system gives a process only so many.

The limits of the settings hold only where there are enough. So a server takes all that it may have, and where they
are too few for its settings it serves fewer, and says so, rather than find out when somebody's voice cannot be written.
Where they run out all the same (another process may lower what we have), nothing new is accepted for a while.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from toybackend.settings import Settings

log = logging.getLogger(__name__)

RESERVE = 512
"""For everything that is no connection: the database, the log, what is being written, read and converted."""
PER_CONNECTION = 2
"""An HTTP connection, and the file that it is sent."""
SECONDS_BETWEEN_LINES = 60.0
NONE_LEFT = "socket.accept() out of system resource"
"""What asyncio calls it, a hundred times a second …"""
NOBODY_LISTENS = "Exception in callback BaseSelectorEventLoop._start_serving"
"""… and what comes of it when it tries again, and the listener was closed meanwhile."""


def most() -> int:
    """How many this process may have at most."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def raise_limit() -> int:
    """Take as many as there may be; how many those are."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return most()


def needed(settings: Settings) -> int:
    """How many there are where every limit is reached."""
    sockets, http = settings.sockets, settings.http
    return RESERVE + sockets.max_sockets + sockets.max_handshakes + PER_CONNECTION * http.max_connections


def fitted(settings: Settings, limit: int) -> Settings:
    """The same with as many sockets and connections as so many descriptors are enough for, in the same proportion."""
    wanted = needed(settings)
    if wanted <= limit:
        return settings
    share = (limit - min(RESERVE, limit // 2)) / (wanted - RESERVE)
    sockets = replace(
        settings.sockets,
        max_sockets=_part(settings.sockets.max_sockets, share),
        max_handshakes=_part(settings.sockets.max_handshakes, share),
    )
    http = replace(settings.http, max_connections=_part(settings.http.max_connections, share))
    log.warning(
        "the system allows %d file descriptors, and the settings may need %d: there will be at most %d sockets and %d"
        " HTTP connections; raise the limit (ulimit -n, or LimitNOFILE= of systemd), or lower the settings",
        limit,
        wanted,
        sockets.max_sockets,
        http.max_connections,
    )
    return replace(settings, sockets=sockets, http=http)


def _part(whole: int, share: float) -> int:
    return max(1, int(whole * share))


def calm_handler(
    clock: Callable[[], float] = time.monotonic,
) -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None]:
    """An exception handler for an event loop. That there is no descriptor for a new connection it says once a minute:
    asyncio tries again every second, and those who knock wait."""
    said_at = float("-inf")

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal said_at
        message = context.get("message", "")
        if message.startswith(NOBODY_LISTENS):
            return
        if message != NONE_LEFT:
            loop.default_exception_handler(context)
        elif clock() - said_at >= SECONDS_BETWEEN_LINES:
            said_at = clock()
            log.warning("no file descriptors are left: new connections wait until others end")

    return handle
