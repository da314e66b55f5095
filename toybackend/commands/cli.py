"""`toybackend …`: the list of commands, and what exit codes mean: 0 done, 1 failed, 2 wrong usage."""

from __future__ import annotations

import os
import sys

import typer

from toybackend import __version__
from toybackend.commands import backup, database, demo, device, doctor, library, send, serve, toy, user
from toybackend.errors import BadSettings, ToybackendError

app = typer.Typer(
    name="toybackend",
    help="A voice-messaging backend for children's smart toys. Settings are TOYBACKEND_… variables; see the README.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve.serve)
app.command("demo")(demo.demo)
app.add_typer(device.app, name="device")
app.add_typer(user.app, name="user")
app.add_typer(library.app, name="library")
app.command("send")(send.send)
app.command("toy")(toy.toy)
app.command("doctor")(doctor.doctor)
app.add_typer(database.app, name="db")
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)


@app.command("version")
def version() -> None:
    """Say which version this is."""
    typer.echo(__version__)


def main() -> None:
    """Run a command; what went wrong is said in one line on standard error."""
    os.umask(0o077)  # whatever a command writes is for its owner only
    try:
        app()
    except BadSettings as error:
        typer.echo(f"toybackend: {error}", err=True)
        sys.exit(2)
    except ToybackendError as error:
        typer.echo(f"toybackend: {error.code}: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        # A file that cannot be written, a port that is taken: the machine's answer is enough, nobody needs a traceback.
        typer.echo(f"toybackend: {error}", err=True)
        sys.exit(1)
