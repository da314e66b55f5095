"""Going through a recorded era again, and cutting the power at every moment of it."""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from pathlib import Path

from trials.powercut.disk import Disk, State, fates
from trials.powercut.operations import BEFORE, Change, Heard, Operation, Said, Sync, Unclear
from trials.powercut.plan import MOST_VIOLATIONS, Outcome, Plan
from trials.powercut.promises import Found, Promises, Violation
from trials.powercut.recording import Cut, Recording
from trials.powercut.restart import Restarts, digest
from trials.powercut.stage import INDEX
from trials.powercut.strace import NEVER
from trials.powercut.traffic import Street


class Replay:
    """Disks and promises as they are at one moment of an era, and what was counted until then."""

    def __init__(
        self, plan: Plan, era: int, recording: Recording, street: Street, start: Cut | None, place: Path
    ) -> None:
        """Houses are opened in `place`."""
        self._plan = plan
        self._era = era
        self._recording = recording
        self._street = street
        self._disks = {name: Disk(*fate) for name, fate in fates(plan.dice, f"{plan.seed} {era}").items()}
        self._restarts = Restarts(place, street.sent, plan.keeping)
        self._promises = copy.deepcopy(start.promises) if start else Promises()
        self._promises.expect(street.sent)
        self._accepted_before = len(self._promises.accepted)
        self._found: dict[str, Found] = {}
        """What each disk was when it was opened last."""
        self._judged: set[Found] = set()
        """Those that were held to the promises as they are now."""
        self._violations: set[Violation] = set()
        self._dice = random.Random(f"{plan.seed} {era}")
        self._cuts = 0
        """How many there were once the families had moved in."""
        self._chosen: Cut | None = None
        self._outcome = Outcome(operations=len(recording.operations))

    async def run(self) -> Cut:
        """Cut the power at every moment of the record, on every disk. Gives one of these cuts, each as likely as the
        others. Raises Unclear."""
        for operation in self._recording.before:
            for disk in self._disks.values():
                _tell(disk, operation)
        await self._cut(list(self._disks), BEFORE)
        for moment in moments(self._recording.operations):
            await self._go_on(moment)
        self._check_record()
        assert self._chosen is not None, "a street without families"
        return self._chosen

    async def _go_on(self, operation: Operation) -> None:
        """One operation more, and the power is cut on every disk that looks different then."""
        if isinstance(operation, Said | Heard):
            was = self._promises.is_settled, self._promises.is_erased
            if not self._promises.note(operation):
                return
            self._judged.clear()
            changed = [] if was == (self._promises.is_settled, self._promises.is_erased) else list(self._disks)
        else:
            changed = [name for name, disk in self._disks.items() if _tell(disk, operation)]
        await self._cut(changed, operation.begun)
        if self._promises.is_settled:
            self._choose()

    async def _cut(self, changed: Sequence[str], line: int) -> None:
        """The power, on each disk; those that changed have to be opened anew."""
        if self._plan.skips_moving_in and not self._promises.is_settled:
            return
        self._outcome.points += 1
        for name in changed:
            self._found[name] = await self._restarts.open(self._disks[name].state(), is_erased=self._promises.is_erased)
        for name, found in self._found.items():
            if found not in self._judged:
                self._judged.add(found)
                self._judge(name, found, line)

    def _judge(self, name: str, found: Found, line: int) -> None:
        self._outcome.checks += len(self._promises)
        for violation in set(self._promises.judge(found)) - self._violations:
            self._violations.add(violation)
            self._outcome.violations[violation.kind] += 1
            if len(self._violations) <= MOST_VIOLATIONS:
                self._outcome.told.append(
                    f"seed {self._plan.seed}, era {self._era}, line {line}, {name}: {violation.kind}: {violation.what}"
                )

    def _choose(self) -> None:
        """This cut, perhaps: the n-th takes the place of the one chosen before with a chance of 1 in n."""
        self._cuts += 1
        if self._dice.randrange(self._cuts) == 0:
            state = self._dice.choice(list(self._disks.values())).state()
            files = {path: (fingerprint, bytearray(data)) for path, (fingerprint, data) in state.files.items()}
            self._chosen = Cut(State(state.folders, files), copy.deepcopy(self._promises))

    def _check_record(self) -> None:
        """It leads to the files that really were there in the end, and has all that clients were told. Raises
        Unclear."""
        state = self._disks["everything"].state()
        ours = {path: digest(data) for path, (_, data) in state.files.items()}
        wrong = sorted({path for path, _ in ours.items() ^ self._recording.left.items()} - {INDEX})
        if wrong:
            raise Unclear(f"the record does not lead to the files that were there: {wrong[:5]}")
        if not self._promises.cover(self._street.accepted, self._street.erased):
            raise Unclear("clients were told what the record does not have")

    def outcome(self) -> Outcome:
        self._outcome.accepted = len(self._promises.accepted) - self._accepted_before
        self._outcome.states = self._restarts.states
        self._outcome.recoveries = self._restarts.recoveries
        self._outcome.restarts = self._restarts.restarts
        return self._outcome


def moments(operations: Sequence[Operation]) -> list[Operation]:
    """In the order in which they count: what changes the disk or is said from when it began, because it may have had
    its effect at once; a sync and what is heard from when it ended."""
    counting = []
    for operation in operations:
        counts_at_end = isinstance(operation, Sync | Heard)
        if not (counts_at_end and operation.ended == NEVER):
            counting.append((operation.ended if counts_at_end else operation.begun, counts_at_end, operation))
    return [operation for *_, operation in sorted(counting, key=lambda one: one[:2])]


def _tell(disk: Disk, operation: Change | Sync) -> bool:
    """Whether the disk may look different now."""
    return disk.sync(operation) if isinstance(operation, Sync) else disk.change(operation)
