"""What the benches share: a real server process, families that are ready to talk, and raw sockets to it.

The protocol is spoken by hand here rather than by `toybackend.client`: what is measured is the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from toybackend.house import House, open_house
from toybackend.models import PartyKind
from toybackend.settings import Settings, Storage

REPOSITORY = Path(__file__).resolve().parents[1]
CLIPS = REPOSITORY / "tests" / "clips"
SERVE = (sys.executable, "-m", "toybackend", "serve")
READY = re.compile(r"toybackend ready http=(\S+) ws=(\S+)")
PORTS = (20_000, 32_000)
STOP_SECONDS = 20.0
PASSWORD = "correct horse"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Family:
    """A grown-up and the toy that is bound to them, with a token for each."""

    person_id: str
    person_token: str
    toy_id: str
    toy_token: str


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds, user and system together."""

    own: float
    children: float
    """Of children that have ended and were reaped."""

    @property
    def total(self) -> float:
        return self.own + self.children

    def since(self, before: Cpu) -> Cpu:
        return Cpu(self.own - before.own, self.children - before.children)


class ServerProcess:
    """`toybackend serve` as a child process, on ports that stay the same over restarts."""

    def __init__(
        self,
        data: Path,
        settings: Mapping[str, str] | None = None,
        command: Sequence[str] = SERVE,
        log: Path | None = None,
    ) -> None:
        """`settings` are names without the prefix, such as `{"CONVERT_WORKERS": "2"}`; its log is beside its data, if
        not elsewhere."""
        http_port, ws_port = free_port(), free_port()
        self.http_url, self.ws_url = f"http://127.0.0.1:{http_port}", f"ws://127.0.0.1:{ws_port}"
        self.log = log or data.with_name(data.name + ".log")
        self._command = [*command, f"--data={data}", f"--http-port={http_port}", f"--ws-port={ws_port}"]
        self._environment = _environment(settings or {})
        self._process: subprocess.Popen[str] | None = None
        self._is_ready = False

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server was not started"
        return self._process.pid

    async def start(self) -> None:
        """Returns when the server is ready. Raises RuntimeError when it ends instead."""
        await asyncio.to_thread(self._start)

    def _start(self) -> None:
        with self.log.open("a") as log:
            self._process = process = subprocess.Popen(
                self._command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=REPOSITORY, env=self._environment
            )
        assert process.stdout is not None
        for line in process.stdout:
            if READY.match(line):
                self._is_ready = True
                return
        process.stdout.close()
        raise RuntimeError(
            f"the server ended with {process.wait()} before it was ready: {self.log.read_text()[-2000:]}"
        )

    async def kill(self) -> None:
        """SIGKILL, as a power cut would. Returns when the process is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        await asyncio.to_thread(process.wait)
        if self._is_ready and process.stdout is not None:  # otherwise `start` still reads it, to its end
            process.stdout.close()
        self._is_ready = False

    async def stop(self) -> str:
        """SIGTERM. Returns what the server still said on standard output."""
        if self._process is None:
            return ""
        self._process.send_signal(signal.SIGTERM)
        rest, _ = await asyncio.to_thread(self._process.communicate, timeout=STOP_SECONDS)
        self._process, self._is_ready = None, False
        return rest

    def cpu(self) -> Cpu:
        """What the process used so far, in steps of one clock tick (10 ms)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        user, system, children_user, children_system = (int(field) / TICKS for field in fields[11:15])
        return Cpu(user + system, children_user + children_system)


@asynccontextmanager
async def running(server: ServerProcess) -> AsyncIterator[ServerProcess]:
    """Start; on leaving stop, or kill what does not stop."""
    await server.start()
    try:
        yield server
    finally:
        try:
            await server.stop()
        finally:
            await server.kill()


def free_port() -> int:
    """Below the ephemeral range: while the server is away nobody else is given this port, and no client that knocks
    there meets itself."""
    while True:
        port = random.randrange(*PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Ours without the settings of whoever runs the bench: they would change what is measured."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("TOYBACKEND_")}
    return ours | {f"TOYBACKEND_{name}": value for name, value in settings.items()}


# ── families ──


async def settle(data: Path, count: int) -> list[Family]:
    """So many families in a new data folder, before its server runs."""
    async with open_house(Settings(storage=Storage(data_dir=data))) as house:
        return [await _move_in(house, f"person{number}") for number in range(count)]


async def _move_in(house: House, name: str) -> Family:
    await house.accounts.add(name, PASSWORD)
    account, person_token = await house.accounts.log_in(name, PASSWORD)
    (toy_id, toy_token), *_ = await issue_toys(house, name, 1)
    return Family(account.id, person_token, toy_id, toy_token)


async def issue_toys(house: House, owner: str, count: int) -> list[tuple[str, str]]:
    """Toys of one account as (id, token)."""
    made = []
    guardian = await house.accounts.find(owner)
    for _, licence in [one async for batch in house.devices.issue(count) for one in batch]:
        boot = await house.devices.power_on(licence)
        assert boot.claim is not None, "a new toy waits for its owner"
        toy = await house.toys.bind(guardian.id, boot.claim.code)
        made.append((str(toy.id), await house.tokens.give(toy.id, PartyKind.TOY)))
    return made


# ── sockets ──


@asynccontextmanager
async def open_socket(url: str, token: str) -> AsyncIterator[ClientConnection]:
    """A socket that was welcomed; without compression and without pings of its own."""
    header = {"Authorization": f"Bearer {token}"}
    async with connect(url, additional_headers=header, compression=None, ping_interval=None) as socket:
        await next_frame(socket, "welcome")
        yield socket


async def next_frame(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next frame of this type; others are skipped, an error frame raises RuntimeError."""
    while True:
        frame: dict[str, Any] = json.loads(await socket.recv())
        if frame["type"] == kind:
            return frame
        if frame["type"] == "error":
            raise RuntimeError(f"refused: {frame}")


async def send_voice(socket: ClientConnection, toy_id: str, ref: str, blob: bytes) -> float:
    """Header and blob. Returns the moment (`time.perf_counter`) the last byte was handed to the system."""
    await socket.send(json.dumps({"to_user": toy_id, "ref": ref}))
    await socket.send(blob)
    return time.perf_counter()


async def acknowledge(socket: ClientConnection, message_id: str) -> None:
    await socket.send(json.dumps({"type": "ack", "id": message_id}))
