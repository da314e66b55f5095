"""Everything that reads strangers' bytes, fed with a million inputs that are nearly right.

Each parser runs in a process of its own (`worker.py`), as many at once as there are cores. An input is understood or
refused with an error of ours, within a time and a memory that grow with its size; what is understood must be what an
oracle that shares no code says it is, and must be written and read again as the same. Goal: no finding. Inputs that
led to findings are kept in a folder.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from trials.fuzz.judging import REPOSITORY, Target
from trials.fuzz.targets import TARGETS, target_of
from trials.fuzz.worker import CAN_GUIDE, RESULT

LOG = "worker.log"
HUNDREDTHS = 100


@dataclass(frozen=True, slots=True)
class Job:
    """One target's share of the run."""

    target: Target
    executions: int
    seed: int
    is_blind: bool


@dataclass(frozen=True, slots=True)
class Result:
    """What came out of it."""

    name: str
    executions: int
    understood: int
    seconds: float
    slowest: float
    """Seconds of CPU of one input."""
    findings: Sequence[tuple[str, bytes]]
    """What is wrong, and a small input that shows it."""

    def __str__(self) -> str:
        rate, part = self.executions / self.seconds, 100 * self.understood / max(1, self.executions)
        slowest = f"{self.slowest * 1000:8.1f} ms"
        return f"{self.name:14}{self.executions:11,}{rate:10,.0f}/s{part:10.1f} %{slowest}{len(self.findings):10}"


HEADING = f"{'parser':14}{'executions':>11}{'rate':>12}{'understood':>12}{'slowest':>11}{'findings':>10}"


def run(job: Job, folder: Path) -> Result:
    """Run one target in a process of its own."""
    place = folder / job.target.name
    place.mkdir()
    started = time.monotonic()
    blind = ["--blind"] if job.is_blind else []
    command = [sys.executable, "-m", "trials.fuzz.worker", job.target.name, str(job.executions), str(job.seed)]
    with (place / LOG).open("wb") as log:
        subprocess.run(
            [*command, str(place), *blind],
            cwd=REPOSITORY,
            env=os.environ | {"PYTHONHASHSEED": "0"},
            stdout=log,
            stderr=log,
            check=False,
        )
    return result_of(job.target.name, place, time.monotonic() - started)


def result_of(name: str, place: Path, seconds: float) -> Result:
    """What the process left in its folder."""
    if not (place / RESULT).exists():  # it was stopped in the middle of an input, or never began
        last = max((file.read_bytes() for file in place.glob("stopped-*")), key=len, default=b"")
        said = (place / LOG).read_text(errors="replace")[-1000:]
        return Result(name, 0, 0, seconds, 0.0, [(f"the process ended before its time: {said}", last)])
    told = json.loads((place / RESULT).read_text())
    findings = [(one["what"], bytes.fromhex(one["data"])) for one in told["findings"]]
    return Result(name, told["executions"], told["understood"], seconds, told["slowest"], findings)


def run_all(jobs: Sequence[Job], at_once: int) -> list[Result]:
    """All of them; the largest first, so that none is left alone at the end."""
    ordered = sorted(jobs, key=lambda job: -job.executions)
    with tempfile.TemporaryDirectory(prefix="toybackend-fuzz-") as folder, ThreadPoolExecutor(at_once) as pool:
        results = list(pool.map(partial(_told, folder=Path(folder)), ordered))
    return sorted(results, key=lambda result: result.name)


def _told(job: Job, folder: Path) -> Result:
    result = run(job, folder)
    print(f"{result.name}: {result.executions} executions", file=sys.stderr, flush=True)
    return result


def keep(results: Sequence[Result], folder: Path) -> None:
    """Write down the inputs of findings."""
    folder.mkdir(parents=True, exist_ok=True)
    for result in results:
        for number, (_, data) in enumerate(result.findings):
            (folder / f"{result.name}-{number}").write_bytes(data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executions", type=int, default=1_000_000, help="of all parsers together (default 1000000)")
    parser.add_argument("--seed", type=int, default=1, help="of the dice (default 1)")
    parser.add_argument("--only", nargs="*", help="names of parsers; each then gets all executions")
    parser.add_argument("--blind", action="store_true", help="without a look at coverage")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1, help="processes (default: one per core)")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "toybackend-findings")
    given = parser.parse_args()
    targets = [target_of(name) for name in given.only] if given.only else TARGETS
    shares = {target.name: HUNDREDTHS if given.only else target.share for target in targets}
    jobs = [
        Job(target, -(-given.executions * shares[target.name] // HUNDREDTHS), given.seed, given.blind)
        for target in targets
    ]
    started = time.monotonic()
    results = run_all(jobs, given.at_once)
    print(HEADING, *results, sep="\n")
    found = [(result.name, what) for result in results for what, _ in result.findings]
    total, seconds = sum(result.executions for result in results), time.monotonic() - started
    guide = "steered by coverage" if CAN_GUIDE and not given.blind else "blind"
    print(f"{'all':14}{total:11,}{total / seconds:10,.0f}/s   in {seconds:.0f} s, {guide}")
    print(f"findings {len(found)}   must be 0", *(f"  {name}: {what}" for name, what in found), sep="\n")
    if found:
        keep(results, given.keep)
        print(f"inputs in {given.keep}")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
