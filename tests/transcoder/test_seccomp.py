"""The filter, run by a machine of our own: for processors that are not at hand as well."""

from __future__ import annotations

import struct

import pytest

from toybackend.transcoder import seccomp
from toybackend.transcoder.seccomp import ALLOW, ARCHITECTURES, NEW_NAMESPACES, REFUSE, Architecture

DENIED = {
    "x86_64": "socket 41 connect 42 bind 49 sendto 44 socketpair 53 kill 62 tgkill 234 ptrace 101 process_vm_readv 310"
    " prctl 157 ioctl 16 chmod 90 unlink 87 unlinkat 263 rename 82 symlink 88 link 86 truncate 76 mount 165 unshare 272"
    " setns 308 keyctl 250 add_key 248 bpf 321 perf_event_open 298 io_uring_setup 425 userfaultfd 323 memfd_create 319"
    " pidfd_getfd 438 open_by_handle_at 304 shmget 29 setuid 105 setpriority 141 sched_setaffinity 203 fork 57"
    " clone3 435 execveat 322 landlock_restrict_self 446 seccomp 317 reboot 169",
    "aarch64": "socket 198 connect 203 bind 200 sendto 206 socketpair 199 kill 129 tgkill 131 ptrace 117 prctl 167"
    " process_vm_readv 270 ioctl 29 fchmodat 53 unlinkat 35 renameat2 276 symlinkat 36 linkat 37 truncate 45 mount 40"
    " unshare 97 setns 268 keyctl 219 add_key 217 bpf 280 perf_event_open 241 io_uring_setup 425 userfaultfd 282"
    " memfd_create 279 pidfd_getfd 438 open_by_handle_at 265 shmget 194 setuid 146 setpriority 140"
    " sched_setaffinity 122 clone3 435 execveat 281 landlock_restrict_self 446 seccomp 277 reboot 142",
}
CLONE_OF_A_THREAD = 0x3D0F00
X32_BIT = 0x4000_0000
I386 = 0x4000_0003

every_processor = pytest.mark.parametrize("name", ARCHITECTURES)


def answer(name: str, number: int, *arguments: int, audit: int | None = None) -> int:
    """What the filter says to a call, by the rules of classic BPF."""
    architecture = ARCHITECTURES[name]
    data = struct.pack("=IIQ6Q", number, audit or architecture.audit, 0, *arguments, *[0] * (6 - len(arguments)))
    code = list(struct.iter_unpack("=HBBI", seccomp.program(architecture)))
    at = value = 0
    while True:
        operation, if_so, if_not, operand = code[at]
        at += 1
        match operation:
            case 0x20:
                (value,) = struct.unpack_from("=I", data, operand)
            case 0x15:
                at += if_so if value == operand else if_not
            case 0x45:
                at += if_so if value & operand else if_not
            case 0x06:
                return int(operand)
            case _:
                raise AssertionError(f"no such operation: {operation:#x}")


def pairs(text: str) -> list[tuple[str, int]]:
    words = text.split()
    return [(name, int(number)) for name, number in zip(words[::2], words[1::2], strict=True)]


@every_processor
def test_what_is_on_the_list_may_pass(name: str) -> None:
    allowed = seccomp.allowed(ARCHITECTURES[name])
    assert {call for call, number in allowed.items() if answer(name, number) != ALLOW} == set()
    assert len(set(allowed.values())) == len(allowed)


@every_processor
def test_nothing_else_exists(name: str) -> None:
    passing = {number for number in range(600) if answer(name, number) == ALLOW}
    assert passing == set(seccomp.allowed(ARCHITECTURES[name]).values())
    assert {call for call, number in pairs(DENIED[name]) if answer(name, number) != REFUSE} == set()


@every_processor
def test_calls_of_another_kind_of_processor_are_refused(name: str) -> None:
    read = seccomp.allowed(ARCHITECTURES[name])["read"]
    others = [other.audit for other in ARCHITECTURES.values() if other is not ARCHITECTURES[name]]
    assert {answer(name, read, audit=audit) for audit in [*others, I386]} == {REFUSE}
    assert answer(name, read | X32_BIT) == REFUSE


@every_processor
def test_threads_but_no_namespaces(name: str) -> None:
    clone = seccomp.allowed(ARCHITECTURES[name])["clone"]
    assert answer(name, clone, CLONE_OF_A_THREAD) == ALLOW
    for bit in (1 << shift for shift in range(32)):
        expected = REFUSE if bit & NEW_NAMESPACES else ALLOW
        assert answer(name, clone, CLONE_OF_A_THREAD | bit) == expected


@every_processor
def test_nobody_elses_limits_and_no_signals_by_way_of_a_descriptor(name: str) -> None:
    allowed = seccomp.allowed(ARCHITECTURES[name])
    assert (answer(name, allowed["prlimit64"], 0), answer(name, allowed["prlimit64"], 1)) == (ALLOW, REFUSE)
    commands = {"F_SETFD": 2, "F_SETLK": 6, "F_SETOWN": 8, "F_SETSIG": 10, "F_SETLEASE": 1024, "F_DUPFD_CLOEXEC": 1030}
    passing = {command for command, number in commands.items() if answer(name, allowed["fcntl"], 3, number) == ALLOW}
    assert passing == {"F_SETFD", "F_DUPFD_CLOEXEC"}


def test_the_program_fits_what_the_kernel_takes() -> None:
    for architecture in ARCHITECTURES.values():
        code = seccomp.program(architecture)
        assert len(code) % seccomp.STEP_BYTES == 0
        assert len(code) // seccomp.STEP_BYTES <= 4096


def test_a_processor_lacks_what_it_lacks() -> None:
    assert "vfork" in seccomp.allowed(ARCHITECTURES["x86_64"])
    assert "vfork" not in seccomp.allowed(ARCHITECTURES["aarch64"])
    assert seccomp.numbers("one 1 2  other 3 -", Architecture(0, 1, 0)) == {"one": 2}
