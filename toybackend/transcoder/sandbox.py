"""Starts the converter where it has no network and no file but its own: Linux, with Landlock and seccomp.

A stranger's file may find a hole in ffmpeg. What gets through it sits in a process that

- opens the clip's folder, to read and write; the original, which the server linked into it, to read; the program itself
  and, if it needs any, the system's libraries, to read. No other file, not even in /proc.                  Landlock
- makes none but eighty harmless system calls: no socket, no signal, no ptrace, see `seccomp.py`.            seccomp
- gains nothing by starting a program: set-user-id bits and file capabilities do not count.             no_new_privs

All three belong to a thread, and a child has those of the thread that started it. So a fresh thread gives up its own
reach, starts the child and ends. No launcher, no `preexec_fn` (which makes each start a fork of the whole server), and
the other threads of the server keep what they have. Nothing else may run in such a thread: it is never one of a pool.

What is left to it: CPU, memory and room on the disk within the limits; to start copies of itself, as confined, that may
outlive its deadline, for a filter that lets the child be started lets it start others; to see whether a file of a known
name exists; and on kernels before 6.2, where emptying a file counts as reading it, to empty the recording it was given.

Kernels differ, so what holds is tried out, once, and said: by `doctor`, and in the log at start.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import BinaryIO, TypeVar

from toybackend.settings import Confinement
from toybackend.transcoder import kernel
from toybackend.transcoder.kernel import EXECUTE, MAKE_REG, READ_DIR, READ_FILE, TRUNCATE, WRITE_FILE, Rule

T = TypeVar("T")

LIBRARIES = "/lib /lib64 /usr/lib /usr/lib64 /usr/local/lib /usr/local/lib64 /nix/store /gnu/store"
"""Where a program that is not static finds its libraries, besides in `../lib` from its own folder."""
_LIBRARY_INDEX = "/etc/ld.so.cache"
_ELF_64 = b"\x7fELF\2\1"
_PT_INTERP = 3
_PASSING = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}
"""What a machine that is short of something answers."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """How much of it there is."""

    landlock: int = 0
    """Version (ABI) of Landlock; 0 where files cannot be denied."""
    seccomp: bool = False
    """Whether system calls, and with them the network, can be denied."""
    missing: tuple[str, ...] = ()
    """Why there is not all of it."""
    is_required: bool = False
    """Start nothing that it does not hold in full."""

    @property
    def is_whole(self) -> bool:
        return bool(self.landlock and self.seccomp)

    def __str__(self) -> str:
        denied = {"network": self.seccomp, "files outside its folder": bool(self.landlock)}
        no = ", ".join(f"no {what}" for what, is_denied in denied.items() if is_denied)
        yes = ", ".join(what for what, is_denied in denied.items() if not is_denied)
        by = [f"Landlock {self.landlock}"] * bool(self.landlock) + ["seccomp"] * self.seccomp
        means = "; ".join(filter(None, (", ".join(by), *self.missing)))
        return "; ".join(filter(None, (no, f"within its reach: {yes}" if yes else ""))) + f" ({means})"

    def around(self, program: str) -> Sandbox:
        """What of it can hold this program. Raises OSError where there is none."""
        if _needs(program) is not None:
            return self
        unknown = f"what {program} needs is not known: it is a script, or no 64-bit program"
        return Sandbox(missing=(unknown,), is_required=self.is_required)

    def start(self, start: Callable[[], T], program: str, folder: Path) -> T:
        """Calls `start`, which starts `program` to work in `folder`; returns what it returns. Blocking.

        Raises what it raises, and OSError where the sandbox that there is, or must be, cannot be had.
        """
        held = self.around(program)
        if held.is_required and not held.is_whole:
            raise PermissionError(errno.EPERM, f"the converter must be confined, and is not: {held}")
        own = (folder, READ_FILE | WRITE_FILE | MAKE_REG | TRUNCATE)
        with os.scandir(folder) as entries:
            # Only the server makes links there: the child cannot.
            linked = [(Path(entry.path), READ_FILE) for entry in entries if entry.is_symlink()]
        return held.call(start, [own, *linked, *(_needs(program) or ())])

    def call(self, work: Callable[[], T], rules: Iterable[Rule] = ()) -> T:
        """What `work` returns, in a fresh thread that can open these files and no others; raises what it raises."""
        if not self.landlock and not self.seccomp:
            return work()
        with kernel.landlock_ruleset(self.landlock, rules) if self.landlock else nullcontext() as ruleset:

            def confined() -> T:
                kernel.gain_no_privileges()
                if ruleset is not None:
                    kernel.keep_files(ruleset)
                if self.seccomp:
                    kernel.keep_calls()
                return work()

            return _in_fresh_thread(confined)


def chosen(confinement: Confinement) -> Sandbox:
    """What a setting asks for, as far as this machine has it. May block, as `strongest` does."""
    if confinement is Confinement.OFF:
        return Sandbox(missing=("switched off",))
    return replace(strongest(), is_required=confinement is Confinement.REQUIRED)


@cache
def strongest() -> Sandbox:
    """All of it that this machine has: tried out the first time, which blocks for a few milliseconds.

    Raises OSError where the machine is short of something, and it cannot be said.
    """
    landlock, has_seccomp, missing = 0, True, []
    try:
        landlock = kernel.landlock_version()
        _require_refusal(Sandbox(landlock=landlock), _open_the_root)
    except OSError as error:
        landlock = 0
        missing.append(f"Landlock: {_why(error)}")
    try:
        _require_refusal(Sandbox(seccomp=True), _open_a_socket)
    except OSError as error:
        has_seccomp = False
        missing.append(f"seccomp: {_why(error)}")
    return Sandbox(landlock, has_seccomp, tuple(missing))


def _why(error: OSError) -> str:
    """Raises it again where it says nothing of the kernel: then nobody knows yet what this machine has."""
    if error.errno in _PASSING:
        raise error
    return error.strerror or str(error)


def _require_refusal(sandbox: Sandbox, attempt: Callable[[], None]) -> None:
    """Raises OSError unless what is attempted inside is refused."""

    def is_refused() -> bool:
        try:
            attempt()
        except OSError as error:
            if error.errno in _PASSING:
                raise
            return True
        return False

    if not sandbox.call(is_refused):
        raise OSError(errno.EOPNOTSUPP, "it holds nothing here")


def _open_the_root() -> None:
    os.close(os.open("/", os.O_RDONLY))


def _open_a_socket() -> None:
    socket.socket().close()


def _in_fresh_thread(work: Callable[[], T]) -> T:
    """Python's collector may run in it too. What it finalises there can be closed, and nothing of ours needs more."""
    result: Future[T] = Future()

    def body() -> None:
        try:
            result.set_result(work())
        except BaseException as error:
            result.set_exception(error)

    thread = threading.Thread(target=body, name="sandbox")
    try:
        thread.start()
    except RuntimeError as error:  # no more threads
        raise OSError(errno.EAGAIN, str(error)) from error
    thread.join()
    return result.result()


