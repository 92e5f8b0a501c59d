"""Moving units between places of the operator; what a customer has is moved by other steps.

Putting on a contract (assignments.py), returns, theft, loss and repair have rules of their own.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from fleet_server.domain.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    UnitInServiceError,
)
from fleet_server.domain.life_cycle import UnitState
from fleet_server.services import tables as t
from fleet_server.services.assignments import find_unit, held_by
from fleet_server.services.audit import Actor
from fleet_server.services.units import change_state

MOVES = (
    UnitState.IN_STOCK,
    UnitState.RESERVED,
    UnitState.IN_TRANSIT,
    UnitState.VAN_STOCK,
    UnitState.QUARANTINE,
    UnitState.DEAD_ON_ARRIVAL,
    UnitState.SCRAPPED,
)


class UnknownPlaceError(NotFoundError):
    """No such place."""


class NoStockMoveError(ConflictError):
    """The step belongs to another process."""


def move(
    connection: Connection,
    actor: Actor,
    serial_number: str,
    after: UnitState,
    place: str,
    reason: str,
    now: datetime,
) -> None:
    """Take a step within the stock; `place` is the code of where the unit then is, or empty.

    Raises UnknownUnitError, UnknownPlaceError, UnitInServiceError, NoStockMoveError,
    LifeCycleError, and InvalidError when a place is missing or a reason is.
    """
    if after not in MOVES:
        raise NoStockMoveError(f"{after} is no step within the stock.")
    unit = find_unit(connection, serial_number)
    if held_by(connection, unit.id):
        raise UnitInServiceError(f"Unit {serial_number} is in service; take it out first.")
    if not reason.strip():
        raise InvalidError("Say why the unit is moved.")
    place_id = place_number(connection, place) if place else None
    if place_id is None and after in (UnitState.IN_STOCK, UnitState.VAN_STOCK):
        raise InvalidError("Name the place where the unit is then.")
    change_state(connection, unit.id, after, actor, now, place_id=place_id, reason=reason.strip())


def place_number(connection: Connection, code: str) -> int:
    """Raises UnknownPlaceError."""
    found = connection.scalar(select(t.place.c.id).where(t.place.c.code == code))
    if found is None:
        raise UnknownPlaceError(f"There is no place {code}.")
    return int(found)
