"""Recording one era of a house: from its first moment, or from what a power cut left of it, over the life of its server
to an orderly end."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.server import REPOSITORY, SERVE, Family, ServerProcess
from trials.powercut.disk import State
from trials.powercut.operations import Change, Operation, Reader, Sync
from trials.powercut.plan import Plan
from trials.powercut.promises import Promises
from trials.powercut.restart import digest
from trials.powercut.stage import DATA, Stage
from trials.powercut.strace import read_calls, traced
from trials.powercut.traffic import Street, go

PROCESSES = (sys.executable, "-m", "trials.powercut.processes")


@dataclass(frozen=True, slots=True)
class Cut:
    """The power cut with which an era ends and the next begins."""

    state: State
    """What was found after it."""
    promises: Promises
    """What had been promised until then."""


@dataclass(frozen=True, slots=True)
class Recording:
    before: Sequence[Change | Sync]
    """What was there already, and is on the disk for sure."""
    operations: Sequence[Operation]
    left: Mapping[str, bytes]
    """Digests of the files that really were there in the end, by path."""


async def record(plan: Plan, folder: Path, street: Street, start: Cut | None) -> Recording:
    """In `folder`, which is new. Without a start, families move into a new house first, and the street gets to know
    them. Raises RuntimeError where recording is not possible, and Unclear where the record has a gap."""
    root = folder / "root"
    reader, logs = Reader(root), [folder / "families.strace", folder / "server.strace"]
    await asyncio.to_thread(folder.mkdir)
    if start is None:
        await asyncio.to_thread(root.mkdir)
        street.families = await asyncio.to_thread(_settle, root / DATA, plan.families, logs[0])
        before = []
    else:
        await asyncio.to_thread(Stage(root).put, start.state)
        before = list(
            reader.begin(start.state.folders, {path: bytes(one) for path, (_, one) in start.state.files.items()})
        )
        logs = logs[1:]
    await _live(plan, root / DATA, street, logs[-1])
    operations = list(reader.read(read_calls(logs)))
    return Recording(before, operations, await asyncio.to_thread(_files_in, root))


def _settle(data: Path, count: int, log: Path) -> list[Family]:
    command = traced([*PROCESSES, "settle", str(data), str(count)], log)
    done = subprocess.run(command, stdout=subprocess.PIPE, cwd=REPOSITORY, check=True)
    return [Family(**one) for one in json.loads(done.stdout)]


async def _live(plan: Plan, data: Path, street: Street, log: Path) -> None:
    """One life of the server, from its start to its end."""
    settings = {
        "RETENTION_MINUTES": str(plan.keeping.sweep_minutes),
        "ORIGINAL_DAYS": str(plan.keeping.original_days),
        "LOG_LEVEL": "WARNING",
    }
    command = [*PROCESSES, plan.broken, "serve"] if plan.broken else SERVE
    server = ServerProcess(data, settings, traced(command, log))
    try:
        await server.start()
        street.http_url, street.ws_url = server.http_url, server.ws_url
        await go(street, plan.deeds)
        await server.stop()
    finally:
        await server.kill()


def _files_in(root: Path) -> dict[str, bytes]:
    files = (file for file in (root / DATA).rglob("*") if file.is_file())
    return {str(file.relative_to(root)): digest(file.read_bytes()) for file in files}
