"""Quiet hours against the clock on the wall: by tables for the nights when clocks jump, and by properties for all."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from toybackend.models import QuietHours, QuietWindow, ToySettings, Weekday
from toybackend.protocol import QuietWindowView, ToySettingsView
from toybackend.services.quiet_hours import WEEKDAYS, clock_time, minutes_of, next_change, quiet_until, settings_view

EVERY_DAY = frozenset(Weekday)
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def window(start: str, end: str, days: frozenset[Weekday] = EVERY_DAY) -> QuietWindow:
    return QuietWindow(days, minutes_of(start), minutes_of(end))


def hours(zone: str, *windows: QuietWindow) -> QuietHours:
    return QuietHours(ZoneInfo(zone), windows)


def utc(text: str) -> int:
    """`2026-03-29 01:00` → milliseconds since the epoch."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def spell(moment: int | None) -> str | None:
    return None if moment is None else f"{datetime.fromtimestamp(moment / 1000, UTC):%Y-%m-%d %H:%M}"


def rests(quiet: QuietHours, begin: str, end: str) -> list[tuple[str | None, str | None]]:
    """Every rest between two moments, all in UTC, found as a toy's socket finds it: from change to change."""
    found, at = [], utc(begin)
    while at is not None and at < utc(end):
        until = quiet_until(quiet, at)
        if until is not None:
            found.append((spell(at), spell(until)))
        change = next_change(quiet, at)
        assert change is None or change > at
        at = change if change is not None else utc(end)
    return found


# ── ordinary days ──


def test_a_window_of_an_afternoon() -> None:
    nap = hours("Europe/Berlin", window("13:00", "14:30", frozenset({Weekday.WEDNESDAY, Weekday.SATURDAY})))
    assert rests(nap, "2026-06-01 00:00", "2026-06-08 00:00") == [
        ("2026-06-03 11:00", "2026-06-03 12:30"),
        ("2026-06-06 11:00", "2026-06-06 12:30"),
    ]


def test_its_first_millisecond_is_quiet_and_the_one_after_it_is_not() -> None:
    nap = hours("UTC", window("13:00", "14:30"))
    start, end = utc("2026-06-03 13:00"), utc("2026-06-03 14:30")
    assert [quiet_until(nap, at) for at in (start - 1, start, end - 1, end)] == [None, end, end, None]
    assert [next_change(nap, at) for at in (start - 1, start, end - 1, end)] == [start, end, end, start + DAY]


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    friday = hours("UTC", window("20:00", "07:00", frozenset({Weekday.FRIDAY})))
    assert rests(friday, "2026-06-01 00:00", "2026-06-15 00:00") == [
        ("2026-06-05 20:00", "2026-06-06 07:00"),
        ("2026-06-12 20:00", "2026-06-13 07:00"),
    ]


def test_windows_that_touch_or_overlap_are_one_rest() -> None:
    many = hours(
        "UTC", window("18:00", "20:00"), window("20:00", "07:00"), window("06:00", "09:00"), window("06:30", "07:00")
    )
    assert rests(many, "2026-06-01 10:00", "2026-06-03 10:00") == [
        ("2026-06-01 18:00", "2026-06-02 09:00"),
        ("2026-06-02 18:00", "2026-06-03 09:00"),
    ]


def test_a_window_that_ends_where_it_starts_is_a_whole_day() -> None:
    sunday = hours("UTC", window("10:00", "10:00", frozenset({Weekday.SUNDAY})))
    assert rests(sunday, "2026-06-02 00:00", "2026-06-09 00:00") == [("2026-06-07 10:00", "2026-06-08 10:00")]


def test_always_quiet_is_said_to_end_after_a_week_and_is_quiet_then() -> None:
    always, at = hours("Europe/Berlin", window("00:00", "00:00")), utc("2026-03-25 12:34")
    until = quiet_until(always, at)
    assert until is not None
    assert 7 * DAY <= until - at <= 11 * DAY
    assert next_change(always, at) == until
    assert quiet_until(always, until) is not None


def test_a_rest_once_a_week_comes_back_a_week_later() -> None:
    nap = hours("Europe/Berlin", window("13:00", "14:00", frozenset({Weekday.WEDNESDAY})))
    assert spell(next_change(nap, utc("2026-06-03 12:00"))) == "2026-06-10 11:00"


