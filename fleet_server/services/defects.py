"""What customers report, what they were answered, and what they ask for [5.2, 5.3].

Each moment is written once. The words of an answer stand beside the audit log, where they can be
erased; the report itself holds codes and moments only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select, update

from fleet_server.domain.errors import (
    AlreadySaidError,
    ImpossibleMomentError,
    InvalidError,
    UnknownDefectError,
    UnknownPositionError,
)
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.clock_book import refresh
from fleet_server.services.policy import read_policy
from fleet_server.services.views_clocks import contract_id_of

_PAGE = 50
_SETTLED = ("answered_at", "cleared_by_phone_at")


class Symptom(StrEnum):
    NO_SERVICE = "no_service"
    SLOW = "slow"
    UNSTABLE = "unstable"
    NO_PICTURE = "no_picture"
    NO_LINE = "no_line"
    DAMAGED = "damaged"
    OTHER = "other"


class Answer(StrEnum):
    """How the problem is, or will be, solved."""

    REPAIRED = "repaired"
    REPLACED = "replaced"
    VISIT = "visit"
    NO_FAULT_FOUND = "no_fault_found"
    NOT_OURS = "not_ours"


@dataclass(frozen=True, slots=True)
class Defect:
    """One report; `position` is empty when it is about the whole contract."""

    id: int
    contract: str
    position: str
    symptom: Symptom
    reported_at: datetime
    cleared_by_phone_at: datetime | None
    answered_at: datetime | None
    answer: Answer | None
    compensation_requested_at: datetime | None


def report_defect(
    connection: Connection,
    actor: Actor,
    contract: str,
    position: str,
    symptom: Symptom,
    reported_at: datetime,
    now: datetime,
) -> Defect:
    """Put a report on record; `position` may be empty.

    Raises UnknownContractError, UnknownPositionError, ImpossibleMomentError.
    """
    contract_id = contract_id_of(connection, contract)
    _check_moment(reported_at, None, now)
    key = connection.execute(
        t.defect_report.insert().values(
            contract_id=contract_id,
            service_position_id=position_id_of(connection, contract_id, position),
            symptom=symptom.value,
            reported_at=reported_at,
            recorded_at=now,
        )
    ).inserted_primary_key
    defect_id = int(key[0]) if key else 0
    _record(
        connection,
        actor,
        Entry(
            "defect_reported",
            f"contract:{contract}",
            {"defect": defect_id, "position": position, "symptom": symptom.value},
        ),
        contract_id,
        now,
    )
    return read_defect(connection, defect_id)


def clear_by_phone(connection: Connection, actor: Actor, defect_id: int, now: datetime) -> Defect:
    """It was cleared by phone: no answer is due any more [5.2].

    Raises UnknownDefectError, AlreadySaidError.
    """
    values = {"cleared_by_phone_at": now}
    return _say(connection, actor, defect_id, "defect_cleared_by_phone", _SETTLED, values, now)


def answer_defect(
    connection: Connection,
    actor: Actor,
    defect_id: int,
    answer: Answer,
    words: str,
    now: datetime,
) -> Defect:
    """The customer was told how the problem is solved [5.2]; `words` may be empty.

    Raises UnknownDefectError, AlreadySaidError.
    """
    values = {"answered_at": now, "answer": answer.value}
    return _say(connection, actor, defect_id, "defect_answered", _SETTLED, values, now, words)


def request_compensation(
    connection: Connection, actor: Actor, defect_id: int, requested_at: datetime, now: datetime
) -> Defect:
    """The customer asked for compensation; late is on record as late [5.3].

    Raises UnknownDefectError, AlreadySaidError, ImpossibleMomentError.
    """
    _check_moment(requested_at, read_defect(connection, defect_id).reported_at, now)
    values = {"compensation_requested_at": requested_at}
    unsaid = tuple(values)
    return _say(connection, actor, defect_id, "compensation_requested", unsaid, values, now)


def read_defect(connection: Connection, defect_id: int) -> Defect:
    """Raises UnknownDefectError."""
    row = connection.execute(_defects().where(t.defect_report.c.id == defect_id)).one_or_none()
    if row is None:
        raise UnknownDefectError("There is no defect report %(report)s.", report=defect_id)
    return _defect(row)


def defects_of_contract(
    connection: Connection, contract: str, before: int | None = None, limit: int = _PAGE
) -> list[Defect]:
    """The reports of a contract, the newest first; `before` is a number to go on from.

    Raises UnknownContractError.
    """
    contract_id = contract_id_of(connection, contract)
    query = _defects().where(t.defect_report.c.contract_id == contract_id)
    if before is not None:
        query = query.where(t.defect_report.c.id < before)
    rows = connection.execute(query.order_by(t.defect_report.c.id.desc()).limit(limit))
    return [_defect(row) for row in rows]


def position_id_of(connection: Connection, contract_id: int, position: str) -> int | None:
    """None for no position. Raises UnknownPositionError."""
    if not position:
        return None
    found = connection.scalar(
        select(t.service_position.c.id).where(
            t.service_position.c.contract_id == contract_id, t.service_position.c.name == position
        )
    )
    if found is None:
        raise UnknownPositionError("The contract has no position %(position)r.", position=position)
    return int(found)


def _say(
    connection: Connection,
    actor: Actor,
    defect_id: int,
    action: str,
    unsaid: tuple[str, ...],
    values: dict[str, Any],
    now: datetime,
    words: str = "",
) -> Defect:
    """Write `values`, if none of the columns `unsaid` says anything yet."""
    defect = read_defect(connection, defect_id)
    written = connection.execute(
        update(t.defect_report)
        .where(
            t.defect_report.c.id == defect_id,
            *(t.defect_report.c[name].is_(None) for name in unsaid),
        )
        .values(**values)
    )
    if not written.rowcount:
        raise AlreadySaidError(
            "This stands on record for defect report %(report)s already.", report=defect_id
        )
    detail = {"defect": defect_id, "answer": values.get("answer")}
    entry = Entry(action, f"contract:{defect.contract}", detail)
    _record(connection, actor, entry, contract_id_of(connection, defect.contract), now, words)
    return read_defect(connection, defect_id)


def _record(
    connection: Connection,
    actor: Actor,
    entry: Entry,
    contract_id: int,
    now: datetime,
    words: str = "",
) -> None:
    audit.append(connection, actor, [entry], now, words)
    refresh(connection, [contract_id], read_policy(connection), now)


def _check_moment(moment: datetime, after: datetime | None, now: datetime) -> None:
    if moment.tzinfo is None:
        raise InvalidError("A moment needs its offset from UTC.")
    if moment > now or (after is not None and moment < after):
        raise ImpossibleMomentError("The moment is in the future, or before the report.")


def _defects() -> Any:
    return (
        select(t.defect_report, t.contract.c.number, t.service_position.c.name)
        .join(t.contract, t.contract.c.id == t.defect_report.c.contract_id)
        .outerjoin(
            t.service_position,
            t.service_position.c.id == t.defect_report.c.service_position_id,
        )
    )


def _defect(row: Row[Any]) -> Defect:
    return Defect(
        id=row.id,
        contract=row.number,
        position=row.name or "",
        symptom=Symptom(row.symptom),
        reported_at=row.reported_at,
        cleared_by_phone_at=row.cleared_by_phone_at,
        answered_at=row.answered_at,
        answer=None if row.answer is None else Answer(row.answer),
        compensation_requested_at=row.compensation_requested_at,
    )
