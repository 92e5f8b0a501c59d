"""Follows the audit log: whoever keeps something in step with the registry reads what is new there.

Every change of the registry is an entry, whoever made it, so that whoever changes something does
not have to think of what follows from it, and nothing is missed.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from fleet_server.services import tables as t
from fleet_server.services.upsert import upsert

_MOST = 500


def new_subjects(connection: Connection, follower: str) -> tuple[set[str], int]:
    """Subjects of the next entries that `follower` has not read, and the number of the last one.

    Reading them counts as done when the caller's transaction is committed. Gives an empty set and
    0 when there are none.
    """
    place = t.audit_follower.c
    last = connection.scalar(select(place.sequence).where(place.name == follower)) or 0
    entries = connection.execute(
        select(t.audit_entry.c.sequence, t.audit_entry.c.subject)
        .where(t.audit_entry.c.sequence > last)
        .order_by(t.audit_entry.c.sequence)
        .limit(_MOST)
    ).all()
    if not entries:
        return set(), 0
    newest = entries[-1].sequence
    upsert(connection, t.audit_follower, [{"name": follower, "sequence": newest}])
    return {entry.subject for entry in entries}, newest
