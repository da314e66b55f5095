"""Recording what a process asks of its system, in order: `strace`, and how its log is read.

Every thread and every child is stopped by the tracer before a call and again after it, so the lines of the log are one
order of both moments: a call that begins below the line where another one ended really came after it. A call that
stands on one line began and ended there. Texts and paths are asked for in hexadecimal digits, so nothing that a client
sends can look like syntax.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

NEVER = sys.maxsize
"""When a call ended that was under way when its process did."""
LONGEST_TEXT = 4 << 20
"""Bytes of one text that are recorded; a longer one is a mistake, see `operations.py`."""
CALLS = (
    *("open", "openat", "openat2", "creat", "mkdir", "mkdirat", "mknod", "mknodat"),
    *("write", "pwrite64", "writev", "pwritev", "pwritev2", "lseek", "ftruncate", "truncate", "fallocate"),
    *("rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "rmdir"),
    *("fsync", "fdatasync", "sync", "syncfs"),
    *("sendfile", "copy_file_range", "splice", "mmap", "io_uring_setup"),
    *("sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg"),
)
"""All that changes a file or a name, or makes it durable, and what is said on sockets."""

_LINE = re.compile(r"(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()")
_UNFINISHED = " <unfinished ...>"


@dataclass(slots=True)
class Call:
    """One call of the system."""

    name: str
    arguments: str
    """As the tracer prints them."""
    result: str
    """The same; `?` of a call that never ended."""
    begun: int
    """Number of the line in the record."""
    ended: int = NEVER

    @property
    def has_failed(self) -> bool:
        return self.result.startswith(("-", "? "))  # the second kind was interrupted, and is made again


def traced(command: Sequence[str], log: Path) -> list[str]:
    """The command that runs this one under the tracer, as a child of whoever runs it. Raises RuntimeError where there
    is no tracer."""
    tracer = shutil.which("strace")
    if tracer is None:
        raise RuntimeError("this needs strace, which Debian has in a package of that name")
    calls = ",".join(f"?{name}" for name in CALLS)  # not every architecture has them all
    options = (f"--output={log}", f"--trace={calls}", f"--string-limit={LONGEST_TEXT}", "--signal=none")
    return [tracer, "--daemonize", "--follow-forks", "--seccomp-bpf", "-yy", "-xx", *options, *command]


def read_calls(logs: Iterable[Path]) -> list[Call]:
    """The calls of several lives of one house, one after another, in the order in which they began."""
    calls: list[Call] = []
    number = 0
    for log in logs:
        under_way: dict[str, Call] = {}
        with log.open(encoding="ascii") as lines:
            for line in lines:
                number += 1
                _read_line(line.rstrip("\n"), number, calls, under_way)
    return calls


def _read_line(line: str, number: int, calls: list[Call], under_way: dict[str, Call]) -> None:
    found = _LINE.match(line)
    if found is None:  # that a process ended
        return
    thread, resumed, name = found.groups()
    rest = line[found.end() :]
    if resumed:
        call = under_way.pop(thread)
    else:
        call = Call(name, "", "?", number)
        calls.append(call)
    if rest.endswith(_UNFINISHED):
        call.arguments += rest.removesuffix(_UNFINISHED)
        under_way[thread] = call
        return
    left, _, result = rest.rpartition(" = ")
    call.arguments += left.rstrip().removesuffix(")")
    call.result = result
    if result != "?":
        call.ended = number
