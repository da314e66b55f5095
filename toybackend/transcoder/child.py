"""Runs one child process within its limits. Knows nothing of sound or of ffmpeg.

- An argument list, no shell, the child's own folder as working directory, a bare environment, a sandbox.
- Limits are set from outside, by `prlimit` right after the start. Python's `preexec_fn` would do it before,
  but makes every start a full fork of the server, and is unsafe beside threads. Without it a start is a vfork.
- Whatever the child says goes to a file in the folder, which the file size limit caps; only its end is read.
- The child leads a session of its own. On deadline and on cancellation the whole group is killed, and the child
  is always reaped before this returns or raises.
- The end is awaited through a pidfd: asyncio's own child watcher starts a thread for each child, which with the
  pipes around it costs the server 3-4 ms of CPU a clip. This costs well under one.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import resource
import signal
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from toybackend.settings import Confinement
from toybackend.transcoder import sandbox
from toybackend.transcoder.limits import ConversionLimits

LOG = "ffmpeg.log"
LEAST_PRIORITY = 19
_LOG_TAIL_BYTES = 2048
_ENVIRONMENT = {
    "PATH": os.defpath,
    "LC_ALL": "C",
    # glibc gives threads that meet in the allocator heaps of their own, 64 MB of address space each. How many meet is
    # chance, and so was whether a child stayed within its limit, or left half a sound.
    "MALLOC_ARENA_MAX": "1",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a child ended. An exit status of 0 says little: look at what was written."""

    status: int
    """Exit status; -N if signal N ended it."""
    timed_out: bool
    log_tail: str
    """The last 2 KB it printed, standard output and error together; not read where it ended well."""

    @property
    def clean(self) -> bool:
        return self.status == 0 and not self.timed_out

    def __str__(self) -> str:
        how = "ran out of time" if self.timed_out else f"ended with status {self.status}"
        last = self.log_tail.strip().rsplit("\n", 1)[-1][-300:]
        return f"{how}: {last}" if last else how


Runner = Callable[[Sequence[str], Path, ConversionLimits], Awaitable[Outcome]]
"""The shape of `run_child`. Whoever wants to see, or count, what is run wraps it and hands that in."""


async def run_child(
    command: Sequence[str], folder: Path, limits: ConversionLimits, *, confinement: Confinement = Confinement.AUTO
) -> Outcome:
    """Runs `command` in `folder` until it ends or its time is up. Raises OSError if it cannot be started, or only
    without the sandbox that there must be."""
    process = await _started(command, folder, limits, confinement)
    timed_out = False
    try:
        async with asyncio.timeout(limits.deadline_seconds):
            await _ended(process)
    except TimeoutError:
        timed_out = True
    finally:
        await _finish(process)
    if process.returncode == 0 and not timed_out:
        return Outcome(0, timed_out=False, log_tail="")
    return Outcome(process.returncode, timed_out, await asyncio.to_thread(log_tail, folder))


def log_tail(folder: Path, most: int = _LOG_TAIL_BYTES) -> str:
    """The last `most` bytes a child printed there, made printable; empty if there is no log."""
    try:
        with open(folder / LOG, "rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - most))
            said = log.read(most).decode("ascii", "replace")
            return "".join(char if char.isprintable() or char == "\n" else " " for char in said)
    except FileNotFoundError:
        return ""


async def _started(
    command: Sequence[str], folder: Path, limits: ConversionLimits, confinement: Confinement
) -> subprocess.Popen[bytes]:
    """Starts it in a thread. A start cannot be taken back: whoever cancels it waits, and the child is ended."""
    starting = asyncio.ensure_future(asyncio.to_thread(_start, command, folder, limits, confinement))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        while not starting.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({starting})
        if starting.exception() is None:
            await _finish(starting.result())
        raise


def _start(
    command: Sequence[str], folder: Path, limits: ConversionLimits, confinement: Confinement
) -> subprocess.Popen[bytes]:
    with open(folder / LOG, "wb") as log, open(os.devnull, "rb") as nothing:
        start = functools.partial(_popen, command, folder, nothing, log)
        process = sandbox.chosen(confinement).start(start, command[0], folder)
    try:
        # A child that is already gone needs no limits.
        with contextlib.suppress(ProcessLookupError):
            _limit(process.pid, limits)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return process


def _popen(command: Sequence[str], folder: Path, stdin: BinaryIO, log: BinaryIO) -> subprocess.Popen[bytes]:
    """Opens nothing: where it runs, hardly anything can be opened."""
    return subprocess.Popen(
        command, stdin=stdin, stdout=log, stderr=log, cwd=folder, env=_ENVIRONMENT, start_new_session=True
    )


def _limit(pid: int, limits: ConversionLimits) -> None:
    seconds = int(limits.deadline_seconds) + 1
    bounds = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_AS: limits.memory_bytes,
        resource.RLIMIT_FSIZE: limits.output_bytes,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_CORE: 0,
    }
    if hasattr(resource, "prlimit"):  # Linux; elsewhere the deadline alone bounds a child
        for kind, bound in bounds.items():
            _, inherited = resource.getrlimit(kind)
            if inherited != resource.RLIM_INFINITY:  # nobody may raise it
                bound = min(bound, inherited)
            resource.prlimit(pid, kind, (bound, bound))
    os.setpriority(os.PRIO_PROCESS, pid, min(os.getpriority(os.PRIO_PROCESS, 0) + limits.nice, LEAST_PRIORITY))


async def _ended(process: subprocess.Popen[bytes]) -> None:
    """Returns once the child has ended; it still waits to be reaped, so its group id cannot be reused."""
    try:
        pidfd = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # not Linux, an old kernel, or no descriptor left
        await asyncio.to_thread(os.waitid, os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        return
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(pidfd, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)


async def _finish(process: subprocess.Popen[bytes]) -> None:
    """Kills what is left of the child's group and reaps the child, also while being cancelled."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.poll() is None:
        # In a thread: it goes on and reaps even if this wait is cancelled a second time.
        await asyncio.to_thread(process.wait)
