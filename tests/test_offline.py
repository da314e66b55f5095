"""The suite asks nobody outside of this machine, and neither does what it tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import offline
from tests.commands.running import environment
from tests.offline import NetworkWatch, is_loopback, ways_out

ROOT = Path(__file__).parents[1]


def run_offline(*command: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "offline.py", *map(str, command)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if "gives us no network of our own" in done.stderr:
        pytest.skip(done.stderr)
    return done


# ── a place without a way out ──

LOOK_AROUND = """
import errno, socket
from tests.offline import ways_out
for family, here, there in ((socket.AF_INET, "127.0.0.1", "192.0.2.1"), (socket.AF_INET6, "::1", "2001:db8::1")):
    with socket.create_server((here, 0), family=family) as listener, socket.socket(family) as client:
        client.connect(listener.getsockname())
    with socket.socket(family) as client:
        print(ways_out(), errno.errorcode[client.connect_ex((there, 80))])
"""


def test_there_is_loopback_and_no_way_out() -> None:
    done = run_offline(sys.executable, "-c", LOOK_AROUND)
    assert done.stdout.splitlines() == ["[] ENETUNREACH", "[] ENETUNREACH"], done.stderr


def test_who_runs_in_it_stays_who_they_are() -> None:
    done = run_offline("id", "-u")
    assert done.stdout == f"{os.getuid()}\n"


def test_in_ci_the_suite_runs_in_it() -> None:
    assert not (os.environ.get("CI") and ways_out()), "run the suite by ./test.sh, on a kernel that allows it"


def test_a_way_out_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    four, six, none = tmp_path / "route", tmp_path / "ipv6_route", tmp_path / "none"
    four.write_text("Iface\tDestination\tGateway\nlo\t0000007F\t00000000\neth0\t00000000\t010200C0\n")
    six.write_text(f"{'0' * 32} 00 {'0' * 32} 00 {'0' * 32} 00000000 00000001 00000000 00000001      wlan0\n")
    monkeypatch.setattr(offline, "ROUTES", (four, six, none))
    assert ways_out() == ["eth0", "wlan0"]


def test_the_main_job_needs_none() -> None:
    done = run_offline(sys.executable, "-m", "toybackend", "demo")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("The toy has the voice.\n")


# ── the watch ──


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", b"localhost", "", None])
def test_what_is_this_machine(host: object) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["192.0.2.1", "0.0.0.0", "::", "2001:db8::1", "toys.test", b"toys.test", "127.1.test"])
def test_what_is_not(host: object) -> None:
    assert not is_loopback(host)


CURIOUS = """
import asyncio, contextlib, socket
import pytest

def test_stays_here():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        socket.create_connection(("localhost", listener.getsockname()[1])).close()
def test_talks_to_a_file(tmp_path):
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        client.connect(str(tmp_path / "s"))
def test_connects():
    with contextlib.suppress(OSError):
        socket.create_connection(("192.0.2.1", 80), timeout=0.1)
def test_looks_up_a_name():
    with contextlib.suppress(OSError):
        socket.getaddrinfo("toys.test", 80)
def test_sends_a_packet():
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anybody:
        anybody.sendto(b"x", ("192.0.2.1", 9))
def test_connects_in_a_loop():
    async def connect():
        await asyncio.open_connection("192.0.2.1", 80)
    with contextlib.suppress(OSError):
        asyncio.run(connect())
@pytest.fixture
def late():
    yield
    with contextlib.suppress(OSError):
        socket.gethostbyname("toys.test")
def test_looks_up_a_name_at_the_end(late): pass
"""
INNOCENT = {"test_stays_here", "test_talks_to_a_file"}


def test_a_test_that_looks_beyond_fails_even_if_it_hushes_it_up(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "from tests.offline import NetworkWatch\n"
        "def pytest_configure(config): config.pluginmanager.register(NetworkWatch())\n"
    )
    (tmp_path / "test_curious.py").write_text(CURIOUS)
    options = ["-p", "no:cacheprovider", "-q", "-rA", f"--rootdir={tmp_path}", f"--basetemp={tmp_path / 'temp'}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, tmp_path],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    failed = {name for outcome, name in re.findall(r"^(FAILED|ERROR) .*::(\w+)", done.stdout, re.MULTILINE)}
    tests = {line[4:].partition("(")[0] for line in CURIOUS.splitlines() if line.startswith("def test_")}
    assert failed == tests - INNOCENT, done.stdout
    assert "socket.getaddrinfo 'toys.test'" in done.stdout


def test_it_watches_this_suite(request: pytest.FixtureRequest) -> None:
    assert isinstance(request.config.pluginmanager.get_plugin("network-watch"), NetworkWatch)
