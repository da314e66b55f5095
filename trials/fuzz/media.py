"""Recordings made wrong, thousands of them, each through the whole transcoder: real children, real limits, as many at
once as there are cores.

Four of five are one of our clips or of the corpus with one to twelve things wrong in it where its kind keeps lengths,
types and counts; the fifth was made to hurt in the first place. Each must end as sound that holds what it says, or be
refused for a reason of its own. Goal: no finding. A finding is an exception of ours, an answer that blames the tool for
the clip, an MP3 that is not what it says, a child that outlives its deadline, a file or a descriptor left behind, or an
original that was changed.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from toybackend.errors import ConverterUnavailable, Refused
from toybackend.transcoder import ConversionLimits, FfmpegTranscoder
from trials.fuzz import seeds
from trials.fuzz.converted import KINDS, Children, faults_of_folder, faults_of_sound, open_descriptors
from trials.fuzz.mutation import mutated
from trials.fuzz.shapes import shape_of

MOST_BYTES = 512 << 10
FIFTH = 5
"""Every one of these is a hostile file."""
ROUNDS = (1, 1, 1, 2, 3)
"""Times that one file is mutated: mostly once, or little of it would come far."""
RUNS_OF_A_CLIP = 9
"""Children that a clip may cost: three for each of two tries, and three for the question whether the tool is well."""
PROGRESS_EVERY = 500


@dataclass(frozen=True, slots=True)
class Case:
    """One file to convert."""

    number: int
    name: str
    data: bytes
    is_watched: bool
    """Whether somebody wants to be told how far it is, as with songs."""


@dataclass(slots=True)
class Report:
    """What became of all the files."""

    limits: ConversionLimits
    children: Children
    answers: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    """Seconds of wall time of one file."""
    slowest_name: str = ""
    seconds: float = 0.0
    findings: list[str] = field(default_factory=list)

    @property
    def files(self) -> int:
        return sum(self.answers.values())

    def __str__(self) -> str:
        lines = [f"files          {self.files:6}   in {self.seconds:.0f} s"]
        lines += [f"{answer:14} {count:6}" for answer, count in sorted(self.answers.items())]
        lines += [f"children       {self.children.ends.total():6}"]
        lines += [f"  {end:22} {count:6}" for end, count in sorted(self.children.ends.items())]
        lines += [f"slowest file   {self.slowest:6.1f} s   {self.slowest_name}"]
        lines += [f"slowest child  {self.children.slowest:6.1f} s"]
        lines += [f"findings       {len(self.findings):6}   must be 0", *self.findings]
        return "\n".join(lines)


def cases(numbers: Iterable[int], seed: int, hostile: Mapping[str, bytes]) -> Iterator[Case]:
    """Those of these numbers; the same ones for the same seed."""
    recordings = seeds.recordings()
    others = [*recordings.values(), *hostile.values()]
    for number in numbers:
        dice = Random(f"{seed}-{number}")
        name, data = dice.choice([*(hostile if number % FIFTH == 0 and hostile else recordings).items()])
        for _ in range(dice.choice(ROUNDS)):
            data = mutated(data, dice, shape_of, others, MOST_BYTES)
        yield Case(number, name, data, is_watched=dice.random() < 0.3)


async def fuzz_media(
    folder: Path,
    numbers: Iterable[int],
    *,
    seed: int,
    hostile: Mapping[str, bytes] | None = None,
    at_once: int | None = None,
    keep: Path | None = None,
    tell: Callable[[int], None] = lambda done: None,
) -> Report:
    """The cases of these numbers; works in `folder`, and leaves the files that led to findings in `keep`."""
    limits = ConversionLimits()
    report = Report(limits, Children(limits))
    transcoder = FfmpegTranscoder(limits=limits, run=report.children.run)
    started, waiting = time.monotonic(), cases(numbers, seed, hostile or {})
    await transcoder.check()

    async def work() -> None:
        for case in waiting:
            found = [*await _convert(case, transcoder, folder, report)]
            report.findings += [f"#{case.number} {case.name}: {fault}" for fault in found]
            if found and keep is not None:
                (keep / f"{case.number}-{case.name.replace('/', '-')}").write_bytes(case.data)
            tell(report.files)

    with complaints(report.findings):
        async with report.children.watched():
            await work_until_warm(transcoder)
            before = open_descriptors()
            await asyncio.gather(*(work() for _ in range(at_once or os.cpu_count() or 1)))
            if open_descriptors() > before:
                report.findings.append(f"{open_descriptors() - before} descriptors are left open")
    report.findings += report.children.faults
    report.findings += [f"{name} is left in the folder of the work" for name in os.listdir(folder)]
    try:
        await transcoder.check()
    except ConverterUnavailable as sick:
        report.findings.append(f"the tool is not well afterwards: {sick}")
    report.seconds = time.monotonic() - started
    return report


@contextmanager
def complaints(findings: list[str]) -> Iterator[None]:
    """While the context is open, whatever our code logs as an error is a finding."""
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: findings.append(  # type: ignore[method-assign]
        f"it was logged: {record.getMessage()}: {record.exc_info and record.exc_info[1]!r}"
    )
    ours = logging.getLogger("toybackend")
    ours.addHandler(handler)
    try:
        yield
    finally:
        ours.removeHandler(handler)


async def work_until_warm(transcoder: FfmpegTranscoder) -> None:
    """Whatever is opened once and kept, such as the threads of the loop's pool, is open after this."""
    await asyncio.gather(*(asyncio.to_thread(time.sleep, 0.05) for _ in range(32)))
    await transcoder.check()


