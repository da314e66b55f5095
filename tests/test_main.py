"""`python -m toybackend` is the same as `toybackend`."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

from tests.commands.running import run
from toybackend import __version__
from toybackend.commands.cli import main


def test_the_module_runs_the_command_line() -> None:
    done = run("version")
    assert (done.code, done.out, done.err) == (0, f"{__version__}\n", "")


def test_the_script_runs_it_too() -> None:
    [script] = entry_points(group="console_scripts", name="toybackend")
    assert script.load() is main


def test_nothing_opens_at_import() -> None:
    """Importing every command starts no thread, opens no file and needs no event loop."""
    look = (
        "import os, threading\n"
        "before = sorted(os.listdir('/proc/self/fd'))\n"
        "import toybackend.commands.cli\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "assert sorted(os.listdir('/proc/self/fd')) == before\n"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (0, "")
