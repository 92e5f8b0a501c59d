"""Stolen and lost units: barred at once, and lifted by a person."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, StringConstraints

from fleet_server.api.caller import Context, CurrentCaller
from fleet_server.domain.roles import Permission
from fleet_server.services import blacklist
from fleet_server.services.blacklist import Cause, PoliceReport

router = APIRouter(prefix="/units/{serial}/blacklisting", tags=["theft and loss"])

Serial = Annotated[str, Path(max_length=32, examples=["00000002"])]
Words = Annotated[str, StringConstraints(min_length=3, max_length=512)]


class PoliceReportRequest(BaseModel):
    """The reference under which the police keep it: letters, digits, spaces and ./- only."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reference": "2026/11-4711", "reported_on": "2026-11-25"}]}
    )

    reference: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    reported_on: date


class BlacklistRequest(BaseModel):
    """`police_report` may come later."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"cause": "stolen", "police_report": None, "reason": "Told by phone"}]
        }
    )

    cause: Cause
    police_report: PoliceReportRequest | None = None
    reason: Words


class LiftingRequest(BaseModel):
    """`place` is where the unit is now; it goes into quarantine there."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"place": "STORE-1", "reason": "Handed in by the police"}]}
    )

    place: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    reason: Words


@router.post("", status_code=204)
def bar(serial: Serial, body: BlacklistRequest, caller: CurrentCaller, context: Context) -> None:
    """Bar a unit from enrolment, console, network and television; 409 when it is barred already."""
    caller.require(Permission.BLACKLIST_UNIT)
    report = _report(body.police_report) if body.police_report else None
    with context.fleet.writing() as connection:
        blacklist.blacklist(
            connection, serial, body.cause, report, caller.actor, body.reason, context.now()
        )


@router.put("/police-report", status_code=204)
def add_police_report(
    serial: Serial, body: PoliceReportRequest, caller: CurrentCaller, context: Context
) -> None:
    """Record the report that came later [7.1.5, 7.3.6]."""
    caller.require(Permission.BLACKLIST_UNIT)
    with context.fleet.writing() as connection:
        blacklist.add_police_report(connection, serial, _report(body), caller.actor, context.now())


@router.post("/lifting", status_code=204)
def lift(serial: Serial, body: LiftingRequest, caller: CurrentCaller, context: Context) -> None:
    """Take a unit off the list that was found."""
    caller.require(Permission.LIFT_BLACKLISTING)
    with context.fleet.writing() as connection:
        blacklist.lift(connection, serial, body.place, caller.actor, body.reason, context.now())


def _report(body: PoliceReportRequest) -> PoliceReport:
    return PoliceReport(body.reference, body.reported_on)
