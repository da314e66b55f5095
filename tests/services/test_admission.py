"""Who is let in, who is to come again, and when. That what was accepted is let in again: see `test_delivery.py`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.services.conftest import admission
from tests.world import Clock
from toybackend.errors import Overloaded, RateLimited, TooMany
from toybackend.models import PartyId, Standing
from toybackend.ports import Relation, Unconverted
from toybackend.services.admission import FIRST_GUESS_SECONDS, INERTIA, MOST_SECONDS, Admission
from toybackend.services.conversion import FairQueue

MUM, BEAR = PartyId("p_mum"), PartyId("t_bear")


def of(family: str, kept_bytes: int = 0) -> Relation:
    return Relation(Standing.OWNER, (BEAR,), family, kept_bytes=kept_bytes)


def filled(*families: str) -> FairQueue:
    """A clip for each of these."""
    queue = FairQueue()
    for number, family in enumerate(families):
        queue.put(Unconverted(f"m_{number}", MUM, family))
    return queue


def wait(ask: Callable[[], None]) -> int:
    """The seconds that the refused one is told to wait."""
    with pytest.raises((Overloaded, RateLimited)) as refused:
        ask()
    assert refused.value.retry_after is not None
    return refused.value.retry_after


# ── how many in a minute ──


def test_so_many_in_a_minute_and_not_one_more(clock: Clock) -> None:
    gate = admission(FairQueue(), clock, messages_per_minute=3)
    for _ in range(3):
        gate.count(MUM)
        clock.pass_seconds(10)
    assert 0 < wait(lambda: gate.count(MUM)) <= 31
    gate.count(BEAR)
    clock.pass_seconds(31)
    gate.count(MUM)


def test_the_refusal_says_what_there_were_too_many_of(clock: Clock) -> None:
    gate = admission(FairQueue(), clock, messages_per_minute=1)
    gate.count(MUM)
    with pytest.raises(RateLimited, match="messages"):
        gate.count(MUM)


# ── how long the line is ──


def test_so_many_may_wait(clock: Clock) -> None:
    for waiting in ("abc", "abcd"):
        gate = admission(filled(*waiting), clock, max_waiting=len(waiting) + 1)
        gate.check_room(of("z"), 0)
        gate = admission(filled(*waiting), clock, max_waiting=len(waiting))
        with pytest.raises(Overloaded):
            gate.check_room(of("z"), 0)


def test_so_many_of_one_family(clock: Clock) -> None:
    gate = admission(filled(*"aabbb"), clock, waiting_per_family=3)
    gate.check_room(of("a"), 0)
    gate.check_room(of("z"), 0)
    with pytest.raises(Overloaded, match="your family"):
        gate.check_room(of("b"), 0)


@pytest.mark.parametrize(("waiting", "seconds"), [(1, 1), (200, 5), (1000, 25), (5000, MOST_SECONDS)])
def test_the_wait_follows_from_how_much_there_is_to_do(clock: Clock, waiting: int, seconds: int) -> None:
    gate = admission(filled(*["a"] * waiting), clock, max_waiting=waiting)
    assert FIRST_GUESS_SECONDS == 0.1  # two workers: 20 a second, and half of what waits has to be through
    assert wait(lambda: gate.check_room(of("z"), 0)) == seconds


def settled(gate: Admission, seconds: float) -> Admission:
    for _ in range(10 * INERTIA):
        gate.note_conversion(seconds)
    return gate


@pytest.mark.parametrize(("each", "seconds"), [(0.0, 1), (0.02, 5), (0.2, 50), (20.0, MOST_SECONDS)])
def test_the_wait_follows_from_how_fast_it_goes(clock: Clock, each: float, seconds: int) -> None:
    gate = settled(admission(filled(*["a"] * 1000), clock, max_waiting=1000), each)
    assert wait(lambda: gate.check_room(of("z"), 0)) == pytest.approx(seconds, abs=1)


def test_one_long_clip_among_many_means_little(clock: Clock) -> None:
    gate = settled(admission(filled(*["a"] * 100), clock, max_waiting=100), 0.02)
    gate.note_conversion(2)
    assert wait(lambda: gate.check_room(of("z"), 0)) <= 4


# ── how much a family keeps ──


def test_a_family_keeps_so_much(clock: Clock) -> None:
    gate = admission(FairQueue(), clock, kept_bytes=100)
    gate.check_room(of("a", kept_bytes=90), 10)
    with pytest.raises(TooMany) as refused:
        gate.check_room(of("a", kept_bytes=90), 11)
    assert refused.value.retry_after is None
    gate.check_room(of("a", kept_bytes=100), 0)
    with pytest.raises(TooMany):
        gate.check_room(of("a", kept_bytes=101), 0)
