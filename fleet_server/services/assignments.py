"""Which unit holds which service position, since when, and what the papers handed over say.

- A unit goes onto a contract only when its model is approved [7.1.8], it is no lab board, not
  blacklisted, and holds no other position. One voice modem may hold internet and voice.
- Nothing is overwritten: taking a unit off writes the end of its rows once, at that moment; what
  was recorded wrongly is corrected (corrections.py).
- `value_cents` is of the unit, as named in the papers of this change [7.1.1, 7.2.6]; rows of one
  box in two positions repeat it, it is owed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update
from sqlalchemy.exc import IntegrityError

from fleet_server.domain.errors import (
    BlacklistedUnitError,
    ConflictError,
    InvalidError,
    LabUnitError,
    PositionTakenError,
    ServiceStateError,
    UnitInServiceError,
    UnknownContractError,
    UnknownPositionError,
    UnknownUnitError,
    WrongProductClassError,
)
from fleet_server.domain.life_cycle import UnitState
from fleet_server.domain.local_time import local_day
from fleet_server.domain.positions import join_positions, split_positions
from fleet_server.services import audit, swap_store
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.models import require_approved
from fleet_server.services.served_units import queue_installation, queue_removal
from fleet_server.services.units import change_state


class NotInServiceError(ConflictError):
    """The unit holds no service position."""


@dataclass(frozen=True, slots=True)
class Papers:
    """What was handed over with a unit: the day the customer received it, None while that is not
    known, and the unit's value in euro cents as named in the papers, None where they name none."""

    handed_over_on: date | None = None
    value_cents: int | None = None


def assign(
    connection: Connection,
    actor: Actor,
    serial_number: str,
    contract: str,
    position: str,
    papers: Papers,
    now: datetime,
    *,
    replaces: str | None = None,
    reason: str = "",
    tell_systems: bool = True,
) -> None:
    """Put a unit into service in `position`, such as `tv-1` or `internet+voice`, from now on.

    The operator's systems are told in the same transaction, through the outbox; a swap, which has
    unit and position and told them step by step, leaves that out.
    `replaces` is the serial number of the unit that held the position before. Raises a RuleError
    of `domain/errors.py` when the registry forbids it, SwapTakenError where a swap does.
    """
    unit = find_unit(connection, serial_number)
    check_assignable(connection, unit)
    names = split_positions(position)
    wanted = find_positions(connection, contract, names, unit.product_class)
    _check_free(connection, unit, wanted)
    if tell_systems:
        swap_store.check_free(connection, [unit.id], wanted.values())
        swap_store.check_owes_nothing(connection, unit)
    if papers.handed_over_on and papers.handed_over_on > local_day(now):
        raise InvalidError("The day of hand-over is in the future.")
    before = find_unit(connection, replaces) if replaces else None
    rows = [
        assignment_row(unit.id, place, papers, now, before.id if before else None)
        for place in wanted.values()
    ]
    insert_rows(connection, rows, position)
    change_state(connection, unit.id, UnitState.INSTALLED, actor, now, reason=reason)
    detail = {"contract": contract, "position": join_positions(names), **said(papers)}
    if before:
        detail["replaces"] = before.serial_number
    entry = Entry("unit_assigned", f"unit:{serial_number}", detail)
    (sequence,) = audit.append(connection, actor, [entry], now, reason)
    if tell_systems:
        queue_installation(connection, contract, unit.id, f"assignment-{sequence}", now)


def release(
    connection: Connection,
    actor: Actor,
    serial_number: str,
    after: UnitState,
    now: datetime,
    *,
    place_id: int | None = None,
    reason: str = "",
    evidence: tuple[str, ...] = (),
    tell_systems: bool = True,
) -> None:
    """End what a unit holds, at this moment; it is `after` from then on.

    Raises UnknownUnitError, NotInServiceError, LifeCycleError.
    """
    unit = find_unit(connection, serial_number)
    held = held_by(connection, unit.id)
    if not held:
        raise NotInServiceError("Unit %(unit)s holds no service position.", unit=serial_number)
    connection.execute(
        update(t.assignment)
        .where(t.assignment.c.id.in_([row.id for row in held]))
        .values(until_at=now)
    )
    change_state(
        connection,
        unit.id,
        after,
        actor,
        now,
        place_id=place_id,
        reason=reason,
        evidence=evidence,
    )
    detail = {
        "contract": held[0].number,
        "position": join_positions(row.name for row in held),
        "to": after.value,
    }
    entry = Entry("unit_released", f"unit:{serial_number}", detail, evidence)
    (sequence,) = audit.append(connection, actor, [entry], now, reason)
    if tell_systems:
        queue_removal(connection, unit, f"release-{sequence}", now)


