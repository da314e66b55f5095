"""One line an event, to standard error."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest

from toybackend import logs


@pytest.fixture(autouse=True)
def log_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    quiet = [logging.getLogger(name) for name in ("toybackend.websockets", "alembic")]
    handlers, level, levels = root.handlers[:], root.level, [one.level for one in quiet]
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for one, before in zip(quiet, levels, strict=True):
        one.setLevel(before)


def said(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    assert out == ""
    return err


@pytest.fixture(autouse=True)
def no_handler_of_pytest() -> None:
    # `set_up` closes what was there, as the server wants it; pytest needs its own again.
    logging.getLogger().handlers.clear()


def test_a_line_says_when_how_bad_where_and_what(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("INFO")
    logging.getLogger("toybackend.somewhere").info("a toy came", extra={"close_code": 1000, "toys": 3})
    line = said(capsys)
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d INFO toybackend\.somewhere: a toy came close_code=1000 toys=3\n", line
    )


@pytest.mark.parametrize(("level", "lines"), [("DEBUG", 3), ("info", 2), ("WARNING", 1), ("ERROR", 0)])
def test_levels(level: str, lines: int, capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(level)
    log = logging.getLogger("toybackend.somewhere")
    log.debug("one")
    log.info("two")
    log.warning("three")
    assert said(capsys).count("\n") == lines


def test_what_nobody_needs_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("INFO")
    logging.getLogger("alembic.runtime.migration").info("Running upgrade")
    logging.getLogger("toybackend.websockets").info("connection open")
    assert said(capsys) == ""
    logging.getLogger("alembic.runtime.migration").warning("this one counts")
    assert "this one counts" in said(capsys)


def test_setting_up_again_replaces(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("INFO")
    logs.set_up("INFO")
    logging.getLogger("toybackend").info("once")
    assert said(capsys).count("once") == 1


def test_a_level_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="LOUD"):
        logs.set_up("loud")


def test_a_traceback_follows_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("INFO")
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        logging.getLogger("toybackend").exception("it failed", extra={"tries": 2})
    first, *rest = said(capsys).splitlines()
    assert first.endswith("ERROR toybackend: it failed tries=2")
    assert rest[0].startswith("Traceback") and rest[-1] == "RuntimeError: broken"
