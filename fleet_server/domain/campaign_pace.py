"""When a campaign may begin its next items, when a wave has ended, when it stops by itself."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from fleet_server.domain.campaign import ENDED, ItemState, Tally
from fleet_server.domain.campaign_plan import (
    Hours,
    InvalidPlanError,
    Limits,
    Plan,
    SwapAction,
    Wave,
    Way,
)
from fleet_server.domain.local_time import is_between, is_clock_between, local_day, next_at
from fleet_server.domain.policy import Policy

# How much of the rate may be made up for at once when the engine looked late.
_SLACK = timedelta(seconds=2)
_FIRST_WAIT_S = 60
_LONGEST_WAIT_S = 3600
_MOST_DAYS_AHEAD = 60


def allowance(paid_until: datetime | None, now: datetime, per_minute: int) -> int:
    """How many items the rate lets begin now; the rate is used up until `paid_until`."""
    interval = timedelta(minutes=1) / per_minute
    return max(0, (now - _from(paid_until, now, interval)) // interval)


def paid_after(paid_until: datetime | None, now: datetime, per_minute: int, begun: int) -> datetime:
    """Until when the rate is used up once `begun` more have begun."""
    interval = timedelta(minutes=1) / per_minute
    return _from(paid_until, now, interval) + begun * interval


def _from(paid_until: datetime | None, now: datetime, interval: timedelta) -> datetime:
    earliest = now - max(_SLACK, interval)
    return earliest if paid_until is None else max(paid_until, earliest)


def too_many_failed(limits: Limits, ended: int, failed: int) -> bool:
    """Of `ended` items (done, failed or failing) since the start or the last resume."""
    if ended < limits.minimum_ended:
        return False
    return failed * 100 > limits.max_failed_percent * ended


class Verdict(StrEnum):
    """What a wave says: it goes on, it has ended and soaks, the next may begin, or it missed."""

    GOES_ON = "goes_on"
    SOAKS = "soaks"
    NEXT = "next"
    MISSED = "missed"


def wave_verdict(
    wave: Wave, number: int, tally: Tally, ended_at: datetime | None, now: datetime
) -> Verdict:
    """`ended_at`: when the wave was first seen to have ended, None while it has not."""
    items = tally.all() and sum(
        units
        for (at, state), units in tally.counts.items()
        if at == number and state != ItemState.EXCLUDED
    )
    if not items:
        return Verdict.NEXT
    if tally.of(number, *ENDED) * 100 < wave.ended_percent * items:
        return Verdict.GOES_ON
    if ended_at is None or now < ended_at + timedelta(minutes=wave.soak_minutes):
        return Verdict.SOAKS
    done, failed = tally.of(number, ItemState.DONE), tally.of(number, ItemState.FAILED)
    if done * 100 < wave.success_percent * (done + failed):
        return Verdict.MISSED
    return Verdict.NEXT


def wait_for(unit: int, tries: int) -> timedelta:
    """How long a unit that cannot be acted on now waits: ever longer, and each unit its own time.

    Between half and one and a half of the doubled minute, so that an area that comes back together
    does not go on together. The same unit and try give the same time.
    """
    whole_s = min(_FIRST_WAIT_S << min(tries, 10), _LONGEST_WAIT_S)
    share = zlib.crc32(f"{unit}.{tries}".encode()) / 0xFFFFFFFF
    return timedelta(seconds=round(whole_s * (0.5 + share)))


def is_open(at: datetime, hours: Hours | None, policy: Policy) -> bool:
    """Whether disruptive work may begin at that moment: by the settings [4.5, 4.6] and by the
    campaign's own hours."""
    allowed = is_between(at, policy.disruptive_from, policy.disruptive_until)
    return allowed and (hours is None or is_between(at, hours.begin, hours.end))


def may_begin(at: datetime, plan: Plan, policy: Policy) -> bool:
    """Hours bind what is done from afar; a technician or the customer is there otherwise.

    A remote swap begins only when it may cut too, so that it does not wait for the next night.
    """
    if isinstance(plan.action, SwapAction):
        if plan.action.way != Way.REMOTE:
            return True
        if not is_between(at, policy.cut_over_from, policy.cut_over_until):
            return False
    return is_open(at, plan.hours, policy)


def check_hours(plan: Plan, policy: Policy) -> None:
    """Raises InvalidPlanError where no time of the day is one at which it `may_begin`."""
    allowed = [(policy.disruptive_from, policy.disruptive_until)]
    if isinstance(plan.action, SwapAction):
        if plan.action.way != Way.REMOTE:
            return
        allowed.append((policy.cut_over_from, policy.cut_over_until))
    own = [(plan.hours.begin, plan.hours.end)] if plan.hours is not None else []
    if _in_common([*allowed, *own]):
        return
    fitting = [f"{begin:%H:%M}-{end:%H:%M}" for begin, end in _in_common(allowed)]
    if not fitting:
        raise InvalidPlanError(
            "%(part)s: the settings leave none; an administrator widens the hours of disruptive "
            "work or of remote replacements.",
            part="hours",
        )
    raise InvalidPlanError(
        "%(part)s: it would never begin; take hours within %(fitting)s, local time.",
        part="hours",
        fitting=", ".join(fitting),
    )


def _in_common(windows: Sequence[tuple[time, time]]) -> list[tuple[time, time]]:
    """The parts of the day that lie in all windows, each of which may pass midnight."""
    begins = sorted({begin for begin, _ in windows})
    inside = [at for at in begins if all(is_clock_between(at, *window) for window in windows)]
    return [(at, min((end for _, end in windows), key=_time_after(at))) for at in inside]


def _time_after(begin: time) -> Callable[[time], timedelta]:
    """How long after `begin` the clock shows a time next."""
    day = timedelta(days=1)
    since = datetime.combine(date.min, begin)
    return lambda clock: (datetime.combine(date.min, clock) - since) % day


def closes_at(at: datetime, hours: Hours | None, policy: Policy) -> datetime:
    """When the hours end in which `at` is: nothing disruptive may be done from then on."""
    ends = [policy.disruptive_until, *([hours.end] if hours is not None else [])]
    return min(next_at(at, end) for end in ends)


def first_free_day(booked: Mapping[date, int], capacity: int, now: datetime) -> date | None:
    """The first local day, today included, on which a technician has a visit left; None if none of
    the next 60 days has."""
    today = local_day(now)
    days = (today + timedelta(days=ahead) for ahead in range(_MOST_DAYS_AHEAD))
    return next((day for day in days if booked.get(day, 0) < capacity), None)
