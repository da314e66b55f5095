"""The log of the whole suite is searched, while it is written, for what must not be in it.

A pytest plugin. Every record that our loggers, aiohttp's and asyncio's make during a test is formatted as the server
formats it, tracebacks included, and searched: for the secrets that were made or shown in this test file, by value, and
for whatever looks like a secret. So is what servers that are processes of their own write to their standard error. The
test in which something is found fails.

Our records are looked at from DEBUG on, whatever level the test has; other handlers, such as that of `caplog`, get what
they would have got. What other libraries say is looked at as far as it is asked for.
"""

from __future__ import annotations

import asyncio.subprocess
import functools
import inspect
import logging
import re
import subprocess
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

import pytest

from toybackend import secret_key
from toybackend.logs import Lines
from toybackend.services.accounts import Accounts
from toybackend.services.challenges import Challenges
from toybackend.services.delivery import Delivery
from toybackend.services.devices import Devices
from toybackend.services.listening import Links
from toybackend.services.passwords import Passwords
from toybackend.services.tokens import Tokens
from toybackend.services.toys import Toys

WHOLE = ("toybackend", "aiohttp", "asyncio")
"""Loggers of which every record is looked at …"""
AS_ASKED = ("toybackend.websockets", "aiohttp.access")
"""… but for these: `logs.set_up` keeps one at WARNING, whatever the operator asks for, and the other is aiohttp's usual
one, which servers of tests have and ours has not (`web/access_log.py`)."""
LEAST_LENGTH = 8
"""Shorter ones, such as a wrong password of a test, are words that may stand in any line."""

MADE: tuple[tuple[type, str, Callable[[Any], Iterable[str]]], ...] = (
    (Tokens, "fresh", lambda made: [made[0]]),
    (Toys, "new_claim", lambda claim: [claim.code]),
    (Accounts, "invite", lambda made: made[0]),
    (Challenges, "ask", lambda challenge: [challenge.nonce]),
    (Links, "_sign", lambda signature: [signature]),
    (Passwords, "new", lambda kept: [kept]),
)
"""Who makes a secret, and where it is in what they return."""
SHOWN: tuple[tuple[type, str, Callable[[dict[str, Any]], Iterable[str]]], ...] = (
    (Tokens, "bearer", lambda given: [given["token"]]),
    (Devices, "add", lambda given: given["licences"]),
    (Devices, "power_on", lambda given: [given["licence"]]),
    (Toys, "bind", lambda given: [given["code"]]),
    (Passwords, "new", lambda given: [given["password"]]),
    (Passwords, "is_right", lambda given: [given["password"]]),
    (Delivery, "accept_text", lambda given: [given["frame"].msg]),
)
"""Who is shown one, right or wrong, and where it is among the arguments."""
LOOKS_LIKE = {
    "a whole id": re.compile(r"(?<![\w-])[ptgmciysd]_(?:[a-z2-7]{20}|[0-9]{6})(?!\w)"),
    "a token": re.compile(r"(?<![\w-])(?=[\w-]*[0-9])(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[\w-]{43}(?![\w-])"),
    "a licence, digest or signature": re.compile(r"(?<![\w/-])(?:[0-9a-f]{32}|[0-9a-f]{64})(?!\w)"),
    "a signed link": re.compile(r"[?&]sig="),
    "sound": re.compile(r"(?:\\x[0-9a-f]{2}){4}|#!AMR|[\x00-\x08\x0e-\x1a\x1c-\x1f]"),
}
"""What is known by its looks."""


