"""The time the contracts are in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ZONE_NAME = "Europe/Belgrade"
ZONE = ZoneInfo(ZONE_NAME)


def local_day(at: datetime) -> date:
    """The civil date of an aware moment where the contracts are."""
    return at.astimezone(ZONE).date()


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """The moments at which a local day begins and ends, in UTC: 23, 24 or 25 hours apart."""
    return _midnight(day), _midnight(day + timedelta(days=1))


def is_between(at: datetime, begin: time, end: time) -> bool:
    """Whether the local clock shows `begin` or later and not yet `end`, which may lie past
    midnight. From an hour to the same hour is never."""
    return is_clock_between(at.astimezone(ZONE).time(), begin, end)


def is_clock_between(clock: time, begin: time, end: time) -> bool:
    """`is_between` for a time of the day."""
    if begin <= end:
        return begin <= clock < end
    return clock >= begin or clock < end


def next_at(at: datetime, clock: time) -> datetime:
    """The first moment after `at` at which the local clock shows that time or jumps over it."""
    day = local_day(at)
    days = (day + timedelta(days=ahead) for ahead in range(2))
    return min(moment for one in days for moment in _moments(one, clock) if moment > at)


def _moments(day: date, clock: time) -> Iterator[datetime]:
    """When the clock shows that time on a day, the second time too where an hour comes again."""
    for fold in (1, 0):
        moment = datetime.combine(day, clock.replace(fold=fold), ZONE).astimezone(UTC)
        while moment.astimezone(ZONE).time() < clock:  # it jumps over that time soon
            moment += timedelta(minutes=1)
        yield moment


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZONE).astimezone(UTC)
