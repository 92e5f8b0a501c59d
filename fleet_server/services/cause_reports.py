"""What the operator's own systems and people say of a place: better evidence than any device's.

A report holds for its element and all below it. It is ended once; a wrong one is withdrawn and told
anew. The interruptions at the place are divided into causes again at once, and outages there are
looked for again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, or_, select, update

from fleet_server.domain.causes import Cause
from fleet_server.domain.errors import InvalidTimeError, UnknownReportError
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.elements import codes_of, element_of
from fleet_server.services.interruptions import settle_again
from fleet_server.services.rechecks import look_again
from fleet_server.services.surroundings import read_topology

REPORTABLE = (Cause.PLANT_POWER, Cause.AREA_MAINS, Cause.ACCESS_NETWORK)


class Source(StrEnum):
    """Who says so."""

    CMTS = "cmts"
    PLANT_SUPPLY = "plant_supply"
    UTILITY = "utility"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class CauseReport:
    """One report as it stands; `until_at` is None while it lasts."""

    id: int
    cause: Cause
    element: str
    from_at: datetime
    until_at: datetime | None
    source: Source
    reference: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """What is to be put on record; `reference` is the number in the other system."""

    cause: Cause
    element: str
    from_at: datetime
    until_at: datetime | None
    source: Source
    reference: str = ""


def record_report(
    connection: Connection, actor: Actor, said: Said, reason: str, now: datetime
) -> CauseReport:
    """Put a report on record. Raises UnknownNetworkElementError or InvalidTimeError."""
    element = element_of(connection, said.element)
    if said.from_at > now or (said.until_at is not None and said.until_at <= said.from_at):
        raise InvalidTimeError("A report begins in the past and ends after it began.")
    detail = {
        "cause": said.cause.value,
        "from": said.from_at.isoformat(),
        "until": said.until_at.isoformat() if said.until_at else None,
        "source": said.source.value,
    }
    subject = f"network_element:{said.element.strip()}"
    (sequence,) = audit.append(
        connection, actor, [Entry("cause_reported", subject, detail)], now, reason
    )
    insert = t.cause_report.insert().returning(t.cause_report)
    row = connection.execute(
        insert.values(
            cause=said.cause.value,
            network_element_id=element,
            from_at=said.from_at,
            until_at=said.until_at,
            source=said.source.value,
            reference=said.reference[:64],
            recorded_at=now,
            audit_sequence=sequence,
        )
    ).one()
    say_anew(connection, element, row.from_at, row.until_at, now)
    return _view(row, said.element.strip())


def end_report(
    connection: Connection, actor: Actor, report_id: int, until_at: datetime, now: datetime
) -> CauseReport:
    """It no longer holds. Raises UnknownReportError for one that ended, or InvalidTimeError."""
    row = _standing(connection, report_id)
    if row.until_at is not None:
        raise UnknownReportError("Report %(report)s ended already.", report=report_id)
    if not row.from_at < until_at <= now:
        raise InvalidTimeError("A report ends after it began, and not in the future.")
    code = codes_of(connection, [row.network_element_id])[row.network_element_id]
    detail: dict[str, str | int | bool | None] = {
        "report": report_id,
        "until": until_at.isoformat(),
    }
    audit.append(
        connection, actor, [Entry("cause_report_ended", f"network_element:{code}", detail)], now
    )
    _change(connection, report_id, until_at=until_at)
    say_anew(connection, row.network_element_id, row.from_at, None, now)
    return _view(_standing(connection, report_id), code)


def withdraw_report(
    connection: Connection, actor: Actor, report_id: int, reason: str, now: datetime
) -> None:
    """It was wrong. Raises UnknownReportError."""
    row = _standing(connection, report_id)
    code = codes_of(connection, [row.network_element_id])[row.network_element_id]
    entry = Entry("cause_report_withdrawn", f"network_element:{code}", {"report": report_id})
    audit.append(connection, actor, [entry], now, reason)
    _change(connection, report_id, withdrawn_at=now)
    say_anew(connection, row.network_element_id, row.from_at, row.until_at, now)


def list_reports(connection: Connection, before: int | None, size: int) -> list[CauseReport]:
    """Those that stand, the newest first, older than the one with key `before`."""
    report = t.cause_report.c
    query = select(t.cause_report).where(report.withdrawn_at.is_(None))
    if before:
        query = query.where(report.id < before)
    rows = connection.execute(query.order_by(report.id.desc()).limit(size)).all()
    codes = codes_of(connection, {row.network_element_id for row in rows})
    return [_view(row, codes[row.network_element_id]) for row in rows]


def say_anew(
    connection: Connection,
    element: int,
    from_at: datetime,
    until_at: datetime | None,
    now: datetime,
) -> None:
    """What is said of an element in that time has changed: judge what rests on it again."""
    topology = read_topology(connection)
    settle_again(connection, topology, [element], from_at, until_at, now)
    began = t.outage.c.started_at
    outages = connection.scalars(
        select(began)
        .join(t.outage_place, t.outage_place.c.outage_id == t.outage.c.id)
        .where(
            t.outage_place.c.network_element_id.in_(topology.below(element)),
            t.outage.c.withdrawn.is_(False),
            or_(t.outage.c.ended_at.is_(None), t.outage.c.ended_at >= from_at),
            *([] if until_at is None else [began < until_at]),
        )
    ).all()
    look_again(connection, topology, [(element, at) for at in outages])


def _standing(connection: Connection, report_id: int) -> Row[Any]:
    row = connection.execute(
        select(t.cause_report).where(
            t.cause_report.c.id == report_id, t.cause_report.c.withdrawn_at.is_(None)
        )
    ).first()
    if row is None:
        raise UnknownReportError("There is no report %(report)s.", report=report_id)
    return row


def _change(connection: Connection, report_id: int, **values: Any) -> None:
    connection.execute(
        update(t.cause_report).where(t.cause_report.c.id == report_id).values(**values)
    )


def _view(row: Row[Any], code: str) -> CauseReport:
    return CauseReport(
        id=row.id,
        cause=Cause(row.cause),
        element=code,
        from_at=row.from_at,
        until_at=row.until_at,
        source=Source(row.source),
        reference=row.reference,
        recorded_at=row.recorded_at,
    )
