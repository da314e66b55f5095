"""Every sentence of THREAT_MODEL.md that promises something names the tests that prove it, and those are there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "THREAT_MODEL.md").read_text()
PROMISES = "### We promise"
PARTS = (
    "Who may",
    "Toys",
    "Recordings and the converter",
    "Load",
    "Faults",
    "Keeping and erasing",
    "Running it",
    "What we take from others",
)
"""Each with its promises."""

_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@dataclass(frozen=True, slots=True)
class Promise:
    sentence: str
    tests: tuple[tuple[str, str], ...]
    """File and function."""


def promises(text: str) -> dict[str, list[Promise]]:
    """Those of each part, by its heading. Raises ValueError for what is not one sentence and its tests."""
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    return {
        part.partition("\n")[0]: [_read(item) for item in _items(part.partition(PROMISES)[2])]
        for part in parts
        if PROMISES in part
    }


def _items(section: str) -> Iterator[str]:
    """The entries of the list, each in one line; a promise stands nowhere else."""
    section = re.split(r"^#", section, flags=re.MULTILINE)[0]
    before, *items = re.split(r"^\* ", section, flags=re.MULTILINE)
    for item in [before, *items]:
        paragraph, _, more = item.strip().partition("\n\n")
        if more or (item is before and paragraph):
            raise ValueError(f"this is not in the list: {more or paragraph!r}")
    yield from (" ".join(item.split()) for item in items)


def _read(item: str) -> Promise:
    sentence, dot, proof = item.partition(". `")
    tests = tuple(_TEST.findall(f"`{proof}"))
    if not dot or not tests:
        raise ValueError(f"no test is named: {item!r}")
    if re.search(r"[.!?;] ", sentence):
        raise ValueError(f"more than one sentence, of which one has no test: {sentence!r}")
    if _TEST.sub("", f"`{proof}").strip():
        raise ValueError(f"something stands behind the tests or between them: {item!r}")
    return Promise(f"{sentence}.", tests)


def functions_in(file: Path) -> set[str]:
    """Its test functions, read and not run."""
    tree = ast.parse(file.read_text())
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def dead(tests: tuple[tuple[str, str], ...], root: Path = ROOT) -> list[str]:
    """Those that are not there."""
    return [
        f"{file}::{name}"
        for file, name in tests
        if not (root / file).is_file() or name not in functions_in(root / file)
    ]


EVERY = [pytest.param(one, id=one.sentence) for part in promises(TEXT).values() for one in part]


def test_every_part_has_its_promises() -> None:
    found = promises(TEXT)
    assert tuple(found) == PARTS
    assert all(found.values())


@pytest.mark.parametrize("promise", EVERY)
def test_every_promise_names_tests_that_are_there(promise: Promise) -> None:
    assert dead(promise.tests) == []


def test_nothing_is_promised_twice() -> None:
    sentences = [one.sentence for part in promises(TEXT).values() for one in part]
    assert len(sentences) == len(set(sentences))


@pytest.mark.parametrize("document", ["SECURITY.md", "THREAT_MODEL.md"])
def test_what_it_refers_to_is_there(document: str) -> None:
    text = (ROOT / document).read_text()
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`make ([a-z]+)`", text):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for path in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / path).exists(), path
    settings = (ROOT / "README.md").read_text()
    for name in re.findall(r"`(TOYBACKEND_[A-Z_]+)`", text):
        assert f"`{name}`" in settings, name


# ── that it notices ──

GOOD = f"""# Threat model
## Toys
Words about them.
{PROMISES}
* A bear is
  soft. `tests/test_threat_model.py::test_a_good_list_is_read`
* It has two ears. `tests/test_threat_model.py::test_a_good_list_is_read`
  `tests/test_models.py::test_nouns_are_frozen_and_have_slots`
### What they do not promise
They may bite. They may not.
## Other things
Without any promise.
"""


def test_a_good_list_is_read() -> None:
    soft, ears = promises(GOOD)["Toys"]
    assert soft == Promise("A bear is soft.", (("tests/test_threat_model.py", "test_a_good_list_is_read"),))
    assert [name for _, name in ears.tests] == ["test_a_good_list_is_read", "test_nouns_are_frozen_and_have_slots"]
    assert dead(soft.tests) == dead(ears.tests) == []


@pytest.mark.parametrize(
    ("was", "now", "why"),
    [
        ("soft. `tests/test_threat_model.py::test_a_good_list_is_read`", "soft.", "no test"),
        ("soft. `tests/test_threat_model.py::test_a_good_list_is_read`", "soft", "no test"),
        ("soft. `tests", "soft. `toybackend", "no test"),
        ("soft. `", "soft. It is brown. `", "more than one sentence"),
        ("soft. `", "soft; it is brown. `", "more than one sentence"),
        ("is_read`\n* It", "is_read` It is brown.\n* It", "behind the tests"),
        ("soft. `", "soft. (`", "no test"),
        (f"{PROMISES}\n", f"{PROMISES}\nIt is brown.\n", "not in the list"),
        ("\n### What", "\n\nIt is brown.\n### What", "not in the list"),
    ],
)
def test_what_is_no_promise_with_its_tests_fails(was: str, now: str, why: str) -> None:
    assert was in GOOD
    with pytest.raises(ValueError, match=why):
        promises(GOOD.replace(was, now, 1))


def test_a_test_that_is_gone_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text(
        "async def test_a(): ...\ndef test_b(): ...\ndef helper():\n    def test_c(): ...\n# def test_d(): ...\n"
    )
    named = (*(("tests/test_it.py", f"test_{letter}") for letter in "abcd"), ("tests/test_gone.py", "test_a"))
    assert dead(named, tmp_path) == [
        "tests/test_it.py::test_c",
        "tests/test_it.py::test_d",
        "tests/test_gone.py::test_a",
    ]
