"""Tells devices the days of their warranty, and those of the smart card in them.

The device never works out a term itself. Whatever in the registry may change the days of a unit
(handed over, corrected, paired, taken off) is an entry of the audit log; the units named there are
judged anew, and a device whose days are not those it was told last is told them as soon as it is
connected [7.2.2].
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, exists, or_, select

from fleet_server.domain.local_time import local_day
from fleet_server.domain.operations import System, TellWarranty, encode, kind_of
from fleet_server.domain.policy import Policy
from fleet_server.domain.warranty import Cover, years_of
from fleet_server.services import outbox
from fleet_server.services import tables as t
from fleet_server.services.audit_follow import new_subjects
from fleet_server.services.cover import read_cover
from fleet_server.services.policy import read_policy

FOLLOWER = "warranty_days"
_UNIT = "unit:"
_NOT_KNOWN, _NO_TERM = "unknown", "none"


def follow(connection: Connection, now: datetime) -> int:
    """Work off the next entries; gives how many subjects they had, 0 when there are none."""
    subjects, sequence = new_subjects(connection, FOLLOWER)
    serials = {one.removeprefix(_UNIT) for one in subjects if one.startswith(_UNIT)}
    policy = read_policy(connection)
    for serial_number, endpoint_id in _devices(connection, serials):
        wanted = _wanted(connection, serial_number, endpoint_id, policy, now)
        if _told_last(connection, wanted) != encode(wanted):
            decision = f"warranty-{serial_number}-{sequence}"
            outbox.queue_in_place(connection, decision, [[(System.DEVICE, wanted)]], now)
    return len(subjects)


def _devices(connection: Connection, serials: set[str]) -> list[tuple[str, str]]:
    """Those of the units that are devices on a contract; for a card the box it is paired with."""
    card = t.unit.alias("card")
    paired = (
        select(t.pairing.c.box_unit_id)
        .join(card, card.c.id == t.pairing.c.card_unit_id)
        .where(card.c.serial_number.in_(serials))
    )
    found = connection.execute(
        select(t.unit.c.serial_number, t.unit.c.endpoint_id)
        .where(
            or_(t.unit.c.serial_number.in_(serials), t.unit.c.id.in_(paired)),
            t.unit.c.endpoint_id.is_not(None),
            exists().where(t.assignment.c.unit_id == t.unit.c.id, t.open_assignment),
        )
        .order_by(t.unit.c.id)
    )
    return [(row.serial_number, row.endpoint_id) for row in found]


def _wanted(
    connection: Connection, serial_number: str, endpoint_id: str, policy: Policy, now: datetime
) -> TellWarranty:
    found = read_cover(connection, serial_number, local_day(now), policy)
    unit = _days(found.cover, found.product_class, policy)
    card = (_NO_TERM, _NO_TERM)
    if found.paired is not None:
        card = _days(found.paired.cover, found.paired.product_class, policy)
    return TellWarranty(endpoint_id, *unit, *card)


def _days(cover: Cover, product_class: str, policy: Policy) -> tuple[str, str]:
    received = cover.received_on.isoformat() if cover.received_on else _NOT_KNOWN
    if years_of(product_class, policy) is None:
        return received, _NO_TERM
    return received, cover.last_covered_on.isoformat() if cover.last_covered_on else _NOT_KNOWN


def _told_last(connection: Connection, wanted: TellWarranty) -> str | None:
    """The arguments of the newest operation that tells this device its days."""
    arguments: str | None = connection.scalar(
        select(t.outbox.c.arguments)
        .where(
            t.outbox.c.target == f"{System.DEVICE}/{wanted.target}",
            t.outbox.c.kind == kind_of(wanted),
        )
        .order_by(t.outbox.c.id.desc())
        .limit(1)
    )
    return arguments
