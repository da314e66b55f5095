"""How the commands of the trials end that have a folder of their own."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NoReturn, Protocol


class Report(Protocol):
    """What came of a trial; as text, for people."""

    @property
    def is_good(self) -> bool: ...


def tell(happened: str) -> None:
    """How it goes; what came of it goes to standard output."""
    print(happened, file=sys.stderr, flush=True)


def run(name: str, trial: Callable[[Path], Coroutine[Any, Any, Report]], *, keeps_folder: bool) -> NoReturn:
    """Run the trial in a new folder, print its report, and exit: with 0 if all was good, else with 1."""
    folder = Path(tempfile.mkdtemp(prefix=f"toybackend-{name}-"))
    report = asyncio.run(trial(folder))
    print(report)
    if keeps_folder:
        print(f"kept in {folder}")
    else:
        shutil.rmtree(folder)
    sys.exit(0 if report.is_good else 1)
