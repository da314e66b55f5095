"""When a toy is silent. Pure: hours and a moment in, a moment out.

A window is meant by the clock on the wall where the child lives, and wall clocks jump. A window lasts from the first
moment that shows its start to the last moment that shows its end: on the night when an hour comes twice it holds
through both, and a start or an end that the clock jumps over is taken on the quiet side. So whenever the wall shows a
time of rest, it is one.

This runs once for every message, on the event loop. What costs is asking a zone for its offset, so offsets are
remembered, and asked for midnights: between two with the same offset the clock does not jump, and the rest is counting.
(Since 1970 no zone jumped away and back within less than a week.)
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from toybackend.models import QuietHours, ToySettings, Weekday
from toybackend.protocol import QuietWindowView, ToySettingsView, rfc3339

MINUTE_MS = 60_000
DAY_MINUTES = 24 * 60
DAY_MS = DAY_MINUTES * MINUTE_MS
WEEK_MS = 7 * DAY_MS
WEEKDAYS = tuple(Weekday)
MOST_OFFSETS = 10_000
"""Offsets that are remembered: families share their zones, and days begin at midnight for all of them."""
EPOCH = date(1970, 1, 1).toordinal()
MILLISECOND = timedelta(milliseconds=1)

NEAR = range(-2, 3)
"""Days, counted from the one on the wall, on which a rest can have begun that holds at this moment or within a day of
it. One that ends on the next day began yesterday; and a zone skips a day when it changes sides of the date line."""
AHEAD = range(-2, 8)
"""Days on which the next rest can begin: whatever changes, changes within a week."""


def quiet_until(hours: QuietHours, at: int) -> int | None:
    """When the rest ends that `at`, in milliseconds since the epoch, falls into; None where it is no time of rest.
    Rests that touch are one; one without an end is said to end after a week or a little more."""
    until, looked_at = at, at - DAY_MS
    while until - looked_at >= DAY_MS and until - at < WEEK_MS:
        looked_at = until
        for start, end in sorted(_rests(hours, until, NEAR)):
            if start <= until < end:
                until = end
    return until if until > at else None


def next_change(hours: QuietHours, at: int) -> int | None:
    """The next moment after `at` at which a rest begins or ends; None where none ever does."""
    until = quiet_until(hours, at)
    if until is not None:
        return until
    return min((start for start, _ in _rests(hours, at, AHEAD) if start > at), default=None)


def _rests(hours: QuietHours, at: int, days: range) -> Iterator[tuple[int, int]]:
    """The rests that begin on these days, counted from the one that the wall shows at `at`: each from its first
    millisecond to the first one after it."""
    if not hours.windows:
        return
    today = datetime.fromtimestamp(at / 1000, hours.zone).toordinal()
    for day in range(today + days.start, today + days.stop):
        weekday = WEEKDAYS[(day - 1) % 7]  # the first day of all was a Monday
        midnight = (day - EPOCH) * DAY_MINUTES
        offset = _common_offset(hours.zone, midnight)
        for window in hours.windows:
            if weekday in window.days:
                begin = midnight + window.start
                end = midnight + window.end + (DAY_MINUTES if window.end <= window.start else 0)
                if offset is not None:
                    yield begin * MINUTE_MS - offset, end * MINUTE_MS - offset
                else:
                    yield min(_moments(hours.zone, begin)), max(_moments(hours.zone, end))


def _moments(zone: ZoneInfo, minutes: int) -> tuple[int, int]:
    """The moments at which the wall shows this time, given in minutes since the epoch: two where it comes twice; where
    the clock jumps over it, what the clocks before and after the jump would have called so."""
    shown = minutes * MINUTE_MS
    return shown - _offset(zone, minutes, 0), shown - _offset(zone, minutes, 1)


def _common_offset(zone: ZoneInfo, midnight: int) -> int | None:
    """That of the two days from this midnight; None when the clock jumps in them. A rest begun on one ends on these."""
    begin, end = _offset(zone, midnight, 0), _offset(zone, midnight + 2 * DAY_MINUTES, 1)
    return begin if begin == end else None


@lru_cache(MOST_OFFSETS)
def _offset(zone: ZoneInfo, minutes: int, fold: int) -> int:
    """By how many milliseconds the wall is ahead of UTC when it shows this time, given in minutes since the epoch.
    As PEP 495 has it: where a time comes twice, `fold` chooses; where it never comes, 0 is the offset before the jump
    and 1 the one after it."""
    day, minute = divmod(minutes, DAY_MINUTES)
    midnight = datetime.fromordinal(day + EPOCH)
    shown = midnight.replace(hour=minute // 60, minute=minute % 60, tzinfo=zone, fold=fold)
    return (shown.utcoffset() or timedelta()) // MILLISECOND


def settings_view(settings: ToySettings, at: int) -> ToySettingsView:
    """What a toy and its guardians are shown."""
    hours = settings.quiet_hours
    until = quiet_until(hours, at)
    return ToySettingsView(
        volume_cap=settings.volume_cap,
        daily_limit_minutes=settings.daily_limit_minutes,
        time_zone=hours.zone.key,
        quiet_hours=tuple(
            QuietWindowView(
                days=tuple(day for day in WEEKDAYS if day in window.days),
                start=clock_time(window.start),
                end=clock_time(window.end),
            )
            for window in hours.windows
        ),
        quiet_until=rfc3339(until) if until is not None else None,
        autoplay=settings.autoplay,
    )


def clock_time(minutes: int) -> str:
    """`1230` → `20:30`."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def minutes_of(clock: str) -> int:
    """`20:30` → `1230`; what the body's model has let through."""
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)
