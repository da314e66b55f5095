"""The tree is what its drawing says, and every class has a code of its own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import pytest

from toybackend import errors
from toybackend.errors import BadJson, Overloaded, Refused, ToybackendError

SHARED = {"internal"}
"""The code of everything that is our own fault; every other code says which class it was."""


def tree(kind: type[ToybackendError], depth: int = 0) -> Iterator[tuple[int, str, str]]:
    yield depth, kind.__name__, kind.code
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:  # rooms may add branches of their own
            yield from tree(child, depth + 1)


def drawing() -> list[tuple[int, str, str]]:
    """The (depth, class, code) of each line of the drawing at the top of the module."""
    lines = re.findall(r"^    ([│├└─ ]*)(\w+)  +(\w+)", errors.__doc__ or "", re.MULTILINE)
    # Below Refused the second column says what it is, not a code.
    return [(len(indent) // 4, name, code if name != "Refused" else "internal") for indent, name, code in lines]


def test_the_drawing_is_the_tree() -> None:
    assert drawing() == list(tree(ToybackendError))


def test_every_class_of_the_module_is_in_the_tree() -> None:
    found = {name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, Exception)}
    assert found == {name for _, name, _ in drawing()}


def test_codes_are_unique_and_look_alike() -> None:
    codes = Counter(code for _, _, code in tree(ToybackendError))
    assert {code for code, count in codes.items() if count > 1} == SHARED
    assert all(re.fullmatch("[a-z]+(_[a-z]+)*", code) for code in codes)


def test_the_codes_that_others_rely_on_are_stable() -> None:
    """On the wire, and so not ours to change."""
    promised = (
        "bad_json unknown_type missing_field too_long unknown_recipient not_allowed header_pending "
        "audio_without_header empty_audio audio_too_large audio_too_long size_mismatch digest_mismatch bad_audio "
        "rate_limited overloaded internal unlicensed already_bound claim_expired claim_wrong"
    )
    assert set(promised.split()) <= {code for _, _, code in tree(ToybackendError)}


@pytest.mark.parametrize("kind", [kind for kind in Refused.__subclasses__() if kind.__module__ == errors.__name__])
def test_every_refusal_says_something_of_its_own(kind: type[Refused]) -> None:
    assert str(kind()) == kind.says != Refused.says
    assert str(kind("because")) == "because"
    assert kind().retry_after is None


def test_a_refusal_says_when_to_try_again() -> None:
    assert Overloaded(retry_after=5).retry_after == 5
    assert BadJson("no").code == "bad_json"