async def _convert(case: Case, transcoder: FfmpegTranscoder, folder: Path, report: Report) -> list[str]:
    """What was found."""
    original, place = folder / f"{case.number}.original", folder / str(case.number)
    original.write_bytes(case.data)
    place.mkdir()
    told: list[float] = []
    started, faults = time.monotonic(), list[str]()
    try:
        sound = await transcoder.convert(original, place, told.append if case.is_watched else None)
    except KINDS as refused:
        answer = refused.code
    except Refused as refused:
        answer = refused.code
        faults.append(f"it was refused as {refused.code}")
    except ConverterUnavailable as sick:
        answer = "blamed on the tool"
        faults.append(f"the tool was blamed: {sick}")
    except Exception as error:
        answer = "crashed"
        faults.append(f"{type(error).__name__}: {error}")
    else:
        answer = "converted"
        faults += faults_of_sound(sound, case.data, place, report.limits)
    seconds = time.monotonic() - started
    report.answers[answer] += 1
    if seconds > report.slowest:
        report.slowest, report.slowest_name = seconds, f"#{case.number} {case.name}"
    if seconds > RUNS_OF_A_CLIP * report.limits.deadline_seconds:
        faults.append(f"it took {seconds:.0f} s")
    if not all(0 <= part <= 1 for part in told):
        faults.append("progress was told that is none")
    if original.read_bytes() != case.data:
        faults.append("the original was changed")
    faults += faults_of_folder(place, report.limits)
    shutil.rmtree(place)
    original.unlink()
    return faults


def _show_progress(done: int) -> None:
    if done % PROGRESS_EVERY == 0:
        print(f"{done} files", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=6250, help="default 6250, of which 5000 are real")
    parser.add_argument("--seed", type=int, default=1, help="of the dice (default 1)")
    parser.add_argument("--at-once", type=int, help="conversions at the same time (default: one per core)")
    parser.add_argument("--keep", type=Path, help="folder for the files that led to findings")
    given = parser.parse_args()
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="toybackend-fuzz-") as folder:
        report = asyncio.run(
            fuzz_media(
                Path(folder),
                range(given.files),
                seed=given.seed,
                hostile=seeds.hostile_files(),
                at_once=given.at_once,
                keep=given.keep,
                tell=_show_progress,
            )
        )
    print(report)
    sys.exit(1 if report.findings else 0)


if __name__ == "__main__":
    main()
