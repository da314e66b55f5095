"""`toybackend doctor`: is this machine fit to serve, and if not, what to do."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from toybackend.app import House, open_house
from toybackend.commands.options import DataDir, Json, settings_for
from toybackend.errors import BadSettings, ConverterUnavailable, ToybackendError
from toybackend.settings import Settings

EARLIEST_SANE_CLOCK = 1_750_000_000
"""Mid-2025, seconds since the epoch: a clock before that was never set, and signed links would not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    what: str
    is_well: bool
    says: str
    do: str = ""


def doctor(data: DataDir = None, as_json: Json = False) -> None:
    """Check ffmpeg (a real clip in and out), database, audio store, ports and clock; say what to do."""
    findings = asyncio.run(_examine(settings_for(data)))
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        _show(findings)
    if not all(finding.is_well for finding in findings):
        raise typer.Exit(1)


async def _examine(settings: Settings) -> list[Finding]:
    findings = [_clock()]
    try:
        async with open_house(settings) as house:
            findings += [await _ffmpeg(house)]
            findings += [await _answers("database", house.database.ping)]
            findings += [await _answers("audio store", house.audio.ping)]
    except (BadSettings, OSError) as error:
        findings += [Finding("data folder", False, str(error), "put this right, or choose another folder")]
    network = settings.network
    return [
        *findings,
        _port("HTTP", network.host, network.http_port),
        _port("WebSocket", network.host, network.ws_port),
    ]


def _clock() -> Finding:
    is_sane = time.time() > EARLIEST_SANE_CLOCK
    says = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    return Finding("clock", is_sane, says, "" if is_sane else "set it, e.g. with NTP")


async def _ffmpeg(house: House) -> Finding:
    try:
        return Finding("ffmpeg", True, f"{await house.transcoder.check()} converts a known-good clip")
    except ConverterUnavailable as sick:
        return Finding("ffmpeg", False, str(sick), "make ffmpeg, or name a working one in TOYBACKEND_FFMPEG")


async def _answers(what: str, ping: Callable[[], Awaitable[None]]) -> Finding:
    try:
        await ping()
    except ToybackendError as error:
        return Finding(what, False, str(error), "free some disk space in the data folder and check its permissions")
    return Finding(what, True, "answers")


def _port(what: str, host: str, port: int) -> Finding:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            do = "is the server running already? else choose another port"
            return Finding(f"{what} port", False, f"{host}:{port}: {error.strerror}", do)
    return Finding(f"{what} port", True, f"{host}:{port} is free")


def _show(findings: list[Finding]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in findings:
        mark = "[green]well[/]" if finding.is_well else "[red]sick[/]"
        # As text: what a tool says may look like markup.
        table.add_row(mark, finding.what, Text(finding.says + ("" if finding.is_well else f"\n→ {finding.do}")))
    Console().print(table)
