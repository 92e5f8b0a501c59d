"""From what stands in the registry to the clocks of contracts; many contracts cost few queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, func, or_, select

from fleet_server.domain.clocks import (
    Clock,
    compensation_clock,
    defect_answer_clock,
    installation_clock,
    return_clock,
    start_of_day,
    swap_notice_clock,
)
from fleet_server.domain.life_cycle import UnitState
from fleet_server.domain.local_time import local_day
from fleet_server.domain.policy import Policy
from fleet_server.services import tables as t

OPERATOR_SWAP = "operator"
_CARD = "card"
_WITH_CUSTOMER = (UnitState.INSTALLED, UnitState.TO_BE_RETURNED, UnitState.LOST)


@dataclass(frozen=True, slots=True)
class KeptClock:
    """A clock and what it is about; `value_cents` of a unit to be returned, None if unknown."""

    subject: str
    contract_id: int
    clock: Clock
    service_position_id: int | None = None
    unit_id: int | None = None
    value_cents: int | None = None


def clocks_of(
    connection: Connection, contract_ids: Collection[int], policy: Policy
) -> list[KeptClock]:
    """Every clock of these contracts, those that ended too."""
    contracts = {
        row.id: row
        for row in connection.execute(
            select(t.contract).where(t.contract.c.id.in_(set(contract_ids)))
        )
    }
    return [
        *_installations(connection, contracts, policy),
        *_defects(connection, contracts, policy),
        *_swaps(connection, contracts, policy),
        *_returns(connection, contracts, policy),
        *_replaced(connection, contracts, policy),
    ]


def _installations(
    connection: Connection, contracts: dict[int, Row[Any]], policy: Policy
) -> Iterator[KeptClock]:
    first = func.min(t.assignment.c.since_at).label("installed_at")
    rows = connection.execute(
        select(t.service_position, first)
        .outerjoin(
            t.assignment,
            (t.assignment.c.service_position_id == t.service_position.c.id)
            & t.assignment.c.corrected_at.is_(None),
        )
        .where(t.service_position.c.contract_id.in_(contracts))
        .group_by(t.service_position.c.id)
        .order_by(t.service_position.c.id)
    )
    for row in rows:
        contract = contracts[row.contract_id]
        service = row.name.partition("-")[0]
        if service == _CARD or contract.signed_on is None:
            continue
        yield KeptClock(
            f"position:{row.id}",
            contract.id,
            installation_clock(
                policy, service, contract.signed_on, row.installed_at, contract.terminated_on
            ),
            service_position_id=row.id,
        )


def _defects(
    connection: Connection, contracts: dict[int, Row[Any]], policy: Policy
) -> Iterator[KeptClock]:
    for row in _rows_of(connection, t.defect_report, contracts):
        answer = defect_answer_clock(
            policy, row.reported_at, row.answered_at, row.cleared_by_phone_at
        )
        request = compensation_clock(policy, row.reported_at, row.compensation_requested_at)
        for clock in (answer, request):
            yield KeptClock(f"defect:{row.id}", row.contract_id, clock, row.service_position_id)


def _swaps(
    connection: Connection, contracts: dict[int, Row[Any]], policy: Policy
) -> Iterator[KeptClock]:
    for row in _rows_of(connection, t.planned_swap, contracts):
        if row.ground == OPERATOR_SWAP:
            clock = swap_notice_clock(
                policy, row.recorded_at, row.planned_at, row.notice_at, row.cancelled_at
            )
            yield KeptClock(f"swap:{row.id}", row.contract_id, clock, row.service_position_id)


def _rows_of(
    connection: Connection, table: Table, contracts: Collection[int]
) -> Iterable[Row[Any]]:
    return connection.execute(
        select(table).where(table.c.contract_id.in_(contracts)).order_by(table.c.id)
    )


def _returns(
    connection: Connection, contracts: dict[int, Row[Any]], policy: Policy
) -> Iterator[KeptClock]:
    """One for each unit that was in use when its contract ended, however many positions it held."""
    ended = {key: row for key, row in contracts.items() if row.terminated_on is not None}
    if not ended:
        return
    held = _held_at_the_end(connection, ended)
    states = _states(connection, {unit_id for _contract_id, unit_id in held})
    for (contract_id, unit_id), assignments in held.items():
        contract = ended[contract_id]
        newest = assignments[-1]
        returned_at, stolen_at = _came_back(
            states[unit_id], max(newest.since_at, start_of_day(contract.terminated_on))
        )
        clock = return_clock(
            policy,
            newest.product_class,
            contract.terminated_on,
            contract.termination_confirmed_at,
            returned_at,
            stolen_at,
        )
        if clock is not None:
            values = [row.value_cents for row in assignments if row.value_cents is not None]
            yield KeptClock(
                f"unit:{unit_id}/{contract_id}",
                contract_id,
                clock,
                newest.service_position_id,
                unit_id,
                values[-1] if values else None,
            )


def _replaced(
    connection: Connection, contracts: Collection[int], policy: Policy
) -> Iterator[KeptClock]:
    """A replaced unit comes back in the days that equipment has; no charge is ever proposed for it
    while the contract runs: the terms name one for termination alone [7.1.1, 7.2.6]."""
    rows = connection.execute(
        select(t.swap, t.unit.c.product_class)
        .join(t.unit, t.unit.c.id == t.swap.c.old_unit_id)
        .where(t.swap.c.contract_id.in_(contracts), t.swap.c.paper != "")
        .order_by(t.swap.c.id)
    ).all()
    states = _states(connection, {row.old_unit_id for row in rows})
    for row in rows:
        returned_at, stolen_at = _came_back(states[row.old_unit_id], row.came_up_at)
        began_on = local_day(row.came_up_at)
        clock = return_clock(
            policy, row.product_class, began_on, row.came_up_at, returned_at, stolen_at
        )
        if clock is not None:
            yield KeptClock(
                f"replaced:{row.id}",
                row.contract_id,
                replace(clock, charge_from_at=None),
                unit_id=row.old_unit_id,
            )


def _held_at_the_end(
    connection: Connection, ended: dict[int, Row[Any]]
) -> dict[tuple[int, int], list[Row[Any]]]:
    """What the positions held on the day of termination or later, by contract and unit."""
    rows = connection.execute(
        select(t.assignment, t.service_position.c.contract_id, t.unit.c.product_class)
        .join(t.service_position, t.service_position.c.id == t.assignment.c.service_position_id)
        .join(t.unit, t.unit.c.id == t.assignment.c.unit_id)
        .where(
            t.service_position.c.contract_id.in_(ended),
            t.assignment.c.corrected_at.is_(None),
            or_(
                t.assignment.c.until_at.is_(None),
                t.assignment.c.until_at
                >= min(start_of_day(row.terminated_on) for row in ended.values()),
            ),
        )
        .order_by(t.assignment.c.since_at, t.assignment.c.id)
    )
    held: dict[tuple[int, int], list[Row[Any]]] = defaultdict(list)
    for row in rows:
        ends_on = ended[row.contract_id].terminated_on
        if row.until_at is None or row.until_at >= start_of_day(ends_on):
            held[row.contract_id, row.unit_id].append(row)
    return held


def _states(connection: Connection, unit_ids: Collection[int]) -> dict[int, list[Row[Any]]]:
    found: dict[int, list[Row[Any]]] = defaultdict(list)
    rows = connection.execute(
        select(t.unit_state)
        .where(t.unit_state.c.unit_id.in_(unit_ids))
        .order_by(t.unit_state.c.from_at, t.unit_state.c.id)
    )
    for row in rows:
        found[row.unit_id].append(row)
    return found


def _came_back(
    states: Iterable[Row[Any]], after: datetime
) -> tuple[datetime | None, datetime | None]:
    """When the unit first was no longer with the customer, and when it was reported stolen."""
    stolen_at = None
    for row in states:
        if row.from_at < after or row.state in _WITH_CUSTOMER:
            continue
        if row.state == UnitState.STOLEN:
            stolen_at = stolen_at or row.from_at
            continue
        return row.from_at, None
    return None, stolen_at
