"""The items of one campaign and how many are where: both change together, or neither does.

The counts are kept with every step; nothing ever counts the items of a campaign that runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, select, update

from fleet_server.domain.campaign import (
    ENDED,
    NOT_BEGUN,
    ItemState,
    Tally,
    Why,
    may_become,
)
from fleet_server.services import tables as t
from fleet_server.services.campaign_visits import give_back_waiting
from fleet_server.services.upsert import add_to

Place = tuple[int, ItemState, Why]


class CountsBrokenError(RuntimeError):
    """Counts and items of a campaign do not agree; nothing of the transaction may stay."""


@dataclass(slots=True)
class Book:
    """The items of one campaign within one transaction; `close` writes what changed in counts."""

    connection: Connection
    campaign_id: int
    now: datetime
    changes: Counter[Place] = field(default_factory=Counter)

    def move(self, item: Row[Any], after: ItemState, why: Why = Why.NONE, **values: Any) -> bool:
        """Take one step; False when the item is no longer where `item` says."""
        before = ItemState(item.state)
        if not may_become(before, after):
            raise CountsBrokenError(f"item {item.unit_id}: {before} to {after}")
        wave = 0 if after == ItemState.EXCLUDED else item.wave
        if after not in NOT_BEGUN:
            values["due_at"] = None
        if after in ENDED or after == ItemState.EXCLUDED:
            values["ended_at"] = self.now
        columns = t.campaign_item.c
        changed = self.connection.execute(
            update(t.campaign_item)
            .where(
                columns.campaign_id == self.campaign_id,
                columns.unit_id == item.unit_id,
                columns.state == item.state,
                columns.why == item.why,
            )
            .values(state=after, why=why, wave=wave, **values)
        ).rowcount
        if changed:
            self.changes[item.wave, before, Why(item.why)] -= 1
            self.changes[wave, after, why] += 1
        return bool(changed)

    def defer_all(self, items: Sequence[tuple[Row[Any], datetime]], why: Why) -> None:
        """Put items off, each until a moment of its own, as one statement."""
        if not items:
            return
        columns = t.campaign_item.c
        statement = (
            update(t.campaign_item)
            .where(
                columns.campaign_id == self.campaign_id,
                columns.unit_id == bindparam("unit"),
                t.is_not_begun,
            )
            .values(
                state=ItemState.DEFERRED,
                why=why,
                due_at=bindparam("until"),
                tries=columns.tries + 1,
            )
        )
        rows = [{"unit": item.unit_id, "until": until_at} for item, until_at in items]
        if self.connection.execute(statement, rows).rowcount != len(rows):
            raise CountsBrokenError(f"campaign {self.campaign_id}: not all of {len(rows)} wait")
        for item, _ in items:
            self.changes[item.wave, ItemState(item.state), Why(item.why)] -= 1
            self.changes[item.wave, ItemState.DEFERRED, why] += 1

    def stop_all_waiting(self, why: Why) -> int:
        """Stop whatever has not begun, as one statement; gives how many those were."""
        self.close()
        places = {
            place: units
            for place, units in read_places(self.connection, self.campaign_id).items()
            if place[1] in NOT_BEGUN
        }
        give_back_waiting(self.connection, self.campaign_id)
        columns = t.campaign_item.c
        stopped = self.connection.execute(
            update(t.campaign_item)
            .where(columns.campaign_id == self.campaign_id, t.is_not_begun)
            .values(state=ItemState.STOPPED, why=why, due_at=None, ended_at=self.now)
        ).rowcount
        if stopped != sum(places.values()):
            raise CountsBrokenError(f"campaign {self.campaign_id}: {stopped} waited, not {places}")
        for (wave, state, before), units in places.items():
            self.changes[wave, state, before] -= units
            self.changes[wave, ItemState.STOPPED, why] += units
        return stopped

    def add(self, wave: int, state: ItemState, why: Why, units: int) -> None:
        """Items that a statement of the caller's added, or took away."""
        self.changes[wave, state, why] += units

    def close(self) -> None:
        for (wave, state, why), by in sorted(self.changes.items()):
            if by:
                key = {
                    "campaign_id": self.campaign_id,
                    "wave": wave,
                    "state": state.value,
                    "why": why.value,
                }
                add_to(self.connection, t.campaign_count, key, "units", by)
        self.changes.clear()


def read_places(connection: Connection, campaign_id: int) -> dict[Place, int]:
    """How many items are in each wave and state, and why."""
    rows = connection.execute(
        select(t.campaign_count).where(
            t.campaign_count.c.campaign_id == campaign_id, t.campaign_count.c.units != 0
        )
    )
    return {(row.wave, ItemState(row.state), Why(row.why)): row.units for row in rows}


def read_tally(connection: Connection, campaign_id: int) -> Tally:
    counts: Counter[tuple[int, ItemState]] = Counter()
    for (wave, state, _), units in read_places(connection, campaign_id).items():
        counts[wave, state] += units
    return Tally(MappingProxyType(dict(counts)))


def read_outcomes(connection: Connection, campaign_id: int) -> tuple[int, int]:
    """How many items ended or are failing, and how many of those failed or are failing."""
    done = failed = 0
    for (_, state, why), units in read_places(connection, campaign_id).items():
        done += units * (state == ItemState.DONE)
        failed += units * (state == ItemState.FAILED or why == Why.FAILING)
    return done + failed, failed


def forget(connection: Connection, campaign_id: int) -> None:
    """Take away the items of a campaign that did not begin, and their counts."""
    for table in (t.campaign_item, t.campaign_count):
        connection.execute(delete(table).where(table.c.campaign_id == campaign_id))
