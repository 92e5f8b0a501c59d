"""The time without service of a service position, through every unit that held it.

A unit answers for the position while it holds it; between one unit and the next nobody serves the
position, which is the operator's own fault in the device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import Connection, or_, select

from fleet_server.domain.causes import Cause
from fleet_server.domain.credit import Credit, Stretch, assess
from fleet_server.domain.liability import propose
from fleet_server.domain.place import Topology
from fleet_server.domain.policy import Policy
from fleet_server.services import tables as t
from fleet_server.services.liability import stretches_of
from fleet_server.services.pieces import from_ms, to_ms

# An outage that began longer before what changed is not looked for.
_HORIZON = timedelta(days=120)
NO_UNIT = "no unit in the position"


@dataclass(frozen=True, slots=True)
class Tenure:
    """A unit in the position; `until_at` is None while it is there."""

    endpoint_id: str
    since_at: datetime
    until_at: datetime | None


@dataclass(frozen=True, slots=True)
class Run:
    """An outage of the position, as far as the bare times tell; `lasts`: it has not ended."""

    start_at: datetime
    end_at: datetime
    silent: timedelta
    lasts: bool


def tenures_of(connection: Connection, position_id: int) -> list[Tenure]:
    """The units that held the position, the oldest first."""
    rows = connection.execute(
        select(t.unit.c.endpoint_id, t.assignment.c.since_at, t.assignment.c.until_at)
        .join(t.unit, t.unit.c.id == t.assignment.c.unit_id)
        .where(
            t.assignment.c.service_position_id == position_id,
            t.assignment.c.corrected_at.is_(None),
            t.unit.c.endpoint_id.is_not(None),
        )
        .order_by(t.assignment.c.since_at, t.assignment.c.id)
    )
    return [Tenure(row.endpoint_id, row.since_at, row.until_at) for row in rows]


def runs_of(
    connection: Connection,
    tenures: Sequence[Tenure],
    policy: Policy,
    from_at: datetime,
    until_at: datetime,
    now: datetime,
) -> list[Run]:
    """The outages that touch the time from `from_at` to `until_at`, the oldest first."""
    join = timedelta(minutes=policy.credit_join_minutes)
    runs: list[Run] = []
    for start_at, end_at, lasts in sorted(_spans(connection, tenures, from_at - _HORIZON, now)):
        last = runs[-1] if runs else None
        if last is not None and (start_at <= last.end_at or start_at - last.end_at < join):
            silent = last.silent + max(end_at - max(start_at, last.end_at), timedelta(0))
            ends = max(last.end_at, end_at)
            runs[-1] = Run(last.start_at, ends, silent, last.lasts or lasts)
        else:
            runs.append(Run(start_at, end_at, end_at - start_at, lasts))
    return [run for run in runs if run.start_at < until_at and run.end_at > from_at]


def credit_of(
    connection: Connection,
    topology: Topology,
    policy: Policy,
    tenures: Sequence[Tenure],
    run: Run,
) -> Credit | None:
    """What a run comes to, line by line; None when nothing of it is left."""
    stretches: list[Stretch] = []
    for tenure in tenures:
        from_at = max(tenure.since_at, run.start_at)
        until_at = min(tenure.until_at or run.end_at, run.end_at)
        if from_at < until_at:
            endpoint_id = tenure.endpoint_id
            stretches += stretches_of(
                connection, topology, policy, [endpoint_id], from_at, until_at
            )[endpoint_id]
    for from_at, until_at in _holes(tenures):
        start_ms, end_ms = to_ms(max(from_at, run.start_at)), to_ms(min(until_at, run.end_at))
        if start_ms < end_ms:
            proposal = propose(policy, Cause.DEVICE, False)
            evidence = frozenset({NO_UNIT})
            stretches.append(Stretch(start_ms, end_ms, Cause.DEVICE, proposal, None, evidence))
    apart = _apart(stretches)
    return assess(apart, policy, run.lasts) if apart else None


def _spans(
    connection: Connection, tenures: Sequence[Tenure], from_at: datetime, now: datetime
) -> list[tuple[datetime, datetime, bool]]:
    spans = [(start_at, end_at, False) for start_at, end_at in _holes(tenures)]
    for tenure in tenures:
        last_at = min(tenure.until_at or now, now)
        if last_at <= from_at:
            continue
        found = t.interruption.c
        rows = connection.execute(
            select(found.started_at, found.ended_at).where(
                found.endpoint_id == tenure.endpoint_id,
                found.withdrawn.is_(False),
                found.started_at < last_at,
                or_(found.ended_at.is_(None), found.ended_at > max(tenure.since_at, from_at)),
            )
        )
        for row in rows:
            start_at = max(row.started_at, tenure.since_at)
            end_at = min(row.ended_at or last_at, last_at)
            if start_at < end_at:
                lasts = row.ended_at is None and tenure.until_at is None
                spans.append((start_at, end_at, lasts))
    return spans


def _holes(tenures: Sequence[Tenure]) -> list[tuple[datetime, datetime]]:
    """Where a unit was gone before the next one came."""
    return [
        (before.until_at, after.since_at)
        for before, after in pairwise(tenures)
        if before.until_at is not None and before.until_at < after.since_at
    ]


def _apart(stretches: list[Stretch]) -> list[Stretch]:
    """In order, each beginning where the one before ended at the earliest."""
    found: list[Stretch] = []
    for stretch in sorted(stretches, key=lambda one: (one.start_ms, one.end_ms)):
        start_ms = max(stretch.start_ms, found[-1].end_ms) if found else stretch.start_ms
        if start_ms < stretch.end_ms:
            found.append(replace(stretch, start_ms=start_ms))
    return found


def moments(credit: Credit) -> tuple[datetime, datetime]:
    """When it began and up to when it was reckoned."""
    return from_ms(credit.start_ms), from_ms(credit.end_ms)
