"""A siege in short, and that what it tells is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from trials.figures import percentile, trend
from trials.siege.attacker import Harm, Reply
from trials.siege.attacks import frame
from trials.siege.neighbours import Doing, Times
from trials.siege.run import LEAST, Plan, Report, Row, Wave, siege

SHORT_PLAN = Plan(
    waves=[Wave("a little of all", {"Silent": 5, "Unread": 8, "SlowReader": 2, "Slowloris": 4, "PingFlood": 1})],
    families=1,
    warm_seconds=0.5,
    quiet_seconds=1.5,
    siege_seconds=1.5,
    rehearsal_seconds=0.1,
    gather_seconds=1.0,
    pause_seconds=0.1,
    cool_seconds=0.0,
    story_seconds=60,
)


@pytest.mark.usefixtures("cheap_hashes")
async def test_a_short_siege_is_not_noticed(tmp_path: Path) -> None:
    rows: list[str] = []
    report = await siege(tmp_path, SHORT_PLAN, rows.append)
    [row] = report.rows
    assert not row.under.failures, f"\n{report}"
    assert row.under.took[Doing.TEXT] and rows
    assert {name: harm.opened > 0 for name, harm in row.harm.items()} == dict.fromkeys(
        SHORT_PLAN.waves[0].attacks, True
    )
    assert row.harm["Unread"].most_open == 8


def row(quiet: float, under: float, *, failure: str = "") -> Row:
    times = [Times({doing: [seconds] * LEAST for doing in Doing}) for seconds in (quiet, under)]
    times[1].failures += [failure] if failure else []
    return Row("some", times[0], times[1], {"Silent": Harm(1, 1, 1.0, {}, {"4408": 1})})


def test_who_is_held_up_or_fails_has_noticed() -> None:
    assert row(1.0, 2.0).is_good
    assert not row(1.0, 2.1).is_good
    assert not row(1.0, 1.0, failure="voice: TimeoutError").is_good


def test_memory_has_to_come_back() -> None:
    assert Report([row(1, 1)], 100, 300, 110).is_good
    assert not Report([row(1, 1)], 100, 300, 111).is_good


def test_a_reply_tells_status_and_close_code() -> None:
    close = bytes([0x88, 2]) + (4408).to_bytes(2, "big")
    reply = Reply()
    assert reply.feed(b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x02hi") == ["101"]
    assert reply.feed(close[:1]) == [] and reply.feed(close[1:]) == []
    assert str(reply) == "4408"
    answers = b"HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno"
    assert Reply().feed(2 * answers) == ["401", "401"]
    assert str(Reply()) == ""


def test_a_frame_is_masked_and_says_its_length() -> None:
    assert frame("hi") == b"\x81\x82\0\0\0\0hi"
    assert frame("x" * 200)[:4] == b"\x81\xfe\x00\xc8"


def test_figures() -> None:
    assert percentile(range(1, 101), 0.95) == 95
    assert trend([10, 10.1, 9.9, 10, 10.1, 9.9, 10, 10.1]).is_within_noise
    rising = trend([float(one) for one in range(10)])
    assert rising.slope == 1 and not rising.is_within_noise
