"""Spare parts, the price list and checks on site: what repairs and charges draw on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, select

from fleet_server.domain.errors import InvalidError, UnknownUnitError
from fleet_server.domain.local_time import local_day
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Detail, Entry


@dataclass(frozen=True, slots=True)
class SparePart:
    code: str
    name: str
    on_hand: int


@dataclass(frozen=True, slots=True)
class Price:
    """Of a new unit, from a day on; `model_name` is empty for all models of the kind."""

    product_class: str
    model_name: str
    valid_from_on: date
    amount_cents: int


@dataclass(frozen=True, slots=True)
class SiteCheck:
    """What a technician measured of the household's earthing and protection, with what and how.

    Only what was measured: None says that nobody looked, which voids nothing [7.2.7].
    """

    serial_number: str
    checked_on: date
    earthing_milliohm: int | None
    protection_to_norms: bool | None
    instrument: str
    method: str


def deliver_parts(
    connection: Connection, actor: Actor, code: str, name: str, quantity: int, now: datetime
) -> SparePart:
    """Put spare parts on the contractor's shelf; a code that is new enters the catalogue."""
    known = connection.scalar(select(t.spare_part.c.id).where(t.spare_part.c.code == code))
    if known is None and not name.strip():
        raise InvalidError("Spare part %(code)s is new and needs a name.", code=code)
    add = {"name": name.strip()} if known is None else {}
    if known is None:
        connection.execute(t.spare_part.insert().values(code=code, on_hand=quantity, **add))
    else:
        connection.execute(
            t.spare_part.update()
            .where(t.spare_part.c.id == known)
            .values(on_hand=t.spare_part.c.on_hand + quantity)
        )
    detail: Detail = {"part": code, "quantity": quantity}
    audit.append(connection, actor, [Entry("parts_delivered", f"part:{code}", detail)], now)
    row = connection.execute(select(t.spare_part).where(t.spare_part.c.code == code)).one()
    return SparePart(row.code, row.name, row.on_hand)


def list_parts(connection: Connection, after: str, size: int) -> list[SparePart]:
    """The catalogue by code, from after `after` on."""
    rows = connection.execute(
        select(t.spare_part)
        .where(t.spare_part.c.code > after)
        .order_by(t.spare_part.c.code)
        .limit(size)
    )
    return [SparePart(row.code, row.name, row.on_hand) for row in rows]


def set_price(
    connection: Connection, actor: Actor, price: Price, reason: str, now: datetime
) -> None:
    """Enter a price from a day on; a day that has passed cannot be priced anew.

    Raises InvalidError.
    """
    if price.valid_from_on < local_day(now):
        raise InvalidError("A price begins today or later: what was proposed before rests on it.")
    if not reason.strip():
        raise InvalidError("A price needs a reason.")
    taken = connection.scalar(
        select(t.price.c.id).where(
            t.price.c.product_class == price.product_class,
            t.price.c.model_name == price.model_name,
            t.price.c.valid_from_on == price.valid_from_on,
        )
    )
    if taken is not None:
        raise InvalidError("There is a price from that day on already: choose another day.")
    connection.execute(
        t.price.insert().values(
            product_class=price.product_class,
            model_name=price.model_name,
            valid_from_on=price.valid_from_on,
            amount_cents=price.amount_cents,
        )
    )
    subject = f"price:{price.product_class}:{price.model_name}"[:80]
    detail: Detail = {
        "from_on": price.valid_from_on.isoformat(),
        "amount_cents": price.amount_cents,
    }
    audit.append(connection, actor, [Entry("price_set", subject, detail)], now, reason)


def list_prices(connection: Connection) -> list[Price]:
    """The whole list, by kind, model and day."""
    rows = connection.execute(
        select(t.price).order_by(
            t.price.c.product_class, t.price.c.model_name, t.price.c.valid_from_on
        )
    )
    return [
        Price(row.product_class, row.model_name, row.valid_from_on, row.amount_cents)
        for row in rows
    ]


def record_site_check(
    connection: Connection, account_id: int, check: SiteCheck, now: datetime
) -> None:
    """Put down what was measured. Raises UnknownUnitError, InvalidError."""
    if check.checked_on > local_day(now):
        raise InvalidError("The check is dated after today.")
    if check.earthing_milliohm is None and check.protection_to_norms is None:
        raise InvalidError("A check says something of earthing or of protection.")
    unit_id = connection.scalar(
        select(t.unit.c.id).where(t.unit.c.serial_number == check.serial_number)
    )
    if unit_id is None:
        raise UnknownUnitError(
            "No unit with serial number %(unit)s is known.", unit=check.serial_number
        )
    detail: Detail = {
        "checked_on": check.checked_on.isoformat(),
        "earthing_milliohm": check.earthing_milliohm,
        "protection_to_norms": check.protection_to_norms,
    }
    entry = Entry("site_checked", f"unit:{check.serial_number}", detail)
    (sequence,) = audit.append(connection, Actor.account(account_id), [entry], now)
    connection.execute(
        t.site_check.insert().values(
            unit_id=unit_id,
            checked_on=check.checked_on,
            earthing_milliohm=check.earthing_milliohm,
            protection_to_norms=check.protection_to_norms,
            instrument=check.instrument,
            method=check.method,
            account_id=account_id,
            recorded_at=now,
            audit_sequence=sequence,
        )
    )