def test_without_windows_nothing_ever_changes() -> None:
    assert quiet_until(hours("UTC"), utc("2026-06-01 00:00")) is None
    assert next_change(hours("UTC"), utc("2026-06-01 00:00")) is None


# ── when clocks jump ──

NIGHT = window("20:00", "07:00")


@pytest.mark.parametrize(
    ("zone", "rest", "day", "expected"),
    [
        # 02:00 → 03:00 at 01:00 UTC: the night is an hour shorter
        ("Europe/Berlin", NIGHT, "2026-03-28", ("2026-03-28 19:00", "2026-03-29 05:00")),
        # 03:00 → 02:00 at 01:00 UTC: an hour longer
        ("Europe/Berlin", NIGHT, "2026-10-24", ("2026-10-24 18:00", "2026-10-25 06:00")),
        # 02:30 comes twice: from the first to the last
        ("Europe/Berlin", window("02:30", "02:45"), "2026-10-25", ("2026-10-25 00:30", "2026-10-25 01:45")),
        ("Europe/Berlin", window("01:00", "02:30"), "2026-10-25", ("2026-10-24 23:00", "2026-10-25 01:30")),
        ("Europe/Berlin", window("02:30", "04:00"), "2026-10-25", ("2026-10-25 00:30", "2026-10-25 03:00")),
        # 02:30 never comes: the start is taken early, the end late
        ("Europe/Berlin", window("02:30", "05:00"), "2026-03-29", ("2026-03-29 00:30", "2026-03-29 03:00")),
        ("Europe/Berlin", window("01:00", "02:30"), "2026-03-29", ("2026-03-29 00:00", "2026-03-29 01:30")),
        ("America/New_York", NIGHT, "2026-03-07", ("2026-03-08 01:00", "2026-03-08 11:00")),
        ("America/New_York", NIGHT, "2026-10-31", ("2026-11-01 00:00", "2026-11-01 12:00")),
        ("America/New_York", window("01:30", "01:40"), "2026-11-01", ("2026-11-01 05:30", "2026-11-01 06:40")),
        # half an hour: 02:00 → 02:30 at 15:30 UTC, and 02:00 → 01:30 at 15:00 UTC
        ("Australia/Lord_Howe", NIGHT, "2026-10-03", ("2026-10-03 09:30", "2026-10-03 20:00")),
        ("Australia/Lord_Howe", NIGHT, "2026-04-04", ("2026-04-04 09:00", "2026-04-04 20:30")),
        ("Australia/Lord_Howe", window("01:40", "01:50"), "2026-04-05", ("2026-04-04 14:40", "2026-04-04 15:20")),
        # never jumps, and is not a whole hour away
        ("Asia/Kolkata", NIGHT, "2026-03-28", ("2026-03-28 14:30", "2026-03-29 01:30")),
        # clocks jump at midnight: 24:00 → 01:00
        ("America/Havana", window("23:00", "01:00"), "2026-03-07", ("2026-03-08 04:00", "2026-03-08 05:00")),
    ],
)
def test_a_rest_while_the_clock_jumps(zone: str, rest: QuietWindow, day: str, expected: tuple[str, str]) -> None:
    quiet = hours(zone, rest)
    noon = datetime.fromisoformat(f"{day} 12:00").replace(tzinfo=quiet.zone)
    if rest.end > rest.start:  # a rest of the early morning
        noon -= timedelta(days=1)
    begin = next_change(quiet, int(noon.timestamp() * 1000))
    assert begin is not None
    assert (spell(begin), spell(quiet_until(quiet, begin))) == expected


def test_the_day_that_samoa_never_had() -> None:
    """After Thursday the 29th of December 2011, 24:00 (UTC-10), came Saturday the 31st, 00:00 (UTC+14)."""
    quiet = hours("Pacific/Apia", window("20:00", "07:00"))
    assert rests(quiet, "2011-12-29 00:00", "2012-01-01 00:00") == [
        ("2011-12-29 06:00", "2011-12-29 17:00"),  # Wednesday night
        ("2011-12-30 06:00", "2011-12-30 17:00"),  # Thursday 20:00 to Saturday 07:00
        ("2011-12-31 06:00", "2011-12-31 17:00"),  # Saturday night
    ]


