"""`toybackend send`: the phone simulator."""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from toybackend.client import Phone, Sent
from toybackend.commands.options import Json
from toybackend.commands.reporting import Report
from toybackend.errors import Overloaded, RateLimited, Refused, ToybackendError
from toybackend.protocol import Notice, ServerFrame
from toybackend.settings import PREFIX

PATIENCE_SECONDS = 180
"""How long a message waits in all where the server has too much to do, or heard too much of us in a minute."""
A_WHILE_SECONDS = 5
"""Where the server does not say how long."""


class Wait(StrEnum):
    """How far a message has to come before it counts as sent."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    HEARD = "heard"


class TookTooLong(ToybackendError):
    """A message did not come as far as was asked for in the time that was given."""

    code = "timeout"


@dataclass(frozen=True, slots=True)
class Errand:
    """What to send, where to, and when to be content."""

    to: str
    group: bool
    now: bool
    """Not to be held up by quiet hours."""
    files: tuple[Path, ...]
    text: str | None
    repeat: int
    wait: Wait
    timeout: float
    """Seconds, for each message."""

    def items(self) -> Iterator[Path | str]:
        """The recordings, then the text, as often as was asked for."""
        for _ in range(self.repeat):
            yield from self.files
            if self.text is not None:
                yield self.text


def send(
    server: Annotated[str, typer.Option(help="HTTP address of the server.", metavar="URL")],
    user: Annotated[str, typer.Option(help="Log-in name.")],
    to: Annotated[str, typer.Option(help="Id of the toy or person, or with --group of the group.", metavar="ID")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Recordings, sent as they are.", exists=True, dir_okay=False, readable=True),
    ] = None,
    text: Annotated[str | None, typer.Option(help="Send this text.", show_default=False)] = None,
    group: Annotated[bool, typer.Option("--group", help="The addressee is a group.")] = False,
    now: Annotated[bool, typer.Option("--now", help="Do not let quiet hours hold it up; for guardians.")] = False,
    repeat: Annotated[int, typer.Option(min=1, help="Send all of it this many times.")] = 1,
    wait: Annotated[Wait, typer.Option(help="How far each message has to come.")] = Wait.ACCEPTED,
    timeout: Annotated[float, typer.Option(min=0.0, help="Seconds that each message may take.")] = 30.0,
    as_json: Json = False,
) -> None:
    """Send recordings or a text as a person's phone would.

    The password comes from TOYBACKEND_PASSWORD, from a prompt, or as one line of standard input; never from an
    argument. Exit 0 only if every message came as far as --wait says.
    """
    if not files and text is None:
        raise typer.BadParameter("name a file or a --text to send")
    errand = Errand(to, group, now, tuple(files or ()), text, repeat, wait, timeout)
    report = Report(as_json=as_json)
    if not asyncio.run(_run(server, user, read_password(), errand, report)):
        raise typer.Exit(1)


def read_password() -> str:
    """From the environment, else asked for on a terminal, else one line of standard input."""
    password = os.environ.get(PREFIX + "PASSWORD")
    if password is not None:
        return password
    return getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")


async def _run(server: str, user: str, password: str, errand: Errand, report: Report) -> bool:
    """Whether every message came as far as it should."""
    is_good = True
    try:
        async with Phone(server, user, password, watch=lambda frame: _tell_held(frame, report)) as phone:
            for item in errand.items():
                is_good = await _send(phone, item, errand, report) and is_good
    except ToybackendError as error:
        report.fail(error)
        return False
    return is_good


async def _send(phone: Phone, item: Path | str, errand: Errand, report: Report) -> bool:
    """Send one message. What the server refuses is told, and the next one gets its chance."""
    what = item.name if isinstance(item, Path) else "text"
    try:
        await _when_welcome(phone, item, errand, report, what)
    except TimeoutError:
        error: ToybackendError = TookTooLong(f"not {errand.wait} within {errand.timeout:g} seconds")
    except Refused as refused:
        error = refused
    else:
        return True
    report.tell("failed", f"✗ {what}: {error}", style="red", item=what, code=error.code, message=str(error))
    return False


async def _when_welcome(phone: Phone, item: Path | str, errand: Errand, report: Report, what: str) -> None:
    """Send it, and where the server asks us to come again later, come again. Raises TimeoutError and Refused."""
    patience = PATIENCE_SECONDS
    while True:
        try:
            async with asyncio.timeout(errand.timeout):
                return await _follow(phone, item, errand, report, what)
        except (RateLimited, Overloaded) as later:
            seconds = later.retry_after or A_WHILE_SECONDS
            if (patience := patience - seconds) < 0:
                raise
            report.tell(
                "waiting", f"… {what}: {later}; again in {seconds} s", item=what, code=later.code, seconds=seconds
            )
            await asyncio.sleep(seconds)


def _tell_held(frame: ServerFrame, report: Report) -> None:
    if isinstance(frame, Notice) and frame.event == "held":
        words = f"⏳ {frame.to_user} is resting and gets it after {frame.until} ({frame.id})"
        report.tell("held", words, id=frame.id, to=frame.to_user, until=frame.until)


async def _follow(phone: Phone, item: Path | str, errand: Errand, report: Report, what: str) -> None:
    started = time.perf_counter()

    def tell(step: Wait, sent: Sent) -> None:
        seconds = round(time.perf_counter() - started, 4)
        words = f"{_TICKS[step]} {what} {step} after {seconds * 1000:.0f} ms ({sent.id})"
        report.tell(step, words, item=what, id=sent.id, ref=sent.ref, to=errand.to, seconds=seconds)

    if isinstance(item, Path):
        sent = await phone.send_voice(errand.to, item, group=errand.group, now=errand.now)
    else:
        sent = await phone.send_text(errand.to, item, group=errand.group, now=errand.now)
    tell(Wait.ACCEPTED, sent)
    if errand.wait is not Wait.ACCEPTED:
        await sent.delivered()
        tell(Wait.DELIVERED, sent)
    if errand.wait is Wait.HEARD:
        await sent.heard()
        tell(Wait.HEARD, sent)


_TICKS = {Wait.ACCEPTED: "✓ ", Wait.DELIVERED: "✓✓", Wait.HEARD: "♪ "}
