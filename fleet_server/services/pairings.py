"""Smart cards and the set-top boxes they belong into: without its card no box opens TV [2]."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.exc import IntegrityError

from fleet_server.domain.errors import BlacklistedUnitError, ConflictError, WrongProductClassError
from fleet_server.domain.kinds import ProductClass
from fleet_server.domain.operations import PairCard, System
from fleet_server.services import audit, outbox
from fleet_server.services import tables as t
from fleet_server.services.assignments import find_unit, held_by
from fleet_server.services.audit import Actor, Entry

_open = t.pairing.c.until_at.is_(None)


class PairedAlreadyError(ConflictError):
    """The card or the box is paired with another."""


class NotPairedError(ConflictError):
    """The card is paired with no box."""


def pair(
    connection: Connection, actor: Actor, card: str, box: str, now: datetime, reason: str = ""
) -> None:
    """Pair a card with a box, by serial numbers; the same pair again changes nothing.

    Raises UnknownUnitError, WrongProductClassError, BlacklistedUnitError, PairedAlreadyError.
    """
    card_unit = _unit_of_kind(connection, card, ProductClass.CARD)
    box_unit = _unit_of_kind(connection, box, ProductClass.STB)
    found = connection.execute(
        select(t.pairing).where(
            (t.pairing.c.card_unit_id == card_unit.id) | (t.pairing.c.box_unit_id == box_unit.id),
            _open,
        )
    ).all()
    if [(row.card_unit_id, row.box_unit_id) for row in found] == [(card_unit.id, box_unit.id)]:
        return
    if any(row.card_unit_id == card_unit.id for row in found):
        raise PairedAlreadyError(
            "Card %(card)s is paired with another box; unpair it first.", card=card
        )
    if found:
        raise PairedAlreadyError(
            "Box %(box)s is paired with another card; unpair that first.", box=box
        )
    try:
        connection.execute(
            t.pairing.insert().values(
                card_unit_id=card_unit.id, box_unit_id=box_unit.id, since_at=now
            )
        )
    except IntegrityError as error:
        raise PairedAlreadyError(
            "Card %(card)s or box %(box)s was paired a moment ago.", card=card, box=box
        ) from error
    numbers = audit.append(connection, actor, _entries("card_paired", card, box), now, reason)
    _tell(connection, card, box, numbers[0], now)


def unpair(
    connection: Connection, actor: Actor, card: str, now: datetime, reason: str = ""
) -> None:
    """End the pairing of a card. Raises UnknownUnitError, NotPairedError."""
    card_unit = _unit_of_kind(connection, card, ProductClass.CARD)
    row = connection.execute(
        select(t.pairing.c.id, t.unit.c.serial_number)
        .join(t.unit, t.unit.c.id == t.pairing.c.box_unit_id)
        .where(t.pairing.c.card_unit_id == card_unit.id, _open)
    ).first()
    if row is None:
        raise NotPairedError("Card %(card)s is paired with no box.", card=card)
    connection.execute(update(t.pairing).where(t.pairing.c.id == row.id).values(until_at=now))
    entries = _entries("card_unpaired", card, row.serial_number)
    numbers = audit.append(connection, actor, entries, now, reason)
    _tell(connection, card, "", numbers[0], now)


def move_pairing(connection: Connection, actor: Actor, card: str, box: str, now: datetime) -> None:
    """Pair a card with a box whatever either was paired with; the card system knows it already.

    Raises UnknownUnitError, WrongProductClassError, BlacklistedUnitError.
    """
    card_unit = _unit_of_kind(connection, card, ProductClass.CARD)
    box_unit = _unit_of_kind(connection, box, ProductClass.STB)
    mine = (t.pairing.c.card_unit_id == card_unit.id) | (t.pairing.c.box_unit_id == box_unit.id)
    connection.execute(update(t.pairing).where(mine, _open).values(until_at=now))
    values = {"card_unit_id": card_unit.id, "box_unit_id": box_unit.id, "since_at": now}
    connection.execute(t.pairing.insert().values(**values))
    audit.append(connection, actor, _entries("card_paired", card, box), now)


def partner_of(connection: Connection, unit_id: int, product_class: str) -> str | None:
    """The serial number of what a card or a box is paired with now; None for every other unit."""
    if product_class == ProductClass.CARD:
        mine, other = t.pairing.c.card_unit_id, t.pairing.c.box_unit_id
    elif product_class == ProductClass.STB:
        mine, other = t.pairing.c.box_unit_id, t.pairing.c.card_unit_id
    else:
        return None
    return connection.scalar(
        select(t.unit.c.serial_number)
        .join(t.pairing, t.unit.c.id == other)
        .where(mine == unit_id, _open)
    )


def partner_left(connection: Connection, unit: Row[Any], contract: str) -> int | None:
    """The card that is in a box, or the box that a card is in, by its key; none that is barred.

    A pairing ends where one of the two is barred or handed in: the other counts as long as it is on
    the contract and in no other pair.
    """
    sides = {ProductClass.STB: ("box", "card"), ProductClass.CARD: ("card", "box")}
    if unit.product_class not in sides:
        return None
    mine, other = sides[ProductClass(unit.product_class)]
    found = connection.execute(
        select(t.unit.c.id, t.unit.c.product_class, t.unit.c.blacklisted, t.pairing.c.until_at)
        .join(t.pairing, t.pairing.c[f"{other}_unit_id"] == t.unit.c.id)
        .where(t.pairing.c[f"{mine}_unit_id"] == unit.id)
        .order_by(t.pairing.c.until_at.is_not(None), t.pairing.c.until_at.desc())
        .limit(1)
    ).one_or_none()
    if found is None or found.blacklisted:
        return None
    if found.until_at is not None:
        is_here = any(row.number == contract for row in held_by(connection, found.id))
        if not is_here or partner_of(connection, found.id, found.product_class):
            return None
    return int(found.id)


def _unit_of_kind(connection: Connection, serial: str, kind: ProductClass) -> Row[Any]:
    unit = find_unit(connection, serial)
    if unit.product_class != kind:
        raise WrongProductClassError(
            "Unit %(unit)s is a %(product_class)s, not a %(wanted_class)s.",
            unit=serial,
            product_class=unit.product_class,
            wanted_class=kind,
        )
    if unit.blacklisted:
        raise BlacklistedUnitError("Unit %(unit)s is blacklisted.", unit=serial)
    return unit


def _tell(connection: Connection, card: str, box: str, sequence: int, now: datetime) -> None:
    """Have the conditional-access system know it; `box` is "" for none."""
    stage = [(System.CONDITIONAL_ACCESS, PairCard(card, box))]
    outbox.queue_in_place(connection, f"pairing-{sequence}", [stage], now)


def _entries(action: str, card: str, box: str) -> list[Entry]:
    detail: dict[str, str | int | bool | None] = {"card": card, "box": box}
    return [Entry(action, f"unit:{serial}", detail) for serial in (card, box)]
