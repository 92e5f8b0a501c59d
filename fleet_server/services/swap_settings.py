"""The customer's settings on their way from the old unit to the new one.

The old unit seals them for the server, the server keeps them so in the personal data store, and
seals them anew for the new unit's own key. They are erased a month after the swap has ended, and
with the person.
"""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, or_, select, update

from fleet_server.domain.errors import RuleError
from fleet_server.services import tables as t
from fleet_server.services.chunks import chunks
from fleet_server.services.command_store import without_settings
from fleet_server.services.enrolment import device_point
from fleet_server.services.fleet import Fleet
from fleet_server.services.people_tables import customer_settings
from fleet_server.services.ports import SettingsKey
from fleet_server.services.upsert import upsert

KEPT_FOR = timedelta(days=30)


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
    except Base64Error:
        return False
    if _opened(fleet.settings_key, data) is None:
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
    plain = _opened(fleet.settings_key, data) if data is not None else None
    return _text(fleet.settings_key.seal(point, endpoint_id, plain)) if plain is not None else ""


def forget_in_command(connection: Connection, command_key: str) -> None:
    """Leave no settings, sealed as they are, in a command that has ended."""
    row = connection.execute(
        select(t.command).where(
            t.command.c.command_key == command_key, t.command.c.finished_at.is_not(None)
        )
    ).one_or_none()
    if row is None:
        return
    left = {"args": without_settings(row.args), "outputs": without_settings(row.outputs)}
    connection.execute(update(t.command).where(t.command.c.id == row.id).values(**left))


def erase_old(fleet: Fleet, now: datetime) -> int:
    """Erase what swaps that ended a month ago left, or that nobody knows; gives how many."""
    if fleet.people is None:
        return 0
    with fleet.reading_people() as people:
        old = customer_settings.c.kept_at < now - KEPT_FOR
        kept = set(people.scalars(select(customer_settings.c.swap_id).where(old)))
    needed: set[int] = set()
    with fleet.reading() as connection:
        is_needed = or_(t.swap.c.ended_at.is_(None), t.swap.c.ended_at >= now - KEPT_FOR)
        for some in chunks(sorted(kept)):
            query = select(t.swap.c.id).where(t.swap.c.id.in_(some), is_needed)
            needed.update(connection.scalars(query))
    over = sorted(kept - needed)
    for some in chunks(over):
        with fleet.writing_people() as people:
            people.execute(delete(customer_settings).where(customer_settings.c.swap_id.in_(some)))
    return len(over)


def _opened(key: SettingsKey, data: bytes) -> bytes | None:
    """None where they were sealed for another key, as it was before this one."""
    try:
        return key.unseal(data)
    except RuleError:
        return None


def _text(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode()
