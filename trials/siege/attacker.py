"""The process of one attack: it holds so many connections, opens again what ends, and counts how it ends.

It reads its order from standard input, one line of JSON, and goes on until standard input is closed; then it prints
what it got. It runs at the lowest priority: real attackers are elsewhere, and here they would take the very CPU whose
use by the server is measured.
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import select
import socket
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field

import msgspec

from trials.siege.attacks import ATTACKS, Aim, Attack

RECEIVE_BUFFER = 4096
"""Bytes that the system takes for those who do not read."""
MOUTHFUL = 65_536
MOST_AT_ONCE = 100
"""Connections opened before it is looked at what became of the others."""
GOLDEN = 0.618
"""Multiples of it are spread evenly: connections that begin together do not beat together."""
LOWEST_PRIORITY = 19
POLL_SECONDS = 0.02
EVENTS = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
CLOSE = 0x88
"""First byte of a close frame (RFC 6455, section 5.2)."""


@dataclass(frozen=True, slots=True)
class Order:
    """What this process shall do."""

    attack: str
    connections: int
    aim: Aim


@dataclass(frozen=True, slots=True)
class Harm:
    """What it did, and got for it."""

    opened: int
    most_open: int
    per_second: float
    """Connections opened."""
    answers: dict[str, int]
    """HTTP answers that came whole, by status."""
    ends: dict[str, int]
    """Connections, by how they ended: the status or close code that was said, and what the system said."""


@dataclass(slots=True)
class Reply:
    """What came on one connection."""

    status: str = ""
    code: str = ""
    _rest: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> list[str]:
        """The statuses of the HTTP answers that are whole with this."""
        self._rest += data
        statuses = []
        while self.status != "101" and (length := self._whole_answer()):
            self.status = self._rest[9:12].decode(errors="replace")
            statuses.append(self.status)
            del self._rest[:length]
        if self.status == "101":
            self._skip_frames()
        return statuses

    def _whole_answer(self) -> int:
        """How long it is; 0 where it is not whole, or there is none."""
        head, separator, body = self._rest.partition(b"\r\n\r\n")
        if not separator:
            return 0
        found = _LENGTH.search(head)
        length = int(found[1]) if found else 0
        return len(head) + len(separator) + length if len(body) >= length else 0

    def _skip_frames(self) -> None:
        while len(self._rest) >= 2:
            size, start = self._rest[1], 2
            if size > 125:
                start = 4 if size == 126 else 10
                size = int.from_bytes(self._rest[2:start], "big")
            if len(self._rest) < start + size:
                return
            if self._rest[0] == CLOSE:
                self.code = str(int.from_bytes(self._rest[start : start + 2], "big"))
            del self._rest[: start + size]

    def __str__(self) -> str:
        return self.code or self.status or self._rest[9:12].decode(errors="replace")


_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(slots=True)
class Wire:
    """One connection."""

    number: int
    socket: socket.socket
    to_send: bytes
    reply: Reply = field(default_factory=Reply)
    is_open: bool = False
    next_beat: float = 0.0


class Attacker:
    """All connections of one attack."""

    def __init__(self, attack: Attack, connections: int) -> None:
        self._attack = attack
        self._epoll = select.epoll()
        self._wires: dict[int, Wire] = {}
        self._free = deque((0.0, number) for number in range(connections))
        """Numbers of connections to be opened, and from when on."""
        self._opened = self._open_now = self._most_open = 0
        self._ends: Counter[str] = Counter()
        self._answers: Counter[str] = Counter()
        self._began = time.monotonic()

    def run(self, until_readable: int) -> Harm:
        """Until this descriptor can be read: it is closed, or something came."""
        self._epoll.register(until_readable, select.EPOLLIN)
        while True:
            self._open_some()
            for descriptor, event in self._epoll.poll(POLL_SECONDS):
                if descriptor == until_readable:
                    return self._harm()
                wire = self._wires.get(descriptor)
                if wire is not None:
                    self._handle(wire, event)
            if self._attack.beat_seconds is not None:
                self._beat(time.monotonic(), self._attack.beat_seconds)

    def _harm(self) -> Harm:
        per_second = self._opened / (time.monotonic() - self._began)
        return Harm(self._opened, self._most_open, per_second, self._answers, self._ends)

    # ── opening ──

    def _open_some(self) -> None:
        allowed = int((time.monotonic() - self._began) * self._attack.opens_per_second) - self._opened
        for _ in range(min(allowed, MOST_AT_ONCE)):
            if not self._free or self._free[0][0] > time.monotonic():
                break
            self._open(self._free.popleft()[1])

    def _open(self, number: int) -> None:
        self._opened += 1
        attack, aim = self._attack, self._attack.aim
        wire = Wire(number, socket.socket(), attack.greeting(number))
        wire.socket.setblocking(False)
        if not attack.reads:
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        if attack.many_addresses:
            wire.socket.bind((_address(self._opened), 0))
        with contextlib.suppress(BlockingIOError):
            wire.socket.connect(aim.http if attack.is_web else aim.ws)
        self._wires[wire.socket.fileno()] = wire
        self._epoll.register(wire.socket, EVENTS | select.EPOLLOUT)

    # ── what happens ──

    def _handle(self, wire: Wire, event: int) -> None:
        try:
            if event & select.EPOLLOUT:
                self._send(wire)
            if event & select.EPOLLIN:
                self._read(wire)
            if event & (select.EPOLLERR | select.EPOLLHUP | select.EPOLLRDHUP):
                self._drain(wire)
        except OSError as error:
            self._end(wire, type(error).__name__)

    def _send(self, wire: Wire) -> None:
        if not wire.is_open:
            wire.is_open = True
            self._open_now += 1
            self._most_open = max(self._most_open, self._open_now)
            wire.next_beat = time.monotonic() + (self._attack.beat_seconds or 0) * (1 + wire.number * GOLDEN % 1)
        if wire.to_send:
            with contextlib.suppress(BlockingIOError):
                wire.to_send = wire.to_send[wire.socket.send(wire.to_send) :]
        interest = EVENTS | (select.EPOLLOUT if wire.to_send else 0) | (select.EPOLLIN if self._attack.reads else 0)
        self._epoll.modify(wire.socket, interest)

    def _read(self, wire: Wire, most: int = MOUTHFUL) -> None:
        data = wire.socket.recv(most)
        statuses = wire.reply.feed(data)
        self._answers.update(statuses)
        if not data or (statuses and self._attack.hangs_up):
            self._end(wire, "" if not data else "by itself")
            return
        for _ in statuses:
            wire.to_send += self._attack.answered(wire.number)
        if wire.to_send:
            self._send(wire)

    def _beat(self, now: float, seconds: float) -> None:
        for wire in list(self._wires.values()):
            if not wire.is_open or wire.next_beat > now:
                continue
            wire.next_beat = now + seconds
            try:
                if self._attack.reads_on_beat:
                    with contextlib.suppress(BlockingIOError):
                        self._read(wire, self._attack.reads_on_beat)
                elif not wire.to_send:  # or the last one has not gone yet
                    wire.to_send = self._attack.beat(wire.number)
                    self._send(wire)
            except OSError as error:
                self._end(wire, type(error).__name__)

    # ── ending ──

    def _drain(self, wire: Wire) -> None:
        """The server has ended it; what it said before may still be there."""
        with contextlib.suppress(BlockingIOError):
            while data := wire.socket.recv(MOUTHFUL):
                self._answers.update(wire.reply.feed(data))
            self._end(wire, "")

    def _end(self, wire: Wire, reason: str) -> None:
        if self._wires.pop(wire.socket.fileno(), None) is None:
            return
        self._epoll.unregister(wire.socket)
        wire.socket.close()
        self._open_now -= wire.is_open
        self._free.append((time.monotonic() + self._attack.rest_seconds, wire.number))
        self._ends[" ".join(part for part in (str(wire.reply), reason) if part) or "without a word"] += 1


def _address(number: int) -> str:
    """Of this machine, and another one for each number."""
    return f"127.{1 + (number >> 16) % 250}.{number >> 8 & 255}.{2 + (number & 255) % 250}"


def main() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    os.setpriority(os.PRIO_PROCESS, 0, LOWEST_PRIORITY)
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    attacker = Attacker(ATTACKS[order.attack](order.aim), order.connections)
    harm = attacker.run(sys.stdin.fileno())
    sys.stdout.buffer.write(msgspec.json.encode(harm))


if __name__ == "__main__":
    main()
