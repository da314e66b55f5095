"""`toybackend doctor`: is this machine fit to serve, and if not, what to do."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from toybackend import descriptors
from toybackend.commands.options import DataDir, Json, settings_for
from toybackend.errors import BadSettings, ConverterUnavailable, ToybackendError
from toybackend.house import House, examine, open_house
from toybackend.settings import Settings
from toybackend.transcoder import sandbox_of

EARLIEST_SANE_CLOCK = 1_750_000_000
"""Mid-2025, seconds since the epoch: a clock before that was never set, and signed links would not work."""

CLIPS = Path(__file__).parent.parent / "clips"
RECORDINGS = (
    ("demo.amr", "AMR-NB", 4.90),
    ("wide.amr", "AMR-WB", 3.46),
    ("pauses.amr", "AMR-NB with pauses", 9.46),
    ("packed.3gp", "3GP", 3.00),
    ("phone.m4a", "AAC in MP4", 3.45),
    ("browser.webm", "Opus in WebM", 3.45),
)
"""File, what it is, and how many seconds of sound are in it, counted or made so."""
TOLERANCE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    what: str
    is_well: bool
    says: str
    do: str = ""


def doctor(
    data: DataDir = None,
    as_json: Json = False,
    trust_clock: Annotated[
        bool, typer.Option("--trust-clock", help="Say that the clock is right, however far it jumped: erase by it.")
    ] = False,
) -> None:
    """Check ffmpeg (a real clip in and out), database, audio store, ports and clock; say what to do."""
    settings = settings_for(data)
    if trust_clock:
        asyncio.run(_trust_clock(settings))
    findings = asyncio.run(_examine(settings))
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        _show(findings)
    if not all(finding.is_well for finding in findings):
        raise typer.Exit(1)


async def _trust_clock(settings: Settings) -> None:
    async with open_house(settings) as house:
        await house.retention.trust_clock()


async def _examine(settings: Settings) -> list[Finding]:
    findings = [_clock(), _descriptors(settings)]
    try:
        await examine(settings)
        async with open_house(settings) as house:
            findings += [await _keeping(house)]
            ffmpeg = await _ffmpeg(house)
            findings += [ffmpeg, await _converter(settings)]
            findings += await _recordings(house) if ffmpeg.is_well else []
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


async def _keeping(house: House) -> Finding:
    """Whether what is over goes."""
    doubt = await house.retention.doubt()
    do = "set the clock right, e.g. with NTP; if it is right, say toybackend doctor --trust-clock"
    return Finding("keeping", not doubt, doubt or "what is over is erased in time", do if doubt else "")


def _descriptors(settings: Settings) -> Finding:
    """Without enough of them the server has lower limits than its settings say."""
    there_are, needed = descriptors.most(), descriptors.needed(settings)
    do = "raise the limit (ulimit -n, or LimitNOFILE= of systemd), or lower MAX_SOCKETS and MAX_HTTP_CONNECTIONS"
    is_well = there_are >= needed
    return Finding("descriptors", is_well, f"{there_are} may be open, {needed} are enough", "" if is_well else do)


async def _ffmpeg(house: House) -> Finding:
    try:
        return Finding("ffmpeg", True, f"{await house.transcoder.check()} converts a known-good clip")
    except ConverterUnavailable as sick:
        return Finding("ffmpeg", False, str(sick), "make ffmpeg, or name a working one in TOYBACKEND_FFMPEG")


async def _converter(settings: Settings) -> Finding:
    """What the converter can reach; only where it was told to reach nothing, anything is too much."""
    conversion = settings.conversion
    sandbox = await asyncio.to_thread(sandbox_of, conversion.ffmpeg or None, conversion.sandbox)
    is_well = sandbox.is_whole or not sandbox.is_required
    do = (
        "" if is_well else "take a kernel with both and a program that is no script, or TOYBACKEND_CONVERT_SANDBOX=auto"
    )
    return Finding("converter", is_well, str(sandbox), do)


async def _recordings(house: House) -> list[Finding]:
    """What phones really send, converted and measured: an ffmpeg may read one kind well and lose half of another."""
    return [await _recording(house, name, kind, seconds) for name, kind, seconds in RECORDINGS]


async def _recording(house: House, name: str, kind: str, seconds: float) -> Finding:
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="toybackend-doctor-"))
    do = "this ffmpeg cannot read it; make ffmpeg, or name another in TOYBACKEND_FFMPEG"
    try:
        sound = await house.transcoder.convert(CLIPS / name, folder)
    except ToybackendError as error:
        return Finding(kind, False, str(error), do)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder)
    got = sound.duration_ms / 1000
    is_whole = abs(got - seconds) <= TOLERANCE_SECONDS
    return Finding(kind, is_whole, f"{seconds:.2f} s in, {got:.2f} s out", "" if is_whole else do)


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
