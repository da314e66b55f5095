from __future__ import annotations

import asyncio
import os
import resource
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from tests.transcoder.sounds import until
from toybackend.settings import Confinement
from toybackend.transcoder.child import LOG, Outcome, log_tail, run_child
from toybackend.transcoder.limits import MIB, ConversionLimits

run = partial(run_child, confinement=Confinement.OFF)
"""Not confined: a shell needs other programs for most of what it does here."""
QUICK = ConversionLimits(deadline_seconds=0.3)
PYTHON = [sys.executable, "-S", "-E", "-c"]


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and waits for its new parent does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_a_child_works_in_its_folder_with_a_bare_environment(folder: Path) -> None:
    outcome = await run(shell("pwd; cat; env; echo problem >&2; exit 3"), folder, ConversionLimits())
    said = outcome.log_tail.splitlines()
    assert (outcome.status, outcome.timed_out, outcome.clean) == (3, False, False)
    assert said[0] == str(folder)
    assert said[-1] == "problem"
    assert {line.split("=")[0] for line in said[1:-1]} <= {
        "PATH",
        "LC_ALL",
        "MALLOC_ARENA_MAX",
        "PWD",
        "_",
        "SHLVL",
        "OLDPWD",
    }
    assert str(outcome) == "ended with status 3: problem"


async def test_arguments_are_not_interpreted(folder: Path) -> None:
    await run(["/bin/echo", "$(touch pwned)", ";", "touch", "pwned2"], folder, ConversionLimits())
    assert log_tail(folder).strip() == "$(touch pwned) ; touch pwned2"
    assert os.listdir(folder) == [LOG]


async def test_a_child_that_hangs_is_killed_with_its_whole_group(folder: Path) -> None:
    started = time.monotonic()
    outcome = await run(shell("sleep 60 & echo $!; trap '' TERM INT; sleep 60"), folder, QUICK)
    assert time.monotonic() - started < 3
    assert (outcome.timed_out, outcome.status) == (True, -9)
    assert str(outcome).startswith("ran out of time")
    pid = int(outcome.log_tail)
    await until(lambda: not is_alive(pid))


async def test_what_a_child_leaves_running_is_killed_too(folder: Path) -> None:
    outcome = await run(shell("sleep 60 & echo $!"), folder, ConversionLimits())
    assert outcome.clean
    pid = int(log_tail(folder))
    await until(lambda: not is_alive(pid))


async def test_cancelling_kills_and_reaps(folder: Path) -> None:
    task = asyncio.create_task(run(shell("echo $$; exec sleep 60"), folder, ConversionLimits()))
    await until(lambda: log_tail(folder))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not is_alive(int(log_tail(folder)))


@pytest.mark.parametrize("times", [1, 2])
async def test_cancelling_a_start_leaves_nothing_running(times: int, folder: Path) -> None:
    """It goes on in its thread, and whoever cancels waits until that child is gone too."""
    task = asyncio.create_task(run_child([*PYTHON, "import time; time.sleep(60)"], folder, ConversionLimits()))
    await asyncio.sleep(0)
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancelling_a_start_that_fails(folder: Path) -> None:
    task = asyncio.create_task(run_child(["/nowhere/ffmpeg"], folder, ConversionLimits()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_child_that_cannot_be_limited_does_not_live(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(resource, "prlimit", refused)
    with pytest.raises(PermissionError):
        await run_child([*PYTHON, "import time; time.sleep(60)"], folder, ConversionLimits())


async def test_a_missing_program_is_an_os_error(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await run(["/nowhere/ffmpeg"], folder, ConversionLimits())


async def test_memory_is_limited(folder: Path) -> None:
    # A moment first: the limits are set right after the start.
    script = "import time; time.sleep(0.2); bytearray(400 << 20)"
    outcome = await run([*PYTHON, script], folder, ConversionLimits(memory_bytes=200 * MIB))
    assert outcome.status != 0
    assert "MemoryError" in outcome.log_tail


async def test_files_are_limited_the_log_too(folder: Path) -> None:
    script = "sleep 0.2; yes rubbish"
    outcome = await run(shell(script), folder, ConversionLimits(output_bytes=100_000, deadline_seconds=5))
    assert not outcome.timed_out
    assert (folder / LOG).stat().st_size <= 100_000
    assert len(outcome.log_tail) <= 2048


async def test_cpu_descriptors_and_niceness_are_limited(folder: Path) -> None:
    script = "sleep 0.2; ulimit -t; ulimit -n; ulimit -c; nice"
    limits = ConversionLimits(deadline_seconds=7, open_files=33, nice=3)
    await run(shell(script), folder, limits)
    assert log_tail(folder).split() == ["8", "33", "0", str(os.nice(0) + 3)]


async def test_without_pidfds_a_thread_waits(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    assert (await run(shell("exit 4"), folder, ConversionLimits())).status == 4
    assert (await run(shell("sleep 60"), folder, QUICK)).timed_out


async def test_many_children_at_once(folder: Path) -> None:
    folders = [folder / str(number) for number in range(20)]
    for place in folders:
        place.mkdir()
    running = (run(shell(f"exit {n}"), place, ConversionLimits()) for n, place in enumerate(folders))
    assert [outcome.status for outcome in await asyncio.gather(*running)] == list(range(20))


async def test_the_loop_is_free_while_a_child_works(folder: Path) -> None:
    task = asyncio.create_task(run(shell("sleep 0.5"), folder, ConversionLimits()))
    longest, last = 0.0, time.monotonic()
    while not task.done():
        await asyncio.sleep(0.005)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    assert (await task).clean
    assert longest < 0.2


def test_no_log_reads_as_nothing(folder: Path) -> None:
    assert log_tail(folder) == ""
    assert str(Outcome(1, False, "")) == "ended with status 1"
