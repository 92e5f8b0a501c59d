"""Which journalled events of a device are not here: still to come, or lost on the device.

Sequences of one epoch run without a gap. A device names what it lost in the argument `Sequences`
of `X_IPKO-COM_EventsDropped!`, at times more than it lost: of these, what is stored was not lost,
and no more than `Count` were. The rest were given up: no event ever had them.
Source: docs/developer/architecture.md, "Journalled events".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, select

from agent.wire.codes import EVENTS_DROPPED_EVENT
from fleet_server.services.tables import event

_RANGE = re.compile(r"([1-9][0-9]{0,17})(?:-([1-9][0-9]{0,17}))?")
_NUMBER = re.compile(r"[0-9]{1,9}")
_MOST_RANGES = 64
_MOST_TELLINGS = 1000


@dataclass(frozen=True, slots=True)
class Missing:
    """Numbers of events of the newest epoch: `awaited` below the newest stored, `lost` for good."""

    awaited: int
    lost: int


def missing_events(connection: Connection, endpoint_id: str) -> Missing:
    """What is missing of the epoch that this device uses now."""
    mine = (event.c.endpoint_id == endpoint_id, event.c.sequence.is_not(None))
    newest = select(event.c.epoch).where(*mine).order_by(event.c.id.desc()).limit(1)
    epoch = connection.scalar(newest)
    if epoch is None:
        return Missing(0, 0)
    stored = (*mine, event.c.epoch == epoch)
    counts, ranges = _told(connection, stored)
    told = _merged(ranges)
    before = func.lag(event.c.sequence, 1, 0).over(order_by=event.c.sequence)
    pairs = select(before.label("before"), event.c.sequence.label("sequence")).where(*stored)
    steps = pairs.subquery()
    holes = connection.execute(
        select(steps.c.before, steps.c.sequence).where(steps.c.sequence > steps.c.before + 1)
    ).all()
    covered = sum(
        max(0, min(last, hole.sequence - 1) - max(first, hole.before + 1) + 1)
        for hole in holes
        for first, last in told
    )
    awaited = sum(hole.sequence - hole.before - 1 for hole in holes) - covered
    return Missing(awaited, min(covered, counts))


def _told(
    connection: Connection, stored: tuple[ColumnElement[bool], ...]
) -> tuple[int, list[tuple[int, int]]]:
    """How many events were lost, and ranges of sequences that will never come."""
    counts, ranges = 0, []
    query = select(event.c.params).where(*stored, event.c.name == EVENTS_DROPPED_EVENT)
    for params in connection.scalars(query.order_by(event.c.id.desc()).limit(_MOST_TELLINGS)):
        told = json.loads(params)
        count = _NUMBER.fullmatch(str(told.get("Count", "")))
        counts += int(count[0]) if count else 0
        for piece in str(told.get("Sequences", "")).split(",")[:_MOST_RANGES]:
            found = _RANGE.fullmatch(piece)
            if found:
                ranges.append((int(found[1]), int(found[2] or found[1])))
    return counts, ranges


def _merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged
