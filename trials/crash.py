"""kill −9 of the server and full disks at random moments, while families talk and everybody keeps losing their sockets.

In each family a mother, a father and a toy say texts and short voices to one another and to their group, each of them
one message after another and each message under the same `ref` until it was accepted, and now and then once more. What
the server has no room for is sent again. Everybody acknowledges what comes, and knows a message by its id. After the
last crash all finish, the rest is delivered, and `verdict.py` holds what was promised against what everybody has and
what lies on the disk. Goal: nothing lost, doubled, misdelivered, misordered, mixed up, left behind or torn.

Crashes come while messages do, each at a random message of so many; with `--messages 0` each at a random moment of a
server's life, and messages come for as long as there are crashes: `--messages 0 --kills 200 --fills 0`.

The disk is a real file system of its own, where this user may mount one; otherwise one on which no file can grow.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.server import CLIPS, ServerProcess
from toybackend.house import open_house
from toybackend.settings import Settings, Storage
from trials import command
from trials.clips import converted
from trials.neighbours import DRAIN_SECONDS, Clip, Neighbour, Somebody, Street, move_in
from trials.small_disk import Fillable, NoGrowth, SmallDisk, small_disk
from trials.verdict import Book, Verdict, judge

CLIP_NAMES = ("hello_nb.amr", "story_nb.amr", "dtx_nb.amr", "hello_wb.amr")
FAMILIES = 6
DISK_MEGABYTES = 2048
LEFT_BYTES = (0, 4_000, 60_000, 500_000)
"""Room that a full disk may still have: for nothing, a row, a recording, or a conversion until it is half done."""
FULL_SECONDS = 3.0
"""How long it is full, at most."""
MOST_LIFE_SECONDS = 0.9
"""A kill comes at a random moment of this much of a server's life, counted from its ready line or its message."""
MOST_START_SECONDS = 1.5
KILLED_WHILE_STARTING = 0.1
"""Share of the kills that come before the server is ready, or just after."""
QUIET_SECONDS = 1.0
"""How long after the last expected message one too many would show."""
ENOUGH = "1000000000"
SETTINGS = {
    "BYTES_PER_FAMILY": ENOUGH,
    "CONVERT_RETRY_SECONDS": "1",
    "FRAMES_PER_MINUTE": ENOUGH,
    "LOG_LEVEL": "WARNING",
    "MESSAGES_PER_MINUTE": ENOUGH,
    "MIN_FREE_BYTES": "0",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is said, and what happens meanwhile."""

    messages: int
    """0 for as many as there is time for."""
    kills: int
    fills: int
    families: int = FAMILIES
    seed: int = 1


async def crash(folder: Path, plan: Plan, tell: Callable[[str], None] = lambda happened: None) -> Verdict:
    """The whole run in this folder; `tell` hears how it goes. Raises RuntimeError when the server does not come up
    again, or refuses somebody for good."""
    started = time.monotonic()
    with _disk(folder) as disk:
        data = (disk.folder if disk else folder) / "data"
        everybody = await settle(data, plan.families)
        book, dice = Book(one.id for one in everybody), random.Random(plan.seed)
        server = ServerProcess(data, SETTINGS, log=folder / "server.log")
        street = Street(server.ws_url, [await _clip(name) for name in CLIP_NAMES], book, dice)
        try:
            async with _living(street, everybody) as neighbours:
                await _Storm(server, disk, street, plan, tell).rage()
                street.calm.set()
                await asyncio.gather(*(one.has_finished.wait() for one in neighbours))
                await _drain(book)
            await server.stop()
        finally:
            await server.kill()
        return judge(book, data, kills=plan.kills, fills=plan.fills, seconds=time.monotonic() - started)


async def settle(data: Path, families: int) -> list[Somebody]:
    """Everybody, in a new data folder, before its server runs."""
    async with open_house(Settings(storage=Storage(data_dir=data, min_free_bytes=0))) as house:
        return [one for number in range(families) for one in await move_in(house, number)]


@contextmanager
def _disk(folder: Path) -> Iterator[SmallDisk | None]:
    """A file system of our own; None where we may not mount one."""
    with contextlib.ExitStack() as stack:
        mounted = None
        with contextlib.suppress(subprocess.CalledProcessError, FileNotFoundError):
            mounted = stack.enter_context(small_disk(folder / "disk", DISK_MEGABYTES))
        yield mounted


async def _clip(name: str) -> Clip:
    blob = (CLIPS / name).read_bytes()
    duration_ms, _ = await converted(blob)
    return Clip(blob, duration_ms)


@asynccontextmanager
async def _living(street: Street, everybody: Sequence[Somebody]) -> AsyncIterator[list[Neighbour]]:
    """While the context is open, everybody talks. A refusal of one of them ends it."""
    neighbours = [Neighbour(street, one) for one in everybody]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one.run()) for one in neighbours]
        yield neighbours
        await asyncio.sleep(QUIET_SECONDS)
        for task in tasks:
            task.cancel()


class _Storm:
    """Kills and full disks, in a random order."""

    def __init__(
        self, server: ServerProcess, disk: SmallDisk | None, street: Street, plan: Plan, tell: Callable[[str], None]
    ) -> None:
        self._server = server
        self._disk = disk
        self._book = street.book
        self._dice = street.dice
        self._plan = plan
        self._tell = tell

    async def rage(self) -> None:
        """Ends with a server that is left alive, when everything has happened and been said."""
        plan, dice = self._plan, self._dice
        crashes = [self._kill] * plan.kills + [self._fill] * plan.fills
        dice.shuffle(crashes)
        moments = sorted(dice.randrange(plan.messages) if plan.messages else 0 for _ in crashes)
        await self._server.start()
        for moment, happen in zip(moments, crashes, strict=True):
            await self._book.reached(moment)
            await asyncio.sleep(dice.uniform(0, MOST_LIFE_SECONDS))
            await happen()
            self._tell(f"{happen.__name__.strip('_')} at {self._book.accepted} messages")
        await self._book.reached(plan.messages)

    async def _kill(self) -> None:
        await self._server.kill()
        if self._dice.random() < KILLED_WHILE_STARTING:
            starting = asyncio.create_task(self._server.start())
            await asyncio.sleep(self._dice.uniform(0.01, MOST_START_SECONDS))
            await self._server.kill()
            await asyncio.gather(starting, return_exceptions=True)
        await self._server.start()

    async def _fill(self) -> None:
        """For a while. Where the disk is ours, the server may be killed meanwhile, and started when there is room."""
        disk: Fillable = self._disk or NoGrowth(self._server.pid)
        is_killed = self._disk is not None and self._dice.random() < 0.5
        await asyncio.to_thread(disk.fill, self._dice.choice(LEFT_BYTES))
        await asyncio.sleep(self._dice.uniform(FULL_SECONDS / 3, FULL_SECONDS))
        if is_killed:
            await self._server.kill()
        await asyncio.to_thread(disk.free)
        if is_killed:
            await self._server.start()


async def _drain(book: Book) -> None:
    """Wait until everybody has what was promised. What is not there by then counts as lost."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            for member_id in book.members:
                await book.caught_up(member_id, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=10_000, help="default 10000; 0: as many as there is time for")
    parser.add_argument("--kills", type=int, default=20, help="default 20")
    parser.add_argument("--fills", type=int, default=2, help="how often the disk is full (default 2)")
    parser.add_argument("--families", type=int, default=FAMILIES, help=f"of three (default {FAMILIES})")
    parser.add_argument("--seed", type=int, default=1, help="of the dice (default 1)")
    parser.add_argument("--keep", action="store_true", help="keep the log of the server")
    given = parser.parse_args()
    plan = Plan(given.messages, given.kills, given.fills, given.families, given.seed)
    command.run("crash", lambda folder: crash(folder, plan, command.tell), keeps_folder=given.keep)


if __name__ == "__main__":
    main()
