"""The order of events: families talk for a while, and a rehearsal of the first attack brings the server's memory to
where such a crowd takes it: an allocator keeps the pages of whoever came in between. Before each attack it is measured
how long everything takes the families, and during it again. Goal: the p95 of each thing they do is at most twice that
of before, nothing fails, and after the great siege, with those who did it gone, the server's memory is within a tenth
of what it was before it.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import msgspec

from bench.server import REPOSITORY, ServerProcess, running
from trials.process import MEGABYTE, look_at
from trials.siege.attacker import Harm, Order
from trials.siege.attacks import Aim
from trials.siege.neighbours import Doing, Neighbourhood, Times
from trials.siege.scene import Scene, move_in

ATTACKER = (sys.executable, "-m", "trials.siege.attacker")
GOAL = 2.0
"""Times the p95 of quiet times."""
MEMORY_GOAL = 0.1
LEAST = 40
"""Things done, or their p95 says nothing."""
COOL_SECONDS = 90.0
"""In which memory has to come back."""
SETTINGS = {"MESSAGES_PER_MINUTE": "600"}
"""The families here talk more than families do."""


@dataclass(frozen=True, slots=True)
class Wave:
    """Who comes at the same time: connections by attack."""

    name: str
    attacks: dict[str, int]


GREAT_SIEGE = Wave(
    "the great siege: all of the next four at once",
    {"Silent": 2000, "Unread": 500, "SlowReader": 200, "Slowloris": 200},
)
WAVES = (
    GREAT_SIEGE,
    Wave("2,000 sockets that never say hello", {"Silent": 2000}),
    Wave("500 sockets that never read", {"Unread": 500}),
    Wave("200 slow HTTP readers", {"SlowReader": 200}),
    Wave("200 slow HTTP senders", {"Slowloris": 200}),
    Wave("1,000 connections that say nothing", {"Mute": 1000}),
    Wave("frames as fast as they go", {"FrameFlood": 8}),
    Wave("pings as fast as they go", {"PingFlood": 8}),
    Wave("1,000 handshakes a second", {"HandshakeFlood": 200}),
    Wave("500 wrong tokens a second", {"TokenFlood": 200}),
    Wave("wrong passwords from 100 connections", {"LogInFlood": 100}),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, and how many."""

    waves: Sequence[Wave] = WAVES
    families: int = 8
    warm_seconds: float = 60.0
    quiet_seconds: float = 30.0
    siege_seconds: float = 60.0
    """Of the great siege."""
    wave_seconds: float = 30.0
    """Of each other one."""
    rehearsal_seconds: float = 15.0
    gather_seconds: float = 5.0
    """Until all attackers are there."""
    pause_seconds: float = 5.0
    """Until they are all gone."""
    cool_seconds: float = COOL_SECONDS
    story_seconds: int = 900


@dataclass(slots=True)
class Row:
    """One wave."""

    name: str
    quiet: Times
    under: Times
    harm: dict[str, Harm]

    def ratio(self, doing: Doing) -> float:
        return self.under.p95(doing) / self.quiet.p95(doing)

    @property
    def worst(self) -> float:
        return max(self.ratio(doing) for doing in Doing)

    @property
    def is_judged(self) -> bool:
        return all(len(times.took[doing]) >= LEAST for times in (self.quiet, self.under) for doing in Doing)

    @property
    def is_good(self) -> bool:
        return not self.under.failures and (not self.is_judged or self.worst <= GOAL)

    def __str__(self) -> str:
        figures = "".join(f"{self.ratio(doing):10.2f}" for doing in Doing)
        verdict = f"goal {GOAL:g}" if self.is_judged else "too few to judge"
        lines = [f"{self.name:48}{figures}{self.worst:8.2f}  {verdict}"]
        p95 = "".join(f"{1000 * self.under.p95(doing):10.1f}" for doing in Doing)
        lines.append(f"{'    p95, ms':48}{p95}")
        lines += [f"    {name}: {_harm(harm)}" for name, harm in self.harm.items()]
        lines += [f"    FAILED: {failure}" for failure in self.under.failures[:5]]
        return "\n".join(lines)


def _harm(harm: Harm) -> str:
    got = [f"{how} × {count}" for how, count in sorted(harm.ends.items())]
    answers = [f"{status} × {count}" for status, count in sorted(harm.answers.items())]
    told = f"; answered {', '.join(answers)}" if answers else ""
    return f"opened {harm.opened}, {harm.most_open} at once{told}; ended {', '.join(got) or 'never'}"


