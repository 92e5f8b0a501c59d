"""Corrections: what was recorded wrongly is closed by `corrected_at` and recorded anew.

So both what was and what was believed can be asked for any day (as_of.py). An end that came out
later than it was is a correction too: `until_at` in place is only ever written for now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, update

from fleet_server.domain.errors import InvalidError, NotFoundError, PositionTakenError
from fleet_server.domain.life_cycle import UnitState
from fleet_server.domain.local_time import day_bounds, local_day
from fleet_server.domain.positions import join_positions
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.assignments import Papers, assignment_row, iso, said, with_names
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.units import change_state


class UnknownAssignmentError(NotFoundError):
    """No such assignment, or it was corrected already."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What an assignment should have said; all of it, changed or not."""

    since_on: date
    papers: Papers


def correct(
    connection: Connection,
    actor: Actor,
    assignment_id: int,
    correction: Correction,
    reason: str,
    now: datetime,
    evidence: tuple[str, ...] = (),
) -> list[int]:
    """Record anew what an assignment should have said; gives the new numbers.

    All rows of the same box that began together are corrected together. Raises
    UnknownAssignmentError, InvalidError without a reason or with days that cannot be,
    PositionTakenError when another unit held the position then.
    """
    rows = _rows_of_one_box(connection, assignment_id)
    _require_reason(reason)
    since_at = rows[0].since_at
    if correction.since_on != local_day(since_at):
        since_at = day_bounds(correction.since_on)[0]
    _check_days(correction, since_at, rows[0].until_at, now)
    _check_not_held(connection, rows, since_at)
    _close(connection, rows, now)
    made = [_record_anew(connection, row, since_at, correction.papers, now) for row in rows]
    entry = Entry(
        "assignment_corrected",
        f"unit:{rows[0].serial_number}",
        {
            "contract": rows[0].number,
            "position": join_positions(row.name for row in rows),
            "since_was": local_day(rows[0].since_at).isoformat(),
            "since": correction.since_on.isoformat(),
            "handed_over_was": iso(rows[0].handed_over_on),
            "value_cents_was": rows[0].value_cents,
            **said(correction.papers),
        },
        evidence,
    )
    audit.append(connection, actor, [entry], now, reason.strip())
    return made


def withdraw(
    connection: Connection,
    actor: Actor,
    assignment_id: int,
    reason: str,
    now: datetime,
    *,
    place_id: int | None = None,
    evidence: tuple[str, ...] = (),
) -> None:
    """Record that an assignment never was: the unit was not there.

    One that was open leaves the unit `returned`, at `place_id`. Raises UnknownAssignmentError, and
    InvalidError without a reason.
    """
    rows = _rows_of_one_box(connection, assignment_id)
    _require_reason(reason)
    _close(connection, rows, now)
    if rows[0].until_at is None:
        change_state(
            connection,
            rows[0].unit_id,
            UnitState.RETURNED,
            actor,
            now,
            place_id=place_id,
            reason=reason.strip(),
        )
    detail = {
        "contract": rows[0].number,
        "position": join_positions(row.name for row in rows),
        "since_was": local_day(rows[0].since_at).isoformat(),
    }
    entry = Entry("assignment_withdrawn", f"unit:{rows[0].serial_number}", detail, evidence)
    audit.append(connection, actor, [entry], now, reason.strip())


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise InvalidError("Say why the record is corrected.")


def _close(connection: Connection, rows: Sequence[Row[Any]], now: datetime) -> None:
    connection.execute(
        update(t.assignment)
        .where(t.assignment.c.id.in_([row.id for row in rows]))
        .values(corrected_at=now)
    )


def _record_anew(
    connection: Connection, row: Row[Any], since_at: datetime, papers: Papers, now: datetime
) -> int:
    values = assignment_row(row.unit_id, row.service_position_id, papers, now, None)
    kept = {
        "since_at": since_at,
        "until_at": row.until_at,
        "replaces_unit_id": row.replaces_unit_id,
    }
    key = connection.execute(t.assignment.insert().values({**values, **kept})).inserted_primary_key
    return int(key[0]) if key else 0


def _rows_of_one_box(connection: Connection, assignment_id: int) -> Sequence[Row[Any]]:
    named = connection.execute(
        with_names().where(
            t.assignment.c.id == assignment_id, t.assignment.c.corrected_at.is_(None)
        )
    ).first()
    if named is None:
        raise UnknownAssignmentError(
            f"There is no assignment {assignment_id}, or it was corrected already."
        )
    return connection.execute(
        with_names().where(
            t.assignment.c.unit_id == named.unit_id,
            t.assignment.c.since_at == named.since_at,
            t.assignment.c.corrected_at.is_(None),
            t.contract.c.number == named.number,
        )
    ).all()


def _check_days(
    correction: Correction, since_at: datetime, until_at: datetime | None, now: datetime
) -> None:
    if since_at > now:
        raise InvalidError("An assignment cannot begin in the future.")
    if until_at is not None and since_at >= until_at:
        raise InvalidError("An assignment cannot begin after its end.")
    handed_over_on = correction.papers.handed_over_on
    if handed_over_on and handed_over_on > local_day(now):
        raise InvalidError("The day of hand-over is in the future.")


def _check_not_held(connection: Connection, rows: Sequence[Row[Any]], since_at: datetime) -> None:
    """No other row may cover the new time, of the same positions or of the same unit."""
    other = t.assignment.c
    for row in rows:
        found = with_names().where(
            other.id.not_in([each.id for each in rows]),
            other.corrected_at.is_(None),
            (other.service_position_id == row.service_position_id) | (other.unit_id == row.unit_id),
            other.until_at.is_(None) | (other.until_at > since_at),
        )
        if row.until_at is not None:
            found = found.where(other.since_at < row.until_at)
        holder = connection.execute(found).first()
        if holder is not None:
            raise PositionTakenError(
                f"Unit {holder.serial_number} held {holder.name!r} of {holder.number} at that time."
            )
