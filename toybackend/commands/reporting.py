"""How the simulators say what happens: a calm line for people, or one JSON object per line for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from toybackend.errors import ToybackendError


class Report:
    """Says events on standard output, failures of the whole command on standard error."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._out = Console(highlight=False, soft_wrap=True)
        self._err = Console(highlight=False, soft_wrap=True, stderr=True)

    def tell(self, event: str, words: str, *, style: str = "", **facts: object) -> None:
        """One event: `words` for people, its name and `facts` for scripts."""
        if self._as_json:
            print(json.dumps({"event": event, **facts}, ensure_ascii=False), flush=True)
        else:
            self._out.print(Text(printable(words), style=style))

    def fail(self, error: ToybackendError) -> None:
        """What ended the command before it was done."""
        if self._as_json:
            self.tell("failed", "", code=error.code, message=str(error))
        self._err.print(Text(printable(f"{error.code}: {error}"), style="red"))

    def wait(self, words: str) -> None:
        """Tell a person at a terminal, and nobody else, what we are waiting for."""
        if not self._as_json and sys.stdout.isatty():
            self._out.print(Text(printable(words), style="dim"))


@contextmanager
def progress_bar(what: str, total: int, *, is_shown: bool = True) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, if that is a terminal; call what it gives with how many more are done."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    # Standard output may be a list that is on its way into a file: the bar leaves it alone.
    with Progress(
        *columns,
        console=Console(stderr=True),
        disable=not (is_shown and sys.stderr.isatty()),
        redirect_stdout=False,
        redirect_stderr=False,
    ) as bar:
        task = bar.add_task(what, total=total)
        yield lambda more: bar.advance(task, more)


def printable(words: str) -> str:
    """Words as a terminal may have them: names and texts come from others, with escape sequences if they like."""
    return "".join(
        letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in words
    )
