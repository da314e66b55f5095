"""What people see, and what scripts get."""

from __future__ import annotations

import json
import sys

import pytest

from toybackend.commands.reporting import Report, progress_bar
from toybackend.errors import Unlicensed


@pytest.mark.parametrize(
    ("is_terminal", "as_json", "said"), [(True, False, "waiting\n"), (False, False, ""), (True, True, "")]
)
def test_waiting_is_told_to_people_only(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    is_terminal: bool,
    as_json: bool,
    said: str,
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    Report(as_json=as_json).wait("waiting")
    assert capsys.readouterr().out == said


def test_a_line_is_never_cut_or_marked_up(capsys: pytest.CaptureFixture[str]) -> None:
    words = "[red]" + "long " * 60 + "\x07\x1b]0;title"
    Report(as_json=False).tell("any", words)
    assert capsys.readouterr().out == "[red]" + "long " * 60 + "\N{REPLACEMENT CHARACTER}" * 2 + "]0;title\n"


def test_json_is_one_line_with_every_letter(capsys: pytest.CaptureFixture[str]) -> None:
    Report(as_json=True).tell("text", "for people", msg="晚安\nmum")
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and "晚安" in out
    assert json.loads(out) == {"event": "text", "msg": "晚安\nmum"}


def test_a_failure_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    Report(as_json=False).fail(Unlicensed())
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"unlicensed: {Unlicensed.says}\n")


@pytest.mark.parametrize(
    ("is_terminal", "is_shown", "is_drawn"), [(True, True, True), (False, True, False), (True, False, False)]
)
def test_a_bar_is_for_people_at_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    is_terminal: bool,
    is_shown: bool,
    is_drawn: bool,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    with progress_bar("issuing", 7, is_shown=is_shown) as advance:
        print("a row")
        advance(3)
        advance(4)
    said = capsys.readouterr()
    assert said.out == "a row\n"  # the list itself, untouched
    assert ("issuing" in said.err and "7/7" in said.err) is is_drawn
