"""The replacement of a faulty unit with the customer's consent, put on record in one go [7.1.7]."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from fleet_server.domain.errors import ConflictError, InvalidError
from fleet_server.domain.positions import join_positions, split_positions
from fleet_server.services import swap_store
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor
from fleet_server.services.last_assignment import last_assignment
from fleet_server.services.swap_orders import IN_STOCK, SwapOrder, order
from fleet_server.services.swap_plan import agree_now


def order_with_consent(
    connection: Connection, actor: Actor, wanted: SwapOrder, now: datetime
) -> int:
    """Order it on the ground that the unit is faulty and the customer agrees now.

    Gives the number of the replacement. Raises InvalidError, and what `order` and `agree_now`
    raise.
    """
    if wanted.planned_swap is not None:
        raise InvalidError("Name a planned swap or the customer's consent, not both.")
    position = split_positions(wanted.position)[0]
    planned = agree_now(connection, actor, wanted.contract, position, wanted.reason, now)
    return order(connection, actor, replace(wanted, planned_swap=planned), now)


def held_positions(connection: Connection, contract: str) -> dict[str, str]:
    """What each unit in service on a contract holds: serial number to `internet+voice`."""
    rows = connection.execute(
        select(t.unit.c.serial_number, t.service_position.c.name)
        .join(t.assignment, t.assignment.c.unit_id == t.unit.c.id)
        .join(t.service_position, t.service_position.c.id == t.assignment.c.service_position_id)
        .join(t.contract, t.contract.c.id == t.service_position.c.contract_id)
        .where(t.contract.c.number == contract, t.open_assignment)
        .order_by(t.unit.c.id, t.service_position.c.id)
    )
    found: dict[str, str] = {}
    for row in rows:
        before = found.get(row.serial_number)
        found[row.serial_number] = f"{before}+{row.name}" if before else row.name
    return found


def last_holders(connection: Connection, contract: str) -> dict[str, str]:
    """What units held last that nobody holds now: serial number to `internet+voice`.

    Units that were stolen, lost or handed in, not those that are in stock again or in use.
    """
    rows = connection.execute(
        select(t.unit, t.service_position.c.name, t.assignment.c.until_at)
        .join(t.assignment, t.assignment.c.unit_id == t.unit.c.id)
        .join(t.service_position, t.service_position.c.id == t.assignment.c.service_position_id)
        .join(t.contract, t.contract.c.id == t.service_position.c.contract_id)
        .where(t.contract.c.number == contract, t.assignment.c.corrected_at.is_(None))
        .order_by(t.assignment.c.since_at, t.assignment.c.id)
    )
    newest = {row.name: row for row in rows}
    found: dict[str, list[str]] = {}
    for name, row in newest.items():
        if row.until_at is not None and _is_gone(connection, row, contract):
            found.setdefault(row.serial_number, []).append(name)
    return {serial: join_positions(names) for serial, names in found.items()}


def _is_gone(connection: Connection, unit: Row[Any], contract: str) -> bool:
    """Whether a unit serves nobody since it left the contract, and is not in stock again."""
    last = last_assignment(connection, unit.id)
    is_free = last is not None and not last.is_open and last.contract == contract
    is_taken = swap_store.claimed_by(connection, swap_store.subjects_of([unit.id], []))
    return is_free and unit.state not in IN_STOCK and is_taken is None


def holder_of(connection: Connection, contract: str, position: str) -> str | None:
    """The unit in service on exactly these positions, or the one that was last; None where there
    is none.

    Raises ConflictError where a unit holds some of them, or more.
    """
    wanted = set(split_positions(position))
    for serial_number, held in held_positions(connection, contract).items():
        names = set(split_positions(held))
        if names == wanted:
            return serial_number
        if names & wanted:
            raise ConflictError(
                "Unit %(unit)s holds %(held)s: replace all of that.", unit=serial_number, held=held
            )
    gone = last_holders(connection, contract).items()
    return next((serial for serial, held in gone if set(split_positions(held)) == wanted), None)
