"""Which system calls the converter may make, as the BPF program that the kernel runs before each one. Pure.

An allow-list: whatever is not named does not exist for the child (ENOSYS), as if its kernel were smaller. So there is
no socket of any kind, no signal to anybody, no ptrace, mount, namespace, keyring, io_uring, chmod, rename or link, and
nothing that a later kernel brings. A C library that meets a call it does not know falls back on an older one; that is
why the answer is neither EPERM nor death. So clone3, whose flags no filter can see, becomes clone.

The calls that start the child go through the filter as well: setsid, chdir, the closing of descriptors, vfork, execve.
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass

# name, number on x86_64, number on aarch64: the kernel's arch/x86/entry/syscalls/syscall_64.tbl and
# include/uapi/asm-generic/unistd.h; `-` where there is no such call.
_ALWAYS = """
    read            0   63    write           1   64    close           3   57    lseek           8   62
    pread64        17   67    pwrite64       18   68    readv          19   65    writev         20   66
    open            2    -    openat        257   56    access         21    -    faccessat     269   48
    faccessat2    439  439    stat            4    -    lstat           6    -    fstat           5   80
    newfstatat    262   79    statx         332  291    readlink       89    -    readlinkat    267   78
    getdents64    217   61    getcwd         79   17    chdir          80   49    fadvise64     221  223
    dup            32   23    dup2           33    -    dup3          292   24    close_range   436  436
    pipe           22    -    pipe2         293   59    poll            7    -    ppoll         271   73
    select         23    -    pselect6      270   72

    mmap            9  222    munmap         11  215    mprotect       10  226    mremap         25  216
    madvise        28  233    brk            12  214    membarrier    324  283

    futex         202   98    set_tid_address 218 96    set_robust_list 273 99    rseq          334  293
    gettid        186  178    exit           60   93    sched_yield    24  124    sched_getaffinity 204 123
    arch_prctl    158    -    rt_sigaction   13  134    rt_sigprocmask 14  135    rt_sigreturn   15  139
    sigaltstack   131  132    restart_syscall 219 128   nanosleep      35  101    clock_nanosleep 230 115
    clock_gettime 228  113    clock_getres  229  114    gettimeofday   96  169    time          201    -
    times         100  153    getrandom     318  278

    vfork          58    -    execve         59  221    setsid        112  157    wait4          61  260
    exit_group    231   94    getpid         39  172    getppid       110  173    getuid        102  174
    geteuid       107  175    getgid        104  176    getegid       108  177    getrusage      98  165
    getrlimit      97  163    uname          63  160    sysinfo        99  179
"""
_SOMETIMES = "clone 56 220  fcntl 72 25  prlimit64 302 261"

NEW_NAMESPACES = 0x7E02_0000
"""CLONE_NEW… of include/uapi/linux/sched.h, all of them."""
FCNTL_COMMANDS = (0, 1, 2, 3, 4, 1030)
"""F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC: no locks, no leases, nobody to send signals to."""

# include/uapi/linux/seccomp.h
ALLOW = 0x7FFF_0000
REFUSE = 0x0005_0000 | errno.ENOSYS
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
# include/uapi/linux/bpf_common.h: BPF_LD|BPF_W|BPF_ABS, BPF_JMP|…|BPF_K, BPF_RET|BPF_K
_LOAD, _IF_EQUAL, _IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06


@dataclass(frozen=True, slots=True)
class Architecture:
    """A processor whose system calls we know."""

    audit: int
    """AUDIT_ARCH_… of include/uapi/linux/audit.h; a 32-bit call on the same machine has another."""
    column: int
    seccomp: int
    """Number of seccomp(2)."""


ARCHITECTURES = {
    "x86_64": Architecture(0xC000_003E, 0, seccomp=317),
    "aarch64": Architecture(0xC000_00B7, 1, seccomp=277),
}
"""By what `os.uname().machine` says."""


def numbers(table: str, architecture: Architecture) -> dict[str, int]:
    """Name → number, of the calls that this processor has."""
    words = table.split()
    rows = zip(words[::3], zip(words[1::3], words[2::3], strict=True), strict=True)
    return {name: int(row[architecture.column]) for name, row in rows if row[architecture.column] != "-"}


def allowed(architecture: Architecture) -> dict[str, int]:
    """Every call that may pass, always or with some arguments."""
    return numbers(_ALWAYS + _SOMETIMES, architecture)


STEP_BYTES = 8
"""Size of a `struct sock_filter`."""
Step = tuple[int, int, int, int]
"""Code, operand, and how many instructions to step over if it is so, and if it is not; -1 is the last one of all."""

_TO_ALLOW, _TO_REFUSE = -1, -2


def program(architecture: Architecture) -> bytes:
    """`struct sock_filter[]`: what the kernel is to run before each call."""
    sometimes = numbers(_SOMETIMES, architecture)
    steps: list[Step] = [
        (_LOAD, _ARCHITECTURE_AT, 0, 0),
        (_IF_EQUAL, architecture.audit, 0, _TO_REFUSE),
        (_LOAD, _NUMBER_AT, 0, 0),
        *((_IF_EQUAL, number, _TO_ALLOW, 0) for number in numbers(_ALWAYS, architecture).values()),
        *_where(sometimes["clone"], 0, (_IF_ANY_BIT, NEW_NAMESPACES, _TO_REFUSE, _TO_ALLOW)),
        *_where(sometimes["fcntl"], 1, *((_IF_EQUAL, command, _TO_ALLOW, 0) for command in FCNTL_COMMANDS)),
        # Of nobody but itself: another process of the same user is the server.
        *_where(sometimes["prlimit64"], 0, (_IF_EQUAL, 0, _TO_ALLOW, 0)),
        (_RETURN, REFUSE, 0, 0),
        (_RETURN, ALLOW, 0, 0),
    ]
    return b"".join(_packed(step, at, len(steps)) for at, step in enumerate(steps))


def _where(number: int, argument: int, *tests: Step) -> list[Step]:
    """For this call, tests on the lower half of one argument; refused where none of them decides."""
    load = (_LOAD, _ARGUMENTS_AT + 8 * argument, 0, 0)
    return [(_IF_EQUAL, number, 0, len(tests) + 2), load, *tests, (_RETURN, REFUSE, 0, 0)]


def _packed(step: Step, at: int, count: int) -> bytes:
    code, operand, *targets = step
    over = (target if target >= 0 else count + target - at - 1 for target in targets)
    return struct.pack("=HBBI", code, *over, operand)
