"""Whether the new smart card of a replacement is in its box, by what the box told of it last.

A box that says that its card runs says so of the old one as well: the number on the card decides.
A card that runs and does not tell its number counts when it was put in after the replacement was
approved.
"""

from __future__ import annotations

import json

from sqlalchemy import Connection, select

from agent.wire.codes import (
    CARD_INSERTED_EVENT,
    CARD_NOT_ENTITLED,
    CARD_REMOVED_EVENT,
    CARD_RUNNING,
    CARD_STATE_EVENT,
    CARD_WRONG_PAIRING,
)
from fleet_server.services import tables as t
from fleet_server.services.swap_case import Case

_EVENTS = (CARD_INSERTED_EVENT, CARD_REMOVED_EVENT, CARD_STATE_EVENT)
_READABLE = (CARD_WRONG_PAIRING, CARD_NOT_ENTITLED, CARD_RUNNING)


def is_in(connection: Connection, case: Case) -> bool:
    """Whether the box reads the new card, paired or not."""
    return _state(connection, case) in _READABLE


def runs(connection: Connection, case: Case) -> bool:
    """Whether the new card is in the box and opens its channels."""
    return _state(connection, case) == CARD_RUNNING


def _state(connection: Connection, case: Case) -> str:
    """What is known of the new card; "" while it is not in its box."""
    if case.partner is None:
        return ""
    event = t.event.c
    newest = connection.execute(
        select(event.name, event.params, event.received_at)
        .where(event.endpoint_id == case.partner.endpoint_id, event.name.in_(_EVENTS))
        .order_by(event.id.desc())
        .limit(1)
    ).one_or_none()
    if newest is None or newest.name != CARD_STATE_EVENT:
        return ""
    told = json.loads(newest.params)
    number = told.get("SerialNumber", "")
    is_new = number == case.new.serial_number
    is_new |= not number and newest.received_at >= case.row.approved_at
    return str(told["State"]) if is_new else ""
