"""How a repair case is written in answers of the API."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from fleet_server.api.warranty import CoverView, cover_view
from fleet_server.domain.evidence import LISTED, History
from fleet_server.domain.proposal import Proposal
from fleet_server.services.repair_decisions import Decision
from fleet_server.services.repair_facts import Case
from fleet_server.services.views_repairs import CaseRow, CaseView

_ROW: dict[str, Any] = {
    "number": "RMA-000001",
    "serial_number": "00000003",
    "product_class": "STB",
    "state": "found",
    "symptom": "no_picture",
    "defect_on": "2026-11-18",
    "reported_on": "2026-11-20",
    "opened_at": "2026-11-20T09:12:00Z",
    "received_at": "2026-11-21T08:00:00Z",
    "closed_at": None,
    "outcome": None,
    "turn_round_days": 5,
}


class RepairRow(BaseModel):
    """`turn_round_days`: local days since the bench has the unit, null before."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ROW]})

    number: str
    serial_number: str
    product_class: str
    state: str
    symptom: str
    defect_on: date | None
    reported_on: date
    opened_at: datetime
    received_at: datetime | None
    closed_at: datetime | None
    outcome: str | None
    turn_round_days: int | None


class FindingView(BaseModel):
    """`term` is the contractor's word on the cover; what is reckoned stands in `cover`."""

    defect: str
    cause: str
    usable_again: bool
    term: str


class ExhibitView(BaseModel):
    """One record; `dated` false: the unit's clock was not known, the day is that of arrival."""

    kind: str
    grade: str
    day: date
    dated: bool
    magnitude_mv: int | None
    duration_ms: int | None
    code: str


class EvidenceView(BaseModel):
    """Orientation, never proof. `counts` is by kind and grade; `records` leaves out losses of
    power and dips, which are only counted. `sight` says whether the unit could record a surge;
    `earlier` counts records before this customer received the unit; `events_missing` what the unit
    recorded and nobody has."""

    first_on: date
    last_on: date
    grade: str
    sight: str
    earlier: int
    events_missing: int
    counts: dict[str, dict[str, int]]
    records: list[ExhibitView]


class ProposalView(BaseModel):
    """What the rules propose to `party` on `subject`; a person decides. Cents are of the euro."""

    subject: str
    party: str
    action: str
    articles: list[str]
    reasons: list[str]
    grade: str
    evidence: list[str]
    amount_cents: int | None


class DecisionView(BaseModel):
    subject: str
    proposed: str
    choice: str
    articles: list[str]
    amount_cents: int | None
    decided_by: str
    decided_at: datetime


class PartView(BaseModel):
    code: str
    name: str
    quantity: int


class EntryView(BaseModel):
    """One entry of the case's log; `words` is null once they were erased."""

    at: datetime
    who: str
    action: str
    detail: dict[str, str | int | bool | None]
    words: str | None


class RepairView(RepairRow):
    """One case; nothing in it says which contract or customer it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_ROW,
                    "replacement": None,
                    "repeats": [],
                    "cover": {
                        "state": "in_term",
                        "reason": "covered_day",
                        "article": "7.2.2",
                        "day": "2026-11-18",
                        "received_on": "2026-03-01",
                        "last_covered_on": "2027-03-01",
                        "days_left": 104,
                    },
                    "finding": {
                        "defect": "power_supply",
                        "cause": "normal_use",
                        "usable_again": True,
                        "term": "in_term",
                    },
                    "evidence": {
                        "first_on": "2026-10-19",
                        "last_on": "2026-11-20",
                        "grade": "none",
                        "sight": "sensor",
                        "earlier": 0,
                        "events_missing": 0,
                        "counts": {},
                        "records": [],
                    },
                    "proposals": [
                        {
                            "subject": "repair",
                            "party": "contractor",
                            "action": "repair_in_warranty",
                            "articles": ["7.2.2"],
                            "reasons": ["normal_use"],
                            "grade": "none",
                            "evidence": [],
                            "amount_cents": None,
                        }
                    ],
                    "decisions": [],
                    "parts": [],
                    "log": [],
                }
            ]
        }
    )

    replacement: str | None
    repeats: list[str]
    cover: CoverView
    finding: FindingView | None
    evidence: EvidenceView
    proposals: list[ProposalView]
    decisions: list[DecisionView]
    parts: list[PartView]
    log: list[EntryView]


def row_view(row: CaseRow) -> RepairRow:
    days = row.turn_round.days if row.turn_round else None
    return RepairRow(**_row(row.case), turn_round_days=days)


def case_view(view: CaseView) -> RepairView:
    finding = view.finding
    return RepairView(
        **_row(view.case),
        turn_round_days=view.turn_round.days if view.turn_round else None,
        replacement=view.replacement,
        repeats=list(view.repeats),
        cover=cover_view(view.cover),
        finding=None
        if finding is None
        else FindingView(
            defect=finding.defect,
            cause=finding.cause,
            usable_again=finding.usable_again,
            term=finding.term,
        ),
        evidence=_evidence(view.history),
        proposals=[_proposal(proposal) for proposal in view.proposals],
        decisions=[_decision(decision, view.who) for decision in view.decisions],
        parts=[
            PartView(code=part.code, name=part.name, quantity=part.quantity) for part in view.parts
        ],
        log=[
            EntryView(
                at=entry.at,
                who=view.who.get(entry.actor.name, entry.actor.name),
                action=entry.action,
                detail=entry.detail,
                words=entry.reason,
            )
            for entry in view.log
        ],
    )


def _row(case: Case) -> dict[str, Any]:
    names = set(RepairRow.model_fields) - {"turn_round_days"}
    return {name: getattr(case, name) for name in names}


def _evidence(history: History) -> EvidenceView:
    counts: dict[str, Counter[str]] = {}
    for exhibit in history.exhibits:
        counts.setdefault(exhibit.kind, Counter())[exhibit.grade] += 1
    return EvidenceView(
        first_on=history.window.first_on,
        last_on=history.window.last_on,
        grade=history.grade(),
        sight=history.sight,
        earlier=history.earlier,
        events_missing=history.events_missing,
        counts={kind: dict(by_grade) for kind, by_grade in counts.items()},
        records=[
            ExhibitView(
                kind=exhibit.kind,
                grade=exhibit.grade,
                day=exhibit.day,
                dated=exhibit.dated,
                magnitude_mv=exhibit.magnitude_mv,
                duration_ms=exhibit.duration_ms,
                code=exhibit.code,
            )
            for exhibit in history.exhibits
            if exhibit.kind in LISTED
        ],
    )


def _proposal(proposal: Proposal) -> ProposalView:
    return ProposalView(
        subject=proposal.subject,
        party=proposal.party,
        action=proposal.action,
        articles=list(proposal.articles),
        reasons=list(proposal.reasons),
        grade=proposal.grade,
        evidence=list(proposal.evidence),
        amount_cents=proposal.amount_cents,
    )


def _decision(decision: Decision, who: dict[str, str]) -> DecisionView:
    account = str(decision.account_id)
    return DecisionView(
        subject=decision.subject,
        proposed=decision.proposed,
        choice=decision.choice,
        articles=list(decision.articles),
        amount_cents=decision.amount_cents,
        decided_by=who.get(account, account),
        decided_at=decision.decided_at,
    )
