"""The time the contracts are in."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

ZONE_NAME = "Europe/Belgrade"
ZONE = ZoneInfo(ZONE_NAME)


def local_day(at: datetime) -> date:
    """The civil date of an aware moment where the contracts are."""
    return at.astimezone(ZONE).date()


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """The moments at which a local day begins and ends, in UTC: 23, 24 or 25 hours apart."""
    return _midnight(day), _midnight(day + timedelta(days=1))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZONE).astimezone(UTC)
