"""What the server says over HTTP about a conversation, held against the book."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from trials.soak.book import GRACE, Book
from trials.soak.findings import Wrong
from trials.soak.sayings import Copy, Saying

Entry = dict[str, Any]
RANKS = ("accepted", "waiting", "delivered", "heard")


@dataclass(frozen=True, slots=True)
class Reading:
    """One page of a history, newest first."""

    reader: str
    conversation: str
    """As in `Saying.conversation`."""
    entries: Sequence[Entry]
    is_whole: bool
    """There is nothing older."""
    asked_at: float
    """Before the request went out."""


class Histories:
    """Finds fault with readings."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def check(self, reading: Reading) -> None:
        found: list[Saying] = []
        for entry in reading.entries:
            saying = self._saying(reading, entry)
            if saying is not None:
                found.append(saying)
                self._check_entry(reading, saying, entry)
        for newer, older in pairwise(found):
            if newer.was_before(older):
                self._note(reading, f"{newer} is shown as newer than {older}")
        for saying in self._book.sayings.values() if reading.is_whole else self._newer_than(found):
            if saying.conversation == reading.conversation and _must_show(saying, reading) and saying not in found:
                self._note(reading, f"{saying} is missing")

    def _newer_than(self, found: Sequence[Saying]) -> list[Saying]:
        """What surely came after the oldest of these."""
        return [one for one in self._book.sayings.values() if found and found[-1].was_before(one)]

    def _saying(self, reading: Reading, entry: Entry) -> Saying | None:
        saying = self._book.by_id.get(entry["id"])
        if saying is None:
            if not self._book.may_be_pending(entry["from_user"]):
                self._note(reading, f"nobody said {entry['id']}")
            return None
        is_theirs = reading.reader == saying.sender or reading.reader in saying.copies
        if saying.conversation != reading.conversation or not is_theirs:
            self._book.findings.note(Wrong.MISDELIVERED, f"{reading.reader} reads {saying}")
            return None
        return saying

    def _check_entry(self, reading: Reading, saying: Saying, entry: Entry) -> None:
        said = (saying.sender, saying.words.text)
        if said != (entry["from_user"], entry.get("msg")):
            self._note(reading, f"{saying} is shown as {entry}")
        if _is_before(saying.erased_at, reading.asked_at):
            self._book.findings.note(Wrong.AFTER_DELETION, f"{reading.reader} reads {saying}")
        if saying.sender == reading.reader:
            for receipt in entry.get("receipts", ()):
                self._check_state(reading, saying, saying.copies.get(receipt["to_user"]), receipt["state"])
            return
        copy = saying.copies[reading.reader]
        self._check_state(reading, saying, copy, entry["state"])
        if _is_before(copy.gone_at, reading.asked_at):
            self._book.findings.note(Wrong.AFTER_DELETION, f"{reading.reader} reads {saying}")
        rest = self._book.rest_of(reading.reader)
        rests = rest.is_resting and rest.since + GRACE < reading.asked_at
        if rests and copy.arrived_at is None and not saying.is_urgent:
            self._book.findings.note(Wrong.WHILE_RESTING, f"{reading.reader} reads {saying}")

    def _check_state(self, reading: Reading, saying: Saying, copy: Copy | None, state: str) -> None:
        """No receipt before it is true, and none forgotten."""
        if copy is None:
            self._note(reading, f"{saying} has a copy too many")
            return
        most = "heard" if copy.heard_at is not None else "delivered" if copy.acknowledged_at is not None else "waiting"
        least = "delivered" if _is_before(copy.told_at, reading.asked_at) else "accepted"
        if not RANKS.index(least) <= RANKS.index(state) <= RANKS.index(most):
            self._note(reading, f"{saying} is said to be {state}, it is {least} to {most}")

    def _note(self, reading: Reading, what: str) -> None:
        self._book.findings.note(Wrong.WRONG_HISTORY, f"{reading.reader}, {reading.conversation}: {what}")


def _must_show(saying: Saying, reading: Reading) -> bool:
    """Is it surely in this history?"""
    if saying.erased_at is not None or any(copy.is_void for copy in saying.copies.values()):
        return False
    if saying.sender == reading.reader:
        return _is_before(saying.accepted_at, reading.asked_at)
    copy = saying.copies.get(reading.reader)
    return copy is not None and _is_before(copy.arrived_at, reading.asked_at)


def _is_before(one: float | None, other: float) -> bool:
    return one is not None and one < other
