"""What the C library keeps of memory that was given back: as little as it can.

Once a buffer of some size was freed, glibc takes the next ones of that size from its heap, and keeps what lies below
the last one in use; and it has a heap for each of many threads. A server that once had much to do would hold that
memory for good. Where buffers of more than 128 KB always have pages of their own, and threads share two heaps, it goes
back to the system. See mallopt(3); other C libraries have no such thing, and need none.
"""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # malloc.h
LARGE_BYTES = 128 << 10
"""As glibc has it at first. To say so keeps it from raising it."""
HEAPS = 2


def keep_little() -> bool:
    """For the life of this process, best before it has threads. Was it possible?"""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    wanted = ((M_MMAP_THRESHOLD, LARGE_BYTES), (M_TRIM_THRESHOLD, LARGE_BYTES), (M_ARENA_MAX, HEAPS))
    return all([bool(mallopt(what, value)) for what, value in wanted])
