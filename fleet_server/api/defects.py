"""Reports of defects, their answers, requests for compensation [5.2, 5.3]."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from fleet_server.api.caller import Context, CurrentCaller
from fleet_server.api.paging import Page, Paging
from fleet_server.domain.roles import Permission
from fleet_server.services import defects as desk
from fleet_server.services.defects import Answer, Defect, Symptom

router = APIRouter(tags=["defects"])

Number = Annotated[str, Path(max_length=32, examples=["C-1001"])]
DefectId = Annotated[int, Path(ge=1, lt=1 << 63, examples=[12])]
_EXAMPLE: dict[str, Any] = {
    "id": 12,
    "contract": "C-1001",
    "position": "internet",
    "symptom": "no_service",
    "reported_at": "2026-03-28T11:40:00Z",
    "cleared_by_phone_at": None,
    "answered_at": None,
    "answer": None,
    "compensation_requested_at": None,
}


class DefectView(BaseModel):
    """`position` is empty when the report is about the whole contract."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: int
    contract: str
    position: str
    symptom: Symptom
    reported_at: datetime
    cleared_by_phone_at: datetime | None
    answered_at: datetime | None
    answer: Answer | None
    compensation_requested_at: datetime | None


class DefectReport(BaseModel):
    """`reported_at`: when the customer told, now if it is left out."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"position": "internet", "symptom": "no_service"}]}
    )

    position: Annotated[str, StringConstraints(max_length=32)] = ""
    symptom: Symptom
    reported_at: AwareDatetime | None = None


class DefectAnswer(BaseModel):
    """`words` stand beside the audit log and can be erased; name no customer all the same."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"answer": "visit", "words": "Technician on Monday"}]}
    )

    answer: Answer
    words: Annotated[str, StringConstraints(max_length=512)] = ""


class CompensationRequest(BaseModel):
    """`requested_at`: when the request was filed, now if it is left out."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"requested_at": "2026-03-28T11:40:00Z"}]}
    )

    requested_at: AwareDatetime | None = None


@router.post("/contracts/{number}/defects", status_code=201)
def post_defect(
    number: Number, body: DefectReport, caller: CurrentCaller, context: Context
) -> DefectView:
    """Put a report on record; its answer is then due. 404 for contract or position."""
    caller.require(Permission.RECORD_DEFECT)
    now = context.now()
    with context.fleet.writing() as connection:
        found = desk.report_defect(
            connection,
            caller.actor,
            number,
            body.position,
            body.symptom,
            body.reported_at or now,
            now,
        )
    return _view(found)


@router.get("/contracts/{number}/defects")
def get_defects(
    number: Number, caller: CurrentCaller, context: Context, paging: Paging
) -> Page[DefectView]:
    """The reports of a contract, the newest first."""
    caller.require(Permission.SEE_CLOCKS)
    before = paging.after_id() or None
    with context.fleet.reading() as connection:
        rows = desk.defects_of_contract(connection, number, before, paging.fetch)
    return paging.page(rows, lambda row: (row.id,), _view)


@router.get("/defects/{defect_id}")
def get_defect(defect_id: DefectId, caller: CurrentCaller, context: Context) -> DefectView:
    """One report; 404 when there is none of this number."""
    caller.require(Permission.SEE_CLOCKS)
    with context.fleet.reading() as connection:
        return _view(desk.read_defect(connection, defect_id))


@router.put("/defects/{defect_id}/clearing")
def put_clearing(defect_id: DefectId, caller: CurrentCaller, context: Context) -> DefectView:
    """It was cleared by phone, so that no answer is due. 409 when it is settled already."""
    caller.require(Permission.RECORD_DEFECT)
    with context.fleet.writing() as connection:
        return _view(desk.clear_by_phone(connection, caller.actor, defect_id, context.now()))


@router.put("/defects/{defect_id}/answer")
def put_answer(
    defect_id: DefectId, body: DefectAnswer, caller: CurrentCaller, context: Context
) -> DefectView:
    """The customer was told how it is solved. 409 when it is settled already."""
    caller.require(Permission.RECORD_DEFECT)
    with context.fleet.writing() as connection:
        found = desk.answer_defect(
            connection, caller.actor, defect_id, body.answer, body.words, context.now()
        )
    return _view(found)


@router.put("/defects/{defect_id}/compensation-request")
def put_compensation_request(
    defect_id: DefectId, body: CompensationRequest, caller: CurrentCaller, context: Context
) -> DefectView:
    """The customer asked for compensation. 409 when that stands on record already."""
    caller.require(Permission.RECORD_DEFECT)
    now = context.now()
    with context.fleet.writing() as connection:
        found = desk.request_compensation(
            connection, caller.actor, defect_id, body.requested_at or now, now
        )
    return _view(found)


def _view(found: Defect) -> DefectView:
    return DefectView.model_validate(found, from_attributes=True)
