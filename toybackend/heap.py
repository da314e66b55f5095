"""Memory that was given back, and memory that is looked through.

Once a buffer of some size was freed, glibc takes the next ones of that size from its heap, and keeps what lies below
the last one in use; and it has a heap for each of many threads. A server that once had much to do would hold that
memory for good. Where buffers of more than 128 KB always have pages of their own, and threads share two heaps, it goes
back to the system. See mallopt(3); other C libraries have no such thing, and need none.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # malloc.h
LARGE_BYTES = 128 << 10
"""As glibc has it at first. To say so keeps it from raising it."""
HEAPS = 2
YOUNG, MIDDLE, OLD = 700, 5, 200
"""After so many more objects the youngest are looked through, after so many times the next ones, after so many of
those all. Python has 700, 10, 10: the next ones take half as long each time here, and all come ten times as seldom."""


def keep_little() -> bool:
    """For the life of this process, best before it has threads. Was it possible?"""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    wanted = ((M_MMAP_THRESHOLD, LARGE_BYTES), (M_TRIM_THRESHOLD, LARGE_BYTES), (M_ARENA_MAX, HEAPS))
    return all([bool(mallopt(what, value)) for what, value in wanted])


def collect_seldom() -> None:
    """From now on. Python's garbage collector stops everybody while it looks for what refers to itself; where a
    thousand sockets come and go, to look through all of them takes a fifth of a second, several times a minute. Sockets
    and messages go without it (`gateway/sockets.py`), and what is here now stays anyway."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)


def let_go(wire: asyncio.BaseTransport) -> None:
    """Once its connection is lost. Python's transport keeps one of its own methods and so refers to itself: each that
    ever was would wait for the collector. CPython 3.12.1 does the same, for those that we close."""
    if hasattr(wire, "_read_ready_cb"):
        wire._read_ready_cb = None


def forget_ways(error: BaseException | None) -> None:
    """Once it was dealt with, where it was raised and what caused it. A frame on the way often refers to the error
    again, as the library does that keeps it to raise it: all that those frames hold would wait for the collector."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
