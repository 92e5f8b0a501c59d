"""Work on the network, and when it counts as announced.

Work that interrupts service needs prior notice [4.6], and so does any change in access to emergency
services [11.3]. Only the time that was announced is "maintenance": work that runs over, that began
without notice, or whose notice came too late is the operator's fault in the access network.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Notice:
    """That customers were told at `sent_at` of work from `starts_at` to `ends_at`."""

    sent_at: datetime
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Work:
    """Planned work; `cancelled_at` once it was called off."""

    starts_at: datetime
    ends_at: datetime
    cancelled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Announced:
    """A stretch of time for which the work was announced in time."""

    starts_at: datetime
    ends_at: datetime


def announced(work: Work, notices: Iterable[Notice], lead: timedelta) -> tuple[Announced, ...]:
    """When the work was under way, or is planned to be, and customers knew at least `lead` before.

    Work that moved is announced only where a notice in time covers it. Work called off before it
    began is never maintenance; called off later it ends then.
    """
    ends_at = work.ends_at
    if work.cancelled_at is not None:
        ends_at = min(ends_at, work.cancelled_at)
    covered = sorted(
        (max(work.starts_at, notice.starts_at), min(ends_at, notice.ends_at))
        for notice in set(notices)
        if notice.sent_at + lead <= max(work.starts_at, notice.starts_at)
    )
    found: list[Announced] = []
    for starts_at, until_at in covered:
        if until_at <= starts_at:
            continue
        if found and starts_at <= found[-1].ends_at:
            before = found.pop()
            starts_at, until_at = before.starts_at, max(before.ends_at, until_at)
        found.append(Announced(starts_at, until_at))
    return tuple(found)