def _needs(program: str) -> tuple[Rule, ...] | None:
    """The files that it cannot start without; None where it is no 64-bit ELF program. Raises OSError."""
    return _needs_of(program, os.stat(program).st_mtime_ns)


@lru_cache(maxsize=16)
def _needs_of(program: str, _changed_at: int) -> tuple[Rule, ...] | None:
    with open(program, "rb") as file:
        head = file.read(64)
        if not head.startswith(_ELF_64):
            return None
        try:
            interpreter = _interpreter(file, head)
        except struct.error:
            raise OSError(errno.ENOEXEC, f"{program} is damaged") from None
    started = (Path(program), interpreter) if interpreter else (Path(program),)
    rules = [(file, EXECUTE | READ_FILE) for file in started]
    if interpreter:
        folder = Path(program).resolve().parent
        beside = [folder.with_name("lib")] if folder.name == "bin" else []
        rules += [(place, READ_FILE | READ_DIR) for place in (*map(Path, LIBRARIES.split()), *beside)]
        rules.append((Path(_LIBRARY_INDEX), READ_FILE))
    return tuple(rules)


def _interpreter(file: BinaryIO, head: bytes) -> Path | None:
    """The loader that a dynamic program names in its program headers, see elf(5); None for a static one."""
    (table,), (size, count) = struct.unpack_from("<Q", head, 32), struct.unpack_from("<HH", head, 54)
    for number in range(count):
        file.seek(table + number * size)
        kind, _, at, _, _, length = struct.unpack("<IIQQQQ", file.read(40))
        if kind == _PT_INTERP:
            file.seek(at)
            return Path(os.fsdecode(file.read(length).rstrip(b"\0")))
    return None
