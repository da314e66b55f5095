"""What people see, and what scripts get."""

from __future__ import annotations

import json
import sys

import pytest

from toybackend.commands.reporting import Report
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
