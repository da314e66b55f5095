"""kill −9 of the server at random moments, while phones send to toys and both keep losing their sockets.

Phones send AMR clips of different lengths, one after another, each again under the same `ref` until it was accepted,
and now and then once more. Toys acknowledge, and know a message by its id. After the last kill the phones finish, the
rest is delivered, and `verdict.py` holds what was promised against what every toy has and what lies on the disk.
Goal: nothing lost, doubled, misdelivered, misordered, mixed up, left behind or torn.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from bench.server import CLIPS, ServerProcess, acknowledge, next_frame, open_socket, send_voice, settle
from toybackend.transcoder import FfmpegTranscoder
from trials.verdict import Clip, Conversation, Verdict, judge

CLIP_NAMES = ("hello_nb.amr", "story_nb.amr", "dtx_nb.amr", "hello_wb.amr")
FAMILIES = 4
MOST_LIFE_SECONDS = 0.9
"""A kill comes at a random moment of this much of a server's life, counted from its ready line."""
MOST_START_SECONDS = 1.5
KILLED_WHILE_STARTING = 0.1
"""Share of the kills that come before the server is ready, or just after."""
DROPPED = 0.05
"""Share of the frames after which a client's connection is torn down, without a goodbye."""
REPEATED = 0.05
"""Share of the accepted clips that are sent once more all the same."""
MOST_UNDER_WAY = 6
"""Accepted clips that a phone sees undelivered before it waits: enough to keep the converter busy at every kill."""
PAUSE_SECONDS = 0.03
"""Between two clips, at most."""
RECONNECT_SECONDS = 0.1
ANSWER_SECONDS = 10.0
DRAIN_SECONDS = 120.0
PROGRESS_EVERY = 20
QUIET_SECONDS = 1.0
"""How long after the last expected message one too many would show."""
CONNECTION_LOST = (OSError, WebSocketException, TimeoutError)
SETTINGS = {"FRAMES_PER_MINUTE": "1000000", "LOG_LEVEL": "WARNING"}


@dataclass(frozen=True, slots=True)
class Street:
    """Where the server is, what is sent, and the dice."""

    ws_url: str
    clips: Sequence[Clip]
    dice: random.Random
    calm: asyncio.Event = field(default_factory=asyncio.Event)
    """Set after the last kill: phones send nothing new, and connections hold."""

    def shake(self, socket: ClientConnection) -> None:
        """Tear the connection down, now and then. Raises ConnectionAbortedError."""
        if not self.calm.is_set() and self.dice.random() < DROPPED:
            socket.transport.abort()
            raise ConnectionAbortedError


class Phone:
    """Sends clip after clip."""

    def __init__(self, street: Street, conversation: Conversation) -> None:
        self._street = street
        self._conversation = conversation
        self._clip: tuple[str, Clip] | None = None
        self._number = 0

    async def run(self) -> None:
        """Returns when there is calm and everything was accepted."""
        while self._clip is not None or not self._street.calm.is_set():
            with contextlib.suppress(*CONNECTION_LOST):
                async with open_socket(f"{self._street.ws_url}/app", self._conversation.family.person_token) as socket:
                    await self._talk(socket)
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _talk(self, socket: ClientConnection) -> None:
        while self._clip is not None or not self._street.calm.is_set():
            ref, clip = self._clip = self._clip or self._next()
            message_id = await self._send(socket, ref, clip)
            self._conversation.promise(ref, message_id, clip)
            if self._street.dice.random() >= REPEATED:
                self._clip = None
            await self._breathe()

    def _next(self) -> tuple[str, Clip]:
        self._number += 1
        return f"clip-{self._number}", self._street.dice.choice(self._street.clips)

    async def _send(self, socket: ClientConnection, ref: str, clip: Clip) -> str:
        """Returns the id under which the clip was accepted."""
        async with asyncio.timeout(ANSWER_SECONDS):
            self._conversation.sent += 1
            await send_voice(socket, self._conversation.family.toy_id, ref, clip.blob)
            self._street.shake(socket)
            while (accepted := await next_frame(socket, "accepted"))["ref"] != ref:
                pass
        return str(accepted["id"])

    async def _breathe(self) -> None:
        await asyncio.sleep(self._street.dice.uniform(0, PAUSE_SECONDS))
        async with asyncio.timeout(DRAIN_SECONDS):
            await self._conversation.caught_up(MOST_UNDER_WAY)


