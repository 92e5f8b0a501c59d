"""The warranty of a unit, what replaced what, and checks on site."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from fleet_server.api.caller import Context, CurrentCaller
from fleet_server.domain.local_time import local_day
from fleet_server.domain.roles import Permission
from fleet_server.domain.warranty import Cover, SupplierCover
from fleet_server.services.chains import read_chains
from fleet_server.services.cover import UnitCover, read_cover
from fleet_server.services.policy import read_policy
from fleet_server.services.repair_stock import SiteCheck, record_site_check
from fleet_server.services.views_repairs import open_case_of

router = APIRouter(prefix="/units/{serial}", tags=["warranty"])

Serial = Annotated[str, Path(max_length=32, examples=["00000003"])]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]

_COVER: dict[str, Any] = {
    "state": "in_term",
    "reason": "covered_day",
    "article": "7.2.2",
    "day": "2026-11-26",
    "received_on": "2026-03-01",
    "last_covered_on": "2027-03-01",
    "days_left": 96,
}
_UNIT: dict[str, Any] = {"serial_number": "00000003", "product_class": "STB", "cover": _COVER}


class CoverView(BaseModel):
    """`state`: in_term, expired, unknown (the day of receipt is not on record), no_term (the
    document names none for this kind), not_received (no customer had it on that day).

    `days_left` counts covered days from `day` on, `day` included. Out of term does not mean that
    the customer pays [7.2.6].
    """

    state: str
    reason: str
    article: str
    day: date
    received_on: date | None
    last_covered_on: date | None
    days_left: int | None


class SupplierView(BaseModel):
    """The supplier's warranty towards the operator: in_term, expired or unknown."""

    state: str
    until_on: date | None


class UnitWarranty(BaseModel):
    serial_number: str
    product_class: str
    cover: CoverView


class UnitWarrantyView(UnitWarranty):
    """`paired` is the card of a box, or the box of a card; `supplier` is null for a role that may
    not see it; `repair_case` is the number of the unit's open case."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_UNIT,
                    "paired": {**_UNIT, "serial_number": "0123456789", "product_class": "CARD"},
                    "supplier": {"state": "unknown", "until_on": None},
                    "repair_case": "RMA-000001",
                }
            ]
        }
    )

    paired: UnitWarranty | None
    supplier: SupplierView | None
    repair_case: str | None


class LinkView(BaseModel):
    serial_number: str
    since_on: date


class ReplacementsView(BaseModel):
    """Each chain from the first unit to the last; a unit can be in several, and in one twice."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "chains": [
                        [
                            {"serial_number": "00000003", "since_on": "2026-03-01"},
                            {"serial_number": "00000007", "since_on": "2026-06-01"},
                        ]
                    ]
                }
            ]
        }
    )

    chains: list[list[LinkView]]


class SiteCheckRequest(BaseModel):
    """What was measured where the unit serves. `protection_to_norms` null: nobody looked."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "checked_on": "2026-11-20",
                    "earthing_milliohm": 4200,
                    "protection_to_norms": None,
                    "instrument": "earth tester, serial 12",
                    "method": "3-pole fall of potential",
                }
            ]
        }
    )

    checked_on: date
    earthing_milliohm: Annotated[int, Field(ge=0, le=100_000_000)] | None = None
    protection_to_norms: bool | None = None
    instrument: ShortText
    method: ShortText


@router.get("/warranty")
def get_warranty(
    serial: Serial,
    caller: CurrentCaller,
    context: Context,
    on: Annotated[date | None, Query(description="local day asked for; today if absent")] = None,
) -> UnitWarrantyView:
    """The verdict on one unit for a day; 404 when it was never taken into stock."""
    caller.require(Permission.LOOK_UP_UNIT)
    with context.fleet.reading() as connection:
        day = on or local_day(context.now())
        found = read_cover(connection, serial, day, read_policy(connection))
        case = open_case_of(connection, serial)
    supplier = caller.account.may(Permission.SEE_SUPPLIER_WARRANTY)
    return UnitWarrantyView(
        **_unit(found).model_dump(),
        paired=_unit(found.paired) if found.paired else None,
        supplier=_supplier(found.supplier) if supplier else None,
        repair_case=case,
    )


@router.get("/replacements")
def get_replacements(serial: Serial, caller: CurrentCaller, context: Context) -> ReplacementsView:
    """Which units this one replaced and was replaced by, followed both ways."""
    caller.require(Permission.LOOK_UP_UNIT)
    with context.fleet.reading() as connection:
        chains = read_chains(connection, serial)
    return ReplacementsView(
        chains=[
            [LinkView(serial_number=link.serial_number, since_on=link.since_on) for link in chain]
            for chain in chains
        ]
    )


@router.post("/site-checks", status_code=204)
def post_site_check(
    serial: Serial, body: SiteCheckRequest, caller: CurrentCaller, context: Context
) -> None:
    """Record earthing and protection as measured; missing checks void nothing [7.2.7]."""
    caller.require(Permission.RECORD_SITE_CHECK)
    check = SiteCheck(
        serial_number=serial,
        checked_on=body.checked_on,
        earthing_milliohm=body.earthing_milliohm,
        protection_to_norms=body.protection_to_norms,
        instrument=body.instrument,
        method=body.method,
    )
    with context.fleet.writing() as connection:
        record_site_check(connection, caller.account.id, check, context.now())


def cover_view(cover: Cover) -> CoverView:
    return CoverView(
        state=cover.state,
        reason=cover.reason,
        article=cover.article,
        day=cover.day,
        received_on=cover.received_on,
        last_covered_on=cover.last_covered_on,
        days_left=cover.days_left,
    )


def _unit(found: UnitCover) -> UnitWarranty:
    return UnitWarranty(
        serial_number=found.serial_number,
        product_class=found.product_class,
        cover=cover_view(found.cover),
    )


def _supplier(cover: SupplierCover) -> SupplierView:
    return SupplierView(state=cover.state, until_on=cover.until_on)
