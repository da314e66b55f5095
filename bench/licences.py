"""Licences at scale: making 100,000, and switching toys on beside a million.

    python -m bench.licences [--issue 100000] [--licences 1000000] [--toys 100000] [--power-ons 300]

First `device issue` runs as a process of its own, with and without sheets of QR codes; its time and its peak memory
count. Then two servers run at once, one on 100 devices that all are toys, one on as many licences and toys as asked
for, and toys are switched on at one and the other in turns: the ratio of the medians counts. The goals are those of
the project: 60 s, 300 MB and 1.3. Every query of a power-on is shown to SQLite's planner too: none may scan a table.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import aiohttp
from sqlalchemy import event

from bench.server import REPOSITORY, ServerProcess, running
from toybackend.databases.sql import SqlDatabase
from toybackend.house import House, new_id, now, open_house
from toybackend.models import PartyKind
from toybackend.services.challenges import prove
from toybackend.services.devices import fingerprint
from toybackend.services.tokens import digest
from toybackend.settings import Settings, Storage

ISSUE_SECONDS = 60.0
ISSUE_MEGABYTES = 300.0
RATIO = 1.3
SMALL = 100
WARM_UP = 20
SETTINGS = {"LOG_LEVEL": "WARNING", "LICENSE_TRIES": "1000000"}
"""Of both servers: the bench shows wrong licences too, and they shall be looked up, not held back."""


# ── making them ──


def issue(folder: Path, count: int, *more: str) -> bool:
    """Time and peak memory of one `device issue`."""
    folder.mkdir()
    command = [sys.executable, "-m", "toybackend", "device", "issue", f"--count={count}", f"--out={folder}/list.csv"]
    environment = os.environ | {"TOYBACKEND_PUBLIC_URL": "https://toys.test"}
    started = time.perf_counter()
    process = os.posix_spawn(sys.executable, [*command, f"--data={folder}/data", *more], environment)
    _, status, used = os.wait4(process, 0)
    seconds, megabytes = time.perf_counter() - started, used.ru_maxrss / 1024
    cpu = used.ru_utime + used.ru_stime
    good = status == 0 and seconds < ISSUE_SECONDS and megabytes < ISSUE_MEGABYTES
    kinds = "with sheets of QR codes" if more else "as a list"
    verdict = "ok" if good else "TOO MUCH"
    print(f"issue {count:,} {kinds:24}{seconds:8.1f} s ({cpu:.1f} s CPU){megabytes:8.0f} MB   {verdict}")
    return good


# ── having them ──


@dataclass(frozen=True, slots=True)
class Fleet:
    """A data folder, and some of the boards out there."""

    data: Path
    bound: Sequence[str]
    """Licences of toys that have a family."""


async def settle(data: Path, licences: int, toys: int, sample: int) -> Fleet:
    """A database with so many licences, of which so many are bound toys, each with its token."""
    async with open_house(Settings(storage=Storage(data_dir=data))):
        pass  # the schema
    return await asyncio.to_thread(_fill, data, licences, toys, sample)


def _fill(data: Path, licences: int, toys: int, sample: int) -> Fleet:
    codes = [f"{random.getrandbits(128):032x}" for _ in range(toys)]
    digests = [digest(code) for code in codes]
    ids = [new_id("t") for _ in range(toys)]
    spare = (digest(f"{random.getrandbits(128):032x}") for _ in range(licences - toys))
    at = now()
    connection = sqlite3.connect(data / "toybackend.sqlite3")
    connection.execute("PRAGMA cache_size = -1000000")  # in KiB: random keys go everywhere in their indexes
    many = connection.executemany
    many("INSERT INTO parties (id, kind, name) VALUES (?, 'toy', 'Bear')", ((one,) for one in ids))
    many("INSERT INTO toys (id, bound_at) VALUES (?, ?)", ((one, at) for one in ids))
    devices = "INSERT INTO devices (digest, id, toy_id, issued_at) VALUES (?, ?, ?, ?)"
    many(devices, ((one, fingerprint(one), toy_id, at) for one, toy_id in zip(digests, ids, strict=True)))
    many(devices, ((one, fingerprint(one), None, at) for one in spare))
    tokens = "INSERT INTO tokens (digest, party_id, kind, expires_at) VALUES (?, ?, ?, ?)"
    many(tokens, ((digest(one), one, PartyKind.TOY.value, at + 10**9) for one in ids))
    connection.commit()
    connection.close()
    return Fleet(data, random.sample(codes, min(sample, toys)))


# ── switching them on ──

Pairs = Mapping[str, tuple[Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]]]
"""Ways to switch a toy on, at the small server and at the large one."""


class Boards:
    """Toys that are switched on at one server, one after the other."""

    def __init__(self, url: str, fleet: Fleet, session: aiohttp.ClientSession) -> None:
        self._url = f"{url}/api/v1/devices"
        self._fleet = fleet
        self._session = session

    async def by_licence(self) -> None:
        await self._post("authorize", {"license": random.choice(self._fleet.bound)}, 200)

    async def by_proof(self) -> None:
        licence_digest = digest(random.choice(self._fleet.bound))
        device = {"device_id": fingerprint(licence_digest)}
        nonce = (await self._post("challenge", device, 200))["nonce"]
        await self._post("authorize", {**device, "nonce": nonce, "proof": prove(licence_digest, nonce)}, 200)

    async def unlicensed(self) -> None:
        await self._post("authorize", {"license": f"{random.getrandbits(128):032x}"}, 403)

    async def _post(self, route: str, body: Mapping[str, str], status: int) -> dict[str, Any]:
        async with self._session.post(f"{self._url}/{route}", json=body) as reply:
            answer: dict[str, Any] = await reply.json(content_type=None)
            assert reply.status == status, answer
            return answer


async def compare(few: Fleet, many: Fleet, times: int) -> bool:
    """Both servers at once, and every kind of power-on in turns, so that whatever else the machine does hits all."""
    async with served(few) as (few_url, few_start), served(many) as (many_url, many_start):
        print(f"{'server ready after':34}{few_start:8.2f} s {many_start:8.2f} s")
        async with aiohttp.ClientSession() as session:
            one, other = Boards(few_url, few, session), Boards(many_url, many, session)
            pairs = {
                "power-on by licence": (one.by_licence, other.by_licence),
                "power-on by proof": (one.by_proof, other.by_proof),
                "unlicensed": (one.unlicensed, other.unlicensed),
            }
            for _ in range(WARM_UP):
                await _in_turns(pairs)
            rounds = [await _in_turns(pairs) for _ in range(times)]
    return all([_ratio(name, [one[name] for one in rounds]) for name in pairs])


async def _in_turns(pairs: Pairs) -> dict[str, tuple[float, float]]:
    """Milliseconds of each, at the small and at the large server; which of them goes first is up to chance."""
    taken = {}
    for name, (few, many) in pairs.items():
        if random.random() < 0.5:
            taken[name] = await _timed(few), await _timed(many)
        else:
            large = await _timed(many)
            taken[name] = await _timed(few), large
    return taken


async def _timed(switch_on: Callable[[], Awaitable[None]]) -> float:
    started = time.perf_counter()
    await switch_on()
    return (time.perf_counter() - started) * 1000


def _ratio(name: str, taken: Sequence[tuple[float, float]]) -> bool:
    few, many = statistics.median(one for one, _ in taken), statistics.median(one for _, one in taken)
    print(f"{name:34}{few:8.2f} ms{many:8.2f} ms   ratio {many / few:.2f} (goal {RATIO})")
    return many / few <= RATIO


@asynccontextmanager
async def served(fleet: Fleet) -> AsyncIterator[tuple[str, float]]:
    """The address of a server on this fleet, and how many seconds it took to be ready."""
    server = ServerProcess(fleet.data, SETTINGS)
    started = time.perf_counter()
    async with running(server):
        yield server.http_url, time.perf_counter() - started


# ── the planner ──


async def no_scans(fleet: Fleet) -> bool:
    """Is every query about devices answered out of an index?"""
    async with open_house(Settings(storage=Storage(data_dir=fleet.data))) as house:
        asked = await _everything(house, fleet)
    connection = sqlite3.connect(fleet.data / "toybackend.sqlite3")
    scans = set()
    for statement, parameters in asked:
        for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters):
            if step.startswith("SCAN") and "CONSTANT ROW" not in step:
                scans.add(f"{step}: {' '.join(statement.split())}")
    connection.close()
    print(f"{len(asked)} statements shown to the planner, {len(scans)} scan a table", *sorted(scans), sep="\n  ")
    return not scans


async def _everything(house: House, fleet: Fleet) -> set[tuple[str, tuple[Any, ...]]]:
    """What the database is asked while every method of ours runs once."""
    asked: set[tuple[str, tuple[Any, ...]]] = set()

    def note(connection: object, cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "INSERT", "UPDATE", "DELETE")):
            asked.add((statement, tuple(parameters[0] if isinstance(parameters, list) else parameters)))

    engine = cast(SqlDatabase, house.database)._engine
    for lane in (engine._reader, engine._writer):
        event.listen(lane._engine, "before_cursor_execute", note)
    licence = fleet.bound[0]
    device = fingerprint(digest(licence))
    await house.devices.power_on(licence)
    nonce = house.devices.challenge(device).nonce
    await house.devices.power_on_by_proof(device, nonce, prove(digest(licence), nonce))
    [(spare, fresh)] = [one async for batch in house.devices.issue(1) for one in batch]
    await house.devices.power_on(fresh)
    await house.devices.devices(device[:4], device, 10)
    await house.database.device(device)
    await house.devices.revoke(spare)
    return asked


# ── all of it ──


async def measure(folder: Path, licences: int, toys: int, power_ons: int) -> bool:
    started = time.perf_counter()
    few = await settle(folder / "few", SMALL, SMALL, power_ons)
    many = await settle(folder / "many", licences, toys, power_ons)
    print(f"\nfilled the databases in {time.perf_counter() - started:.0f} s")
    busy, cores = os.getloadavg()[0], os.cpu_count()
    print(f"the machine has {cores} cores and a load of {busy:.1f} before this")
    print(f"{'':34}{f'{SMALL} toys':>10} {f'{toys:,} toys':>13} of {licences:,} licences")
    is_quick = await compare(few, many, power_ons)
    return await no_scans(many) and is_quick


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--issue", type=int, default=100_000, help="licences to make (default 100000)")
    parser.add_argument("--licences", type=int, default=1_000_000, help="licences to have (default 1000000)")
    parser.add_argument("--toys", type=int, default=100_000, help="of which are toys (default 100000)")
    parser.add_argument("--power-ons", type=int, default=300, help="of each kind, at each server (default 300)")
    given = parser.parse_args()
    os.chdir(REPOSITORY)
    folder = Path(tempfile.mkdtemp(prefix="toybackend-licences-"))
    try:
        good = [
            issue(folder / "list", given.issue),
            issue(folder / "sheets", given.issue, f"--qr={folder}/qr"),
            asyncio.run(measure(folder, given.licences, given.toys, given.power_ons)),
        ]
    finally:
        shutil.rmtree(folder)
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
