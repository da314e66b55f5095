"""The watch over the suite's log finds what it is to find, and the test in which it is written fails."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.log_watch import LogWatch

ROOT = Path(__file__).parents[1]
ID, TOKEN, HEX = "t_" + "abcd234567" * 2, "Ab3-_" * 8 + "xyz", "0123456789abcdef"


def leaks_of(text: str, *secrets: str) -> list[str]:
    watch = LogWatch()
    watch.learn("Somebody.did", *secrets)
    watch.look(text)
    return watch.leaks


@pytest.mark.parametrize(
    "text",
    [
        f"socket of {ID} opened",
        "to t_000042",
        f"Bearer {TOKEN}",
        f"licence {HEX * 2}",
        f"GET /api/v1/audio/m_abcd….mp3?for=t_abcd…&until=1&sig={HEX}",
        f"digest={HEX * 4}",
        r"b'\x3c\x91\x17\x16'",
        "b'#!AMR'",
        "\x3c\x02\x17\x16",
        "the code is k7wq-9XYZ",
        "was it CORRECT HORSE?",
    ],
)
def test_what_is_found(text: str) -> None:
    [leak] = leaks_of(text, "K7WQ-9xyz", "correct horse")
    assert leak.endswith(f" in {text!r}")


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T08:00:00 INFO toybackend.gateway.server: socket of toy closed close_code=1000",
        "GET /api/v1/audio/m_abcd….mp3 200 3.1 ms",
        f"[Errno 2] No such file or directory: '/data/audio/incoming/{HEX * 2}'",
        "a wrong password",
        "Traceback (most recent call last):\n\tcolour \x1b[31mred\x1b[0m",
    ],
)
def test_what_may_be_said(text: str) -> None:
    assert leaks_of(text, "password"[:7], "K7WQ-9xyz") == []


LEAKY = """
import asyncio, logging, subprocess, sys
import pytest
from toybackend.services.tokens import Tokens

log = logging.getLogger("toybackend.somewhere")

@pytest.fixture(scope="module")
def token():
    return Tokens(None, None, days=1, clock=lambda: 0).fresh()[0]

@pytest.fixture
def untidy(token):
    yield
    log.info("at the end", extra={"of": token})

def test_silent(token): pass
def test_says_it(token): log.debug("it is %s", token)
def test_prints_it(token): print("it is", token, file=sys.stderr)
def test_fails_with_it(token):
    try:
        raise KeyError(token)
    except KeyError:
        log.exception("it failed")
def test_tidies_up_loudly(untidy): pass
def test_says_it_to_nobody_in_particular(token): logging.getLogger("asyncio").debug(token)
def test_has_a_child_that_says_it(token, tmp_path):
    command = [sys.executable, "-c", "import sys; print(sys.argv[-1], file=sys.stderr)", "toybackend", token]
    with (tmp_path / "log").open("w") as log_file:
        subprocess.run(command, stderr=log_file)
def test_talks_with_a_child_that_says_it(token):
    command = [sys.executable, "-c", "import sys; print(sys.argv[-1], file=sys.stderr)", "toybackend", token]
    subprocess.run(command, capture_output=True)
async def talk(*command):
    child = await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE)
    await child.communicate()
def test_talks_in_a_loop_with_one(token):
    asyncio.run(talk(sys.executable, "-c", f"import sys; print({token!r}, file=sys.stderr)"))
def test_sees_only_what_it_asked_for(caplog, token):
    log.info("nobody asked")
    assert caplog.records == []
    with caplog.at_level(logging.INFO):
        log.info("somebody asked")
    assert caplog.messages == ["somebody asked"]
"""
INNOCENT = {"test_silent", "test_sees_only_what_it_asked_for"}


def test_the_test_that_leaks_fails_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "from tests.log_watch import LogWatch\n"
        "def pytest_configure(config): config.pluginmanager.register(LogWatch())\n"
    )
    (tmp_path / "test_leaky.py").write_text(LEAKY)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-rA", f"--rootdir={tmp_path}", tmp_path],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout
    failed = {name for outcome, name in re.findall(r"^(FAILED|ERROR) .*::(\w+)", said, re.MULTILINE)}
    tests = {line[4:].partition("(")[0] for line in LEAKY.splitlines() if line.startswith("def test_")}
    assert failed == tests - INNOCENT, said
    assert "what Tokens.fresh made or was shown in '" in said


def test_it_watches_this_suite(request: pytest.FixtureRequest) -> None:
    assert isinstance(request.config.pluginmanager.get_plugin("log-watch"), LogWatch)
    assert logging.getLogger("toybackend.somewhere").isEnabledFor(logging.DEBUG)