def test_a_rest_that_began_before_the_day_that_samoa_never_had() -> None:
    """From Thursday 10:00 for a day: Friday 10:00 never came, so it holds until Saturday 10:00."""
    quiet = hours("Pacific/Apia", window("10:00", "10:00", frozenset({Weekday.THURSDAY})))
    saturday_9 = utc("2011-12-30 19:00")
    assert spell(quiet_until(quiet, saturday_9)) == "2011-12-30 20:00"
    assert spell(quiet_until(quiet, utc("2011-12-29 20:00"))) == "2011-12-30 20:00"


def test_a_rest_that_is_joined_by_one_of_the_day_after_tomorrow() -> None:
    """In Havana the 8th of March 2026 begins at 01:00, so a rest from 00:10 is one from 23:10 of the day before."""
    friday, sunday = frozenset({Weekday.FRIDAY}), frozenset({Weekday.SUNDAY})
    quiet = hours("America/Havana", window("23:30", "23:20", friday), window("00:10", "02:00", sunday))
    assert spell(quiet_until(quiet, utc("2026-03-07 04:30"))) == "2026-03-08 06:00"


def test_two_jumps_within_a_fortnight() -> None:
    """Boa Vista tried daylight saving from the 8th to the 15th of October 2000."""
    quiet = hours("America/Boa_Vista", window("20:00", "21:00", frozenset({Weekday.WEDNESDAY})))
    assert spell(next_change(quiet, utc("2000-10-05 12:00"))) == "2000-10-11 23:00"
    assert spell(next_change(quiet, utc("2000-10-12 12:00"))) == "2000-10-19 00:00"


# ── any zone, any windows, any time ──

ZONES = st.sampled_from(sorted(available_timezones()))
BY_DAY = st.frozensets(st.sampled_from(WEEKDAYS), min_size=1)
CLOCK = st.one_of(st.integers(0, 24 * 60 - 1), st.integers(0, 23).map(lambda hour: hour * 60))
WINDOWS = st.lists(st.builds(QuietWindow, BY_DAY, CLOCK, CLOCK), min_size=1, max_size=5).map(tuple)
BEGIN, END = utc("1975-01-01 00:00"), utc("2040-01-01 00:00")


def offset(zone: ZoneInfo, at: int) -> int:
    seconds = (datetime.fromtimestamp(at / 1000, zone).utcoffset() or timedelta()).total_seconds()
    return int(seconds * 1000)


def jump_after(zone: ZoneInfo, at: int) -> int | None:
    """The first jump of this zone's clock within two years; None where it does not jump."""
    step = 7 * DAY
    after = next(
        (one for one in range(at, at + 730 * DAY, step) if offset(zone, one) != offset(zone, one + step)), None
    )
    if after is None:
        return None
    before, after = after, after + step
    while after - before > 1000:
        middle = (before + after) // 2
        before, after = (middle, after) if offset(zone, middle) == offset(zone, before) else (before, middle)
    return after


@st.composite
def moments(draw: st.DrawFn, zone: ZoneInfo) -> int:
    """Any time, and as often one within a day of a jump."""
    at = draw(st.integers(BEGIN, END))
    jump = jump_after(zone, at) if draw(st.booleans()) else None
    return at if jump is None else jump + draw(st.integers(-DAY, DAY))


@st.composite
def cases(draw: st.DrawFn) -> tuple[QuietHours, int]:
    zone = ZoneInfo(draw(ZONES))
    return QuietHours(zone, draw(WINDOWS)), draw(moments(zone))


def shows_rest(quiet: QuietHours, at: int, shift: int | None = None) -> bool:
    """Does the wall, read by itself, show a time of rest? With a `shift`, a wall that is so far ahead of UTC."""
    ahead = offset(quiet.zone, at) if shift is None else shift
    wall = datetime(1970, 1, 1) + timedelta(milliseconds=at + ahead)
    minute, today = wall.hour * 60 + wall.minute, WEEKDAYS[wall.weekday()]
    yesterday = WEEKDAYS[wall.weekday() - 1]
    for one in quiet.windows:
        over_midnight = one.end <= one.start
        if today in one.days and one.start <= minute and (over_midnight or minute < one.end):
            return True
        if yesterday in one.days and over_midnight and minute < one.end:
            return True
    return False


def jump_near(zone: ZoneInfo, at: int) -> int:
    """By how much the clock jumps within two days; 0 where it does not."""
    offsets = [offset(zone, at + hour * HOUR) for hour in range(-48, 49)]
    return max(offsets) - min(offsets)


