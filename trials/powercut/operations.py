"""From calls of the system to what they did to one folder: every change of a file's bytes or of a folder's names, every
sync, and what was said on sockets meanwhile.

Files and folders are told apart by numbers of ours, because a path may lead to one file now and to another later. The
tree of names that this needs is the one that the processes saw, whatever of it was on the disk.

A call that could not be placed exactly raises `Unclear`: a record with a gap proves nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trials.powercut.strace import NEVER, Call

ROOT = 0
"""The number of the folder that everything is in. It was on the disk before anything began."""
BEFORE = -1
"""The line of what was there before the record begins."""


class Unclear(Exception):
    """The record has something in it that cannot be replayed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From the line of the record where a call began to the one where it ended."""

    begun: int
    ended: int


@dataclass(frozen=True, slots=True)
class Write(Span):
    file: int
    at: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Resize(Span):
    """Bytes beyond the size go; where there were none, there are zeros."""

    file: int
    size: int


@dataclass(frozen=True, slots=True)
class Enter(Span):
    """A folder has this name for this file or folder, whatever it had it for before."""

    folder: int
    name: str
    inode: int
    is_folder: bool = False


@dataclass(frozen=True, slots=True)
class Leave(Span):
    """A folder has this name no more."""

    folder: int
    name: str


@dataclass(frozen=True, slots=True)
class Sync(Span):
    """Once it ended: a file's bytes and size, or a folder's names, as they were when it began, are on the disk."""

    inode: int


@dataclass(frozen=True, slots=True)
class Said(Span):
    """Bytes that went out on a socket or a pipe. From where it began somebody may rely on them."""

    peer: str
    """Which socket it is."""
    data: bytes


@dataclass(frozen=True, slots=True)
class Heard(Span):
    """Bytes that came in. Until where it ended nobody here can have known them."""

    peer: str
    data: bytes


Change = Write | Resize | Enter | Leave
Operation = Change | Sync | Said | Heard

_HEX = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_DESCRIPTOR = re.compile(r"(?:AT_FDCWD|\d+)(?:<((?:\\x[0-9a-f]{2})*)([\w-]+:\[.*\])?[^>]*>)?(\(deleted\))?")


def _bytes(digits: str) -> bytes:
    return bytes.fromhex(digits.replace("\\x", ""))


def _texts(arguments: str) -> bytes:
    """What all the texts among these arguments are together."""
    found = _HEX.findall(arguments)
    if any(cut for _, cut in found):
        raise Unclear("a text is longer than the tracer records")
    return b"".join(_bytes(digits) for digits, _ in found)


@dataclass(frozen=True, slots=True)
class _Descriptor:
    path: str
    """Of a file or a folder; empty for anything else."""
    peer: str
    """Of a socket or a pipe."""
    is_deleted: bool


def _descriptor(argument: str) -> _Descriptor:
    found = _DESCRIPTOR.match(argument)
    if found is None:
        raise Unclear(f"no descriptor: {argument[:80]}")
    digits, socket, deleted = found.groups()
    name = os.fsdecode(_bytes(digits or ""))
    is_file = name.startswith("/")  # a pipe has a name as well
    return _Descriptor(name if is_file else "", socket or ("" if is_file else name), deleted is not None)


@dataclass(slots=True)
class _Folder:
    names: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _File:
    size: int = 0
    position: int | None = None
    """Where the next plain write goes, through whichever descriptor; None where that is not known."""
    appends: bool = False


class Reader:
    """Follows the calls in their order. What lies outside its folder is passed over."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._inodes: dict[int, _Folder | _File] = {ROOT: _Folder()}
        self._methods: dict[str, Callable[[Call, list[str]], Iterator[Operation]]] = {
            **dict.fromkeys(("open", "openat", "openat2", "creat"), self._open),
            **dict.fromkeys(("mkdir", "mkdirat"), self._make_folder),
            **dict.fromkeys(("write", "writev", "sendto", "sendmsg", "sendmmsg"), self._write),
            **dict.fromkeys(("recvfrom", "recvmsg"), self._receive),
            "pwrite64": self._write_at,
            "lseek": self._seek,
            **dict.fromkeys(("ftruncate", "fallocate"), self._resize),
            **dict.fromkeys(("rename", "renameat", "renameat2"), self._rename),
            **dict.fromkeys(("link", "linkat"), self._link),
            **dict.fromkeys(("symlink", "symlinkat"), self._symbolic_link),
            **dict.fromkeys(("unlink", "unlinkat", "rmdir"), self._remove),
            **dict.fromkeys(("fsync", "fdatasync"), self._sync),
            "mmap": self._map,
            "sendfile": self._send_file,
        }

    def begin(self, folders: Iterable[str], files: Mapping[str, bytes]) -> Iterator[Change | Sync]:
        """What was there before, as if it had just been made, and synced."""
        made = Call("made", "", "0", BEFORE - 1, BEFORE - 1)
        for folder in sorted(folders):
            yield self._new(made, folder.split("/"), _Folder())
        for path, data in files.items():
            number = len(self._inodes)
            yield self._new(made, path.split("/"), _File(len(data)))
            yield Write(number, 0, data, begun=made.begun, ended=made.ended)
        for number in self._inodes:
            yield Sync(number, begun=BEFORE, ended=BEFORE)

    def read(self, calls: Iterable[Call]) -> Iterator[Operation]:
        """In the order in which they began. Raises Unclear."""
        for call in calls:
            if call.has_failed:
                continue
            method = self._methods.get(call.name, self._unknown)
            yield from method(call, call.arguments.split(", "))

    # ── names ──

    def _inside(self, path: str) -> list[str] | None:
        """The names that lead to this path from our folder; None for a path that lies elsewhere."""
        path = os.path.normpath(path)
        if path != self._root and not path.startswith(self._root + "/"):
            return None
        return [name for name in path[len(self._root) :].split("/") if name]

    def _find(self, names: list[str]) -> int | None:
        at = ROOT
        for name in names:
            folder = self._inodes[at]
            found = folder.names.get(name) if isinstance(folder, _Folder) else None
            if found is None:
                return None
            at = found
        return at

    def _folder(self, names: list[str]) -> tuple[int, _Folder]:
        """The folder that the last of these names is in."""
        number = self._find(names[:-1])
        folder = None if number is None else self._inodes[number]
        if number is None or not isinstance(folder, _Folder):
            raise Unclear(f"there is no folder for {'/'.join(names)}")
        return number, folder

    def _file(self, names: list[str]) -> tuple[int, _File]:
        number = self._find(names)
        file = None if number is None else self._inodes[number]
        if number is None or not isinstance(file, _File):
            raise Unclear(f"there is no file {'/'.join(names)}")
        return number, file

    def _paths(self, call: Call, arguments: list[str]) -> list[list[str] | None]:
        """Every path among the arguments, each taken from the folder that stands before it where there is one."""
        found, base = [], ""
        for argument in arguments:
            if argument.startswith('"'):
                path = os.fsdecode(_texts(argument))
                if not base and not os.path.isabs(path):
                    raise Unclear(f"{call.name} of a path from an unknown folder")
                found.append(self._inside(os.path.join(base, path)))
                base = ""
            elif "<" in argument:
                base = _descriptor(argument).path
        return found

    def _new(self, call: Call, names: list[str], inode: _Folder | _File) -> Enter:
        self._inodes[len(self._inodes)] = inode
        return self._enter(call, names, len(self._inodes) - 1)

    def _enter(self, call: Call, names: list[str], inode: int) -> Enter:
        number, folder = self._folder(names)
        folder.names[names[-1]] = inode
        is_folder = isinstance(self._inodes[inode], _Folder)
        return Enter(number, names[-1], inode, is_folder, begun=call.begun, ended=call.ended)

    def _leave(self, call: Call, names: list[str]) -> Leave:
        number, folder = self._folder(names)
        del folder.names[names[-1]]
        return Leave(number, names[-1], begun=call.begun, ended=call.ended)

    def _open(self, call: Call, arguments: list[str]) -> Iterator[Operation]:
        (names,) = self._paths(call, arguments)
        flags = "O_WRONLY|O_CREAT|O_TRUNC" if call.name == "creat" else call.arguments
        if names is None or not ("O_WRONLY" in flags or "O_RDWR" in flags):
            return
        if "O_TMPFILE" in flags:
            raise Unclear("a file without a name")
        if self._find(names) is None:
            if "O_CREAT" not in flags:
                raise Unclear(f"opened what is not there: {'/'.join(names)}")
            yield self._new(call, names, _File())
        number, file = self._file(names)
        file.appends = "O_APPEND" in flags
        file.position = 0 if "O_WRONLY" in flags else None  # reading would move it, and reads are not recorded
        if "O_TRUNC" in flags and file.size:
            yield self._sized(call, number, file, 0)

    def _make_folder(self, call: Call, arguments: list[str]) -> Iterator[Operation]:
        (names,) = self._paths(call, arguments)
        if names is not None:
            yield self._new(call, names, _Folder())

    def _rename(self, call: Call, arguments: list[str]) -> Iterator[Operation]:
        old, new = self._paths(call, arguments)
        if old is None and new is None:
            return
        if old is None or new is None or "RENAME_" in call.arguments:
            raise Unclear("renamed across the border, or in an unusual way")
        moved = self._find(old)
        if moved is None:
            raise Unclear(f"renamed what is not there: {'/'.join(old)}")
        yield self._leave(call, old)
        yield self._enter(call, new, moved)

    def _link(self, call: Call, arguments: list[str]) -> Iterator[Operation]:
        old, new = self._paths(call, arguments)
        linked = None if old is None else self._find(old)
        if new is not None and linked is None:
            raise Unclear("linked from elsewhere")
        if new is not None and linked is not None:
            yield self._enter(call, new, linked)

    def _symbolic_link(self, call: Call, arguments: list[str]) -> Iterator[Operation]:
        """An empty file to us: where it leads is not on the disk's account."""
        names = self._paths(call, arguments)[-1]
        if names is not None:
            yield self._new(call, names, _File())

    def _remove(self, call: Call, arguments: list[str]) -> Iterator[Operation]:
        (names,) = self._paths(call, arguments)
        if names is not None:
            yield self._leave(call, names)

    # ── bytes ──

    def _sized(self, call: Call, number: int, file: _File, size: int) -> Resize:
        file.size = size
        return Resize(number, size, begun=call.begun, ended=call.ended)

    def _written(self, call: Call, number: int, file: _File, at: int) -> Iterator[Operation]:
        data = _texts(call.arguments)
        if call.ended != NEVER:
            data = data[: int(call.result)]
        file.size = max(file.size, at + len(data))
        yield Write(number, at, data, begun=call.begun, ended=call.ended)

    def _write(self, call: Call, arguments: list[str]) -> Iterator[Operation]:
        """Where the descriptor stands, or onto a socket."""
        descriptor = _descriptor(arguments[0])
        if descriptor.peer:
            yield Said(descriptor.peer, _texts(call.arguments), begun=call.begun, ended=call.ended)
            return
        names = None if descriptor.is_deleted else self._inside(descriptor.path)
        if names is None or self._find(names) is None:  # the log: whoever started the process had opened it
            return
        number, file = self._file(names)
        at = file.size if file.appends else file.position
        if at is None:
            raise Unclear(f"nobody knows where in {descriptor.path} this was written")
        yield from self._written(call, number, file, at)
        file.position = at + (int(call.result) if call.ended != NEVER else 0)

    def _write_at(self, call: Call, arguments: list[str]) -> Iterator[Operation]:
        descriptor = _descriptor(arguments[0])
        names = None if descriptor.is_deleted else self._inside(descriptor.path)
        if names is not None:
            yield from self._written(call, *self._file(names), int(arguments[-1]))

    def _seek(self, call: Call, arguments: list[str]) -> Iterator[Operation]:
        descriptor = _descriptor(arguments[0])
        names = None if descriptor.is_deleted else self._inside(descriptor.path)
        number = None if names is None else self._find(names)
        inode = None if number is None else self._inodes[number]
        if isinstance(inode, _File) and inode.position is not None:
            inode.position = int(call.result)
        yield from ()

    def _resize(self, call: Call, arguments: list[str]) -> Iterator[Operation]:
        descriptor = _descriptor(arguments[0])
        names = None if descriptor.is_deleted else self._inside(descriptor.path)
        if names is None:
            return
        number, file = self._file(names)
        if call.name == "ftruncate":
            yield self._sized(call, number, file, int(arguments[1]))
        elif arguments[1] == "0":
            yield self._sized(call, number, file, max(file.size, int(arguments[2]) + int(arguments[3])))
        else:
            raise Unclear(f"fallocate in the way {arguments[1]}")

    def _sync(self, call: Call, arguments: list[str]) -> Iterator[Operation]:
        descriptor = _descriptor(arguments[0])
        names = None if descriptor.is_deleted else self._inside(descriptor.path)
        synced = None if names is None else self._find(names)
        if synced is not None:
            yield Sync(synced, begun=call.begun, ended=call.ended)

    def _map(self, call: Call, arguments: list[str]) -> Iterator[Operation]:
        """Writes through a mapping are seen by nobody. SQLite maps its index, which it builds anew after a crash."""
        if "MAP_SHARED" in call.arguments and "PROT_WRITE" in call.arguments and "<" in arguments[4]:
            path = _descriptor(arguments[4]).path
            if self._inside(path) is not None and not path.endswith("-shm"):
                raise Unclear(f"{path} is written through a mapping")
        yield from ()

    def _send_file(self, call: Call, arguments: list[str]) -> Iterator[Operation]:
        """From a file to a socket it changes nothing."""
        return self._unknown(call, arguments[:1])

    def _receive(self, call: Call, arguments: list[str]) -> Iterator[Operation]:
        descriptor = _descriptor(arguments[0])
        if descriptor.peer and call.ended != NEVER:
            yield Heard(descriptor.peer, _texts(call.arguments), begun=call.begun, ended=call.ended)

    def _unknown(self, call: Call, arguments: list[str]) -> Iterator[Operation]:
        """Whatever else there is may do what it likes, but not here."""
        targets = [_descriptor(one).path for one in arguments if _DESCRIPTOR.fullmatch(one) and "<" in one]
        paths = self._paths(call, arguments)
        if any(self._inside(one) is not None for one in targets) or any(one is not None for one in paths):
            raise Unclear(f"{call.name} is not understood")
        yield from ()
