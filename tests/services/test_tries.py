"""Counting tries."""

from __future__ import annotations

import pytest

from tests.world import NOW
from toybackend.errors import RateLimited
from toybackend.services import tries as module
from toybackend.services.tries import Tries

MOST = 3
SECONDS = 60


@pytest.fixture
def tries() -> Tries:
    return Tries(MOST, SECONDS)


def count(tries: Tries, times: int, *, key: str = "anna", at: int = NOW) -> None:
    for _ in range(times):
        tries.count(key, at)


def wait_for(tries: Tries, *, key: str = "anna", at: int = NOW) -> int:
    """The seconds one is told to wait after one try too many."""
    with pytest.raises(RateLimited) as refused:
        tries.count(key, at)
    assert refused.value.retry_after is not None
    return refused.value.retry_after


def test_so_many_and_not_one_more(tries: Tries) -> None:
    count(tries, MOST)
    assert 0 < wait_for(tries) <= SECONDS + 1


def test_keys_do_not_wait_for_each_other(tries: Tries) -> None:
    count(tries, MOST)
    count(tries, MOST, key="bela")


@pytest.mark.parametrize("first", [NOW, NOW + 1, NOW + 999])
def test_who_waits_as_long_as_told_may_try_again(tries: Tries, first: int) -> None:
    count(tries, 1, at=first)
    count(tries, MOST - 1, at=first + 5000)
    told = wait_for(tries, at=first + 6000)
    tries.count("anna", first + 6000 + told * 1000)
    assert wait_for(tries, at=first + 6000 + told * 1000) >= 1


def test_the_window_slides(tries: Tries) -> None:
    for second in range(0, 10 * SECONDS, SECONDS // MOST):
        tries.count("anna", NOW + second * 1000)
    wait_for(tries, at=NOW + (10 * SECONDS - SECONDS // MOST) * 1000)


def test_a_refused_try_does_not_make_the_wait_longer(tries: Tries) -> None:
    count(tries, MOST)
    told = [wait_for(tries, at=NOW + second * 1000) for second in range(10)]
    assert told == sorted(told, reverse=True) and told[0] > told[-1]


def test_nobody_waits_for_a_clock_that_was_set_back(tries: Tries) -> None:
    count(tries, MOST, at=NOW + 365 * 86_400_000)
    count(tries, MOST, at=NOW)
    assert wait_for(tries, at=NOW) <= SECONDS + 1


def test_what_is_forgotten_starts_afresh(tries: Tries) -> None:
    count(tries, MOST)
    tries.forget("anna")
    count(tries, MOST)
    tries.forget("nobody")


def test_taking_one_back_leaves_those_before_it(tries: Tries) -> None:
    count(tries, MOST - 1)
    for _ in range(5):
        count(tries, 1)
        tries.take_back("anna")
    count(tries, 1)
    wait_for(tries)
    tries.take_back("nobody")


def test_the_keys_watched_are_bounded(tries: Tries, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KEYS", 5)
    count(tries, MOST, key="first")
    for number in range(4):
        tries.count(str(number), NOW)
    wait_for(tries, key="first")  # and so it was seen again
    tries.count("one more", NOW)
    wait_for(tries, key="first")
    assert len(tries._times) == 5
