"""The customer's settings on their way from the old unit to the new one.

The old unit seals them for the server, the server keeps them so in the personal data store, and
seals them anew for the new unit's own key. They are erased a month after the swap has ended, and
with the person.
"""

from __future__ import annotations

import json
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from fleet_server.domain.errors import RuleError
from fleet_server.errors import FleetError
from fleet_server.services import tables as t
from fleet_server.services.enrolment import device_point
from fleet_server.services.fleet import Fleet
from fleet_server.services.people_tables import customer_settings
from fleet_server.services.upsert import upsert

KEPT_FOR = timedelta(days=30)
_SETTINGS = "Settings"


def settings_point(fleet: Fleet) -> str:
    """The argument SettingsKey of Prepare(); "" in a fleet without that key."""
    if fleet.settings_key is None:
        return ""
    return _text(fleet.settings_key.public_point())


def keep(fleet: Fleet, swap_id: int, contract: str, sealed: str, now: datetime) -> bool:
    """Keep what Prepare() gave; whether it can be opened."""
    if fleet.settings_key is None or fleet.people is None:
        return False
    try:
        data = a2b_base64(sealed.encode())
        fleet.settings_key.unseal(data)
    except (Base64Error, RuleError, FleetError):
        return False
    with fleet.writing_people() as people:
        row = {"swap_id": swap_id, "contract_number": contract, "sealed": data, "kept_at": now}
        upsert(people, customer_settings, [row])
    return True


def sealed_for(fleet: Fleet, connection: Connection, swap_id: int, endpoint_id: str) -> str:
    """The argument Settings of Adopt() for this unit; "" where there are none to carry over."""
    point = device_point(connection, endpoint_id)
    if fleet.settings_key is None or fleet.people is None or point is None:
        return ""
    with fleet.reading_people() as people:
        data: bytes | None = people.scalar(
            select(customer_settings.c.sealed).where(customer_settings.c.swap_id == swap_id)
        )
    if data is None:
        return ""
    plain = fleet.settings_key.unseal(data)
    return _text(fleet.settings_key.seal(point, endpoint_id, plain))


def forget_in_command(connection: Connection, command_key: str) -> None:
    """Leave no settings, sealed as they are, in a command that has ended."""
    row = connection.execute(
        select(t.command).where(
            t.command.c.command_key == command_key, t.command.c.finished_at.is_not(None)
        )
    ).one_or_none()
    if row is None:
        return
    args, outputs = json.loads(row.args), json.loads(row.outputs)
    if not args.pop(_SETTINGS, "") and not outputs.pop(_SETTINGS, ""):
        return
    outputs.pop(_SETTINGS, "")
    connection.execute(
        update(t.command)
        .where(t.command.c.id == row.id)
        .values(args=json.dumps(args, sort_keys=True), outputs=json.dumps(outputs, sort_keys=True))
    )


def erase_old(fleet: Fleet, now: datetime) -> int:
    """Erase what swaps that ended a month ago left; gives how many."""
    if fleet.people is None:
        return 0
    with fleet.reading_people() as people:
        kept = list(people.scalars(select(customer_settings.c.swap_id).limit(1000)))
    if not kept:
        return 0
    with fleet.reading() as connection:
        over = list(
            connection.scalars(
                select(t.swap.c.id).where(t.swap.c.id.in_(kept), t.swap.c.ended_at < now - KEPT_FOR)
            )
        )
    with fleet.writing_people() as people:
        people.execute(delete(customer_settings).where(customer_settings.c.swap_id.in_(over)))
    return len(over)


def _text(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode()