@settings(max_examples=150)
@given(case=cases())
def test_whenever_the_wall_shows_a_time_of_rest_it_is_one(case: tuple[QuietHours, int]) -> None:
    quiet, at = case
    if shows_rest(quiet, at):
        assert quiet_until(quiet, at) is not None


@settings(max_examples=150)
@given(case=cases())
def test_a_rest_is_no_longer_than_the_wall_shows_it_but_for_a_jump(case: tuple[QuietHours, int]) -> None:
    quiet, at = case
    if quiet_until(quiet, at) is None:
        return
    jump = jump_near(quiet.zone, at)
    if jump == 0:
        assert shows_rest(quiet, at)
        return
    # By the clock before the jump or by the one after it, or between two times of the hour that comes twice.
    around = {offset(quiet.zone, at + hour * HOUR) for hour in range(-48, 49)}
    minutes = range(-jump // MINUTE, jump // MINUTE + 1)
    assert any(shows_rest(quiet, at + minute * MINUTE, shift) for minute in minutes for shift in around)


@settings(max_examples=150)
@given(case=cases())
def test_the_end_of_a_rest_is_not_quiet_and_the_moment_before_it_is(case: tuple[QuietHours, int]) -> None:
    quiet, at = case
    until = quiet_until(quiet, at)
    assume(until is not None and until - at < 7 * DAY)
    assert until is not None
    assert until > at
    assert quiet_until(quiet, until) is None
    assert quiet_until(quiet, until - 1) == until


@settings(max_examples=100)
@given(case=cases(), parts=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=5))
def test_nothing_changes_before_the_next_change(case: tuple[QuietHours, int], parts: list[float]) -> None:
    quiet, at = case
    change = next_change(quiet, at)
    assert change is not None
    assert change > at
    is_quiet = quiet_until(quiet, at) is not None
    for part in parts:
        between = at + int((change - at) * part)
        assert (quiet_until(quiet, between) is not None) is is_quiet
        # It does not matter when one asks. (One that lasts for more than a week is said to end later and later.)
        if change - at < 7 * DAY or not is_quiet:
            assert next_change(quiet, between) == change
    if change - at < 7 * DAY:
        assert (quiet_until(quiet, change) is not None) is not is_quiet


@settings(max_examples=100)
@given(case=cases(), later=st.integers(0, 10 * DAY))
def test_the_next_change_never_goes_back(case: tuple[QuietHours, int], later: int) -> None:
    quiet, at = case
    first, second = next_change(quiet, at), next_change(quiet, at + later)
    assert first is not None
    assert second is not None
    assert first <= second


# ── what it costs ──


def test_it_is_cheap_enough_for_the_event_loop() -> None:
    """An ordinary night: far under 100 µs; the bound here leaves room for a busy machine and for coverage."""
    quiet, at = hours("Europe/Berlin", NIGHT, window("13:00", "14:30")), utc("2026-06-01 00:00")
    best = 1e9
    for _ in range(20):
        begin = time.process_time_ns()
        for step in range(100):
            quiet_until(quiet, at + step * 97 * MINUTE)
        best = min(best, (time.process_time_ns() - begin) / 100 / 1000)
    assert best < 500


# ── as it is shown ──


def test_what_a_toy_is_shown() -> None:
    nights = QuietWindow(frozenset({Weekday.SUNDAY, Weekday.MONDAY}), 20 * 60 + 30, 7 * 60 + 5)
    shown = settings_view(
        ToySettings(QuietHours(ZoneInfo("Asia/Kolkata"), (nights,)), 70, 45, autoplay=False), utc("2026-06-01 15:00")
    )
    assert shown == ToySettingsView(
        volume_cap=70,
        daily_limit_minutes=45,
        time_zone="Asia/Kolkata",
        quiet_hours=(QuietWindowView(days=(Weekday.MONDAY, Weekday.SUNDAY), start="20:30", end="07:05"),),
        quiet_until="2026-06-02T01:35:00.000Z",
        autoplay=False,
    )
    awake = settings_view(ToySettings(hours("UTC", nights)), utc("2026-06-01 12:00"))
    assert (awake.quiet_until, awake.daily_limit_minutes, awake.volume_cap, awake.autoplay) == (None, None, 80, True)


@given(minutes=st.integers(0, 24 * 60 - 1))
def test_clock_times_go_there_and_back(minutes: int) -> None:
    assert minutes_of(clock_time(minutes)) == minutes
