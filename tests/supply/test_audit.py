"""A known vulnerability fails, and not having asked never looks like having found nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from supply import audit
from supply.audit import NPM_AUDIT, PIP_AUDIT, Answer, Reader, ask, read_npm_audit, read_pip_audit, tell

ROOT = Path(__file__).parents[2]
WELL = {"name": "aiohttp", "version": "3.14.5", "vulns": []}
ILL = {"name": "pillow", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1", "2.0"], "aliases": []}]}
HOPELESS = {"name": "rich", "version": "1.0", "vulns": [{"id": "PYSEC-2", "fix_versions": [], "aliases": []}]}
SKIPPED = {"name": "segno", "skip_reason": "Dependency not found on PyPI and could not be audited: segno (1.6.6)"}


def npm_report(**vulnerabilities: str) -> dict[str, Any]:
    """As npm 11 writes it: by name, how bad it is."""
    found = {name: {"name": name, "range": "<2", "severity": bad} for name, bad in vulnerabilities.items()}
    return {"auditReportVersion": 2, "vulnerabilities": found, "metadata": {"dependencies": {"total": 90}}}


@pytest.mark.parametrize(
    ("packages", "answer"),
    [
        ([WELL], Answer(1)),
        ([WELL, ILL], Answer(2, ("pillow 1.0: PYSEC-1, fixed in 1.1, 2.0",))),
        ([HOPELESS], Answer(1, ("rich 1.0: PYSEC-2, fixed in none yet",))),
        ([WELL, SKIPPED], Answer(1, (), f"1 of 2 packages, such as: {SKIPPED['skip_reason']}")),
        ([SKIPPED], Answer(0, (), f"1 of 1 packages, such as: {SKIPPED['skip_reason']}")),
    ],
)
def test_what_pip_audit_says(packages: list[dict[str, Any]], answer: Answer) -> None:
    assert read_pip_audit({"dependencies": packages, "fixes": []}) == answer


@pytest.mark.parametrize(
    ("report", "answer"),
    [
        (npm_report(), Answer(90)),
        (npm_report(lighthouse="low"), Answer(90, ("lighthouse <2: low",))),
        (
            {"message": "request failed, reason: EAI_AGAIN", "error": {}},
            Answer(unasked="request failed, reason: EAI_AGAIN"),
        ),
    ],
)
def test_what_npm_says(report: dict[str, Any], answer: Answer) -> None:
    assert read_npm_audit(report) == answer


# ── running the tools ──


def tool(folder: Path, script: str) -> list[str]:
    """A program that says this."""
    (folder / "tool.py").write_text(f"import sys\n{script}\n")
    return [sys.executable, str(folder / "tool.py")]


def test_an_answer_is_read_whatever_the_exit_code(tmp_path: Path) -> None:
    report = json.dumps({"dependencies": [WELL, ILL]})
    answer = ask(tool(tmp_path, f"print({report!r}); sys.exit(1)"), read_pip_audit)
    assert (answer.asked, len(answer.vulnerable), answer.unasked) == (2, 1, "")


@pytest.mark.parametrize("read", [read_pip_audit, read_npm_audit])
@pytest.mark.parametrize(
    ("script", "why"),
    [
        (
            "print('Traceback', file=sys.stderr); print('ConnectionError: no name', file=sys.stderr); sys.exit(1)",
            "no name",
        ),
        ("sys.exit(0)", "ended with 0 and no answer"),
        ("print('No known vulnerabilities found')", "ended with 0 and no answer"),
        ("print('{}')", "ended with 0 and no answer"),
        ("print('[]')", "ended with 0 and no answer"),
    ],
)
def test_what_is_no_answer_is_not_asked(tmp_path: Path, read: Reader, script: str, why: str) -> None:
    answer = ask(tool(tmp_path, script), read)
    assert (answer.asked, answer.vulnerable) == (0, ())
    assert why in answer.unasked


def test_a_tool_that_is_not_there_or_hangs_did_not_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no such tool" in ask(["./no such tool"], read_pip_audit).unasked
    monkeypatch.setattr(audit, "PATIENCE_SECONDS", 0.05)
    assert "timed out" in ask(tool(tmp_path, "import time; time.sleep(60)"), read_pip_audit).unasked


def test_to_have_asked_about_nothing_is_not_to_have_asked(tmp_path: Path) -> None:
    report = json.dumps({"dependencies": []})
    assert ask(tool(tmp_path, f"print({report!r})"), read_pip_audit).unasked


# ── what is said ──


@pytest.mark.parametrize(
    ("python", "npm", "code", "said"),
    [
        (Answer(90), Answer(80), 0, "audit: npm: asked about 80 packages, 0 known vulnerabilities"),
        (Answer(90), Answer(unasked="nobody there"), 3, "audit: NOT AUDITED: npm: nobody there"),
        (Answer(unasked="nobody there"), Answer(80), 3, "audit: NOT AUDITED: Python: nobody there"),
        (Answer(90, ("pillow 1.0: PYSEC-1",)), Answer(80), 1, "audit: VULNERABLE: pillow 1.0: PYSEC-1"),
        (Answer(unasked="nobody there"), Answer(80, ("x <2: low",)), 1, "audit: VULNERABLE: x <2: low"),
    ],
)
def test_each_outcome_has_its_exit_code_and_says_the_worst_last(
    python: Answer, npm: Answer, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tell({"Python": python, "npm": npm}) == code
    assert capsys.readouterr().out.splitlines()[-1] == said


def test_everything_that_is_locked_is_asked_about() -> None:
    assert "requirements-dev.txt" in PIP_AUDIT  # which holds requirements.txt, see test_locks.py
    assert "--package-lock-only" in NPM_AUDIT
    assert not {"--omit", "--production", "--ignore-vuln"} & {*PIP_AUDIT, *NPM_AUDIT}


def test_make_check_passes_only_where_nothing_is_known() -> None:
    """1 fails it; 3 is said, and does not keep anybody without a network from working."""
    recipe = (ROOT / "Makefile").read_text().partition("\ncheck:")[2].partition("\n\n")[0]
    assert "-m supply.audit || [ $$? -eq 3 ]" in recipe
