"""A repair case as the rules see it: its cover, its finding, its records."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from fleet_server.domain.evidence import window_before
from fleet_server.domain.policy import DAY_OF_REPORT, Policy
from fleet_server.domain.repair import (
    CaseState,
    Cause,
    Defect,
    Finding,
    Outcome,
    Symptom,
    UnknownCaseError,
)
from fleet_server.domain.replacement import Facts
from fleet_server.domain.warranty import Cover, CoverState
from fleet_server.services import tables as t
from fleet_server.services.case_evidence import collect
from fleet_server.services.cover import cover_of
from fleet_server.services.policy import read_policy

_NUMBER = re.compile(r"RMA-([0-9]{6,18})")


@dataclass(frozen=True, slots=True)
class Case:
    """One row of `repair_case`, with what the rules need of its unit."""

    id: int
    number: str
    unit_id: int
    serial_number: str
    product_class: str
    model_name: str
    unit_state: str
    state: CaseState
    symptom: Symptom
    defect_on: date | None
    reported_on: date
    opened_at: datetime
    received_at: datetime | None
    closed_at: datetime | None
    outcome: Outcome | None
    replacement_unit_id: int | None

    @property
    def shown_on(self) -> date:
        """The day of the defect; where the customer could not say, that of the report."""
        return self.defect_on or self.reported_on

    def counted_on(self, policy: Policy) -> date:
        """The day that must lie in the term."""
        return self.reported_on if policy.warranty_counts == DAY_OF_REPORT else self.shown_on


CASES = select(
    t.repair_case,
    t.unit.c.serial_number,
    t.unit.c.product_class,
    t.unit.c.model_name,
    t.unit.c.state.label("unit_state"),
).join_from(t.repair_case, t.unit, t.unit.c.id == t.repair_case.c.unit_id)


def case_of(connection: Connection, number: str) -> Case:
    """The case of this number. Raises UnknownCaseError."""
    return _one(connection, number, CASES)


def locked_case(connection: Connection, number: str) -> Case:
    """The same, kept from another change until the transaction ends."""
    return _one(connection, number, CASES.with_for_update(of=t.repair_case))


def as_case(row: Row[Any]) -> Case:
    """A row of CASES."""
    return Case(
        id=row.id,
        number=number_of(row.id),
        unit_id=row.unit_id,
        serial_number=row.serial_number,
        product_class=row.product_class,
        model_name=row.model_name,
        unit_state=row.unit_state,
        state=CaseState(row.state),
        symptom=Symptom(row.symptom),
        defect_on=row.defect_on,
        reported_on=row.reported_on,
        opened_at=row.opened_at,
        received_at=row.received_at,
        closed_at=row.closed_at,
        outcome=None if row.outcome is None else Outcome(row.outcome),
        replacement_unit_id=row.replacement_unit_id,
    )


def cover_for(connection: Connection, case: Case, policy: Policy | None = None) -> Cover:
    """The cover on the day that counts for the case."""
    policy = policy or read_policy(connection)
    day = case.counted_on(policy)
    return cover_of(connection, case.unit_id, case.product_class, day, policy)


def finding_of(connection: Connection, case_id: int) -> Finding | None:
    """The finding that holds."""
    row = connection.execute(
        select(t.repair_finding)
        .where(t.repair_finding.c.case_id == case_id)
        .order_by(t.repair_finding.c.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    return Finding(Defect(row.defect), Cause(row.cause), row.usable_again, CoverState(row.term))


def facts_of(connection: Connection, case: Case, policy: Policy) -> Facts:
    """All that a proposal rests on."""
    cover = cover_for(connection, case, policy)
    window = window_before(case.shown_on, case.reported_on, policy.evidence_days)
    return Facts(
        product_class=case.product_class,
        cover=cover,
        symptom=case.symptom,
        finding=finding_of(connection, case.id),
        history=collect(connection, case.unit_id, window, cover.held_since_on),
        protection_to_norms=_protection(connection, case.unit_id, cover.held_since_on),
    )


def number_of(case_id: int) -> str:
    """Such as RMA-000001."""
    return f"RMA-{case_id:06d}"


def price_of_new_one(connection: Connection, case: Case, today: date) -> int | None:
    """Euro cents by the price list in force, that of the model before that of its kind."""
    row = connection.execute(
        select(t.price.c.amount_cents)
        .where(
            t.price.c.product_class == case.product_class,
            t.price.c.model_name.in_({case.model_name, ""}),
            t.price.c.valid_from_on <= today,
        )
        .order_by(t.price.c.model_name.desc(), t.price.c.valid_from_on.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else row.amount_cents


def _one(connection: Connection, number: str, query: Select[Any]) -> Case:
    found = _NUMBER.fullmatch(number)
    row = None
    if found is not None:
        wanted = query.where(t.repair_case.c.id == int(found[1]))
        row = connection.execute(wanted).one_or_none()
    if row is None:
        raise UnknownCaseError("There is no repair case %(case)s.", case=number)
    return as_case(row)


def _protection(connection: Connection, unit_id: int, held_since_on: date | None) -> bool | None:
    """What was last recorded of the household, of this customer's time with the unit."""
    query = select(t.site_check).where(
        t.site_check.c.unit_id == unit_id, t.site_check.c.protection_to_norms.is_not(None)
    )
    if held_since_on is not None:
        query = query.where(t.site_check.c.checked_on >= held_since_on)
    row = connection.execute(query.order_by(t.site_check.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else bool(row.protection_to_norms)
