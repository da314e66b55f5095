"""Record servers under traffic, and cut their power at every moment of that, on disks of several kinds.

Goal: no promise is broken, in any state that a disk may be found in (`trials/powercut/disk.py` says which those are).
Servers that are told to forget how to sync are recorded too: each of those has to be found out.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor

from trials.powercut.plan import Outcome, Plan
from trials.powercut.processes import BREAKS
from trials.powercut.run import run_alone

BROKEN_DEEDS = 2
MOVING_IN_EVERY = 5
"""One run of so many has the power cut while families move in too, which is much the same in all of them."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=50, help="default 50")
    parser.add_argument("--seed", type=int, default=1, help="of the first run; the next has the next (default 1)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs at the same time; one per core")
    given = parser.parse_args()
    started = time.monotonic()
    seeds = range(given.seed, given.seed + given.runs)
    honest = [Plan(seed, skips_moving_in=number % MOVING_IN_EVERY > 0) for number, seed in enumerate(seeds)]
    broken = [Plan(given.seed, deeds=BROKEN_DEEDS, eras=1, broken=how) for how in BREAKS]
    total, found_out = Outcome(), {}
    for plan, outcome in _run_all([*honest, *broken], given.jobs):
        if plan.broken:
            found_out[plan.broken] = outcome.violations.total()
        else:
            total.add(outcome)
            print(f"seed {plan.seed}: {outcome.points} power cuts, {len(outcome.told)} broken", file=sys.stderr)
    print(_table(total, found_out, time.monotonic() - started))
    sys.exit(0 if total.accepted and not total.violations and all(found_out.values()) else 1)


def _run_all(plans: Iterable[Plan], jobs: int) -> Iterable[tuple[Plan, Outcome]]:
    """As they are done, in the order of the plans. Each process is new: nothing is left of the run before."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, max_tasks_per_child=1) as pool:
        plans = list(plans)
        yield from zip(plans, pool.map(run_alone, plans), strict=True)


def _table(total: Outcome, found_out: dict[str, int], seconds: float) -> str:
    rows: list[tuple[str, float, str]] = [
        ("runs", total.runs, ""),
        ("operations recorded", total.operations, ""),
        ("messages accepted", total.accepted, ""),
        ("moments the power was cut", total.points, ""),
        ("different states found", total.states, ""),
        ("databases recovered", total.recoveries, ""),
        ("houses opened", total.restarts, ""),
        ("promises checked", total.checks, ""),
        ("seconds", seconds, ""),
        ("promises broken", total.violations.total(), "must be 0"),
        *((f"  {kind}", count, "") for kind, count in total.violations.most_common()),
        *((f"found without syncing {what}", count, "must not be 0") for what, count in found_out.items()),
    ]
    table = "\n".join(f"{name:34}{value:12,.0f}  {goal}".rstrip() for name, value, goal in rows)
    return "\n".join([*total.told, table])


if __name__ == "__main__":
    main()
