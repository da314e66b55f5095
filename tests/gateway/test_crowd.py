"""Who gives way when there is too much."""

from __future__ import annotations

import pytest

from toybackend.gateway.crowd import Crowd


@pytest.fixture
def shed() -> list[str]:
    return []


def test_who_has_been_in_it_for_longest_goes(shed: list[str]) -> None:
    crowd = Crowd[str](2, shed.append)
    for name in "abcd":
        crowd.hold(name)
    assert (shed, len(crowd)) == (["a", "b"], 2)


def test_who_is_done_makes_room(shed: list[str]) -> None:
    crowd = Crowd[str](2, shed.append)
    for name in "abcd":
        crowd.hold(name)
        assert crowd.leave(name)
    assert (shed, len(crowd), crowd.total) == ([], 0, 0)


def test_leaving_tells_who_was_still_there(shed: list[str]) -> None:
    crowd = Crowd[str](1, shed.append)
    crowd.hold("a")
    crowd.hold("b")
    assert not crowd.leave("a")
    assert crowd.leave("b")
    assert not crowd.leave("b")


def test_amounts_are_added_up_and_growing_keeps_the_place(shed: list[str]) -> None:
    crowd = Crowd[str](10, shed.append)
    crowd.hold("a", 4)
    crowd.hold("b", 5)
    crowd.hold("a", 5)
    assert (shed, crowd.total) == ([], 10)
    crowd.hold("b", 6)
    assert (shed, crowd.total) == (["a"], 6)


def test_one_alone_may_be_too_much(shed: list[str]) -> None:
    crowd = Crowd[str](10, shed.append)
    crowd.hold("a", 3)
    crowd.hold("b", 11)
    assert (shed, len(crowd), crowd.total) == (["a", "b"], 0, 0)


def test_whoever_is_in_it_may_be_sent_away_one_after_another(shed: list[str]) -> None:
    crowd = Crowd[str](2, shed.append)
    for name in "abc":
        crowd.hold(name)
    assert [name for name in crowd if crowd.leave(name)] == ["b", "c"]
    assert len(crowd) == 0
