"""One parser in a process of its own: `python -m trials.fuzz.worker TARGET EXECUTIONS SEED FOLDER`.

atheris (libFuzzer) is told of every branch that an input takes in the parser. It keeps the inputs that led somewhere
new, goes on from those, and has most of its changes made by our own mutator, which knows frames, boxes and JSON. Where
atheris is not to be had, every input is a seed with something wrong in it. What came out is written into the folder as
JSON.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from random import Random
from types import FunctionType

from trials.fuzz.judging import Tally, Target, run_blindly
from trials.fuzz.mutation import mutated
from trials.fuzz.targets import target_of

RESULT = "result.json"
OURS = 0.7
"""How often our mutator is asked; else it is libFuzzer's own, which knows what was compared with what."""
AFRESH = 0.4
"""How often ours goes on from a seed: of readers that are written in C little is seen, so little is kept."""
SECONDS_OF_ONE = 120
"""Wall time after which libFuzzer gives up an input, and with it the process."""
MOST_MEGABYTES = 2048
MUTATIONS = 1
"""In a row on one input; each of ours is several things wrong already."""
CAN_GUIDE = find_spec("atheris") is not None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target")
    parser.add_argument("executions", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("folder", type=Path, help="an empty one")
    parser.add_argument("--blind", action="store_true", help="without a look at coverage")
    given = parser.parse_args()
    run = _blindly if given.blind or not CAN_GUIDE else _guided
    run(target_of(given.target), given.executions, given.seed, given.folder)


def _blindly(target: Target, executions: int, seed: int, folder: Path) -> None:
    _write(run_blindly(target, executions, seed), folder)


def _guided(target: Target, executions: int, seed: int, folder: Path) -> None:
    import atheris

    for function in _functions(target.reads):
        atheris.instrument_func(function)
    tally, seeds = Tally(target), target.seeds()

    def mutate(data: bytes, most_bytes: int, number: int) -> bytes:
        dice = Random(number)
        if dice.random() >= OURS:
            return bytes(atheris.Mutate(data, most_bytes))
        start = dice.choice(seeds) if dice.random() < AFRESH else data
        return mutated(start, dice, target.shape_of, seeds, most_bytes)

    options = {
        "atheris_runs": executions,
        "seed": seed,
        "max_len": target.most_bytes,
        "mutate_depth": MUTATIONS,
        "reload": 0,
        "timeout": SECONDS_OF_ONE,
        "rss_limit_mb": MOST_MEGABYTES,
        "artifact_prefix": f"{folder}/stopped-",
    }
    arguments = [f"-{option}={value}" for option, value in options.items()]
    atheris.Setup([target.name, *arguments, str(_corpus(folder, seeds))], tally.execute, custom_mutator=mutate)
    try:
        atheris.Fuzz()  # does not return
    finally:
        _write(tally, folder)


def _functions(modules: Sequence[str]) -> Iterator[FunctionType]:
    """All that are written in these modules, methods too."""
    for name in modules:
        for found in vars(import_module(name)).values():
            if getattr(found, "__module__", None) == name:
                members = vars(found).values() if isinstance(found, type) else [found]
                plain = [member.fget if isinstance(member, property) else member for member in members]
                yield from (member for member in plain if isinstance(member, FunctionType))


def _corpus(folder: Path, seeds: Sequence[bytes]) -> Path:
    """Where libFuzzer begins, and keeps what leads somewhere new."""
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(seeds):
        (corpus / f"{number:05}").write_bytes(seed)
    return corpus


def _write(tally: Tally, folder: Path) -> None:
    findings = [
        dataclasses.asdict(finding) | {"data": finding.data.hex()}
        for finding in sorted(tally.findings.values(), key=lambda finding: finding.what)
    ]
    counts = {"executions": tally.executions, "understood": tally.understood, "slowest": tally.slowest}
    (folder / RESULT).write_text(json.dumps(counts | {"findings": findings}))


if __name__ == "__main__":
    main()