class LogWatch:
    """The plugin."""

    def __init__(self) -> None:
        self.leaks: list[str] = []
        """Lines that were found since the last report, and what is in them."""
        self._secrets: dict[str, str] = {}
        """Where each was made or shown, by its value in lower case."""
        self._formatter = Lines()
        self._files: dict[Path, int] = {}
        """Where processes write their log, and how many bytes of it were looked at."""
        self._patch = pytest.MonkeyPatch()
        self._test_file: Path | None = None

    def learn(self, where: str, *secrets: str) -> None:
        """That these must not be seen."""
        self._secrets |= {one.casefold(): f"what {where}" for one in secrets if len(one) >= LEAST_LENGTH}

    def look(self, text: str) -> None:
        """At something that was written to a log."""
        folded = text.casefold()
        found = {what for secret, what in self._secrets.items() if secret in folded}
        found |= {what for what, pattern in LOOKS_LIKE.items() if pattern.search(text)}
        if found:
            self.leaks.append(f"{', '.join(sorted(found))} in {text!r}")

    # ── pytest ──

    def pytest_configure(self) -> None:
        self._learn_secrets()
        self._look_at_records()
        self._look_at_processes()

    def pytest_unconfigure(self) -> None:
        self._patch.undo()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """What was told to the tests of one file is no secret to those of another."""
        if item.path != self._test_file:
            self._test_file = item.path
            self._secrets.clear()
            self._files.clear()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        self._look_at_files()
        for name, text in report.sections:
            if name == f"Captured stderr {report.when}":
                self.look(text)
        if self.leaks and report.outcome != "failed":
            report.outcome = "failed"
            report.longrepr = "this was written to a log:\n" + "\n".join(self.leaks)
        self.leaks.clear()
        return report

    def pytest_fixture_post_finalizer(self) -> None:
        """A server has stopped, maybe; next goes the folder that it wrote to."""
        self._look_at_files()

    # ── secrets ──

    def _learn_secrets(self) -> None:
        for owner, name, of_result in MADE:
            self._patch.setattr(owner, name, self._learning(getattr(owner, name), made=of_result))
        for owner, name, of_arguments in SHOWN:
            self._patch.setattr(owner, name, self._learning(getattr(owner, name), shown=of_arguments))
        read_key = self._learning(secret_key._read, made=lambda key: [key.hex(), repr(key)[2:-1]])
        self._patch.setattr(secret_key, "_read", read_key)

    def _learning(
        self,
        method: Callable[..., Any],
        *,
        made: Callable[[Any], Iterable[str]] = lambda result: (),
        shown: Callable[[dict[str, Any]], Iterable[str]] = lambda given: (),
    ) -> Callable[..., Any]:
        """The same method, whose secrets we hear of."""
        signature, where = inspect.signature(method), f"{method.__qualname__} made or was shown"

        @functools.wraps(method)
        def call(*given: Any, **named: Any) -> Any:
            self.learn(where, *shown(signature.bind(*given, **named).arguments))
            result = method(*given, **named)
            self.learn(where, *made(result))
            return result

        @functools.wraps(method)
        async def call_later(*given: Any, **named: Any) -> Any:
            self.learn(where, *shown(signature.bind(*given, **named).arguments))
            result = await method(*given, **named)
            self.learn(where, *made(result))
            return result

        return call_later if inspect.iscoroutinefunction(method) else call

    # ── records ──

    def _look_at_records(self) -> None:
        is_enabled = logging.Logger.isEnabledFor

        def is_enabled_for_us(logger: logging.Logger, level: int) -> bool:
            return is_enabled(logger, level) or (level >= logging.DEBUG and _is_watched(logger))

        def handle(logger: logging.Logger, record: logging.LogRecord) -> None:
            is_asked_for = is_enabled(logger, record.levelno)  # a filter may change the level
            if not logger.disabled and logger.filter(record):
                self.look(self._formatter.format(record))
                if is_asked_for:
                    logger.callHandlers(record)

        self._patch.setattr(logging.Logger, "isEnabledFor", is_enabled_for_us)
        self._patch.setattr(logging.Logger, "handle", handle)

    # ── processes ──

    def _look_at_processes(self) -> None:
        """At what they write to a file, or to whoever talks with them; the rest is captured by pytest."""
        start, communicate = subprocess.Popen.__init__, subprocess.Popen.communicate
        communicate_later = asyncio.subprocess.Process.communicate

        @functools.wraps(start)
        def started(process: subprocess.Popen[Any], *given: Any, **named: Any) -> None:
            start(process, *given, **named)
            if isinstance(name := getattr(named.get("stderr"), "name", None), str) and _is_ours(process.args):
                self._files.setdefault(Path(name), 0)

        @functools.wraps(communicate)
        def communicated(process: subprocess.Popen[Any], *given: Any, **named: Any) -> Any:
            out, errors = communicate(process, *given, **named)
            if errors and _is_ours(process.args):
                self.look(errors if isinstance(errors, str) else errors.decode(errors="replace"))
            return out, errors

        @functools.wraps(communicate_later)
        async def communicated_later(process: asyncio.subprocess.Process, *given: Any) -> Any:
            out, errors = await communicate_later(process, *given)
            if errors:
                self.look(errors.decode(errors="replace"))
            return out, errors

        self._patch.setattr(subprocess.Popen, "__init__", started)
        self._patch.setattr(subprocess.Popen, "communicate", communicated)
        self._patch.setattr(asyncio.subprocess.Process, "communicate", communicated_later)

    def _look_at_files(self) -> None:
        for file, seen in list(self._files.items()):
            try:
                with file.open("rb") as log:
                    log.seek(seen)
                    written = log.read()
            except FileNotFoundError:  # its folder is gone with its test, and we have looked since
                del self._files[file]
                continue
            self._files[file] = seen + len(written)
            for line in written.decode(errors="replace").splitlines():
                self.look(line)


def _is_watched(logger: logging.Logger) -> bool:
    """Is it one of those, and could an operator ask for all of it? Some say themselves how much they ever tell."""
    own: logging.Logger | None = logger
    while own is not None and own.parent is not None:
        if own.level != logging.NOTSET:
            return False
        own = own.parent
    return logger.name.partition(".")[0] in WHOLE and logger.name not in AS_ASKED


def _is_ours(command: Any) -> bool:
    """Is it `toybackend …`?"""
    return not isinstance(command, str | bytes) and "toybackend" in map(str, command)
