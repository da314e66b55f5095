"""Real children that try to get out, and real ffmpegs that are told to."""

from __future__ import annotations

import asyncio
import errno
import os
import platform
import shutil
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from toybackend.errors import ConverterUnavailable
from toybackend.settings import Confinement
from toybackend.transcoder import ConversionLimits, FfmpegTranscoder, kernel, sandbox
from toybackend.transcoder.child import LOG, log_tail, run_child
from toybackend.transcoder.ffmpeg import find_ffmpeg, sandbox_of
from toybackend.transcoder.sandbox import Sandbox, chosen, strongest

HERE = strongest()
whole = pytest.mark.skipif(not HERE.is_whole, reason=f"this machine has not all of it: {HERE}")
PYTHON = str(Path(sys.executable).resolve())
REFUSED = 13
LIMITS = ConversionLimits(deadline_seconds=10)

ATTEMPTS = {
    "a socket": "socket.socket()",
    "a local socket": "socket.socketpair()",
    "a datagram": "socket.socket(type=socket.SOCK_DGRAM)",
    "a connection to this machine": "socket.create_connection(('127.0.0.1', PORT))",
    "the list of users": "open('/etc/passwd')",
    "the folder above": "os.listdir('..')",
    "a neighbour's clip": "open('../neighbour/sound.mp3')",
    "a neighbour's clip by a link of its own": "os.symlink('../neighbour/sound.mp3', 'way'); open('way')",
    "a neighbour's clip as its own": "os.link('../neighbour/sound.mp3', 'mine')",
    "a neighbour's clip overwritten": "open('../neighbour/sound.mp3', 'ab')",
    "a neighbour's clip emptied": "os.truncate('../neighbour/sound.mp3', 0)",
    "a neighbour's clip deleted": "os.unlink('../neighbour/sound.mp3')",
    "a neighbour's clip moved": "os.rename('../neighbour/sound.mp3', 'mine')",
    "a neighbour's clip closed to the server": "os.chmod('../neighbour/sound.mp3', 0)",
    "a file outside": "open('../new', 'wb')",
    "a folder outside": "os.mkdir('../new')",
    "the original overwritten": "open('original', 'r+b')",
    "the first process": "open('/proc/1/cmdline')",
    "the server's environment": "open(f'/proc/{os.getppid()}/environ')",
    "the server's memory": "open(f'/proc/{os.getppid()}/mem', 'rb')",
    "a signal to the server": "os.kill(os.getppid(), 0)",
    "a signal to everybody": "os.killpg(os.getpgid(os.getppid()), 0)",
    "the server's limits": "resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE)",
    "to be traced": "checked(ctypes.CDLL(None, use_errno=True).ptrace(0, 0, 0, 0))",
    "memory that is a file": "os.memfd_create('x')",
    "another program": "os.execv('/bin/sh', ['sh', '-c', 'exit 0'])",
    "a device": "open('/dev/null')",
}
TRY = """
import os, sys
for module in ("ctypes", "resource", "socket", "threading"):
    if module in sys.argv[1]:
        globals()[module] = __import__(module)
def checked(answer):
    if answer < 0:
        raise OSError(ctypes.get_errno(), "refused")
try:
    exec(sys.argv[1])
except OSError as error:
    print(error.errno)
    sys.exit(13)
"""


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def neighbour(folder: Path) -> Path:
    """Somebody else's clip, and one of our own that the server linked into its folder."""
    clip = folder.parent / "neighbour" / "sound.mp3"
    clip.parent.mkdir()
    clip.write_bytes(b"private")
    (folder.parent / "kept").write_bytes(b"what the phone sent")
    (folder / "original").symlink_to(folder.parent / "kept")
    return clip


async def attempt(code: str, folder: Path, confinement: Confinement = Confinement.AUTO) -> int:
    """Exit status of a child that tries this: 0 if it could."""
    outcome = await run_child([PYTHON, "-ISc", TRY, code], folder, LIMITS, confinement=confinement)
    assert not outcome.timed_out
    return outcome.status


def refusal(folder: Path) -> str:
    return errno.errorcode[int(log_tail(folder).splitlines()[-1])]


