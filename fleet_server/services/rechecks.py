"""Where and when outages have to be looked for again: a list in the database, so none is forgotten.

Whoever changes an interruption, or what is said of a place, puts the top element and the hour on
the list in the same transaction; the controller works it off (`outages.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from fleet_server.domain.place import Topology
from fleet_server.services import tables as t
from fleet_server.services.upsert import insert_new


def hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def look_again(
    connection: Connection, topology: Topology, places: Iterable[tuple[int, datetime]]
) -> None:
    """Put each element's top and the hour of the moment on the list, once."""
    wanted = {(topology.top(element), hour_of(at)) for element, at in places}
    insert_new(
        connection,
        t.recheck,
        [{"network_element_id": top, "hour_at": hour_at} for top, hour_at in sorted(wanted)],
        ("network_element_id",),
    )
