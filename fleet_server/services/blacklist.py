"""Units that were stolen or lost: barred at once, everywhere, until a person lifts it.

A blacklisted unit is not enrolled, opens no console, is not served by the network, gets no state of
a service, and the conditional-access system refuses it. Its certificate is revoked. The police
report is a reference of the police, kept here and never in the audit log [7.1.5, 7.3.6].
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select, update

from fleet_server.domain.errors import (
    BlacklistedUnitError,
    InvalidPoliceReportError,
    NotBlacklistedError,
    UnknownPlaceError,
    UnknownUnitError,
)
from fleet_server.domain.kinds import ProductClass
from fleet_server.domain.life_cycle import UnitState
from fleet_server.domain.operations import (
    EntitleCard,
    Operation,
    RemoveAccess,
    SetBlacklisted,
    System,
)
from fleet_server.services import audit, outbox
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.last_assignment import (
    close_assignments,
    last_assignment,
    revoke_certificates,
)
from fleet_server.services.units import change_state

_REPORT = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ./-]{0,63}")
_TELEVISION = (ProductClass.STB, ProductClass.CARD)


class Cause(StrEnum):
    """Why a unit is on the list."""

    STOLEN = "stolen"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class PoliceReport:
    """The reference under which the police keep it, and its day."""

    reference: str
    reported_on: date


def blacklist(
    connection: Connection,
    serial_number: str,
    cause: Cause,
    report: PoliceReport | None,
    actor: Actor,
    reason: str,
    now: datetime,
) -> int:
    """Bar a unit from now on; gives the number of the entry.

    Raises UnknownUnitError, BlacklistedUnitError when it is on the list already,
    InvalidPoliceReportError, or LifeCycleError.
    """
    unit = _unit(connection, serial_number)
    if unit.blacklisted:
        raise BlacklistedUnitError("Unit %(unit)s is blacklisted already.", unit=serial_number)
    if report is not None:
        _check(report, now)
    last = last_assignment(connection, unit.id)
    detail = {"cause": cause.value, "police_report": report is not None}
    entry = Entry("unit_blacklisted", f"unit:{serial_number}", detail)
    (sequence,) = audit.append(connection, actor, [entry], now, reason)
    values = {
        "unit_id": unit.id,
        "contract_id": last.contract_id if last else None,
        "cause": cause,
        "police_report": report.reference if report else "",
        "police_report_on": report.reported_on if report else None,
        "value_cents": last.value_cents if last else None,
        "listed_at": now,
        "audit_sequence": sequence,
    }
    number: int = connection.execute(
        t.blacklisting.insert().values(**values).returning(t.blacklisting.c.id)
    ).scalar_one()
    connection.execute(update(t.unit).where(t.unit.c.id == unit.id).values(blacklisted=True))
    evidence = (f"blacklisting:{number}",)
    change_state(connection, unit.id, UnitState(cause), actor, now, evidence=evidence)
    _queue(connection, unit, f"blacklist-{number}", True, now)
    close_assignments(connection, unit.id, now)
    revoke_certificates(connection, unit.endpoint_id, now)
    return number


def add_police_report(
    connection: Connection, serial_number: str, report: PoliceReport, actor: Actor, now: datetime
) -> None:
    """Put the report on record that came later.

    Raises UnknownUnitError, NotBlacklistedError or InvalidPoliceReportError.
    """
    _check(report, now)
    unit = _unit(connection, serial_number)
    found = _open(connection, unit)
    entry = Entry("police_report_added", f"unit:{serial_number}", {}, (f"blacklisting:{found.id}",))
    audit.append(connection, actor, [entry], now)
    connection.execute(
        update(t.blacklisting)
        .where(t.blacklisting.c.id == found.id)
        .values(police_report=report.reference, police_report_on=report.reported_on)
    )


def lift(
    connection: Connection, serial_number: str, place: str, actor: Actor, reason: str, now: datetime
) -> None:
    """Take a unit off the list that was found; it goes into quarantine at a place of ours.

    Raises UnknownUnitError, NotBlacklistedError, UnknownPlaceError or LifeCycleError.
    """
    unit = _unit(connection, serial_number)
    found = _open(connection, unit)
    place_id = place_by_code(connection, place)
    entry = Entry("blacklisting_lifted", f"unit:{serial_number}", {"place": place})
    audit.append(connection, actor, [entry], now, reason)
    connection.execute(
        update(t.blacklisting).where(t.blacklisting.c.id == found.id).values(lifted_at=now)
    )
    connection.execute(update(t.unit).where(t.unit.c.id == unit.id).values(blacklisted=False))
    if unit.state != UnitState.QUARANTINE:
        evidence = (f"blacklisting:{found.id}",)
        change_state(
            connection,
            unit.id,
            UnitState.QUARANTINE,
            actor,
            now,
            place_id=place_id,
            evidence=evidence,
        )
    _queue(connection, unit, f"blacklist-{found.id}-lifted", False, now)


@dataclass(frozen=True, slots=True)
class Barred:
    """A unit on the list; `police_report` is empty while there is none."""

    id: int
    serial_number: str
    product_class: str
    cause: str
    police_report: str
    police_report_on: date | None
    listed_at: datetime


def list_barred(connection: Connection, before: int | None, limit: int) -> list[Barred]:
    """Units on the list, the newest first; `before` is an id to go on from."""
    query = (
        select(t.blacklisting, t.unit.c.serial_number, t.unit.c.product_class)
        .join(t.unit, t.unit.c.id == t.blacklisting.c.unit_id)
        .where(t.blacklisting.c.lifted_at.is_(None))
        .order_by(t.blacklisting.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(t.blacklisting.c.id < before)
    return [
        Barred(
            row.id,
            row.serial_number,
            row.product_class,
            row.cause,
            row.police_report,
            row.police_report_on,
            row.listed_at,
        )
        for row in connection.execute(query)
    ]


def place_codes(connection: Connection) -> list[str]:
    """Every place units can be handed in at."""
    return list(connection.scalars(select(t.place.c.code).order_by(t.place.c.code)))


def place_by_code(connection: Connection, code: str) -> int:
    """Raises UnknownPlaceError."""
    found: int | None = connection.scalar(select(t.place.c.id).where(t.place.c.code == code))
    if found is None:
        raise UnknownPlaceError("There is no place %(place)r.", place=code)
    return found


def _queue(
    connection: Connection, unit: Row[Any], decision: str, listed: bool, now: datetime
) -> None:
    wanted: list[tuple[System, Operation]] = []
    if listed:
        macs = connection.scalars(
            select(t.unit_mac.c.mac_address).where(t.unit_mac.c.unit_id == unit.id)
        )
        wanted += [(System.ACCESS, RemoveAccess(mac)) for mac in macs]
        if unit.product_class == ProductClass.CARD:
            wanted.append((System.CONDITIONAL_ACCESS, EntitleCard(unit.serial_number, "")))
    if unit.product_class in _TELEVISION:
        wanted.append((System.CONDITIONAL_ACCESS, SetBlacklisted(unit.serial_number, listed)))
    outbox.queue_in_place(connection, decision, [wanted], now)


def _unit(connection: Connection, serial_number: str) -> Row[Any]:
    found = connection.execute(
        select(t.unit).where(t.unit.c.serial_number == serial_number)
    ).one_or_none()
    if found is None:
        raise UnknownUnitError(
            "No unit with serial number %(unit)s was taken into stock.", unit=serial_number
        )
    return found


def _open(connection: Connection, unit: Row[Any]) -> Row[Any]:
    found = connection.execute(
        select(t.blacklisting).where(
            t.blacklisting.c.unit_id == unit.id, t.blacklisting.c.lifted_at.is_(None)
        )
    ).one_or_none()
    if found is None:
        raise NotBlacklistedError("Unit %(unit)s is not blacklisted.", unit=unit.serial_number)
    return found


def _check(report: PoliceReport, now: datetime) -> None:
    if not _REPORT.fullmatch(report.reference):
        raise InvalidPoliceReportError("The reference has letters, digits, spaces and ./- only.")
    if report.reported_on > now.date():
        raise InvalidPoliceReportError("The police report lies in the future.")