@whole
@pytest.mark.parametrize("code", ATTEMPTS.values(), ids=ATTEMPTS)
async def test_out_of_reach(code: str, folder: Path, neighbour: Path, listener: int) -> None:
    code = code.replace("PORT", str(listener))
    assert await attempt(code, folder) == REFUSED
    assert refusal(folder) in ("EACCES", "EPERM", "ENOSYS")
    assert await asyncio.to_thread(neighbour.read_bytes) == b"private"
    assert sorted(os.listdir(folder.parent)) == [folder.name, "kept", "neighbour"]
    assert await attempt(code, folder, Confinement.OFF) == 0, "without the sandbox nothing would have stopped it"


@whole
async def test_within_reach(folder: Path, neighbour: Path) -> None:
    files = (
        "open('original').read(); open('new', 'wb').write(b'x' * 99); open('new', 'r+b').write(b'y'); open('new', 'w')"
    )
    threads = "thread = threading.Thread(target=print, args=('in a thread',)); thread.start(); thread.join()"
    assert await attempt(f"{files}; {threads}", folder) == 0
    assert sorted(os.listdir(folder)) == [LOG, "new", "original"]
    assert log_tail(folder).strip() == "in a thread"


@whole
@pytest.mark.parametrize("version", range(1, HERE.landlock + 1))
async def test_every_version_of_landlock(
    version: int, folder: Path, neighbour: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "strongest", lambda: Sandbox(landlock=version))
    assert await attempt("open('original'); open('new', 'wb'); socket.socket()", folder) == 0, "for that is seccomp"
    assert await attempt("open('../neighbour/sound.mp3')", folder) == REFUSED
    assert await attempt("open('../new', 'wb')", folder) == REFUSED


@whole
async def test_seccomp_alone(folder: Path, neighbour: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "strongest", lambda: Sandbox(seccomp=True))
    assert await attempt("socket.socket()", folder) == REFUSED
    assert await attempt("open('../neighbour/sound.mp3')", folder) == 0


# ── ffmpeg itself ──


@whole
def test_every_ffmpeg_is_held(binary: Path) -> None:
    assert HERE.around(str(binary)).is_whole


@whole
async def test_an_ffmpeg_told_to_get_out(binary: Path, folder: Path, neighbour: Path, listener: int) -> None:
    async def reads(source: str, confinement: Confinement) -> bool:
        read = ["-hide_banner", "-nostdin", "-y", "-f", "s16le", "-ar", "8000", "-i", source]
        command = [str(binary), *read, "-t", "1", "-c", "copy", "-f", "s16le", "file:out.pcm"]
        return (await run_child(command, folder, LIMITS, confinement=confinement)).status == 0

    assert await reads(f"file:{neighbour}", Confinement.OFF)
    assert not await reads(f"file:{neighbour}", Confinement.AUTO)
    assert "Permission denied" in log_tail(folder)
    assert await reads("file:original", Confinement.AUTO)
    assert not await reads(f"tcp://127.0.0.1:{listener}?timeout=1000", Confinement.AUTO)


# ── the server itself ──


@whole
async def test_the_server_keeps_its_reach(folder: Path) -> None:
    def confined() -> list[str]:
        said = [status.read_text() for status in Path("/proc/self/task").glob("*/status")]
        return [text for text in said if "NoNewPrivs:\t1" in text or "Seccomp:\t2" in text]

    before = confined()
    places = [folder / str(number) for number in range(8)]
    for place in places:
        place.mkdir()
    await asyncio.gather(*(attempt("pass", place) for place in places))
    assert confined() == before
    assert all(thread.name != "sandbox" for thread in threading.enumerate())

    def reaches() -> int:
        socket.socket().close()
        return len(os.listdir("/"))

    assert min(await asyncio.gather(*(asyncio.to_thread(reaches) for _ in range(16)))) > 0


