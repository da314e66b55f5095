"""A server that keeps count of its own CPU, part by part: `python -m bench.breakdown --data DIR …`, run by cost.py.

It is the real server with clocks around a few of its functions. The clocks read the CPU of their own thread, so
what a part waits for is not counted, and parts that run at the same time do not blur. One JSON line on stop.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import os
import resource
import shutil
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from toybackend.app import serving
from toybackend.audio_stores import local_files
from toybackend.databases import engine
from toybackend.settings import Settings, read_settings
from toybackend.transcoder import child, conversion, kernel

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(slots=True)
class Part:
    """CPU and wall seconds of all calls of one part so far."""

    calls: int = 0
    cpu: float = 0.0
    wall: float = 0.0


class Clocks:
    """Wraps functions, and keeps a `Part` for each name."""

    def __init__(self) -> None:
        self.parts: defaultdict[str, Part] = defaultdict(Part)
        self.in_loop = 0.0
        """CPU seconds of those calls that ran in the event loop."""
        self._lock = threading.Lock()

    def wrap(self, owner: Any, attribute: str, part: str | Callable[[], str]) -> None:
        """Replace `owner.attribute` by itself with a clock around it; `part` may be asked in the calling thread."""
        setattr(owner, attribute, self._timed(getattr(owner, attribute), part))

    def _timed(self, function: Callable[P, R], part: str | Callable[[], str]) -> Callable[P, R]:
        @functools.wraps(function)
        def timed(*args: P.args, **kwargs: P.kwargs) -> R:
            cpu, wall = time.thread_time(), time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                name = part if isinstance(part, str) else part()
                self._add(name, time.thread_time() - cpu, time.perf_counter() - wall)

        return timed

    def _add(self, name: str, cpu: float, wall: float) -> None:
        with self._lock:
            one = self.parts[name]
            one.calls, one.cpu, one.wall = one.calls + 1, one.cpu + cpu, one.wall + wall
            if threading.current_thread() is threading.main_thread():
                self.in_loop += cpu

    def reset(self) -> None:
        self.parts.clear()
        self.in_loop = 0.0


def put_clocks_in() -> Clocks:
    """Around what a message passes through outside ffmpeg."""
    clocks = Clocks()
    clocks.wrap(child, "_start", "start ffmpeg")
    clocks.wrap(kernel, "keep_files", "start ffmpeg, in its own thread: Landlock")
    clocks.wrap(kernel, "keep_calls", "start ffmpeg, in its own thread: seccomp")
    clocks.wrap(child, "_popen", "start ffmpeg, in its own thread: vfork")
    for step in ("prepare", "listen", "finish"):
        clocks.wrap(conversion, step, f"arithmetic: {step}")
    clocks.wrap(local_files, "_keep", "files: sync and rename")
    clocks.wrap(local_files.LocalFiles, "_set_up", "files: work folder made")
    clocks.wrap(shutil, "rmtree", "files: work folder removed")
    clocks.wrap(os, "fsync", "(of the files: fsync)")
    clocks.wrap(engine._Lane, "_transaction", _lane)
    return clocks


def _lane() -> str:
    kind = "write" if threading.current_thread().name.startswith("database-writer") else "read"
    return f"database: {kind} transactions"


async def serve(settings: Settings) -> None:
    """The server until SIGTERM; then the JSON line."""
    stop, clocks = asyncio.Event(), put_clocks_in()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with serving(settings) as house:
        bound = house.listeners.bound()
        clocks.reset()
        loop, process, children = time.thread_time(), time.process_time(), _children()
        print(f"toybackend ready http={bound.http_url} ws={bound.ws_url}", flush=True)
        await stop.wait()
        in_loop = time.thread_time() - loop - clocks.in_loop
        table = {name: (part.calls, part.cpu, part.wall) for name, part in sorted(clocks.parts.items())}
        table["event loop, the rest of it"] = (0, in_loop, 0.0)
        table["the process"] = (0, time.process_time() - process, 0.0)
        table["its children"] = (0, _children() - children, 0.0)
        print(json.dumps(table), flush=True)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="data folder")
    parser.add_argument("--http-port", type=int, default=0)
    parser.add_argument("--ws-port", type=int, default=0)
    given = parser.parse_args()
    settings = read_settings()
    network = replace(settings.network, http_port=given.http_port, ws_port=given.ws_port)
    storage = replace(settings.storage, data_dir=given.data)
    asyncio.run(serve(replace(settings, network=network, storage=storage)))


if __name__ == "__main__":
    main()
