"""What is due, and for one contract every deadline with how it ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict

from fleet_server.api.caller import Context, CurrentCaller
from fleet_server.api.paging import Page, Paging
from fleet_server.domain.clocks import ClockKind
from fleet_server.domain.roles import Permission
from fleet_server.services.policy import read_policy
from fleet_server.services.views_clocks import (
    WHO,
    Due,
    Wanted,
    clocks_of_contract,
    list_due,
    open_counts,
)

router = APIRouter(tags=["clocks"])

Number = Annotated[str, Path(max_length=32, examples=["C-1001"])]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_EXAMPLE: dict[str, Any] = {
    "kind": "return",
    "subject": "unit:7/9",
    "contract": "C-1001",
    "position": "internet",
    "serial_number": "00000002",
    "articles": ["7.1.1", "9.9"],
    "binding": True,
    "started_at": "2026-03-09T23:00:00Z",
    "due_at": "2026-03-15T23:00:00Z",
    "charge_from_at": "2026-04-05T22:00:00Z",
    "value_cents": 4900,
    "currency": "EUR",
    "done_at": None,
    "stopped_at": None,
    "state": "overdue",
    "next_step": "remind",
    "who": "call_centre",
}


class ClockView(BaseModel):
    """`due_at` is the first moment too late. `who` is a role, `customer` or `nobody`.

    `value_cents` is the value of a unit to be returned, as in the papers handed over with it; from
    `charge_from_at` on it may be proposed as a charge, null where it never is.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    kind: str
    subject: str
    contract: str
    position: str
    serial_number: str
    articles: list[str]
    binding: bool
    started_at: datetime
    due_at: datetime
    charge_from_at: datetime | None
    value_cents: int | None
    currency: str = "EUR"
    done_at: datetime | None
    stopped_at: datetime | None
    state: str
    next_step: str
    who: str


class ClockList(BaseModel):
    items: list[ClockView]


class ClockCounts(BaseModel):
    """How many deadlines of each kind are open."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"installation": 3, "defect_answer": 1, "return": 12, "swap_notice": 0},
            ]
        },
        extra="allow",
    )


@router.get("/clocks")
def get_clocks(
    caller: CurrentCaller,
    context: Context,
    paging: Paging,
    kind: ClockKind | None = None,
    who: Annotated[str, Query(max_length=16, description=f"one of {', '.join(WHO)}")] = "",
) -> Page[ClockView]:
    """What runs or is overdue, the earliest due first.

    Requests for compensation, which only the customer may make, are listed by their `kind`.
    """
    caller.require(Permission.SEE_CLOCKS)
    sent = paging.after(int, int)
    after = (_EPOCH + int(sent[0]) * _MILLISECOND, int(sent[1])) if sent else None
    with context.fleet.reading() as connection:
        rows = list_due(connection, Wanted(kind, who), context.now(), after, paging.fetch)
    return paging.page(rows, lambda due: (_ms(due.clock.due_at), due.id), clock_view)


@router.get("/clock-counts")
def get_clock_counts(caller: CurrentCaller, context: Context) -> ClockCounts:
    """How many deadlines of each kind are open, as kept."""
    caller.require(Permission.SEE_CLOCKS)
    with context.fleet.reading() as connection:
        return ClockCounts.model_validate(open_counts(connection))


@router.get("/contracts/{number}/clocks")
def get_contract_clocks(number: Number, caller: CurrentCaller, context: Context) -> ClockList:
    """Every deadline of a contract, those that ended too; 404 when there is no such contract."""
    caller.require(Permission.SEE_CLOCKS)
    with context.fleet.reading() as connection:
        found = clocks_of_contract(connection, number, read_policy(connection), context.now())
    return ClockList(items=[clock_view(due) for due in found])


def clock_view(due: Due) -> ClockView:
    clock = due.clock
    return ClockView(
        kind=clock.kind.value,
        subject=due.subject,
        contract=due.contract,
        position=due.position,
        serial_number=due.serial_number,
        articles=list(clock.articles),
        binding=clock.binding,
        started_at=clock.started_at,
        due_at=clock.due_at,
        charge_from_at=clock.charge_from_at,
        value_cents=due.value_cents,
        done_at=clock.done_at,
        stopped_at=clock.stopped_at,
        state=due.state.value,
        next_step=due.step.value,
        who=due.who,
    )


def _ms(at: datetime) -> int:
    return (at - _EPOCH) // _MILLISECOND
