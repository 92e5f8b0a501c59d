"""The time the contracts are in."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

ZONE_NAME = "Europe/Belgrade"
ZONE = ZoneInfo(ZONE_NAME)


def local_day(at: datetime) -> date:
    """The civil date of an aware moment where the contracts are."""
    return at.astimezone(ZONE).date()
