"""Outages, what the operator's systems report of causes, and who answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from fleet_server.api.caller import Caller, Context, CurrentCaller
from fleet_server.api.paging import Page, Paging
from fleet_server.domain.causes import Cause
from fleet_server.domain.credit import Decision
from fleet_server.domain.errors import InvalidError
from fleet_server.domain.liability import Liability
from fleet_server.domain.roles import Permission
from fleet_server.services import cause_reports, liability
from fleet_server.services.cause_reports import CauseReport, Said, Source
from fleet_server.services.pieces import from_ms, to_ms
from fleet_server.services.policy import read_policy
from fleet_server.services.surroundings import read_topology
from fleet_server.services.views_outages import (
    CauseLiability,
    Member,
    OutageRow,
    OutageVerdict,
    list_members,
    list_outages,
    read_outage,
)

router = APIRouter(tags=["outages"])

Key = Annotated[int, Path(ge=1, lt=1 << 63)]
Element = Annotated[str, StringConstraints(min_length=1, max_length=32)]
Reason = Annotated[str, StringConstraints(min_length=3, max_length=512)]


class OutageSummary(BaseModel):
    """`devices` fell of the `population` that was there; `told` of them showed their power."""

    id: int
    cause: Cause
    confidence: str
    places: list[str]
    started_at: datetime
    ended_at: datetime | None
    devices: int
    population: int
    told: int
    powerless: int
    revision: int
    updated_at: datetime


class VerdictView(BaseModel):
    """What was believed from `decided_at` on."""

    cause: Cause
    confidence: str
    places: list[str]
    started_at: datetime
    ended_at: datetime | None
    devices: int
    population: int
    withdrawn: bool
    decided_at: datetime


class LiabilityView(BaseModel):
    """What is proposed for the time of one cause, and what a person decided."""

    cause: Cause
    proposed: Liability
    articles: list[str]
    reason: str
    excludes: bool
    decided: Liability | None
    counts: bool | None
    decided_at: datetime | None


class OutageDetail(OutageSummary):
    """`inferred_cause`: what the devices alone show. Verdicts are the newest first."""

    inferred_cause: Cause
    withdrawn: bool
    storms: list[int]
    liability: list[LiabilityView]
    verdicts: list[VerdictView]


class MemberView(BaseModel):
    """An interruption that the outage was seen by."""

    interruption: int
    endpoint_id: str
    cause: Cause
    started_at: datetime
    ended_at: datetime | None


class LiabilityDecision(BaseModel):
    """`counts`: whether the time counts for a credit [5.4]; `reason` stands in the audit log."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "cause": "access network",
                    "liability": "force_majeure",
                    "counts": False,
                    "reason": "Landslide on the main road, civil protection report",
                }
            ]
        }
    )

    cause: Cause
    liability: Liability
    counts: bool
    reason: Reason


