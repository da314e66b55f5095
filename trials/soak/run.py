"""The order of events.

    shaken    every minute or so the server is killed, or told to stop, and started again
    steady    everything else goes on, and the server is left alone: only so can it be seen whether its memory grows.
              Every few minutes all hold their breath while it is measured how long a short message takes
    calm      nothing new is said; what is on its way must arrive; everybody reads every history; all leave

Memory is judged by its median in each minute of the steady time, from the moment that it is warm: by Theil and Sen's
slope, which must not be above nothing with 95 % certainty.
"""

from __future__ import annotations

import asyncio
import random
import re
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from subprocess import TimeoutExpired
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from bench.server import CLIPS, ServerProcess, free_port
from trials.clips import AMR_MAGIC, converted, joined
from trials.process import MEGABYTE, look_at
from trials.soak.boards import Board, Traveller
from trials.soak.book import PATIENCE, Book
from trials.soak.deeds import API, Deeds
from trials.soak.ending import Hold, compare_disk, compare_holds, compare_log
from trials.soak.findings import Findings, Wrong
from trials.soak.line import Street
from trials.soak.pace import Narrators, Pace
from trials.soak.people import GrownUp
from trials.soak.report import Plan, Report
from trials.soak.sayings import Words
from trials.soak.town import Town, settle
from trials.soak.web import Power, Web

VOICES = ("hello_nb.amr", "story_nb.amr", "dtx_nb.amr", "hello_wb.amr", "hello.webm", "hello.m4a", "hello_packed.3gp")
SHORT, LONG = "hello_nb.amr", "story_nb.amr"
SONG_SECONDS = 60
NO_SOUND = Words(blob=AMR_MAGIC)
"""It is accepted, and fails."""
LOOK_SECONDS = 5.0
QUIET_SECONDS = 60.0
"""In which what was said before a breath has arrived."""
DRAIN_SECONDS = 180.0
MOST_READ = 100
SETTINGS = {
    "FRAMES_PER_MINUTE": "1000000",
    "MESSAGES_PER_MINUTE": "1000000",
    "LOG_LEVEL": "INFO",
    "PING_SECONDS": "3",
    "PONG_SECONDS": "15",
    "SOCKETS_PER_PERSON": "16",
}


