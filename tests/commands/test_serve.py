"""`toybackend serve`, as operators and their supervisors meet it."""

from __future__ import annotations

import json
import re
import signal
import socket
import stat
import time
import urllib.request
from pathlib import Path
from subprocess import Popen

import pytest

from tests.commands.running import call, run, started

pytestmark = pytest.mark.timeout(60)

READY = re.compile(r"toybackend ready http=(http://127\.0\.0\.1:\d+) ws=ws://127\.0\.0\.1:(\d+)\n")
FREE = ("--http-port", 0, "--ws-port", 0)


def ready(process: Popen[str]) -> tuple[str, int]:
    """HTTP address and WebSocket port of a server that says it is ready."""
    assert process.stdout is not None
    said = READY.fullmatch(process.stdout.readline())
    assert said is not None
    return said[1], int(said[2])


def ended(process: Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=20)
    return process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_from_ready_to_stopped(number: signal.Signals, tmp_path: Path) -> None:
    with started("serve", "--data", tmp_path / "data", *FREE, HELLO_SECONDS="1") as process:
        http_url, ws_port = ready(process)
        with urllib.request.urlopen(f"{http_url}/readyz", timeout=5) as answer:
            assert json.load(answer) == {"status": "ready"}
        with socket.create_connection(("127.0.0.1", ws_port), timeout=5):
            before = time.monotonic()
            process.send_signal(number)
            code, out, err = ended(process)
    assert (code, out) == (0, "")  # the ready line is all there is on standard output
    assert time.monotonic() - before < 8
    assert "Traceback" not in err and "ERROR" not in err
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "data" / "secret.key").stat().st_mode) == 0o600


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        done = run("serve", "--data", tmp_path, "--http-port", port, "--ws-port", 0)
    assert (done.code, done.out) == (1, "")
    said = done.err.splitlines()[-1]
    assert said.startswith("toybackend: ") and str(port) in said
    assert "Traceback" not in done.err


def test_beyond_this_machine_only_behind_tls(tmp_path: Path) -> None:
    done = call("serve", "--data", tmp_path / "data", "--host", "192.0.2.1", *FREE, LOG_LEVEL="ERROR")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("toybackend: TOYBACKEND_HOST=192.0.2.1") and "--insecure-bind" in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "secret.key"
    key.write_bytes(bytes(32))
    key.chmod(0o644)
    done = run("serve", "--data", tmp_path, *FREE)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"toybackend: {key} can be read by others; say: chmod 600 {key}\n"


def test_an_example_of_a_key_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "secret.key"
    key.write_text("changeme" * 8)
    key.chmod(0o600)
    done = call("serve", "--data", tmp_path, *FREE)
    assert (done.code, done.out, key.read_text()) == (2, "", "changeme" * 8)
    assert done.err == f"toybackend: {key} is not a key of 32 random bytes; remove it and a new one is made\n"


def test_a_data_folder_that_others_can_look_into_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    done = call("serve", "--data", tmp_path, *FREE)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"toybackend: {tmp_path} is open to other users; say: chmod 700 {tmp_path}\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WS_PORT", "x"),
        ("HTTP_PORT", "70000"),
        ("INSECURE_BIND", "perhaps"),
        ("HELLO_SECONDS", "nan"),
        ("COLOUR", "red"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_and_nothing_is_made(tmp_path: Path, name: str, value: str) -> None:
    done = call("serve", "--data", tmp_path / "data", **{name: value})
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("toybackend: ") and f"TOYBACKEND_{name}" in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_a_log_level_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    done = call("serve", "--data", tmp_path / "data", *FREE, LOG_LEVEL="loud")
    assert (done.code, done.err) == (2, "toybackend: TOYBACKEND_LOG_LEVEL='loud': no such level\n")
