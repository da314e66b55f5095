"""Nobody is asked outside of this machine: a place without a way out, and a watch for those who look for one.

    python tests/offline.py COMMAND [ARGUMENT…]      run a command where loopback is all the network there is

Linux gives a process a network of its own (`CLONE_NEWNET`): to root, and to others within a user namespace of their
own, in which they stay who they are. Where the kernel refuses both, the command runs all the same, and this says so.
The watch needs no kernel: Python tells it (PEP 578) of every address that this process connects to or looks up.
"""

from __future__ import annotations

import ctypes
import fcntl
import ipaddress
import os
import socket
import struct
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

CLONE_NEWUSER, CLONE_NEWNET = 0x1000_0000, 0x4000_0000  # linux/sched.h
SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8913, 0x8914  # linux/sockios.h
IFF_UP = 1
LOOK_UP = frozenset({"socket.getaddrinfo", "socket.gethostbyname"})
REACH = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
ROUTES = (Path("/proc/self/net/route"), Path("/proc/self/net/ipv6_route"))


def leave_the_network() -> None:
    """From now on this process, and whatever it starts, has loopback and nothing else. Raises OSError."""
    user, group = os.getuid(), os.getgid()
    if user == 0:
        _unshare(CLONE_NEWNET)
    else:
        _unshare(CLONE_NEWUSER | CLONE_NEWNET)
        for file, line in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            Path("/proc/self", file).write_text(line)
    _bring_up_loopback()


def _unshare(flags: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "unshare")


def _bring_up_loopback() -> None:
    request = struct.Struct("16sh22x")  # struct ifreq: name, flags
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        _, flags = request.unpack(fcntl.ioctl(control, SIOCGIFFLAGS, request.pack(b"lo", 0)))
        fcntl.ioctl(control, SIOCSIFFLAGS, request.pack(b"lo", flags | IFF_UP))


def ways_out() -> list[str]:
    """The interfaces, other than loopback, that the kernel has a route over."""
    over: set[str] = set()
    for file in ROUTES:
        lines = file.read_text().splitlines() if file.exists() else []
        over |= {line.split()[0 if file.name == "route" else -1] for line in lines}
    return sorted(over - {"Iface", "lo"})


# ── the watch ──


class NetworkWatch:
    """A pytest plugin: a test in which somebody looks beyond loopback fails, and what was tried is refused."""

    def __init__(self) -> None:
        self.tried: list[str] = []
        """Since the last report."""

    def pytest_configure(self) -> None:
        sys.addaudithook(self.hear)  # for good: Python has no way to take one away

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if self.tried and report.outcome != "failed":
            report.outcome = "failed"
            report.longrepr = "this looked beyond the machine:\n" + "\n".join(self.tried)
        self.tried.clear()
        return report

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An audit hook, called for much that has nothing to do with us. Raises PermissionError."""
        if event in LOOK_UP:
            self._look_at(event, arguments[0])
        elif event in REACH and isinstance(arguments[1], tuple):  # an address of AF_UNIX is a path
            self._look_at(event, arguments[1][0])

    def _look_at(self, event: str, host: object) -> None:
        if not is_loopback(host):
            self.tried.append(f"{event} {host!r}")
            raise PermissionError(f"nobody is asked beyond this machine: {event} {host!r}")


def is_loopback(host: object) -> bool:
    """Of a name or an address. Nobody's (None, the empty one) means this machine to the resolver."""
    if isinstance(host, bytes):
        host = host.decode(errors="replace")
    if host in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


def main(command: Sequence[str]) -> None:
    try:
        leave_the_network()
    except OSError as refused:
        print(f"offline: this kernel gives us no network of our own ({refused}); going on with its", file=sys.stderr)
    os.execvp(command[0], list(command))


if __name__ == "__main__":
    main(sys.argv[1:])
