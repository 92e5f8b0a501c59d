"""Units in stock: lists, moves, the history of one, and smart cards paired with boxes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, StringConstraints

from fleet_server.api.caller import Context, CurrentCaller
from fleet_server.api.contracts import HoldingView, PairingView, Reason, holding
from fleet_server.api.paging import Page, Paging
from fleet_server.domain.life_cycle import UnitState
from fleet_server.domain.roles import Permission
from fleet_server.services import audit
from fleet_server.services.as_of import unit_holdings, unit_pairings, unit_stays
from fleet_server.services.pairings import pair, unpair
from fleet_server.services.stock_moves import move
from fleet_server.services.views_units import UnitRow, list_units, read_unit

router = APIRouter(prefix="/units", tags=["stock"])

Serial = Annotated[str, Path(max_length=32, examples=["00000031"])]
_Filter = Annotated[str, Query(max_length=32)]
_Code = Annotated[str, StringConstraints(max_length=32)]
_ROW: dict[str, Any] = {
    "serial_number": "00000031",
    "product_class": "STB",
    "model_name": "STB-40",
    "state": "in_stock",
    "place": "WH-1",
}


class UnitRowView(BaseModel):
    """One unit of a list; `place` is empty where it is at none of the operator's."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ROW]})

    serial_number: str
    product_class: str
    model_name: str
    state: str
    place: str


class StayView(BaseModel):
    """A unit in one state at one place."""

    state: str
    place: str | None
    from_at: datetime
    until_at: datetime | None


class EntryView(BaseModel):
    """One entry of the audit log; `actor` is an account's number or a part of the system.

    `reason` is null once its words were erased.
    """

    sequence: int
    at: datetime
    actor: str
    action: str
    detail: dict[str, Any]
    evidence: list[str]
    reason: str | None


class UnitHistoryView(BaseModel):
    """`holdings` and `entries` are empty for a role that may not see contracts."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "serial_number": "00000031",
                    "stays": [
                        {
                            "state": "in_stock",
                            "place": "WH-1",
                            "from_at": "2027-01-15T12:00:00Z",
                            "until_at": None,
                        }
                    ],
                    "pairings": [],
                    "holdings": [],
                    "entries": [],
                }
            ]
        }
    )

    serial_number: str
    stays: list[StayView]
    pairings: list[PairingView]
    holdings: list[HoldingView]
    entries: list[EntryView]


class MoveRequest(BaseModel):
    """`state`: in_stock, reserved, in_transit, van_stock, quarantine, dead_on_arrival, scrapped."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"state": "van_stock", "place": "VAN-1", "reason": "For Tuesday"}]
        },
    )

    state: UnitState
    place: _Code = ""
    reason: Reason


class PairingRequest(BaseModel):
    """`box`: serial number of the set-top box the card belongs into."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"box": "00000031", "reason": "Work order 7"}]},
    )

    box: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    reason: Reason


class UnpairingRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "Card does not answer"}]}
    )

    reason: Reason


@router.get("")
def get_units(
    caller: CurrentCaller,
    context: Context,
    paging: Paging,
    state: _Filter = "",
    place: _Filter = "",
    product_class: _Filter = "",
) -> Page[UnitRowView]:
    """Units in the order in which they were taken in, narrowed by state, place and kind."""
    caller.require(Permission.SEE_REGISTRY)
    with context.fleet.reading() as connection:
        rows = list_units(
            connection,
            paging.after_id(),
            paging.fetch,
            state=state,
            place=place,
            product_class=product_class,
        )
    return paging.page(rows, key=lambda row: (row.id,), view=_row)


@router.get("/{serial}/history")
def get_history(serial: Serial, caller: CurrentCaller, context: Context) -> UnitHistoryView:
    """Where the unit was, what it was paired with, what it served, and who recorded it."""
    caller.require(Permission.SEE_REGISTRY)
    with context.fleet.reading() as connection:
        unit = read_unit(connection, serial)
        stays = unit_stays(connection, unit.id)
        pairings = unit_pairings(connection, unit.id)
        holdings, entries = [], []
        if caller.account.may(Permission.SEE_CONTRACT):
            holdings = unit_holdings(connection, unit.id)
            entries = audit.history(connection, f"unit:{serial}")
    return UnitHistoryView(
        serial_number=serial,
        stays=[
            StayView(state=one.state, place=one.place, from_at=one.from_at, until_at=one.until_at)
            for one in stays
        ],
        pairings=[
            PairingView(card=one.card, box=one.box, since_at=one.since_at, until_at=one.until_at)
            for one in pairings
        ],
        holdings=[holding(one) for one in holdings],
        entries=[_entry(one) for one in entries],
    )


@router.post("/{serial}/move", status_code=204)
def post_move(serial: Serial, body: MoveRequest, caller: CurrentCaller, context: Context) -> None:
    """Move a unit within the stock; 409 when it serves, or cannot take this step."""
    caller.require(Permission.MOVE_STOCK)
    with context.fleet.writing() as connection:
        move(
            connection,
            caller.actor,
            serial,
            body.state,
            body.place,
            body.reason,
            context.now(),
        )


@router.put("/{serial}/pairing", status_code=204)
def put_pairing(
    serial: Serial, body: PairingRequest, caller: CurrentCaller, context: Context
) -> None:
    """Pair a smart card with a set-top box; 409 when either is paired with another."""
    caller.require(Permission.PAIR_CARD)
    with context.fleet.writing() as connection:
        pair(connection, caller.actor, serial, body.box, context.now(), body.reason)


@router.post("/{serial}/unpairing", status_code=204)
def post_unpairing(
    serial: Serial, body: UnpairingRequest, caller: CurrentCaller, context: Context
) -> None:
    """End the pairing of a smart card; 409 when it has none."""
    caller.require(Permission.PAIR_CARD)
    with context.fleet.writing() as connection:
        unpair(connection, caller.actor, serial, context.now(), body.reason)


def _row(row: UnitRow) -> UnitRowView:
    return UnitRowView(
        serial_number=row.serial_number,
        product_class=row.product_class,
        model_name=row.model_name,
        state=row.state,
        place=row.place,
    )


def _entry(one: audit.Recorded) -> EntryView:
    return EntryView(
        sequence=one.sequence,
        at=one.at,
        actor=one.actor.name,
        action=one.action,
        detail=one.detail,
        evidence=list(one.evidence),
        reason=one.reason,
    )