async def toy(street: Street, conversation: Conversation) -> None:
    """Listens until it is cancelled."""
    while True:
        with contextlib.suppress(*CONNECTION_LOST):
            async with open_socket(f"{street.ws_url}/toy", conversation.family.toy_token) as socket:
                while True:
                    voice = await next_frame(socket, "voice")
                    conversation.show(voice["id"], voice["duration_ms"])
                    street.shake(socket)
                    await acknowledge(socket, voice["id"])
                    street.shake(socket)
        await asyncio.sleep(RECONNECT_SECONDS)


# ── the run ──


async def crash(folder: Path, *, kills: int, seed: int, tell: Callable[[int], None] = lambda killed: None) -> Verdict:
    """The whole run in this folder; `tell` hears of every kill. Raises RuntimeError when the server does not come up
    again."""
    started = time.monotonic()
    conversations = [Conversation(family) for family in await settle(folder / "data", FAMILIES)]
    server = ServerProcess(folder / "data", SETTINGS)
    dice = random.Random(seed)
    street = Street(server.ws_url, await _clips(), dice)
    try:
        async with _toys(street, conversations):
            async with asyncio.TaskGroup() as phones:
                for conversation in conversations:
                    phones.create_task(Phone(street, conversation).run())
                await _kill_again_and_again(server, dice, kills, tell)
                street.calm.set()
            await _drain(conversations)
        await server.stop()
    finally:
        await server.kill()
    return judge(conversations, folder / "data", kills=kills, seconds=time.monotonic() - started)


async def _clips() -> list[Clip]:
    """Our clips, with their lengths as the transcoder tells them."""
    transcoder, clips = FfmpegTranscoder(), []
    for name in CLIP_NAMES:
        with tempfile.TemporaryDirectory() as place:
            sound = await transcoder.convert(CLIPS / name, Path(place))
        clips.append(Clip((CLIPS / name).read_bytes(), sound.duration_ms))
    return clips


@asynccontextmanager
async def _toys(street: Street, conversations: Sequence[Conversation]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(toy(street, one)) for one in conversations]
    try:
        yield
        await asyncio.sleep(QUIET_SECONDS)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _kill_again_and_again(
    server: ServerProcess, dice: random.Random, kills: int, tell: Callable[[int], None]
) -> None:
    """Ends with a server that is left alive."""
    for number in range(kills):
        if dice.random() < KILLED_WHILE_STARTING:
            starting = asyncio.create_task(server.start())
            await asyncio.sleep(dice.uniform(0.01, MOST_START_SECONDS))
            await server.kill()
            await asyncio.gather(starting, return_exceptions=True)
        else:
            await server.start()
            await asyncio.sleep(dice.uniform(0, MOST_LIFE_SECONDS))
            await server.kill()
        tell(number + 1)
    await server.start()


async def _drain(conversations: Sequence[Conversation]) -> None:
    """Wait until every toy has what its phone was promised. What is not there by then counts as lost."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            for conversation in conversations:
                await conversation.caught_up(0)


def _show_progress(killed: int) -> None:
    if killed % PROGRESS_EVERY == 0:
        print(f"{killed} kills", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="default 200")
    parser.add_argument("--seed", type=int, default=1, help="of the dice (default 1)")
    parser.add_argument("--keep", action="store_true", help="keep the data folder")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="toybackend-crash-"))
    verdict = asyncio.run(crash(folder, kills=given.kills, seed=given.seed, tell=_show_progress))
    print(verdict)
    if given.keep:
        print(f"kept in {folder}")
    else:
        shutil.rmtree(folder)
    sys.exit(0 if verdict.is_good else 1)


if __name__ == "__main__":
    main()
