"""What a unit recorded before a defect, with the grade of each record.

A record orients, it never proves: a surge on record says nothing against the customer, and none on
record says nothing for anybody [7.2.5]. A fatal surge leaves no record, surges also come by coax
and telephone line, and a unit without a sensor records none. So every summary says what the unit
could have seen at all. Source: docs/developer/power-quality.md.

Days are civil dates where the contracts are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

SURGE_SENSORS = frozenset({"mains", "rail"})


class Grade(StrEnum):
    """How a record came about; NONE stands for no record at all."""

    MEASURED = "measured"
    INFERRED = "inferred"
    NONE = "none"


class Kind(StrEnum):
    """What a record tells of."""

    SURGE = "surge"
    SWELL = "swell"
    DIP = "dip"
    POWER_LOSS = "power_loss"
    RESTART = "restart"
    CARD = "card"


ELECTRICAL = frozenset({Kind.SURGE, Kind.SWELL})
LISTED = frozenset({Kind.SURGE, Kind.SWELL, Kind.RESTART, Kind.CARD})
"""Shown one by one; the rest would tell when a home was empty, and is only counted."""


class Sight(StrEnum):
    """Whether the unit could have recorded a surge."""

    SENSOR = "sensor"
    NO_SENSOR = "no_sensor"
    NOT_KNOWN = "not_known"
    NO_ENDPOINT = "no_endpoint"


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One record; `ident` names its row, such as `event:12`.

    `dated` is False where the unit's own clock was not known: `day` is then that of its arrival.
    `code` is the reason of a restart or the state of a card.
    """

    ident: str
    kind: Kind
    grade: Grade
    day: date
    dated: bool = True
    magnitude_mv: int | None = None
    duration_ms: int | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """The days looked at, both included."""

    first_on: date
    last_on: date

    def holds(self, day: date) -> bool:
        return self.first_on <= day <= self.last_on


@dataclass(frozen=True, slots=True)
class History:
    """What is on record for one defect, the oldest first.

    `earlier` counts records before the customer received the unit: they are nothing of theirs.
    `events_missing` counts what the unit recorded and nobody has.
    """

    window: Window
    exhibits: tuple[Exhibit, ...]
    earlier: int
    sight: Sight
    events_missing: int

    def grade(self, kinds: frozenset[Kind] = ELECTRICAL) -> Grade:
        """The best grade among records of these kinds."""
        grades = {exhibit.grade for exhibit in self.exhibits if exhibit.kind in kinds}
        return next((grade for grade in Grade if grade in grades), Grade.NONE)

    def count(self, kind: Kind) -> int:
        return sum(1 for exhibit in self.exhibits if exhibit.kind == kind)

    def idents(self, kinds: frozenset[Kind] = ELECTRICAL) -> tuple[str, ...]:
        return tuple(exhibit.ident for exhibit in self.exhibits if exhibit.kind in kinds)


def window_before(defect_on: date, reported_on: date, days: int) -> Window:
    """`days` days before the defect up to the day it was reported."""
    return Window(defect_on - timedelta(days=days), max(defect_on, reported_on))


def history_of(
    exhibits: Iterable[Exhibit],
    window: Window,
    held_since_on: date | None,
    sight: Sight,
    events_missing: int = 0,
) -> History:
    """Sorts records into those of the window and those from before the customer had the unit.

    `held_since_on` is the day from which the customer had it; None leaves nothing out. Records may
    come in any order and twice.
    """
    within = sorted(
        {exhibit for exhibit in exhibits if window.holds(exhibit.day)},
        key=lambda exhibit: (exhibit.day, exhibit.ident),
    )
    theirs = tuple(e for e in within if held_since_on is None or e.day >= held_since_on)
    return History(window, theirs, len(within) - len(theirs), sight, events_missing)


def sight_of(sensors: str | None, has_endpoint: bool) -> Sight:
    """From the unit's own list of sensors (`Device.X_IPKO-COM_Power.Sensors`), None if unknown."""
    if not has_endpoint:
        return Sight.NO_ENDPOINT
    if sensors is None:
        return Sight.NOT_KNOWN
    names = {name.strip() for name in sensors.split(",")}
    return Sight.SENSOR if names & SURGE_SENSORS else Sight.NO_SENSOR
