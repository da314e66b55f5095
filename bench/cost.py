"""What one voice message costs, against ffmpeg alone on the same clip, in one run.

Bare: the very argument lists of a conversion, recorded once, run by `posix_spawn` and nothing around them.
Server: one phone sends to one toy, message after message; CPU of the server and of every child it reaped, and the
time from the last byte of the blob to the `voice` frame at the toy. Both take turns in blocks, so that a noisy
machine is noisy to both. Goals: CPU at most 1.6 times bare, median time at most 1.6 times bare.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from websockets.asyncio.client import ClientConnection

from bench.server import CLIPS, Family, ServerProcess, acknowledge, next_frame, open_socket, running, send_voice, settle
from toybackend.transcoder import ConversionLimits, FfmpegTranscoder, Outcome, run_child

CLIP = CLIPS / "story_nb.amr"
CPU_GOAL = 1.6
TIME_GOAL = 1.6
WARM_UP = 10
ROOM = {"FRAMES_PER_MINUTE": "1000000", "MESSAGES_PER_MINUTE": "1000000", "LOG_LEVEL": "WARNING"}
"""The bench sends faster than a person may."""
BREAKDOWN = (sys.executable, "-m", "bench.breakdown")


@dataclass(slots=True)
class Series:
    """What several conversions or messages cost."""

    walls: list[float] = field(default_factory=list)
    """Seconds of each."""
    cpu: float = 0.0
    """CPU seconds of all together."""

    @property
    def cpu_each(self) -> float:
        return self.cpu / len(self.walls)

    @property
    def median(self) -> float:
        return statistics.median(self.walls)

    def add(self, other: Series) -> None:
        self.walls += other.walls
        self.cpu += other.cpu


# ── bare ──


@dataclass(frozen=True, slots=True)
class Bare:
    """A folder with what the commands read, and the commands."""

    folder: Path
    commands: Sequence[list[str]]
    ffmpeg: str

    def block(self, count: int) -> Series:
        series = Series()
        with contextlib.chdir(self.folder):
            for _ in range(count):
                start = time.perf_counter()
                series.cpu += sum(_cpu_of(command) for command in self.commands)
                series.walls.append(time.perf_counter() - start)
        return series


def _cpu_of(command: list[str]) -> float:
    """CPU seconds of one child, from its start to its end."""
    null = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in range(3)]
    pid = os.posix_spawn(command[0], command, {"LC_ALL": "C"}, file_actions=null)
    _, status, used = os.wait4(pid, 0)
    if status:
        raise RuntimeError(f"ffmpeg ended with {status}")
    return used.ru_utime + used.ru_stime


async def record(clip: Path, folder: Path) -> Bare:
    """Convert once with the server's own transcoder, and keep the commands and the files between them."""
    commands: list[list[str]] = []

    async def run(command: Sequence[str], where: Path, limits: ConversionLimits) -> Outcome:
        commands.append(list(command))
        return await run_child(command, where, limits)

    transcoder = FfmpegTranscoder(run=run)
    ffmpeg = await transcoder.check()
    commands.clear()
    await transcoder.convert(clip, folder)
    return Bare(folder, commands, ffmpeg)


# ── the server ──


@dataclass(frozen=True, slots=True)
class Line:
    """A phone and a toy that are both on."""

    server: ServerProcess
    family: Family
    phone: ClientConnection
    toy: ClientConnection
    blob: bytes

    async def block(self, count: int) -> Series:
        series, before = Series(), self.server.cpu()
        for _ in range(count):
            series.walls.append(await self._message())
        series.cpu = self.server.cpu().since(before).total
        return series

    async def _message(self) -> float:
        """Seconds from the last byte of the blob to the `voice` frame; returns after `delivered`."""
        ref = f"{time.monotonic_ns()}"
        sent = await send_voice(self.phone, self.family.toy_id, ref, self.blob)
        voice = await next_frame(self.toy, "voice")
        arrived = time.perf_counter()
        await acknowledge(self.toy, voice["id"])
        await next_frame(self.phone, "delivered")
        return arrived - sent


@asynccontextmanager
async def calling(server: ServerProcess, family: Family) -> AsyncIterator[Line]:
    phone = open_socket(f"{server.ws_url}/app", family.person_token)
    toy = open_socket(f"{server.ws_url}/toy", family.toy_token)
    async with phone as on_phone, toy as on_toy:
        line = Line(server, family, on_phone, on_toy, CLIP.read_bytes())
        await line.block(WARM_UP)
        yield line


# ── the run ──


async def compare(folder: Path, messages: int, block: int) -> bool:
    """Measure, print, and say whether both goals are met."""
    work = folder / "bare"
    work.mkdir()
    bare = await record(CLIP, work)
    [family] = await settle(folder / "data", 1)
    server = ServerProcess(folder / "data", ROOM)
    pairs: list[tuple[Series, Series]] = []
    async with running(server), calling(server, family) as line:
        bare.block(WARM_UP)
        for _ in range(max(1, messages // block)):
            pairs.append((bare.block(block), await line.block(block)))
    print(f"{CLIP.name}, {len(pairs)} blocks of {block}, {bare.ffmpeg}")
    return _report(pairs)


def _report(pairs: Sequence[tuple[Series, Series]]) -> bool:
    bare, served = Series(), Series()
    for one, other in pairs:
        bare.add(one)
        served.add(other)
    cpu = [other.cpu_each / one.cpu_each for one, other in pairs]
    wall = [other.median / one.median for one, other in pairs]
    print(f"{'':26}{'bare':>9}{'server':>9}{'ratio':>8}{'goal':>7}   blocks")
    rows = (
        ("CPU per message, ms", bare.cpu_each, served.cpu_each, CPU_GOAL, cpu),
        ("median time, ms", bare.median, served.median, TIME_GOAL, wall),
    )
    for name, alone, whole, goal, ratios in rows:
        spread = f"{min(ratios):.2f} … {statistics.median(ratios):.2f} … {max(ratios):.2f}"
        print(f"{name:26}{1000 * alone:9.2f}{1000 * whole:9.2f}{whole / alone:8.2f}{goal:7.1f}   {spread}")
    return all(whole / alone <= goal for _, alone, whole, goal, _ in rows)


async def break_down(folder: Path, messages: int) -> None:
    """The same messages to a server with clocks in it; prints CPU and calls per message and part."""
    [family] = await settle(folder / "clocked", 1)
    server = ServerProcess(folder / "clocked", ROOM, BREAKDOWN)
    await server.start()
    try:
        async with calling(server, family) as line:
            await line.block(messages)
        table = json.loads((await server.stop()).splitlines()[-1])
    finally:
        await server.kill()
    count = messages + WARM_UP
    print(f"\n{'where the CPU goes':42}{'calls':>7}{'CPU ms':>9}{'wall ms':>9}   per message")
    for part, (calls, cpu, wall) in table.items():
        print(f"{part:42}{calls / count:7.2f}{1000 * cpu / count:9.3f}{1000 * wall / count:9.3f}")


async def run(messages: int, block: int) -> bool:
    folder = Path(tempfile.mkdtemp(prefix="toybackend-cost-"))
    try:
        good = await compare(folder, messages, block)
        await break_down(folder, messages)
    finally:
        shutil.rmtree(folder)
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=300, help="messages, and bare conversions (default 300)")
    parser.add_argument("--block", type=int, default=20, help="how many before the other side's turn (default 20)")
    given = parser.parse_args()
    sys.exit(0 if asyncio.run(run(given.messages, given.block)) else 1)


if __name__ == "__main__":
    main()
