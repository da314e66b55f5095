"""`toybackend toy`: the toy simulator."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from toybackend.client import Boot, Received, Toy
from toybackend.commands.options import Json
from toybackend.commands.reporting import Report
from toybackend.durable import sync
from toybackend.errors import Gone, NotFound, Refused, ToybackendError
from toybackend.models import BootState
from toybackend.protocol import Notice, Play, ServerFrame
from toybackend.settings import PREFIX

PLAYERS = (
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "quiet", "-volume", "{percent}"),
    ("mpg123", "-q", "-f", "{scale}"),
    ("mpv", "--no-video", "--really-quiet", "--volume={percent}"),
)
"""Programs that play an MP3 and end, in the order in which we look for them, and how each is told how loud."""
FULL_SCALE = 32_768

_LICENCE = re.compile(r"[0-9A-Fa-f]{32}")
_FILE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class StrangeId(ToybackendError):
    """The server named a message in a way that must not become a file name."""

    code = "strange_id"


@dataclass(frozen=True, slots=True)
class Habits:
    """What this toy does with what it receives."""

    folder: Path | None
    """Where voices are kept."""
    player: tuple[str, ...] | None
    """Program and arguments before the file; None to play nothing."""
    must_play: bool
    reply: Path | None
    count: int | None
    """Leave after so many messages."""


def toy(
    server: Annotated[str, typer.Option(help="HTTP address of the server.", metavar="URL")],
    licence: Annotated[
        str,
        typer.Option(
            "--license",
            envvar=PREFIX + "LICENSE",
            metavar="CODE",
            help="The toy's licence, 32 hex digits. In the variable it does not stand in the list of processes.",
        ),
    ],
    save: Annotated[
        Path | None, typer.Option(help="Keep voices in this folder.", metavar="DIR", file_okay=False)
    ] = None,
    play: Annotated[bool, typer.Option("--play", help="Play voices on this machine.")] = False,
    reply: Annotated[
        Path | None,
        typer.Option(help="Answer every voice with this recording.", exists=True, dir_okay=False, metavar="FILE"),
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, help="Leave after this many messages.")] = None,
    as_json: Json = False,
) -> None:
    """Be a toy: switch on, find an owner, receive voices and songs, keep or play them, say so, and answer.

    Runs until --count is reached or it is interrupted; both are a good end.
    """
    if not _LICENCE.fullmatch(licence.strip()):
        raise typer.BadParameter("a licence has 32 hex digits", param_hint="--license")  # and is not shown
    report = Report(as_json=as_json)
    habits = Habits(save, find_player() if play else None, play, reply, count)
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        if not asyncio.run(_run(server, licence.strip(), habits, report)):
            raise typer.Exit(1)


def find_player() -> tuple[str, ...] | None:
    """The first program of PLAYERS that this machine has, with its arguments."""
    for program, *arguments in PLAYERS:
        path = shutil.which(program)
        if path is not None:
            return (path, *arguments)
    return None


def loud(player: tuple[str, ...], percent: int) -> tuple[str, ...]:
    """This player, playing no louder than its guardians want."""
    path, *arguments = player
    return (path, *(one.format(percent=percent, scale=FULL_SCALE * percent // 100) for one in arguments))


async def _run(server: str, licence: str, habits: Habits, report: Report) -> bool:
    """Whether it came to a good end."""
    if habits.must_play and habits.player is None:
        report.tell("no_player", f"nothing here plays MP3 (looked for {', '.join(one[0] for one in PLAYERS)})")
    try:
        with _sigterm_cancels():
            async with Toy(
                server,
                licence,
                on_boot=lambda boot: _tell_boot(boot, report),
                watch=lambda frame: _tell_settings(frame, report),
            ) as one:
                await one.wait_until_ready()
                report.wait("waiting for messages; Ctrl-C to leave")
                await _live(one, habits, report)
    except ToybackendError as error:
        report.fail(error)
        return False
    return True


@contextlib.contextmanager
def _sigterm_cancels() -> Iterator[None]:
    """Being told to end is as good as Ctrl-C, for which asyncio does this by itself."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101  # this is a coroutine's context
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


def _tell_boot(boot: Boot, report: Report) -> None:
    words = f"{boot.state}: {boot.prompt.text}" if boot.prompt and boot.prompt.text else str(boot.state)
    if boot.claim is not None:
        until = boot.claim.expires_at.astimezone()
        words += f"\n  code {boot.claim.code}, good until {until:%H:%M:%S}\n  {boot.claim.qr_url}"
        facts = {"claim": boot.claim.code, "qr_url": boot.claim.qr_url, "expires_at": until.isoformat()}
    elif boot.toy is not None:
        words += f"\n  {boot.toy.name or 'no name yet'} ({boot.toy.id})"
        facts = {"id": boot.toy.id, "name": boot.toy.name, "child_name": boot.toy.child_name}
    else:
        facts = {}
    report.tell("state", words, style=_STYLES[boot.state], state=str(boot.state), **facts)


_STYLES = {BootState.UNLICENSED: "red", BootState.UNBOUND: "yellow", BootState.READY: "green"}


