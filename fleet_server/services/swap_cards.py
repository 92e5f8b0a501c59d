"""Whether the smart card of a replacement is in its box, by what the box told of it last.

The card is a new one for the customer's box, or the customer's own, which he takes out of the old
box and puts into the new one. A box that says that its card runs says so of any: the number on the
card decides. A card that runs and does not tell its number counts when it was put in after the
replacement was approved; so does one that moves, because the new box may have had it before.
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
from fleet_server.domain.service_state import ServiceState
from fleet_server.services import tables as t
from fleet_server.services.swap_case import Case

_EVENTS = (CARD_INSERTED_EVENT, CARD_REMOVED_EVENT, CARD_STATE_EVENT)
_READABLE = (CARD_WRONG_PAIRING, CARD_NOT_ENTITLED, CARD_RUNNING)


def is_in(connection: Connection, case: Case) -> bool:
    """Whether the box reads the card, paired or not."""
    return _state(connection, case) in _READABLE


def runs(connection: Connection, case: Case) -> bool:
    """Whether the card is in the box and opens what the customer may see: nothing while the
    contract is suspended."""
    state = _state(connection, case)
    may_see = case.state is not ServiceState.SUSPENDED
    return state == CARD_RUNNING or (state == CARD_NOT_ENTITLED and not may_see)


def _state(connection: Connection, case: Case) -> str:
    """What is known of the card; "" while it is not in its box."""
    if case.box is None or case.card is None:
        return ""
    event = t.event.c
    newest = connection.execute(
        select(event.name, event.params, event.received_at)
        .where(event.endpoint_id == case.box.endpoint_id, event.name.in_(_EVENTS))
        .order_by(event.id.desc())
        .limit(1)
    ).one_or_none()
    if newest is None or newest.name != CARD_STATE_EVENT:
        return ""
    told = json.loads(newest.params)
    number = told.get("SerialNumber", "")
    must_be_recent = not number or case.card is not case.new
    is_recent = newest.received_at >= case.row.approved_at
    is_it = number in ("", case.card.serial_number) and (is_recent or not must_be_recent)
    return str(told["State"]) if is_it else ""
