"""What must not be, counted, with the first cases of each."""

from __future__ import annotations

from collections import Counter, defaultdict
from enum import StrEnum

MOST_CASES = 5


class Wrong(StrEnum):
    """Every one must be 0."""

    LOST = "lost"
    """Accepted, and never at a recipient."""
    DOUBLED = "doubled"
    """Shown twice on a socket, again after it was delivered, or one `ref` under two ids."""
    MISORDERED = "misordered"
    """Shown before one that was accepted before this one was sent."""
    MISDELIVERED = "misdelivered"
    """To somebody whom it was not for, or past a block."""
    MIXED_UP = "mixed up"
    """Other words, sound, sender or addressee than were sent."""
    AFTER_DELETION = "shown after deletion"
    """Deleted, or of a toy that was handed on, and shown all the same."""
    WHILE_RESTING = "played while resting"
    UNEXPECTED = "unexpected frames"
    MISSING = "missing frames"
    """What a socket had to be told, and was not in time."""
    WRONG_RECEIPTS = "wrong receipts"
    WRONG_HISTORY = "wrong histories"
    REFUSED = "wrongly refused"
    CUT_OFF = "wrongly cut off"
    """Sockets that the server ended without a reason."""
    HTTP = "HTTP errors"
    DESCRIPTORS = "leaked descriptors"
    THREADS = "leaked threads"
    TASKS = "leaked tasks"
    CHILDREN = "leaked children"
    FILES = "orphan files"
    ROWS = "orphan rows"
    LOG = "ERROR lines in the log"
    RESTARTS = "bad restarts"
    """A start that failed, or a stop that did not end in time and well."""


class Findings:
    """What was found."""

    def __init__(self) -> None:
        self.counts: Counter[Wrong] = Counter()
        self.cases: dict[Wrong, list[str]] = defaultdict(list)

    def note(self, wrong: Wrong, case: str) -> None:
        self.counts[wrong] += 1
        if len(self.cases[wrong]) < MOST_CASES:
            self.cases[wrong].append(case)

    @property
    def is_empty(self) -> bool:
        return not self.counts

    def __str__(self) -> str:
        lines = []
        for wrong in Wrong:
            lines.append(f"{wrong:26}{self.counts[wrong]:8}  must be 0")
            lines += [f"    {case}" for case in self.cases[wrong]]
        return "\n".join(lines)
