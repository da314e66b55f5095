"""What a thread can give up for good, and with it every child that it starts: Linux system calls, through ctypes.

    Landlock        which files may be opened     which of its parts there are depends on the version (ABI)
    seccomp         which calls may be made       see `seccomp.py`
    no_new_privs    what starting a program adds: nothing; without it the other two are for root alone

Every function raises OSError where this system does not have it, or does not let us.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from toybackend.transcoder import seccomp

Rule = tuple[Path, int]
"""A file, or a folder and all below it, and what may be done there."""

# include/uapi/linux/landlock.h: LANDLOCK_ACCESS_FS_…
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, MAKE_REG, TRUNCATE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 8, 1 << 14
_KINDS_OF_ACCESS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many a version knows; those after the fifth know as many."""
_TCP, _TCP_SINCE = 0b11, 4
"""LANDLOCK_ACCESS_NET_BIND_TCP and _CONNECT_TCP."""
_SCOPES, _SCOPES_SINCE = 0b11, 6
"""LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET and _SIGNAL."""
# the same file, and the numbers of its calls, which are the same on every processor
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_CREATE_RULESET_VERSION = 1 << 0
_RULE_PATH_BENEATH = 1
# include/uapi/linux/prctl.h, include/uapi/linux/seccomp.h
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_SET_MODE_FILTER = 1
_SECCOMP_FILTER_FLAG_SPEC_ALLOW = 1 << 2
"""Without the guard against side channels inside one process: there is nobody else in it, and it costs."""


def landlock_version() -> int:
    return _call(_CREATE_RULESET, 0, 0, _CREATE_RULESET_VERSION)


@contextmanager
def landlock_ruleset(version: int, rules: Iterable[Rule]) -> Iterator[int]:
    """A descriptor that denies everything this version can deny, but for these files; what is not there is left out."""
    kinds = _KINDS_OF_ACCESS[min(version, max(_KINDS_OF_ACCESS))]
    handled = (1 << kinds) - 1
    tcp, scopes = _TCP * (version >= _TCP_SINCE), _SCOPES * (version >= _SCOPES_SINCE)
    # struct landlock_ruleset_attr; an old kernel, whose own is shorter, wants to see zeros behind that.
    attributes = ctypes.create_string_buffer(struct.pack("=QQQ", handled, tcp, scopes), 24)
    ruleset = _call(_CREATE_RULESET, ctypes.addressof(attributes), len(attributes), 0)
    try:
        for path, access in rules:
            _allow(ruleset, path, access & handled)
        yield ruleset
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, access: int) -> None:
    try:
        file = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        # struct landlock_path_beneath_attr, packed
        rule = ctypes.create_string_buffer(struct.pack("=Qi", access, file), 12)
        _call(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.addressof(rule), 0)
    finally:
        os.close(file)


def gain_no_privileges() -> None:
    """Of this thread; the two below need it."""
    _checked(_libc().prctl(_PR_SET_NO_NEW_PRIVS, *map(ctypes.c_ulong, (1, 0, 0, 0))))


def keep_files(ruleset: int) -> None:
    """Let this thread open what the ruleset allows, and nothing else."""
    _call(_RESTRICT_SELF, ruleset, 0)


class _Program(ctypes.Structure):
    """struct sock_fprog"""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def keep_calls() -> None:
    """Let this thread make the system calls of `seccomp.py`, and no others."""
    number, code = _filter()
    program = _Program(len(code) // seccomp.STEP_BYTES, code)
    _call(number, _SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_SPEC_ALLOW, ctypes.addressof(program))


@cache
def _filter() -> tuple[int, bytes]:
    """Number of seccomp(2), and the program."""
    architecture = seccomp.ARCHITECTURES.get(platform.machine())
    if architecture is None or sys.maxsize < 1 << 32:
        raise OSError(errno.ENOSYS, f"the system calls of {platform.machine()} in this mode are not in our list")
    return architecture.seccomp, seccomp.program(architecture)


def _call(number: int, *arguments: int) -> int:
    return _checked(_libc().syscall(*map(ctypes.c_long, (number, *arguments))))


def _checked(answer: int) -> int:
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


@cache
def _libc() -> ctypes.CDLL:
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, "only Linux has it")
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return libc
