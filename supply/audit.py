"""Asks the advisory services whether anything that we lock is known to be vulnerable: pip-audit about the Python
packages, those of the tests included, and npm about the pages' tools and libraries.

    python -m supply.audit
    0   asked about everything, and nothing is known
    1   something is known to be vulnerable; it is named
    3   nothing is known, but not everything could be asked about, and what is named

Not to have asked is an outcome of its own. Both tools hide it: pip-audit says «No known vulnerabilities found» and ends
with 0 when its service knows none of the packages, and ends with 1, as for a vulnerability, when nobody answers.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
PATIENCE_SECONDS = 300.0

PIP_AUDIT = (
    *(str(BIN / "pip-audit"), "--requirement", "requirements-dev.txt", "--require-hashes", "--disable-pip"),
    *("--format", "json", "--desc", "off", "--progress-spinner", "off"),
)
NPM_AUDIT = (str(BIN / "npm"), "audit", "--json", "--package-lock-only")


@dataclass(frozen=True, slots=True)
class Answer:
    """What one tool found out."""

    asked: int = 0
    """Packages that it has an answer about."""
    vulnerable: tuple[str, ...] = ()
    unasked: str = ""
    """Why there is no answer about the rest; empty where there is one about everything."""


Reader = Callable[[Any], Answer]


def ask(command: Sequence[str], read: Reader) -> Answer:
    """Run a tool that answers in JSON. Whatever is no answer is `unasked`."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Answer(unasked=str(error))
    try:
        answer = read(json.loads(done.stdout))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Answer(unasked=_last_line(done.stderr) or f"{command[0]} ended with {done.returncode} and no answer")
    return answer if answer.asked or answer.unasked else Answer(unasked="it was asked about nothing")


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]


def read_pip_audit(report: dict[str, Any]) -> Answer:
    packages = report["dependencies"]
    skipped = [one["skip_reason"] for one in packages if "skip_reason" in one]
    vulnerable = [
        f"{one['name']} {one['version']}: {found['id']}, fixed in {', '.join(found['fix_versions']) or 'none yet'}"
        for one in packages
        for found in one.get("vulns", ())
    ]
    unasked = f"{len(skipped)} of {len(packages)} packages, such as: {skipped[0]}" if skipped else ""
    return Answer(len(packages) - len(skipped), tuple(vulnerable), unasked)


def read_npm_audit(report: dict[str, Any]) -> Answer:
    if "message" in report:
        return Answer(unasked=report["message"])
    vulnerable = [f"{one['name']} {one['range']}: {one['severity']}" for one in report["vulnerabilities"].values()]
    return Answer(report["metadata"]["dependencies"]["total"], tuple(vulnerable))


def tell(answers: dict[str, Answer]) -> int:
    """Say what was found, the worst last, for that is what is seen. Returns the exit code."""
    for name, answer in answers.items():
        print(f"audit: {name}: asked about {answer.asked} packages, {len(answer.vulnerable)} known vulnerabilities")
    for name, answer in answers.items():
        if answer.unasked:
            print(f"audit: NOT AUDITED: {name}: {answer.unasked}")
    vulnerable = [line for answer in answers.values() for line in answer.vulnerable]
    for line in vulnerable:
        print(f"audit: VULNERABLE: {line}")
    if vulnerable:
        return 1
    return 3 if any(answer.unasked for answer in answers.values()) else 0


def main() -> int:
    return tell({"Python": ask(PIP_AUDIT, read_pip_audit), "npm": ask(NPM_AUDIT, read_npm_audit)})


if __name__ == "__main__":
    sys.exit(main())
