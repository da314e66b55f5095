"""Running commands: in this process where that tells enough, in one of its own where signals count."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest import mock

from toybackend.commands.cli import main
from toybackend.settings import PREFIX

PATIENCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


def call(*arguments: object, stdin: str = "", **settings: str) -> Done:
    """`toybackend …` in this process, with these settings and none of ours."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(sys, "argv", ["toybackend", *map(str, arguments)]))
        stack.enter_context(mock.patch.object(sys, "stdin", io.StringIO(stdin)))
        stack.enter_context(mock.patch.dict(os.environ, environment(**settings), clear=True))
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        try:
            main()
            code: object = 0
        except SystemExit as end:
            code = end.code or 0
    assert isinstance(code, int)
    return Done(code, out.getvalue(), err.getvalue())


def run(*arguments: object, stdin: str = "", **settings: str) -> Done:
    """The same in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "toybackend", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        env=environment(**settings),
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@contextmanager
def started(*arguments: object, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """A command that goes on until it is told to end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "toybackend", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**settings),
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def environment(**settings: str) -> dict[str, str]:
    """Ours, without our settings, and with these by their names without the prefix."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return {**ours, "NO_COLOR": "1", "COLUMNS": "120", **{PREFIX + name: value for name, value in settings.items()}}