def _tell_settings(frame: ServerFrame, report: Report) -> None:
    if not isinstance(frame, Notice) or frame.event != "settings" or frame.settings is None:
        return
    volume, until = frame.settings.volume_cap, frame.settings.quiet_until
    words = f"volume up to {volume} %" + (f", quiet until {until}" if until else "")
    report.tell("settings", words, style="yellow", volume_cap=volume, quiet_until=until)


async def _live(one: Toy, habits: Habits, report: Report) -> None:
    async with _owned(_play_songs(one, habits, report)):
        left = habits.count
        messages = one.messages()
        while left is None or left > 0:
            await _take(one, await anext(messages), habits, report)
            left = None if left is None else left - 1


@contextlib.asynccontextmanager
async def _owned(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Have this done meanwhile, and no longer."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


# ── songs and stories ──


async def _play_songs(one: Toy, habits: Habits, report: Report) -> None:
    """Play what the family wants, until they want something else."""
    playback = one.playback()
    wanted = await anext(playback)
    while True:
        if wanted is None:
            report.tell("stopped", "■ silence", style="dim")
            wanted = await anext(playback)
        else:
            async with _owned(_play_song(one, wanted, habits, report)):
                wanted = await anext(playback)


async def _play_song(one: Toy, song: Play, habits: Habits, report: Report) -> None:
    about = {"id": song.id, "item": song.item_id, "title": song.title}
    try:
        mp3 = await one.fetch(song)
    except ToybackendError as error:
        report.tell("gone", f"✗ {song.title} cannot be had: {error}", style="red", **about, code=error.code)
        return
    async with _file(habits, song.id, mp3) as file:
        report.tell("play", f"▶ {song.title}: {song.duration_ms / 1000:.0f} s", **about, bytes=len(mp3))
        if not habits.must_play:
            await asyncio.sleep(song.duration_ms / 1000)
        was_heard = await _play(one, habits, file)
    if was_heard:
        await one.heard(song)
        report.tell("heard", "  heard", style="dim", id=song.id)


# ── messages ──


async def _take(one: Toy, message: Received, habits: Habits, report: Report) -> None:
    """Everything about one message. If we die in the middle, the server still has it until `ack`."""
    about = {"id": message.id, "from": message.from_user, "from_name": message.from_name}
    if message.url is None:
        report.tell("text", f"✉ {message.from_name}: {message.msg}", **about, msg=message.msg)
        await one.heard(message)
        return
    try:
        mp3 = await one.fetch(message)
    except (Gone, NotFound) as error:
        report.tell("gone", f"✗ {message.from_name}'s voice is gone", style="red", **about, code=error.code)
        message.ack()  # nothing is left that could be delivered
        return
    async with _file(habits, message.id, mp3) as file:
        message.ack()
        seconds = (message.duration_ms or 0) / 1000
        kept = str(file) if habits.folder and file else None
        words = f"♪ {message.from_name}: {seconds:.1f} s, {len(mp3)} bytes{f', saved as {kept}' if kept else ''}"
        report.tell("voice", words, **about, duration_ms=message.duration_ms, bytes=len(mp3), file=kept)
        was_heard = await _play(one, habits, file)
    if was_heard:
        await one.heard(message)
        report.tell("heard", "  heard", style="dim", id=message.id)
    await _answer(one, message, habits, report)


async def _answer(one: Toy, message: Received, habits: Habits, report: Report) -> None:
    if habits.reply is None:
        return
    try:
        sent = await one.reply(message, habits.reply)
    except Refused as error:
        report.tell("failed", f"✗ the answer was refused: {error}", style="red", code=error.code, message=str(error))
    else:
        report.tell("replied", f"  answered ({sent.id})", style="dim", id=sent.id, to=message.from_user)


@contextlib.asynccontextmanager
async def _file(habits: Habits, sound_id: str, mp3: bytes) -> AsyncIterator[Path | None]:
    """The sound as a file: to keep, or for as long as it plays, or not at all."""
    if habits.folder is not None:
        yield await asyncio.to_thread(save_voice, habits.folder, sound_id, mp3)
    elif habits.player is not None:
        with tempfile.TemporaryDirectory(prefix="toybackend-toy-") as folder:
            yield await asyncio.to_thread(save_voice, Path(folder), sound_id, mp3)
    else:
        yield None


def save_voice(folder: Path, message_id: str, mp3: bytes) -> Path:
    """Write `<id>.mp3` so that it survives a power cut, whole or not at all. Raises StrangeId or OSError."""
    if not _FILE_ID.fullmatch(message_id):
        raise StrangeId("the message's id is not fit for a file name")
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{message_id}.mp3"
    part = folder / f"{message_id}.part"
    with part.open("wb") as file:
        file.write(mp3)
        file.flush()
        os.fsync(file.fileno())
    part.replace(target)
    sync(folder)
    return target


async def _play(one: Toy, habits: Habits, file: Path | None) -> bool:
    """Whether the sound was played to its end. A toy that is not asked to play has, let us say, good ears."""
    if not habits.must_play:
        return True
    if habits.player is None or file is None:
        return False
    silent = asyncio.subprocess.DEVNULL
    program = loud(habits.player, one.settings.volume_cap if one.settings else 100)
    child = await asyncio.create_subprocess_exec(*program, str(file), stdin=silent, stdout=silent, stderr=silent)
    try:
        return await child.wait() == 0
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
