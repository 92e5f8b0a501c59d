"""The credits of service positions: reckoned anew when something changed, every revision kept.

A case is opened once an outage of a position adds up to a day, whoever answers for it: a person has
to see what is proposed not to count. Its state follows from what it comes to:

- `lasting`: the outage has not ended; what counts so far may be released already.
- `to_decide`: a person's decision on liability would change the days.
- `proposed`: days are to be given back and nothing is open.
- `released`: all of them were given back. Nothing is ever taken back when a verdict changes later.
- `none`: nothing is to be given back. `withdrawn`: there was no such outage, or it is part of one.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, or_, select, update

from fleet_server.domain.credit import Credit
from fleet_server.domain.place import Topology
from fleet_server.domain.policy import Policy
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.credit_facts import Run, credit_of, moments, runs_of, tenures_of
from fleet_server.services.pieces import from_ms

WORKER = Actor.system("worker")


class CreditState(StrEnum):
    LASTING = "lasting"
    TO_DECIDE = "to_decide"
    PROPOSED = "proposed"
    RELEASED = "released"
    NONE = "none"
    WITHDRAWN = "withdrawn"


def refresh_position(
    connection: Connection,
    topology: Topology,
    policy: Policy,
    position_id: int,
    from_at: datetime,
    until_at: datetime,
    now: datetime,
) -> None:
    """Bring the cases of a position that touch this time in step with what is known now."""
    tenures = tenures_of(connection, position_id)
    stored = _cases(connection, position_id, from_at, until_at)
    for run in runs_of(connection, tenures, policy, from_at, until_at, now):
        same = [row for row in stored if _touches(row, run)]
        if not same and run.silent < timedelta(hours=policy.credit_day_hours):
            continue
        credit = credit_of(connection, topology, policy, tenures, run)
        if credit is None:
            continue
        if same:
            _revise(connection, same[0], credit, now)
            for merged in same[1:]:
                _withdraw(connection, merged, now)
        else:
            same = _cases(connection, position_id, run.start_at, run.end_at)
            if same:
                _revise(connection, same[0], credit, now)
            else:
                _open(connection, position_id, credit, now)
        stored = [row for row in stored if row not in same]
    for row in stored:
        _withdraw(connection, row, now)


def matters(
    connection: Connection,
    policy: Policy,
    position_id: int,
    from_at: datetime,
    until_at: datetime,
    now: datetime,
) -> bool:
    """Whether that time of the position has a case, or an outage that adds up to a day."""
    if _cases(connection, position_id, from_at, until_at):
        return True
    runs = runs_of(connection, tenures_of(connection, position_id), policy, from_at, until_at, now)
    day = timedelta(hours=policy.credit_day_hours)
    return any(
        run.silent >= day or _cases(connection, position_id, run.start_at, run.end_at)
        for run in runs
    )


def state_of(credit: Credit, released_days: int) -> CreditState:
    if credit.open_:
        return CreditState.LASTING
    if credit.days_at_most > credit.days:
        return CreditState.TO_DECIDE
    if credit.credit_days > released_days:
        return CreditState.PROPOSED
    return CreditState.RELEASED if released_days else CreditState.NONE


def _cases(
    connection: Connection, position_id: int, from_at: datetime, until_at: datetime
) -> list[Row[Any]]:
    found = t.credit.c
    query = (
        select(t.credit)
        .where(
            found.service_position_id == position_id,
            found.state != CreditState.WITHDRAWN,
            found.started_at < until_at,
            or_(found.ended_at.is_(None), found.ended_at > from_at),
        )
        .order_by(found.id)
    )
    return list(connection.execute(query))


def _touches(row: Row[Any], run: Run) -> bool:
    return bool(row.started_at < run.end_at and row.assessed_until_at > run.start_at)


def _open(connection: Connection, position_id: int, credit: Credit, now: datetime) -> None:
    contract_id = connection.scalars(
        select(t.service_position.c.contract_id).where(t.service_position.c.id == position_id)
    ).one()
    key = connection.execute(
        t.credit.insert().values(
            contract_id=contract_id,
            service_position_id=position_id,
            revision=1,
            released_days=0,
            updated_at=now,
            **_values(credit, 0),
        )
    ).inserted_primary_key
    credit_id = int(key[0]) if key else 0
    _keep_lines(connection, credit_id, 1, credit)
    _say(connection, "credit_opened", credit_id, credit, now)


def _revise(connection: Connection, row: Row[Any], credit: Credit, now: datetime) -> None:
    """A new revision, if the sums or a line are different."""
    values = _values(credit, row.released_days)
    lines = _line_rows(row.id, row.revision, credit)
    if lines == _lines_of(connection, row.id, row.revision) and all(
        getattr(row, name) == value for name, value in values.items()
    ):
        return
    revision = row.revision + 1
    connection.execute(
        update(t.credit)
        .where(t.credit.c.id == row.id)
        .values(revision=revision, updated_at=now, **values)
    )
    _keep_lines(connection, row.id, revision, credit)
    _say(connection, "credit_revised", row.id, credit, now)


def _withdraw(connection: Connection, row: Row[Any], now: datetime) -> None:
    connection.execute(
        update(t.credit)
        .where(t.credit.c.id == row.id)
        .values(state=CreditState.WITHDRAWN, next_at=None, updated_at=now)
    )
    entry = Entry("credit_withdrawn", f"credit:{row.id}", {"released_days": row.released_days})
    audit.append(connection, WORKER, [entry], now)


def _values(credit: Credit, released_days: int) -> dict[str, Any]:
    start_at, until_at = moments(credit)
    return {
        "started_at": start_at,
        "ended_at": None if credit.open_ else until_at,
        "assessed_until_at": until_at,
        "counted_ms": credit.counted_ms,
        "to_decide_ms": credit.to_decide_ms,
        "excluded_ms": credit.excluded_ms,
        "remainder_ms": credit.remainder_ms,
        "days": credit.days,
        "credit_days": credit.credit_days,
        "days_at_most": credit.days_at_most,
        "state": state_of(credit, released_days).value,
        "next_at": None if credit.next_day_ms is None else from_ms(credit.next_day_ms),
    }


def _line_rows(credit_id: int, revision: int, credit: Credit) -> list[dict[str, Any]]:
    return [
        {
            "credit_id": credit_id,
            "revision": revision,
            "number": number,
            "started_at": from_ms(line.stretch.start_ms),
            "ended_at": from_ms(line.stretch.end_ms),
            "cause": line.stretch.cause.value,
            "proposed": line.stretch.proposal.liability.value,
            "liability": line.liability.value,
            "standing": line.standing.value,
            "articles": " ".join(line.stretch.proposal.articles),
            "reason": line.stretch.proposal.reason,
            "evidence": json.dumps(sorted(line.stretch.evidence)),
        }
        for number, line in enumerate(credit.lines, start=1)
    ]


def _lines_of(connection: Connection, credit_id: int, revision: int) -> list[dict[str, Any]]:
    rows = connection.execute(
        select(t.credit_line)
        .where(t.credit_line.c.credit_id == credit_id, t.credit_line.c.revision == revision)
        .order_by(t.credit_line.c.number)
    )
    return [dict(row._mapping) for row in rows]


def _keep_lines(connection: Connection, credit_id: int, revision: int, credit: Credit) -> None:
    connection.execute(t.credit_line.insert(), _line_rows(credit_id, revision, credit))


def _say(
    connection: Connection, action: str, credit_id: int, credit: Credit, now: datetime
) -> None:
    detail = {
        "days": credit.days,
        "credit_days": credit.credit_days,
        "days_at_most": credit.days_at_most,
        "remainder_ms": credit.remainder_ms,
        "lasts": credit.open_,
    }
    audit.append(connection, WORKER, [Entry(action, f"credit:{credit_id}", detail)], now)
