"""CPU time of one clip's conversion with each ffmpeg given, measured in turns in one run.

    python ffmpeg/measure.py ffmpeg/bin/ffmpeg /usr/bin/ffmpeg …

Prints a Markdown table: size of the program, CPU per start (`-version`), CPU per conversion of
`tests/clips/story_nb.amr`, wall time, and CPU as a multiple of the first program's. Medians; the programs take
turns, so that whatever else the machine does falls on all of them alike.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CLIP = Path(__file__).parent.parent / "tests" / "clips" / "story_nb.amr"
MP3 = ["-ar", "16000", "-ac", "1", "-c:a", "libmp3lame", "-b:a", "32k", "-compression_level", "7", "-f", "mp3"]


@dataclass(frozen=True, slots=True)
class Cost:
    cpu_ms: float
    wall_ms: float


def run(command: Sequence[str | Path]) -> Cost:
    """One child process from start to end: its user and system time, and the time on the wall."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu * 1000, wall * 1000)


def median(costs: Sequence[Cost]) -> Cost:
    return Cost(statistics.median(c.cpu_ms for c in costs), statistics.median(c.wall_ms for c in costs))


def measure(programs: Sequence[Path], rounds: int) -> list[tuple[Path, Cost, Cost]]:
    """Each program with its median cost of a start and of a conversion."""
    starts: dict[Path, list[Cost]] = {program: [] for program in programs}
    clips: dict[Path, list[Cost]] = {program: [] for program in programs}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for program in programs:
                starts[program].append(run([program, "-version"]))
                convert: list[str | Path] = [program, "-nostdin", "-y", "-threads", "1", "-f", "amr", "-i", CLIP, *MP3]
                clips[program].append(run([*convert, Path(folder) / "out.mp3"]))
    return [(program, median(starts[program]), median(clips[program])) for program in programs]


def absolute(path: str) -> Path:
    """A program on the command line; absolute, because a bare name would be looked up in PATH."""
    return Path(path).absolute()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="+", type=absolute, metavar="FFMPEG")
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    results = measure(options.programs, options.rounds)
    first = results[0][2].cpu_ms
    print("| program | size, MB | start, CPU ms | clip, CPU ms | clip, wall ms | CPU ÷ first |")
    print("|---|--:|--:|--:|--:|--:|")
    for program, start, clip in results:
        size = program.resolve().stat().st_size / 1e6
        print(
            f"| {program} | {size:.1f} | {start.cpu_ms:.1f} | {clip.cpu_ms:.1f} | {clip.wall_ms:.1f} "
            f"| {clip.cpu_ms / first:.2f} |"
        )


if __name__ == "__main__":
    main()
