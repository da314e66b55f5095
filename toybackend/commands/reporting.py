"""How the simulators say what happens: a calm line for people, or one JSON object per line for scripts."""

from __future__ import annotations

import json
import sys

from rich.console import Console
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
            self._out.print(Text(_printable(words), style=style))

    def fail(self, error: ToybackendError) -> None:
        """What ended the command before it was done."""
        if self._as_json:
            self.tell("failed", "", code=error.code, message=str(error))
        self._err.print(Text(_printable(f"{error.code}: {error}"), style="red"))

    def wait(self, words: str) -> None:
        """Tell a person at a terminal, and nobody else, what we are waiting for."""
        if not self._as_json and sys.stdout.isatty():
            self._out.print(Text(_printable(words), style="dim"))


def _printable(words: str) -> str:
    # Names and texts come from others: an escape sequence among them must not reach the terminal.
    return "".join(
        letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in words
    )
