from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from toybackend import heap

BUSY_HOUR = """
import sys
from pathlib import Path
from toybackend import heap

def megabytes():
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmRSS"].split()[0]) >> 10

if sys.argv[1] == "little":
    assert heap.keep_little()
before = megabytes()
bytes(8 << 20)  # freed at once: from now on the library would take such ones from its heap
buffers = [bytearray(300_000) for _ in range(300)]
last = bytearray(1000)
pins = [bytearray(1000) for _ in range(64)]
peak = megabytes()
buffers.clear()
print(peak - before, megabytes() - before)
"""


def after_a_busy_hour(kept: str) -> tuple[int, int]:
    """What a process has more than before, in MB: at its peak, and when it gave all back."""
    told = subprocess.check_output([sys.executable, "-c", BUSY_HOUR, kept], text=True)
    peak, left = map(int, told.split())
    return peak, left


def test_what_was_given_back_goes_back_to_the_system() -> None:
    peak, left = after_a_busy_hour("little")
    assert peak > 80
    assert left < 5


def test_which_is_not_so_by_itself() -> None:
    peak, left = after_a_busy_hour("as it is")
    assert left > peak / 2


def test_another_c_library_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert heap.keep_little() is False


def test_what_is_here_is_not_looked_through_again() -> None:
    """In a process of its own: what it sets would be so for the other tests, too."""
    code = """
import gc
from toybackend import heap
lives_on = [[] for _ in range(100_000)]
heap.collect_seldom()
assert gc.get_freeze_count() > 100_000
circle = []; circle.append(circle); del circle
assert gc.isenabled() and gc.collect() == 1  # what comes later is
assert gc.get_threshold() == (heap.YOUNG, heap.MIDDLE, heap.OLD)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def fail_because_of(cause: Exception) -> None:
    try:
        raise cause
    except ValueError as error:
        raise KeyError from error


def test_what_was_on_the_way_of_an_error_is_gone_with_it() -> None:
    cause = ValueError()
    cause.__cause__ = KeyError()
    cause.__cause__.__cause__ = cause  # as «raise one from another», which came of it, would do
    with pytest.raises(KeyError) as caught:
        fail_because_of(cause)
    assert caught.value.__traceback__ is not None
    assert cause.__traceback__ is not None
    heap.forget_ways(caught.value)
    assert caught.value.__traceback__ is None
    assert cause.__traceback__ is None
    heap.forget_ways(None)