@dataclass(slots=True)
class Report:
    """What came of it."""

    rows: list[Row] = field(default_factory=list)
    memory_before: float = 0.0
    """MB."""
    memory_under: float = 0.0
    memory_after: float = 0.0
    memory_fresh: float = 0.0
    """Before the rehearsal."""

    @property
    def growth(self) -> float:
        return self.memory_after / self.memory_before - 1

    @property
    def is_good(self) -> bool:
        return all(row.is_good for row in self.rows) and self.memory_after <= (1 + MEMORY_GOAL) * self.memory_before

    def __str__(self) -> str:
        head = f"{'p95 of others, times that of quiet':48}" + "".join(f"{doing:>10}" for doing in Doing) + "   worst"
        memory = f"{self.memory_before:.1f} → {self.memory_under:.1f} → {self.memory_after:.1f} MB"
        rehearsal = f"{self.memory_fresh:.1f} → {self.memory_before:.1f} MB"
        return "\n".join(
            [
                head,
                *map(str, self.rows),
                f"memory before and after the rehearsal: {rehearsal}",
                f"memory before, during and after the great siege: {memory}, {100 * self.growth:+.1f} %;"
                f" goal: at most {100 * MEMORY_GOAL:+.0f} %",
            ]
        )


async def siege(folder: Path, plan: Plan, tell: Callable[[str], None]) -> Report:
    """The whole of it in this folder; `tell` gets every row as it is done."""
    most_deaf = max((wave.attacks.get("Unread", 0) for wave in plan.waves), default=0)
    scene = await move_in(
        folder / "data", families=plan.families, deaf_sockets=most_deaf, story_seconds=plan.story_seconds
    )
    report = Report()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(running(ServerProcess(folder / "data", SETTINGS)))
        aim = await _aim(server, scene)
        families = await stack.enter_async_context(Neighbourhood.talking(server, scene.families))
        await families.live(plan.warm_seconds)
        report.memory_fresh = _memory(server)
        async with _besieged(plan.waves[0], aim, {}):
            await families.live(plan.gather_seconds + plan.rehearsal_seconds)
        for wave in plan.waves:
            await asyncio.sleep(plan.pause_seconds)
            quiet = await families.live(plan.quiet_seconds)
            is_great = wave is plan.waves[0]
            if is_great:
                report.memory_before = _memory(server)
            seconds = plan.siege_seconds if is_great else plan.wave_seconds
            harm: dict[str, Harm] = {}
            async with _besieged(wave, aim, harm):
                await asyncio.sleep(plan.gather_seconds)
                under = await families.live(seconds)
                if is_great:
                    report.memory_under = _memory(server)
            if is_great:
                report.memory_after = await _cool_down(server, report.memory_before, plan.cool_seconds)
            report.rows.append(Row(wave.name, quiet, under, harm))
            tell(str(report.rows[-1]))
    return report


def _memory(server: ServerProcess) -> float:
    return look_at(server.pid).rss_bytes / MEGABYTE


async def _cool_down(server: ServerProcess, before: float, seconds: float) -> float:
    """Memory when it is back, or after this time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                if _memory(server) <= (1 + MEMORY_GOAL) * before:
                    break
                await asyncio.sleep(1)
    return _memory(server)


@asynccontextmanager
async def _besieged(wave: Wave, aim: Aim, harm: dict[str, Harm]) -> AsyncIterator[None]:
    """While the context is open, they are there; then what they did stands in `harm`."""
    processes = {}
    try:
        for attack, connections in wave.attacks.items():
            process = await asyncio.create_subprocess_exec(*ATTACKER, stdin=PIPE, stdout=PIPE, cwd=REPOSITORY)
            processes[attack] = process
            assert process.stdin is not None
            process.stdin.write(msgspec.json.encode(Order(attack, connections, aim)) + b"\n")
        yield
        for attack, process in processes.items():
            assert process.stdin is not None and process.stdout is not None
            process.stdin.close()
            said = await process.stdout.read()
            harm[attack] = msgspec.json.decode(said, type=Harm)
    finally:
        for process in processes.values():
            if process.returncode is None:
                process.kill()
                await process.wait()


async def _aim(server: ServerProcess, scene: Scene) -> Aim:
    header = {"Authorization": f"Bearer {scene.villains[0]}"}
    url = f"{server.http_url}/api/v1/library/{scene.book}"
    async with aiohttp.ClientSession() as http, http.get(url, headers=header) as response:
        link = urlsplit((await response.json())["url"])
    return Aim(
        http=_address(server.http_url),
        ws=_address(server.ws_url),
        tokens=[*scene.deaf],
        villains=[*scene.villains],
        speakers=[*scene.speakers],
        path=f"{link.path}?{link.query}",
    )


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname is not None and parts.port is not None
    return parts.hostname, parts.port
