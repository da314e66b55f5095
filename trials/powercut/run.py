"""One run: eras of one house, each recorded, and its power cut at every moment of it; one of these cuts is where the
next era begins."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import tempfile
from pathlib import Path

from trials.powercut.plan import Outcome, Plan
from trials.powercut.recording import Cut, record
from trials.powercut.replay import Replay
from trials.powercut.traffic import Street

MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None


async def run(plan: Plan, folder: Path) -> Outcome:
    """Recorded in `folder`. Raises RuntimeError where that is not possible, and Unclear where the record has a gap."""
    total = Outcome()
    street, cut = Street(random.Random(plan.seed)), None
    for era in range(plan.eras):
        outcome, cut = await _era(plan, era, folder / f"era-{era}", street, cut)
        total.add(outcome)
        street = street.after(cut.promises)
    total.runs = 1
    return total


async def _era(plan: Plan, era: int, folder: Path, street: Street, start: Cut | None) -> tuple[Outcome, Cut]:
    recording = await record(plan, folder, street, start)
    with tempfile.TemporaryDirectory(prefix="toybackend-powercut-", dir=MEMORY) as place:
        replay = Replay(plan, era, recording, street, start, Path(place))
        cut = await replay.run()
    return replay.outcome(), cut


def run_alone(plan: Plan) -> Outcome:
    """The same, in a folder of its own, for a process that does nothing else."""
    logging.getLogger("toybackend").addHandler(logging.NullHandler())  # what houses say of themselves was not asked
    with tempfile.TemporaryDirectory(prefix="toybackend-powercut-") as folder:
        return asyncio.run(run(plan, Path(folder)))
