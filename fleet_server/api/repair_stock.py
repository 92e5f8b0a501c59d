"""Spare parts on the contractor's shelf, and the price list of new units."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from fleet_server.api.caller import Context, CurrentCaller
from fleet_server.api.paging import Page, Paging
from fleet_server.domain.kinds import ProductClass
from fleet_server.domain.roles import Permission
from fleet_server.services.repair_stock import (
    Price,
    SparePart,
    deliver_parts,
    list_parts,
    list_prices,
    set_price,
)

router = APIRouter(tags=["repairs"])

_PART: dict[str, Any] = {"code": "PSU-12", "name": "Supply 12 V", "on_hand": 8}
_PRICE: dict[str, Any] = {
    "product_class": "STB",
    "model_name": "",
    "valid_from_on": "2026-12-01",
    "amount_cents": 6000,
}


class SparePartView(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [_PART]})

    code: str
    name: str
    on_hand: int


class DeliveryRequest(BaseModel):
    """`name` is needed for a code that is not in the catalogue yet."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"code": "PSU-12", "name": "Supply 12 V", "quantity": 8}]}
    )

    code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,32}$")]
    name: Annotated[str, StringConstraints(max_length=64)] = ""
    quantity: Annotated[int, Field(ge=1, le=100_000)]


class PriceView(BaseModel):
    """Of a new unit from a day on, in euro cents; `model_name` is empty for all other models of
    the kind."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PRICE]})

    product_class: str
    model_name: str
    valid_from_on: date
    amount_cents: int


class PriceRequest(BaseModel):
    """A price begins today or later."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**_PRICE, "reason": "Price list of December"}]}
    )

    product_class: ProductClass
    model_name: Annotated[str, StringConstraints(max_length=64)] = ""
    valid_from_on: date
    amount_cents: Annotated[int, Field(ge=1, le=10_000_000)]
    reason: Annotated[str, StringConstraints(min_length=3, max_length=512)]


class PriceList(BaseModel):
    items: list[PriceView]


@router.get("/spare-parts")
def get_parts(caller: CurrentCaller, context: Context, paging: Paging) -> Page[SparePartView]:
    """The catalogue by code, with how many are on the shelf."""
    caller.require(Permission.SEE_REPAIRS)
    after = paging.after(str)
    with context.fleet.reading() as connection:
        rows = list_parts(connection, str(after[0]) if after else "", paging.fetch)
    return paging.page(rows, key=lambda row: (row.code,), view=_part)


@router.post("/spare-parts", status_code=201)
def post_delivery(body: DeliveryRequest, caller: CurrentCaller, context: Context) -> SparePartView:
    """Put parts on the shelf; a new code enters the catalogue."""
    caller.require(Permission.WORK_ON_REPAIRS)
    with context.fleet.writing() as connection:
        found = deliver_parts(
            connection, caller.actor, body.code, body.name, body.quantity, context.now()
        )
    return _part(found)


@router.get("/prices")
def get_prices(caller: CurrentCaller, context: Context) -> PriceList:
    """The price list of new units, past and coming prices with it [7.1.4, 7.2.6, 7.3.5]."""
    caller.require(Permission.SEE_PRICES)
    with context.fleet.reading() as connection:
        return PriceList(items=[_price(price) for price in list_prices(connection)])


@router.post("/prices", status_code=201)
def post_price(body: PriceRequest, caller: CurrentCaller, context: Context) -> PriceView:
    """Enter a price from a day on; 422 for a day that has passed or has its price."""
    caller.require(Permission.SET_PRICES)
    price = Price(body.product_class, body.model_name, body.valid_from_on, body.amount_cents)
    with context.fleet.writing() as connection:
        set_price(connection, caller.actor, price, body.reason, context.now())
    return _price(price)


def _part(part: SparePart) -> SparePartView:
    return SparePartView(code=part.code, name=part.name, on_hand=part.on_hand)


def _price(price: Price) -> PriceView:
    return PriceView(
        product_class=price.product_class,
        model_name=price.model_name,
        valid_from_on=price.valid_from_on,
        amount_cents=price.amount_cents,
    )
