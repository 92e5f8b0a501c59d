"""The deadlines that run, kept in a table so that "what is due" is read and never reckoned anew.

A clock is put down when it is first seen open, and stays when it ends. `refresh` brings the rows of
some contracts in step with the facts, in the caller's transaction; doing it twice changes nothing.
A clock whose facts are gone (a termination taken back) is stopped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from fleet_server.domain.policy import Policy
from fleet_server.services import tables as t
from fleet_server.services.clock_facts import KeptClock, clocks_of
from fleet_server.services.upsert import add_to

_BATCH = 500


def refresh(
    connection: Connection, contract_ids: Collection[int], policy: Policy, now: datetime
) -> None:
    """Bring the clocks of these contracts in step with the facts."""
    kept = {
        (row.kind, row.subject): row
        for row in connection.execute(
            select(t.clock).where(t.clock.c.contract_id.in_(set(contract_ids)))
        )
    }
    opened: Counter[str] = Counter()
    for made in clocks_of(connection, contract_ids, policy):
        row = kept.pop((made.clock.kind.value, made.subject), None)
        opened[made.clock.kind.value] += _keep(connection, made, row)
    for row in kept.values():
        if _is_open(row):
            _change(connection, row.id, {"stopped_at": now})
            opened[row.kind] -= 1
    for kind, by in opened.items():
        if by:
            add_to(connection, t.clock_count, {"kind": kind}, "open", by)


def refresh_open(connection: Connection, policy: Policy, now: datetime) -> None:
    """Reckon all that runs anew, after the policy has changed."""
    last = 0
    while True:
        contracts = connection.scalars(
            select(t.clock.c.contract_id)
            .where(t.clock.c.contract_id > last, t.open_clock)
            .distinct()
            .order_by(t.clock.c.contract_id)
            .limit(_BATCH)
        ).all()
        if not contracts:
            return
        refresh(connection, contracts, policy, now)
        last = contracts[-1]


def _keep(connection: Connection, made: KeptClock, row: Row[Any] | None) -> int:
    """Write one clock if it differs; gives by how many the open ones grew."""
    values = _values(made)
    opens = int(values["done_at"] is None and values["stopped_at"] is None)
    if row is None:
        if opens:
            connection.execute(
                t.clock.insert().values(
                    kind=made.clock.kind.value,
                    subject=made.subject,
                    contract_id=made.contract_id,
                    **values,
                )
            )
        return opens
    if any(getattr(row, name) != value for name, value in values.items()):
        _change(connection, row.id, values)
    return opens - int(_is_open(row))


def _values(made: KeptClock) -> dict[str, Any]:
    clock = made.clock
    return {
        "service_position_id": made.service_position_id,
        "unit_id": made.unit_id,
        "started_at": clock.started_at,
        "due_at": clock.due_at,
        "binding": clock.binding,
        "charge_from_at": clock.charge_from_at,
        "value_cents": made.value_cents,
        "done_at": clock.done_at,
        "stopped_at": clock.stopped_at,
    }


def _change(connection: Connection, clock_id: int, values: dict[str, Any]) -> None:
    connection.execute(update(t.clock).where(t.clock.c.id == clock_id).values(**values))


def _is_open(row: Row[Any]) -> bool:
    return row.done_at is None and row.stopped_at is None