async def test_no_thread_left_is_a_machine_that_cannot_convert_now(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_more(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    confined = Sandbox(seccomp=True)
    monkeypatch.setattr(threading.Thread, "start", no_more)
    with pytest.raises(OSError, match="can't start new thread"):
        confined.call(lambda: None)


# ── what there is, and what is said of it ──


def test_it_is_said_what_holds() -> None:
    assert str(Sandbox(7, True)) == "no network, no files outside its folder (Landlock 7, seccomp)"
    without_landlock = Sandbox(0, True, ("Landlock: Function not implemented",))
    assert str(without_landlock) == (
        "no network; within its reach: files outside its folder (seccomp; Landlock: Function not implemented)"
    )
    assert str(chosen(Confinement.OFF)) == "within its reach: network, files outside its folder (switched off)"
    assert chosen(Confinement.AUTO) == HERE
    assert chosen(Confinement.REQUIRED).is_required


def test_a_kernel_without_landlock(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_built_in() -> int:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(kernel, "landlock_version", not_built_in)
    found = strongest.__wrapped__()
    assert (found.landlock, found.seccomp) == (0, HERE.seccomp)
    assert found.missing[0] == "Landlock: Function not implemented"


def test_what_holds_nothing_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's kernel may accept the calls and do nothing."""
    monkeypatch.setattr(kernel, "landlock_version", lambda: 1)
    monkeypatch.setattr(kernel, "keep_files", lambda _ruleset: None)
    monkeypatch.setattr(kernel, "keep_calls", lambda: None)
    found = strongest.__wrapped__()
    assert (found.landlock, found.seccomp) == (0, False)
    assert len(found.missing) == 2


@pytest.mark.parametrize("what", ["landlock_version", "keep_calls"])
def test_a_machine_short_of_something_is_not_taken_for_one_that_has_less(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or everything would run unconfined from then on."""

    def no_descriptor() -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(kernel, what, no_descriptor)
    with pytest.raises(OSError, match="Too many open files"):
        strongest.__wrapped__()


def test_an_unknown_processor_has_no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "z80")
    with pytest.raises(OSError, match="z80"):
        kernel._filter.__wrapped__()


def test_another_system_has_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(kernel, "_libc", kernel._libc.__wrapped__)
    found = strongest.__wrapped__()
    assert (found.landlock, found.seccomp) == (0, False)
    assert found.missing == ("Landlock: only Linux has it", "seccomp: only Linux has it")


# ── what can be held ──


def script(path: Path) -> str:
    path.write_text(f'#!/bin/sh\nexec {find_ffmpeg(None).path} "$@"\n')
    path.chmod(0o755)
    return str(path)


async def test_a_script_is_not_held_and_that_is_said(tmp_path: Path, folder: Path) -> None:
    program = script(tmp_path / "ffmpeg")
    found = sandbox_of(program, Confinement.AUTO)
    assert not found.is_whole
    assert f"what {program} needs is not known" in str(found)
    assert (await run_child([program, "-version"], folder, LIMITS)).clean


async def test_where_it_is_required_nothing_starts_without_it(tmp_path: Path, folder: Path) -> None:
    program = script(tmp_path / "ffmpeg")
    with pytest.raises(PermissionError, match="must be confined"):
        await run_child([program, "-version"], folder, LIMITS, confinement=Confinement.REQUIRED)
    assert not sandbox_of(program, Confinement.REQUIRED).is_whole


@whole
async def test_a_sandbox_that_fails_is_not_left_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def out_of_memory(_ruleset: int) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(kernel, "keep_files", out_of_memory)
    with pytest.raises(ConverterUnavailable, match="Cannot allocate memory"):
        await FfmpegTranscoder(str(find_ffmpeg(None).path)).convert(Path(__file__), folder)


def test_a_static_program_needs_itself_alone(any_binary: Path, tmp_path: Path) -> None:
    ours = find_ffmpeg(None)
    if ours.origin == "our build":
        assert sandbox._needs(str(ours.path)) == ((ours.path, kernel.EXECUTE | kernel.READ_FILE),)
    python = [path for path, _ in sandbox._needs(PYTHON) or ()]
    assert python[0] == Path(PYTHON)
    assert {Path("/usr/lib"), Path("/etc/ld.so.cache"), Path(PYTHON).parents[1] / "lib"} <= set(python)
    executable = [path for path, access in sandbox._needs(PYTHON) or () if access & kernel.EXECUTE]
    assert len(executable) == 2, "itself and its loader"


def test_a_program_changed_in_place_is_looked_at_again(tmp_path: Path) -> None:
    program = tmp_path / "ffmpeg"
    shutil.copy(PYTHON, program)
    assert sandbox._needs(str(program)) is not None
    script(program)
    os.utime(program, ns=(1, 1))
    assert sandbox._needs(str(program)) is None


def test_a_damaged_program_cannot_be_started(tmp_path: Path) -> None:
    program = tmp_path / "ffmpeg"
    program.write_bytes(Path(PYTHON).read_bytes()[:70])
    with pytest.raises(OSError, match="damaged"):
        HERE.around(str(program))
