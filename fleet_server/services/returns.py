"""Equipment that comes back: taken in with a signed receipt, and what is owed for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from fleet_server.domain.errors import (
    UnknownReturnError,
    UnknownUnitError,
)
from fleet_server.domain.kinds import ProductClass
from fleet_server.domain.life_cycle import UnitState
from fleet_server.domain.local_time import local_day
from fleet_server.domain.operations import PairCard, RemoveLine, System
from fleet_server.domain.positions import kind_of
from fleet_server.domain.returns import (
    Condition,
)
from fleet_server.domain.service_state import Stage, removal
from fleet_server.services import audit, outbox
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.blacklist import place_by_code
from fleet_server.services.last_assignment import (
    LastAssignment,
    close_assignments,
    last_assignment,
    revoke_certificates,
)
from fleet_server.services.ports import SigningKey
from fleet_server.services.return_receipts import ReturnReceipt, sign_receipt
from fleet_server.services.served_units import ContractUnit, served_unit
from fleet_server.services.units import change_state


@dataclass(frozen=True, slots=True)
class HandedIn:
    """What somebody puts on the counter; `place` is the code of the store, van or warehouse."""

    serial_number: str
    place: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class ReturnRecord:
    """A unit that was taken in; `text` is what the QR code of its receipt says."""

    receipt: ReturnReceipt
    text: str


def take_back(
    connection: Connection, key: SigningKey, handed_in: HandedIn, actor: Actor, now: datetime
) -> ReturnRecord:
    """Take a unit in: it leaves its contract and the network, and a receipt is signed.

    A unit that comes back before its contract ends gives up its position at that moment. Raises
    UnknownUnitError, UnknownPlaceError, or LifeCycleError when the unit cannot come back from where
    the registry says it is.
    """
    unit = connection.execute(
        select(t.unit).where(t.unit.c.serial_number == handed_in.serial_number)
    ).one_or_none()
    if unit is None:
        raise UnknownUnitError(
            "No unit %(unit)s was ever taken into stock.", unit=handed_in.serial_number
        )
    place_id = place_by_code(connection, handed_in.place)
    last = last_assignment(connection, unit.id)
    change_state(connection, unit.id, UnitState.RETURNED, actor, now, place_id=place_id)
    record = _record(connection, key, handed_in, unit, last, place_id, actor, now)
    stage = _off_the_network(connection, unit, last)
    outbox.queue_in_place(connection, f"return-{record.receipt.number}", [stage], now)
    close_assignments(connection, unit.id, now)
    revoke_certificates(connection, unit.endpoint_id, now)
    return record


def read_return(connection: Connection, number: str) -> ReturnRecord:
    """The return with this receipt number. Raises UnknownReturnError."""
    digits = number.removeprefix("R-")
    row = None
    if digits.isdecimal() and len(digits) <= 18:
        row = connection.execute(_returns().where(t.unit_return.c.id == int(digits))).one_or_none()
    if row is None:
        raise UnknownReturnError("There is no return receipt %(receipt)s.", receipt=number)
    return _returned(row)


def list_returns(
    connection: Connection, before: int | None, limit: int
) -> list[tuple[int, ReturnRecord]]:
    """Returns with their keys, the newest first; `before` is the key to go on from."""
    query = _returns().order_by(t.unit_return.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(t.unit_return.c.id < before)
    return [(row.id, _returned(row)) for row in connection.execute(query)]


def _record(
    connection: Connection,
    key: SigningKey,
    handed_in: HandedIn,
    unit: Row[Any],
    last: LastAssignment | None,
    place_id: int,
    actor: Actor,
    now: datetime,
) -> ReturnRecord:
    detail = {"place": handed_in.place, "condition": handed_in.condition.value}
    entry = Entry("unit_returned", f"unit:{unit.serial_number}", detail)
    (sequence,) = audit.append(connection, actor, [entry], now)
    values = {
        "unit_id": unit.id,
        "contract_id": last.contract_id if last else None,
        "place_id": place_id,
        "returned_on": local_day(now),
        "returned_at": now,
        "condition": handed_in.condition,
        "receipt": "",
        "audit_sequence": sequence,
    }
    number: int = connection.execute(
        t.unit_return.insert().values(**values).returning(t.unit_return.c.id)
    ).scalar_one()
    receipt = ReturnReceipt(
        _name(number),
        unit.serial_number,
        unit.product_class,
        local_day(now),
        handed_in.place,
        handed_in.condition,
    )
    text = sign_receipt(key, receipt)
    connection.execute(
        update(t.unit_return).where(t.unit_return.c.id == number).values(receipt=text)
    )
    return ReturnRecord(receipt, text)


def _off_the_network(connection: Connection, unit: Row[Any], last: LastAssignment | None) -> Stage:
    positions = last.positions if last else ()
    served = served_unit(
        connection,
        ContractUnit(
            unit.id,
            unit.serial_number,
            unit.product_class,
            unit.endpoint_id,
            unit.state,
            unit.blacklisted,
            positions,
        ),
    )
    stage = removal(served)
    if unit.product_class == ProductClass.CARD:
        stage = (*stage, (System.CONDITIONAL_ACCESS, PairCard(unit.serial_number, "")))
    if last is not None and last.terminated_on is not None and last.is_open:
        lines = [f"{last.contract}/{name}" for name in positions if kind_of(name) == "voice"]
        stage = (*((System.VOICE, RemoveLine(line)) for line in lines), *stage)
    return stage


def _returns() -> Any:
    return (
        select(
            t.unit_return,
            t.unit.c.serial_number,
            t.unit.c.product_class,
            t.place.c.code.label("place"),
        )
        .join(t.unit, t.unit.c.id == t.unit_return.c.unit_id)
        .join(t.place, t.place.c.id == t.unit_return.c.place_id)
    )


def _returned(row: Row[Any]) -> ReturnRecord:
    receipt = ReturnReceipt(
        _name(row.id),
        row.serial_number,
        row.product_class,
        row.returned_on,
        row.place,
        row.condition,
    )
    return ReturnRecord(receipt, row.receipt)


def _name(number: int) -> str:
    return f"R-{number:08d}"
