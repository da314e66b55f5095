"""What a disk may hold after a power cut: a model, and how strict it is.

A change of a file's bytes, or of a folder's names, is in memory first. It is sure to be on the disk once a sync of that
file, or of that folder, has ended that began after the change had. Until then it may be there, or not, or in part:

- each change for itself: a later one may be there and an earlier one not, also within one file or one folder;
- a write in any selection of its sectors of 512 bytes; what else is in a sector stays, and SQLite relies on that;
- a rename as two changes in two folders: afterwards the file may have both names, or none;
- a name before the bytes it leads to: a file may be found empty, short, or with holes of zeros.

**A file's own sync makes its name durable no more than its bytes' name in another folder: only a sync of the folder
does.** Real journaling file systems promise more (on ext4 and XFS names reach the disk in the order they were given,
and a file's sync takes its name along); every state that they can leave is among these. What this model takes for
granted is what SQLite does too: synced bytes stay, and a sync that was reported is a sync.

One `Disk` follows one such fate from the first change to the last. Its state after any number of operations is what a
power cut would leave there.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from trials.powercut.operations import ROOT, Change, Enter, Leave, Resize, Sync, Write

SECTOR = 512
Fate = Callable[[Change], Sequence[Change]]
"""What of a change reaches the disk before its sync: the change itself, nothing, or parts of it."""


def at_once(change: Change) -> Sequence[Change]:
    return (change,)


def with_its_sync(change: Change) -> Sequence[Change]:
    return ()


class Dice:
    """A fate that nobody can foresee, and everybody can repeat."""

    TORN = 0.2

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)
        self._share = self._random.choice((0.1, 0.5, 0.9))
        """How much gets to the disk before its sync."""

    def __call__(self, change: Change) -> Sequence[Change]:
        if isinstance(change, Write) and self._random.random() < self.TORN:
            return [one for one in _sectors(change) if self._random.random() < self._share]
        return (change,) if self._random.random() < self._share else ()


def _sectors(write: Write) -> Iterator[Write]:
    start, end = write.at, write.at + len(write.data)
    while start < end:
        stop = min(end, (start // SECTOR + 1) * SECTOR)
        data = write.data[start - write.at : stop - write.at]
        yield Write(write.file, start, data, begun=write.begun, ended=write.ended)
        start = stop


def fates(dice: int, seed: str) -> dict[str, tuple[Fate, Fate]]:
    """The four corners, and so many throws of the dice: by name, what becomes of bytes and what of names."""
    corners: dict[str, tuple[Fate, Fate]] = {
        "everything": (at_once, at_once),
        "only what was synced": (with_its_sync, with_its_sync),
        "names without bytes": (with_its_sync, at_once),
        "bytes without names": (at_once, with_its_sync),
    }
    thrown = {f"dice {number}": Dice(f"{seed} {number}") for number in range(dice)}
    return corners | {name: (one, one) for name, one in thrown.items()}


Pending = list[tuple[Change, Sequence[Change]]]
"""Changes since the last sync, each with what of it is on the disk already."""


class _File:
    """One file's bytes."""

    def __init__(self) -> None:
        self.pending: Pending = []
        self.found = bytearray()
        """What would be read after a power cut now."""
        self._synced = bytearray()
        self._fingerprint: int | None = None

    def settle(self, changes: Sequence[Change]) -> None:
        """These are on the disk for good; of those that are pending still, what had arrived."""
        for change in changes:
            _write(self._synced, change)
        self._fingerprint, self.found = None, bytearray(self._synced)
        for _, parts in self.pending:
            self.arrive(parts)

    def arrive(self, parts: Sequence[Change]) -> None:
        self._fingerprint = None
        for part in parts:
            _write(self.found, part)

    @property
    def fingerprint(self) -> int:
        """64 bits, good for this process: the quickest way to see that two are the same."""
        if self._fingerprint is None:
            self._fingerprint = hash(bytes(self.found))
        return self._fingerprint


def _write(data: bytearray, change: Change) -> None:
    if isinstance(change, Write):
        data.extend(bytes(max(0, change.at - len(data))))
        data[change.at : change.at + len(change.data)] = change.data
    elif isinstance(change, Resize):
        data.extend(bytes(max(0, change.size - len(data))))
        del data[change.size :]


class _Folder:
    """One folder's names."""

    def __init__(self) -> None:
        self.pending: Pending = []
        self.found: dict[str, int] = {}
        self._synced: dict[str, int] = {}

    def settle(self, changes: Sequence[Change]) -> None:
        for change in changes:
            _name(self._synced, change)
        self.found = dict(self._synced)
        for _, parts in self.pending:
            self.arrive(parts)

    def arrive(self, parts: Sequence[Change]) -> None:
        for part in parts:
            _name(self.found, part)


def _name(names: dict[str, int], change: Change) -> None:
    if isinstance(change, Enter):
        names[change.name] = change.inode
    elif isinstance(change, Leave):
        names.pop(change.name, None)


@dataclass(frozen=True, slots=True)
class State:
    """What is found after a power cut."""

    folders: frozenset[str]
    files: Mapping[str, tuple[int, bytearray]]
    """By path: a fingerprint and the bytes. They are those of the disk itself, which go on changing: to be used at
    once."""


class Disk:
    """One fate. Operations are told in their order: `change` when one begins, `sync` when one ends."""

    def __init__(self, of_bytes: Fate, of_names: Fate) -> None:
        self._of_bytes = of_bytes
        self._of_names = of_names
        self._files: dict[int, _File] = {}
        self._folders: dict[int, _Folder] = {ROOT: _Folder()}
        self._tree: tuple[frozenset[str], dict[str, _File]] | None = None

    def change(self, change: Change) -> bool:
        """Whether anything of it is on the disk already."""
        if isinstance(change, Enter) and change.is_folder:
            self._folders.setdefault(change.inode, _Folder())
        if isinstance(change, Write | Resize):
            inode, arrived = self._inode(change.file), self._of_bytes(change)
        else:
            inode, arrived = self._inode(change.folder), self._of_names(change)
            self._tree = None
        inode.pending.append((change, arrived))
        inode.arrive(arrived)
        return bool(arrived)

    def sync(self, sync: Sync) -> bool:
        """What had ended before it began is on the disk for good. Whether there was anything."""
        inode = self._inode(sync.inode)
        covered = [change for change, _ in inode.pending if change.ended < sync.begun]
        if not covered:
            return False
        inode.pending = [one for one in inode.pending if one[0].ended >= sync.begun]
        inode.settle(covered)
        if isinstance(inode, _Folder):
            self._tree = None
        return True

    def _inode(self, number: int) -> _File | _Folder:
        return self._folders.get(number) or self._files.setdefault(number, _File())

    # ── what is found ──

    def state(self) -> State:
        if self._tree is None:
            below: list[str] = []
            held: dict[str, _File] = {}
            self._walk(ROOT, "", below, held)
            self._tree = frozenset(below), held
        folders, files = self._tree
        return State(folders, {path: (file.fingerprint, file.found) for path, file in files.items()})

    def _walk(self, number: int, prefix: str, folders: list[str], files: dict[str, _File]) -> None:
        for name, inode in self._folders[number].found.items():
            if inode in self._folders:
                folders.append(prefix + name)
                self._walk(inode, f"{prefix}{name}/", folders, files)
            else:
                files[prefix + name] = self._files.setdefault(inode, _File())