class Soak:
    """One run, in this folder. `tell` gets a line now and then."""

    def __init__(self, folder: Path, plan: Plan, *, seed: int, tell: Callable[[str], None]) -> None:
        self._plan = plan
        self._tell = tell
        self._folder = folder
        self._dice = random.Random(seed)
        self._findings = Findings()
        self._book = Book(self._findings)
        self._power = Power()
        self._metrics_port = free_port()
        self._server = ServerProcess(folder / "data", {**SETTINGS, "METRICS_PORT": str(self._metrics_port)})
        self._web = Web(self._server.http_url, self._power, self._findings)
        self._counts: Counter[str] = Counter()
        self._memory: list[float] = []
        self._is_steady = False

    async def run(self) -> Report:
        """Raises RuntimeError when the server does not start."""
        song = self._folder / "song.amr"
        await asyncio.to_thread(song.write_bytes, joined(CLIPS / LONG, SONG_SECONDS))
        plan, data = self._plan, self._folder / "data"
        town = await settle(data, households=plan.households, narrators=plan.narrators, song=song)
        try:
            await self._start()
            async with self._web, self._street(town) as street:
                pace = await self._events(street)
            after = await self._hold()
            await self._stop()
            compare_log(self._book, self._server.log)
            compare_disk(self._book, town, data)
            await self._start()
            compare_holds(self._book, after, await self._hold())
        finally:
            await self._server.kill()
        counts = {**self._book.counts, **self._counts, "HTTP answers": self._web.asked}
        return Report(self._findings, pace, self._memory, counts)

    @asynccontextmanager
    async def _street(self, town: Town) -> AsyncIterator[Street]:
        """On leaving, everybody's sockets are torn down."""
        voices = [await _words((CLIPS / name).read_bytes()) for name in VOICES]
        async with asyncio.TaskGroup() as group:
            street = Street(
                ws_url=self._server.ws_url,
                town=town,
                book=self._book,
                web=self._web,
                power=self._power,
                dice=self._dice,
                voices=[*voices, NO_SOUND],
                song=(CLIPS / "hello.mp3").read_bytes(),
                group=group,
                haste=self._plan.haste,
            )
            street.moving.set()
            yield street
            for task in street.endless:
                task.cancel()

    # ── the order of events ──

    async def _events(self, street: Street) -> Pace:
        street.spawn(self._look(street))
        street.spawn(self._report(street))
        people = [street.group.create_task(one) for one in _everybody(street)]
        narrators = Narrators(
            street,
            street.town.narrators,
            await _words((CLIPS / SHORT).read_bytes()),
            await _words(joined(CLIPS / LONG, self._plan.story_seconds)),
        )
        await narrators.begin()
        await self._shaken()
        await self._steady(street, narrators)
        street.is_ending = True
        await asyncio.gather(*people)
        while street.promises:
            await asyncio.gather(*street.promises)
        await self._calm(street)
        return narrators.pace

    async def _shaken(self) -> None:
        until = time.monotonic() + self._plan.shaken_seconds
        while True:
            await asyncio.sleep(self._dice.uniform(0.5, 1.5) * self._plan.life_seconds)
            if time.monotonic() > until:
                return
            if (self._counts["kills"] + self._counts["stops"]) % 2:
                await self._stop()
            else:
                await self._kill()
            await self._start()

    async def _steady(self, street: Street, narrators: Narrators) -> None:
        until = time.monotonic() + self._plan.steady_seconds
        warm = asyncio.get_running_loop().call_later(self._plan.warm_seconds, self._get_warm)
        try:
            while (left := until - time.monotonic()) > 0:
                await asyncio.sleep(min(left, self._plan.breath_seconds))
                street.moving.clear()
                await street.until(lambda: not self._surely_coming(street), QUIET_SECONDS)
                for _ in range(self._plan.rounds):
                    await narrators.measure()
                street.moving.set()
        finally:
            warm.cancel()
            self._is_steady = False

    def _get_warm(self) -> None:
        self._is_steady = True

    async def _calm(self, street: Street) -> None:
        """What is still on its way by then is lost."""
        await street.until(lambda: not self._surely_coming(street), DRAIN_SECONDS)
        for saying, recipient in street.book.under_way():
            self._findings.note(Wrong.LOST, f"{recipient} never got {saying}")
        await street.until(lambda: not any(ear.owed for ears in street.book.ears.values() for ear in ears), PATIENCE)
        street.book.overdue(street.now() + PATIENCE)
        for home in street.town.households:
            for reader in home.members:
                for other in (*street.town.peers(reader.id), *street.town.groups_of(reader.id)):
                    await Deeds(street, reader).read(other, limit=MOST_READ)

    def _surely_coming(self, street: Street) -> bool:
        """Is something on its way to somebody who is awake?"""
        return any(street.book.rest_of(who).is_resting is False for _, who in street.book.under_way())

    # ── the server ──

    async def _start(self) -> None:
        await self._server.start()
        self._power.starts += 1
        self._power.is_on = True

    async def _kill(self) -> None:
        self._counts["kills"] += 1
        self._power.is_on = False
        await self._server.kill()

    async def _stop(self) -> None:
        self._counts["stops"] += 1
        self._power.is_on = False
        try:
            await self._server.stop()
        except TimeoutExpired:
            self._findings.note(Wrong.RESTARTS, "it did not stop when it was told to")
            await self._server.kill()

    async def _hold(self) -> Hold:
        """What the server holds, now that nobody is there."""
        await asyncio.to_thread(_knock, self._server.http_url)
        await asyncio.sleep(self._plan.leave_seconds)
        tasks = await asyncio.to_thread(_tasks, self._metrics_port)
        return Hold(await asyncio.to_thread(look_at, self._server.pid), tasks)

    # ── watching ──

    async def _look(self, street: Street) -> None:
        """What is overdue; and how much memory there is, its median in each steady minute."""
        minute: list[int] = []
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            street.book.overdue(street.now())
            if not self._is_steady:
                minute = []
                continue
            minute.append((await asyncio.to_thread(look_at, self._server.pid)).rss_bytes)
            if len(minute) * LOOK_SECONDS >= 60:
                self._memory.append(statistics.median(minute) / MEGABYTE)
                minute = []

    async def _report(self, street: Street) -> None:
        """One line a minute."""
        columns = ("minute", "starts", "sent", "accepted", "received", "wrong", "MB", "files", "threads", "tasks")
        self._tell("".join(f"{name:>9}" for name in columns))
        began = time.monotonic()
        while True:
            await asyncio.sleep(self._plan.report_seconds)
            minutes, counts = (time.monotonic() - began) / 60, self._book.counts
            figures = [counts[name] for name in ("sent", "accepted", "received")] + [self._findings.counts.total()]
            line = f"{minutes:9.1f}{self._power.starts:9}" + "".join(f"{one:9}" for one in figures)
            self._tell(line + await self._process_figures())

    async def _process_figures(self) -> str:
        if not self._power.is_on:
            return "   (it is away)"
        try:
            look = await asyncio.to_thread(look_at, self._server.pid)
            tasks = await asyncio.to_thread(_tasks, self._metrics_port)
        except OSError:
            return "   (it goes away)"
        return f"{look.rss_bytes / MEGABYTE:9.1f}{look.open_files:9}{look.threads:9}{tasks:9}"


def _everybody(street: Street) -> list[Coroutine[None, None, None]]:
    """All who live in town, doing things until there is calm."""
    everybody = [Traveller(street, street.town.licence, street.town.households[:2]).run()]
    for home in street.town.households:
        everybody.append(GrownUp(street, home, home.mum, [home.mum.token, home.mums_second_token]).run())
        everybody.append(GrownUp(street, home, home.dad, [home.dad.token]).run())
        everybody += [Board(street, toy).run() for toy in home.toys]
    return everybody


async def _words(blob: bytes) -> Words:
    """A recording, with what toys are to hear of it."""
    duration_ms, mp3 = await converted(blob)
    return Words(blob=blob, duration_ms=duration_ms, mp3=mp3)


def _knock(url: str) -> None:
    """Ask for something, as whoever comes first does: what is opened when it is needed is open after that."""
    request = Request(f"{url}{API}/me", headers={"Authorization": "Bearer nobody"})
    with suppress(HTTPError), urlopen(request, timeout=10):
        pass


def _tasks(port: int) -> int:
    """How many the event loop has, as the server itself counts them."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        found = re.search(rb"^toybackend_tasks (\S+)$", page.read(), re.MULTILINE)
    assert found is not None, "the server counts its tasks"
    return int(float(found[1]))
