"""The processes that are recorded: families moving into a new house, and a server, which can be told to forget how to
sync. What `trials.powercut` counts is only worth something if it counts more than nothing then.

    python -m trials.powercut.processes settle DATA COUNT          families as JSON on standard output
    python -m trials.powercut.processes BREAK serve --data=DATA …  `toybackend serve`, broken in this way
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import event

from bench.server import settle
from toybackend.commands import cli
from toybackend.databases import engine


def _without_files() -> None:
    """Nothing of ours is synced, only SQLite's."""
    os.fsync = lambda fd: None


def _without_folders() -> None:
    """Files are synced, and their names are not."""
    sync = os.fsync

    def fsync(fd: Any) -> None:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            sync(fd)

    os.fsync = fsync


def _without_database() -> None:
    """SQLite says that it committed, and syncs nothing."""
    configure = engine._configure

    def unsynced(engine: Any, begin: str) -> None:
        configure(engine, begin)
        event.listen(engine, "connect", lambda connection, record: connection.execute("PRAGMA synchronous=OFF"))

    engine._configure = unsynced


BREAKS: dict[str, Callable[[], None]] = {
    "files": _without_files,
    "folders": _without_folders,
    "database": _without_database,
}


def main() -> None:
    what, *arguments = sys.argv[1:]
    if what == "settle":
        data, count = arguments
        families = asyncio.run(settle(Path(data), int(count)))
        print(json.dumps([dataclasses.asdict(one) for one in families]), flush=True)
        return
    BREAKS[what]()
    sys.argv = ["toybackend", *arguments]
    cli.main()


if __name__ == "__main__":
    main()