class ReportRequest(BaseModel):
    """What a system of the operator or a person says of an element and all below it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "cause": "plant power",
                    "element": "N-117",
                    "from_at": "2027-03-04T11:52:00Z",
                    "until_at": None,
                    "source": "plant_supply",
                    "reference": "ALARM-88231",
                    "reason": "Supply of the node on battery, then off",
                }
            ]
        }
    )

    cause: Cause
    element: Element
    from_at: AwareDatetime
    until_at: AwareDatetime | None = None
    source: Source
    reference: Annotated[str, StringConstraints(max_length=64)] = ""
    reason: Reason


class ReportEnd(BaseModel):
    until_at: AwareDatetime


class Withdrawal(BaseModel):
    reason: Reason


class ReportView(BaseModel):
    id: int
    cause: Cause
    element: str
    from_at: datetime
    until_at: datetime | None
    source: Source
    reference: str
    recorded_at: datetime


@router.get("/outages")
def get_outages(
    caller: CurrentCaller, context: Context, paging: Paging, open: bool = False
) -> Page[OutageSummary]:
    """Outages as they are believed now, the latest first; `open` gives those that last."""
    caller.require(Permission.SEE_OUTAGES)
    after = paging.after(int, int)
    before = None if after is None else (from_ms(int(after[0])), int(after[1]))
    with context.fleet.reading() as connection:
        rows = list_outages(connection, open, before, paging.fetch)
    return paging.page(rows, key=lambda row: (to_ms(row.started_at), row.id), view=_summary)


@router.get("/outages/{outage_id}")
def get_outage(outage_id: Key, caller: CurrentCaller, context: Context) -> OutageDetail:
    """One outage with every verdict ever given on it; 404 when there is none."""
    caller.require(Permission.SEE_OUTAGES)
    with context.fleet.reading() as connection:
        found = read_outage(connection, outage_id)
    return OutageDetail(
        **_summary(found.row).model_dump(),
        inferred_cause=found.inferred_cause,
        withdrawn=found.withdrawn,
        storms=list(found.storms),
        liability=[_liability(one) for one in found.liability],
        verdicts=[_verdict(one) for one in found.verdicts],
    )


@router.get("/outages/{outage_id}/interruptions")
def get_members(
    outage_id: Key, caller: CurrentCaller, context: Context, paging: Paging
) -> Page[MemberView]:
    """The interruptions that the outage was seen by."""
    caller.require(Permission.SEE_OUTAGES)
    with context.fleet.reading() as connection:
        read_outage(connection, outage_id)
        rows = list_members(connection, outage_id, paging.after_id(), paging.fetch)
    return paging.page(rows, key=lambda row: (row.interruption_id,), view=_member)


@router.post("/outages/{outage_id}/liability", status_code=204)
def decide_outage(
    outage_id: Key, body: LiabilityDecision, caller: CurrentCaller, context: Context
) -> None:
    """Decide who answers for the time of one cause of an outage; the newest decision counts."""
    _decide(caller, context, body, outage_id=outage_id)


@router.post("/interruptions/{interruption_id}/liability", status_code=204)
def decide_interruption(
    interruption_id: Key, body: LiabilityDecision, caller: CurrentCaller, context: Context
) -> None:
    """The same for one interruption; it goes before a decision on its outage."""
    _decide(caller, context, body, interruption_id=interruption_id)


@router.get("/cause-reports")
def get_reports(caller: CurrentCaller, context: Context, paging: Paging) -> Page[ReportView]:
    """What was reported and stands, the newest first."""
    caller.require(Permission.SEE_OUTAGES)
    with context.fleet.reading() as connection:
        rows = cause_reports.list_reports(connection, paging.after_id() or None, paging.fetch)
    return paging.page(rows, key=lambda row: (row.id,), view=_report)


@router.post("/cause-reports", status_code=201)
def post_report(body: ReportRequest, caller: CurrentCaller, context: Context) -> ReportView:
    """Put a report on record; interruptions at the place are judged again at once."""
    caller.require(Permission.REPORT_CAUSE)
    if body.cause not in cause_reports.REPORTABLE:
        raise InvalidError(f"Reports say: {', '.join(cause_reports.REPORTABLE)}.")
    said = Said(
        body.cause,
        body.element,
        body.from_at.astimezone(UTC),
        body.until_at.astimezone(UTC) if body.until_at else None,
        body.source,
        body.reference,
    )
    with context.fleet.writing() as connection:
        return _report(
            cause_reports.record_report(connection, caller.actor, said, body.reason, context.now())
        )


@router.post("/cause-reports/{report_id}/end")
def end_report(
    report_id: Key, body: ReportEnd, caller: CurrentCaller, context: Context
) -> ReportView:
    """It holds no longer; 404 for one that ended already."""
    caller.require(Permission.REPORT_CAUSE)
    with context.fleet.writing() as connection:
        return _report(
            cause_reports.end_report(
                connection, caller.actor, report_id, body.until_at.astimezone(UTC), context.now()
            )
        )


@router.post("/cause-reports/{report_id}/withdrawal", status_code=204)
def withdraw_report(
    report_id: Key, body: Withdrawal, caller: CurrentCaller, context: Context
) -> None:
    """It was wrong: everything is judged as if it had never been said, and stays on record."""
    caller.require(Permission.REPORT_CAUSE)
    with context.fleet.writing() as connection:
        cause_reports.withdraw_report(
            connection, caller.actor, report_id, body.reason, context.now()
        )


def _decide(
    caller: Caller,
    context: Context,
    body: LiabilityDecision,
    outage_id: int | None = None,
    interruption_id: int | None = None,
) -> None:
    caller.require(Permission.DECIDE_LIABILITY)
    decision = Decision(body.cause, body.liability, body.counts)
    with context.fleet.writing() as connection:
        topology, policy = read_topology(connection), read_policy(connection)
        account, reason, now = caller.account.id, body.reason, context.now()
        if outage_id is not None:
            liability.decide_outage(
                connection, topology, policy, account, outage_id, decision, reason, now
            )
        if interruption_id is not None:
            liability.decide_interruption(
                connection, topology, policy, account, interruption_id, decision, reason, now
            )


def _summary(row: OutageRow) -> OutageSummary:
    return OutageSummary.model_validate(row, from_attributes=True)


def _verdict(row: OutageVerdict) -> VerdictView:
    return VerdictView.model_validate(row, from_attributes=True)


def _report(row: CauseReport) -> ReportView:
    return ReportView.model_validate(row, from_attributes=True)


def _member(row: Member) -> MemberView:
    return MemberView(
        interruption=row.interruption_id,
        endpoint_id=row.endpoint_id,
        cause=row.cause,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )


def _liability(one: CauseLiability) -> LiabilityView:
    decided = one.decided
    return LiabilityView(
        cause=one.cause,
        proposed=one.proposal.liability,
        articles=list(one.proposal.articles),
        reason=one.proposal.reason,
        excludes=one.proposal.excludes,
        decided=decided.decision.liability if decided else None,
        counts=decided.decision.counts if decided else None,
        decided_at=decided.decided_at if decided else None,
    )
