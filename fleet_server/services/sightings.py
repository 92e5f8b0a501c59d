"""Where the network sees a unit, and whether that is where its contract is [4.10, 11.3].

A voice modem at another place misleads rescuers. What does not fit opens a finding that stays on
the pages until a person has settled it; a unit that is seen at its contract again is a reason to
settle it, and does not close it by itself. For a voice modem a work order goes out at once too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from fleet_server.domain.errors import (
    InvalidError,
    InvalidTimeError,
    UnknownFindingError,
    UnknownUnitError,
)
from fleet_server.domain.kinds import ProductClass
from fleet_server.domain.local_time import local_day
from fleet_server.domain.operations import CancelWorkOrder, OpenWorkOrder, System
from fleet_server.services import audit, outbox
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.elements import codes_of, element_of
from fleet_server.services.surroundings import homes, read_topology
from fleet_server.services.upsert import insert_new

SHORTEST_REASON = 3


class SeenBy(StrEnum):
    """Who saw it there."""

    CMTS = "cmts"
    PROVISIONING = "provisioning"
    TECHNICIAN = "technician"


class Outcome(StrEnum):
    """What a person found."""

    CONTRACT_MOVED = "contract_moved"
    UNIT_BROUGHT_BACK = "unit_brought_back"
    TOPOLOGY_CORRECTED = "topology_corrected"
    SIGHTING_WRONG = "sighting_wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """A unit seen elsewhere; `settled_at` is None until a person has settled it."""

    id: int
    serial_number: str
    endpoint_id: str | None
    product_class: str
    contract: str
    expected: str
    seen: str
    source: SeenBy
    noticed_at: datetime
    settled_at: datetime | None
    outcome: str


def note_sighting(
    connection: Connection,
    actor: Actor,
    serial_number: str,
    element_code: str,
    source: SeenBy,
    seen_at: datetime,
    now: datetime,
) -> Finding | None:
    """Put a sighting on record; gives the finding when it does not fit the contract.

    Raises UnknownUnitError, UnknownNetworkElementError or InvalidTimeError.
    """
    if seen_at > now:
        raise InvalidTimeError("A sighting lies in the past.")
    unit = connection.execute(select(t.unit).where(t.unit.c.serial_number == serial_number)).first()
    if unit is None:
        raise UnknownUnitError("No unit %(unit)s is known.", unit=serial_number)
    element = element_of(connection, element_code)
    _keep(connection, unit.id, element, source, seen_at)
    if unit.endpoint_id is None:
        return None
    home = homes(connection, [unit.endpoint_id]).get(unit.endpoint_id)
    if home is None or home.element is None or home.contract_id is None:
        return None
    if read_topology(connection).fits(home.element, element):
        return None
    return _open(connection, actor, unit, home.contract_id, (home.element, element), source, now)


def settle(
    connection: Connection,
    account_id: int,
    finding_id: int,
    outcome: Outcome,
    reason: str,
    now: datetime,
) -> None:
    """A person has cleared it up. Raises UnknownFindingError, or InvalidError without a reason."""
    if len(reason.strip()) < SHORTEST_REASON:
        raise InvalidError("An outcome needs its reason in words.")
    found = t.misplaced_unit.c
    row = connection.execute(
        select(t.misplaced_unit, t.unit.c.serial_number, t.unit.c.product_class)
        .join(t.unit, t.unit.c.id == found.unit_id)
        .where(found.id == finding_id, t.is_unsettled)
    ).first()
    if row is None:
        raise UnknownFindingError("No finding %(finding)s waits.", finding=finding_id)
    entry = Entry("misplaced_unit_settled", f"unit:{row.serial_number}", {"outcome": outcome.value})
    audit.append(connection, Actor.account(account_id), [entry], now, reason.strip())
    connection.execute(
        update(t.misplaced_unit)
        .where(found.id == finding_id)
        .values(settled_at=now, outcome=outcome.value, account_id=account_id)
    )
    if row.product_class == ProductClass.VOICEMODEM:
        stage = [(System.WORK_ORDERS, CancelWorkOrder(_order(finding_id)))]
        outbox.queue(connection, f"misplaced_unit_settled:{finding_id}", [stage], now)


def list_findings(connection: Connection, after: int = 0, size: int = 50) -> list[Finding]:
    """Those that wait for a person, the oldest first, after the one with this key."""
    found = t.misplaced_unit.c
    query = _query().where(t.is_unsettled, found.id > after).order_by(found.id).limit(size)
    return _views(connection, list(connection.execute(query)))


def waiting_findings(connection: Connection) -> int:
    """How many units seen elsewhere wait for a person."""
    count = select(func.count()).select_from(t.misplaced_unit).where(t.is_unsettled)
    return connection.scalar(count) or 0


def _keep(
    connection: Connection, unit_id: int, element: int, source: SeenBy, seen_at: datetime
) -> None:
    key = {"unit_id": unit_id, "network_element_id": element, "source": source.value}
    row = {**key, "first_seen_at": seen_at, "last_seen_at": seen_at}
    if insert_new(connection, t.sighting, [row], ("unit_id",)):
        return
    seen = t.sighting.c
    connection.execute(
        update(t.sighting)
        .where(
            seen.unit_id == unit_id,
            seen.network_element_id == element,
            seen.source == source.value,
            seen.last_seen_at < seen_at,
        )
        .values(last_seen_at=seen_at)
    )


def _open(
    connection: Connection,
    actor: Actor,
    unit: Row[Any],
    contract_id: int,
    places: tuple[int, int],
    source: SeenBy,
    now: datetime,
) -> Finding:
    found = t.misplaced_unit.c
    open_ = _query().where(found.unit_id == unit.id, t.is_unsettled)
    row = connection.execute(open_).first()
    expected, seen = places
    if row is None or row.seen_element_id != seen:
        codes = codes_of(connection, places)
        detail = {"expected": codes[expected], "seen": codes[seen], "source": source.value}
        entry = Entry("misplaced_unit_noticed", f"unit:{unit.serial_number}", detail)
        (sequence,) = audit.append(connection, actor, [entry], now)
        values = {
            "contract_id": contract_id,
            "expected_element_id": expected,
            "seen_element_id": seen,
            "source": source.value,
            "audit_sequence": sequence,
        }
        if row is None:
            insert = t.misplaced_unit.insert().values(unit_id=unit.id, noticed_at=now, **values)
            key = connection.scalars(insert.returning(found.id)).one()
            if unit.product_class == ProductClass.VOICEMODEM:
                _send_somebody(connection, key, contract_id, unit.serial_number, now)
        else:
            connection.execute(update(t.misplaced_unit).where(found.id == row.id).values(**values))
        row = connection.execute(open_).one()
    return _views(connection, [row])[0]


def _send_somebody(
    connection: Connection, finding_id: int, contract_id: int, serial_number: str, now: datetime
) -> None:
    number = connection.scalars(
        select(t.contract.c.number).where(t.contract.c.id == contract_id)
    ).one()
    due_on = local_day(now).isoformat()
    order = OpenWorkOrder(_order(finding_id), "check_place", number, serial_number, due_on)
    stage = [(System.WORK_ORDERS, order)]
    outbox.queue(connection, f"misplaced_unit:{finding_id}", [stage], now)


def _order(finding_id: int) -> str:
    return f"place-{finding_id}"


def _query() -> Any:
    return (
        select(
            t.misplaced_unit,
            t.unit.c.serial_number,
            t.unit.c.endpoint_id,
            t.unit.c.product_class,
            t.contract.c.number,
        )
        .join(t.unit, t.unit.c.id == t.misplaced_unit.c.unit_id)
        .join(t.contract, t.contract.c.id == t.misplaced_unit.c.contract_id)
    )


def _views(connection: Connection, rows: list[Row[Any]]) -> list[Finding]:
    elements = {row.expected_element_id for row in rows} | {row.seen_element_id for row in rows}
    codes = codes_of(connection, elements)
    return [
        Finding(
            id=row.id,
            serial_number=row.serial_number,
            endpoint_id=row.endpoint_id,
            product_class=row.product_class,
            contract=row.number,
            expected=codes[row.expected_element_id],
            seen=codes[row.seen_element_id],
            source=SeenBy(row.source),
            noticed_at=row.noticed_at,
            settled_at=row.settled_at,
            outcome=row.outcome,
        )
        for row in rows
    ]
