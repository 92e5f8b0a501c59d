"""The registry row by row, in the columns of its files: read in pages, and taken in."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from fleet_server.api.caller import Context, CurrentCaller
from fleet_server.api.contracts import Reason
from fleet_server.api.paging import Page, Paging
from fleet_server.domain.import_subjects import subject_called
from fleet_server.domain.roles import Permission
from fleet_server.domain.rows import Fault, FileRow, as_field
from fleet_server.services.import_handlers import handler_of
from fleet_server.services.models import record_approval
from fleet_server.services.registry_export import export_page
from fleet_server.services.registry_import import Import

router = APIRouter(tags=["registry"])

MOST_ROWS = 200
Name = Annotated[str, Path(max_length=16, examples=["models"])]
ModelNumber = Annotated[int, Path(ge=1, lt=1 << 63, examples=[1])]
_Field = Annotated[str, StringConstraints(max_length=512)]
_MAY_SEE = {
    "contracts": Permission.SEE_CONTRACT,
    "assignments": Permission.SEE_CONTRACT,
}
_MAY_ADD = {
    "units": Permission.RECEIVE_UNITS,
    "pairings": Permission.PAIR_CARD,
    "contracts": Permission.SIGN_CONTRACT,
    "assignments": Permission.KEEP_REGISTRY,
}


class RowsRequest(BaseModel):
    """`rows`: objects of texts by column, as in a file; see docs/administrator/registry.md."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "rows": [{"code": "ST-2", "kind": "store", "name": "Store in the north"}],
                    "reason": "Opened on Monday",
                    "dry_run": False,
                }
            ]
        },
    )

    rows: Annotated[list[dict[str, _Field]], Field(min_length=1, max_length=MOST_ROWS)]
    reason: Reason
    dry_run: bool = False


class RefusalView(BaseModel):
    """`row` counts from 1; `column` is empty when it is the row as a whole."""

    row: int
    key: str
    column: str
    text: str


class RowsView(BaseModel):
    """What became of the rows; a refused row changed nothing."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "added": 0,
                    "unchanged": 0,
                    "refused": 1,
                    "refusals": [
                        {
                            "row": 1,
                            "key": "ST-2",
                            "column": "kind",
                            "text": "is on record already, as van",
                        }
                    ],
                }
            ]
        }
    )

    added: int
    unchanged: int
    refused: int
    refusals: list[RefusalView]


class ApprovalRequest(BaseModel):
    """`approval_reference`: of the regulator [7.1.8]; empty when the approval has ended."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"approval_reference": "EXAMPLE-9", "reason": "Letter of 3 May"}]
        },
    )

    approval_reference: Annotated[str, StringConstraints(max_length=64)]
    reason: Reason


@router.get("/registry/{subject}")
def get_rows(
    subject: Name, caller: CurrentCaller, context: Context, paging: Paging
) -> Page[dict[str, Any]]:
    """Rows of a subject in the columns of its file, with their number as `id` where it has one."""
    caller.require(_MAY_SEE.get(subject, Permission.SEE_REGISTRY))
    wanted = subject_called(subject)
    with context.fleet.reading() as connection:
        found, after = export_page(connection, wanted, paging.after_id(), paging.limit)
    names = [column.name for column in wanted.columns]
    items = [
        {"id": row.get("id"), **{name: as_field(row[name]) for name in names}} for row in found
    ]
    return paging.ended(items, None if after is None else (after,))


@router.post("/registry/{subject}")
def post_rows(
    subject: Name, body: RowsRequest, caller: CurrentCaller, context: Context
) -> RowsView:
    """Take rows in by the rules of an import; nothing on record is overwritten."""
    caller.require(_MAY_ADD.get(subject, Permission.KEEP_REGISTRY))
    job = Import(handler_of(subject), caller.actor, body.reason, body.dry_run)
    known = {column.name for column in job.handler.subject.columns}
    rows = [_row(number, row, known) for number, row in enumerate(body.rows, 1)]
    with context.fleet.writing() as connection:
        refusals = job.take(connection, rows, context.now())
    return RowsView(
        added=job.tally.added,
        unchanged=job.tally.unchanged,
        refused=job.tally.refused,
        refusals=[
            RefusalView(row=one.line, key=one.key, column=one.column, text=one.text)
            for one in refusals
        ],
    )


@router.post("/models/{model_id}/approval", status_code=204)
def post_approval(
    model_id: ModelNumber, body: ApprovalRequest, caller: CurrentCaller, context: Context
) -> None:
    """Record the approval of a model, or its end; 409 when it stands there already."""
    caller.require(Permission.KEEP_REGISTRY)
    with context.fleet.writing() as connection:
        record_approval(
            connection,
            caller.actor,
            model_id,
            body.approval_reference,
            body.reason,
            context.now(),
        )


def _row(number: int, fields: dict[str, str], known: set[str]) -> FileRow:
    strange = sorted(set(fields) - known)
    return FileRow(number, fields, tuple(Fault(name[:64], "is not known") for name in strange))