def replace_unit(
    connection: Connection,
    actor: Actor,
    before: str,
    successor: str,
    after: UnitState,
    papers: Papers,
    now: datetime,
    *,
    contract: str | None = None,
    place_id: int | None = None,
    reason: str = "",
    tell_systems: bool = True,
) -> None:
    """Let `successor` take over all that the unit `before` holds, both steps or neither.

    `after` and `place_id` are what becomes of `before`; `papers` are those handed over with the
    successor; `contract`, if named, is the one it must hold them on. Raises a RuleError of
    `domain/errors.py` when the registry forbids it.
    """
    held = held_by(connection, find_unit(connection, before).id)
    if contract is not None and any(row.number != contract for row in held):
        raise NotInServiceError(
            "Unit %(unit)s holds nothing on contract %(contract)s.", unit=before, contract=contract
        )
    release(
        connection,
        actor,
        before,
        after,
        now,
        place_id=place_id,
        reason=reason,
        tell_systems=tell_systems,
    )
    assign(
        connection,
        actor,
        successor,
        held[0].number,
        join_positions(row.name for row in held),
        papers,
        now,
        replaces=before,
        reason=reason,
        tell_systems=tell_systems,
    )


def find_unit(connection: Connection, serial_number: str) -> Row[Any]:
    """The unit, locked against another change meanwhile. Raises UnknownUnitError."""
    unit = connection.execute(
        select(t.unit).where(t.unit.c.serial_number == serial_number).with_for_update()
    ).one_or_none()
    if unit is None:
        raise UnknownUnitError(
            "No unit with serial number %(unit)s is in stock.", unit=serial_number
        )
    return unit


def find_positions(
    connection: Connection, contract: str, names: Sequence[str], product_class: str
) -> dict[str, int]:
    """The numbers of a contract's positions by name.

    Raises UnknownContractError, ServiceStateError once it has ended, UnknownPositionError,
    WrongProductClassError.
    """
    kept = connection.execute(select(t.contract).where(t.contract.c.number == contract)).first()
    if kept is None:
        raise UnknownContractError("There is no contract %(contract)s.", contract=contract)
    if kept.terminated_on is not None:
        raise ServiceStateError(
            "Contract %(contract)s has ended; it needs a new one [2].", contract=contract
        )
    rows = connection.execute(
        select(t.service_position).where(
            t.service_position.c.contract_id == kept.id,
            t.service_position.c.name.in_(names),
        )
    )
    found = {row.name: row for row in rows}
    for name in names:
        if name not in found:
            raise UnknownPositionError(
                "Contract %(contract)s has no position %(position)r.",
                contract=contract,
                position=name,
            )
        if product_class not in found[name].product_classes.split(","):
            raise WrongProductClassError(
                "Position %(position)r takes %(taken_classes)s.",
                position=name,
                taken_classes=found[name].product_classes,
            )
    return {name: found[name].id for name in names}


def check_assignable(connection: Connection, unit: Row[Any]) -> None:
    """Whether anything about the unit itself keeps it off a contract.

    Raises BlacklistedUnitError, LabUnitError, UnapprovedModelError.
    """
    if unit.blacklisted:
        raise BlacklistedUnitError("Unit %(unit)s is blacklisted.", unit=unit.serial_number)
    if unit.lab:
        raise LabUnitError(
            "Unit %(unit)s is a lab board and may not serve a contract.", unit=unit.serial_number
        )
    require_approved(connection, unit)


def _check_free(connection: Connection, unit: Row[Any], wanted: dict[str, int]) -> None:
    if held_by(connection, unit.id):
        raise UnitInServiceError("Unit %(unit)s is in service already.", unit=unit.serial_number)
    for name, place in wanted.items():
        holder = connection.scalar(
            select(t.unit.c.serial_number)
            .join(t.assignment, t.assignment.c.unit_id == t.unit.c.id)
            .where(t.assignment.c.service_position_id == place, t.open_assignment)
        )
        if holder is not None:
            raise PositionTakenError(
                "Position %(position)r is held by unit %(unit)s.", position=name, unit=holder
            )


def held_by(connection: Connection, unit_id: int) -> Sequence[Row[Any]]:
    return connection.execute(_HELD, {"unit": unit_id}).all()


def with_names() -> Any:
    return (
        select(t.assignment, t.service_position.c.name, t.contract.c.number, t.unit.c.serial_number)
        .join(t.service_position, t.service_position.c.id == t.assignment.c.service_position_id)
        .join(t.contract, t.contract.c.id == t.service_position.c.contract_id)
        .join(t.unit, t.unit.c.id == t.assignment.c.unit_id)
        .order_by(t.assignment.c.id)
    )


# Built once: this is asked for at every look-up.
_HELD = with_names().where(t.assignment.c.unit_id == bindparam("unit"), t.open_assignment)


def assignment_row(
    unit_id: int, position_id: int, papers: Papers, now: datetime, replaces_id: int | None
) -> dict[str, Any]:
    return {
        "unit_id": unit_id,
        "service_position_id": position_id,
        "since_at": now,
        "until_at": None,
        "handed_over_on": papers.handed_over_on,
        "value_cents": papers.value_cents,
        "replaces_unit_id": replaces_id,
        "recorded_at": now,
    }


def insert_rows(connection: Connection, rows: Sequence[dict[str, Any]], position: str) -> None:
    try:
        connection.execute(t.assignment.insert(), list(rows))
    except IntegrityError as error:
        raise PositionTakenError(
            "Position %(position)r was taken a moment ago.", position=position
        ) from error


def said(papers: Papers) -> dict[str, str | int | bool | None]:
    return {"handed_over": iso(papers.handed_over_on), "value_cents": papers.value_cents}


def iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
