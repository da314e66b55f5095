"""How long one family's short clip waits while another family has fifty long ones in the queue.

Family A sends fifty clips of eleven seconds, as fast as they are accepted. While they are being converted family B
sends one clip of three seconds. Families take turns, so with W converters B's clip waits for at most the W of A's
that are running, and A may start W more while B's own is converted. Goal: between B's `accepted` and B's `voice`,
at most 2 W of A's clips are finished.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from websockets.asyncio.client import ClientConnection

from bench.server import CLIPS, Family, ServerProcess, acknowledge, next_frame, open_socket, running, send_voice, settle

LONG, SHORT = CLIPS / "story_nb.amr", CLIPS / "hello_nb.amr"
SETTINGS = {
    "FRAMES_PER_MINUTE": "1000000",
    "MESSAGES_PER_MINUTE": "1000000",
    "WAITING_PER_FAMILY": "1000000",
    "LOG_LEVEL": "WARNING",
}
LEAST_WAITING = 10
"""Of A's clips that must still be waiting when B's is through, or the run has shown nothing."""


@dataclass(slots=True)
class Mailbox:
    """When each clip arrived at one toy, in `time.monotonic` seconds."""

    arrived: list[float] = field(default_factory=list)

    async def fill(self, toy: ClientConnection, count: int) -> None:
        while len(self.arrived) < count:
            voice = await next_frame(toy, "voice")
            self.arrived.append(time.monotonic())
            await acknowledge(toy, voice["id"])


@dataclass(frozen=True, slots=True)
class Result:
    """What B waited for."""

    seconds: float
    """From B's `accepted` to B's `voice`."""
    overtaken_by: int
    """A's clips that arrived in that time."""
    still_waiting: int
    """A's clips that came after B's."""
    seconds_per_clip: float
    """Mean time between two of A's clips."""


async def measure(server: ServerProcess, family_a: Family, family_b: Family, count: int) -> Result:
    async with AsyncExitStack() as stack:

        async def on(path: str, token: str) -> ClientConnection:
            return await stack.enter_async_context(open_socket(server.ws_url + path, token))

        phone_a, phone_b = await on("/app", family_a.person_token), await on("/app", family_b.person_token)
        toy_a, toy_b = await on("/toy", family_a.toy_token), await on("/toy", family_b.toy_token)
        a, b = Mailbox(), Mailbox()
        async with asyncio.TaskGroup() as listening:
            listening.create_task(a.fill(toy_a, count))
            await _send(phone_a, family_a, LONG, count)
            await _send(phone_b, family_b, SHORT, 1)
            accepted = time.monotonic()
            await b.fill(toy_b, 1)
    return _result(a.arrived, accepted, b.arrived[0])


async def _send(phone: ClientConnection, family: Family, clip: Path, count: int) -> None:
    """Returns when all are accepted."""
    blob = await asyncio.to_thread(clip.read_bytes)
    for number in range(count):
        await send_voice(phone, family.toy_id, f"{clip.name}-{number}", blob)
        await next_frame(phone, "accepted")


def _result(a: Sequence[float], accepted: float, voice: float) -> Result:
    return Result(
        seconds=voice - accepted,
        overtaken_by=sum(accepted < moment < voice for moment in a),
        still_waiting=sum(moment > voice for moment in a),
        seconds_per_clip=(a[-1] - a[0]) / (len(a) - 1),
    )


async def compare(folder: Path, clips: int, workers: int) -> bool:
    family_a, family_b = await settle(folder / "data", 2)
    server = ServerProcess(folder / "data", {**SETTINGS, "CONVERT_WORKERS": str(workers)})
    async with running(server):
        result = await measure(server, family_a, family_b, clips)
    goal = workers  # those that ran when it came
    print(f"A: {clips} × {LONG.name}; B: 1 × {SHORT.name}; {workers} converters")
    print(f"B waited                          {1000 * result.seconds:8.0f} ms")
    print(f"one of A's every                  {1000 * result.seconds_per_clip:8.0f} ms")
    print(f"A's that came before B's          {result.overtaken_by:8}   goal: at most {goal}")
    print(f"A's that came after B's           {result.still_waiting:8}   at least {LEAST_WAITING}, or nothing is shown")
    return result.overtaken_by <= goal and result.still_waiting >= LEAST_WAITING


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=50, help="how many A sends (default 50)")
    parser.add_argument("--workers", type=int, default=2, help="conversions at the same time (default 2)")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="toybackend-fairness-"))
    try:
        good = asyncio.run(compare(folder, given.clips, given.workers))
    finally:
        shutil.rmtree(folder)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
