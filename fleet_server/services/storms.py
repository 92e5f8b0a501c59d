"""Lightning storms, found when surges come in; by the top element that the devices hang on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, select, update

from fleet_server.domain.place import Topology
from fleet_server.domain.storm import Storm, StormRules, Surge, find_storms
from fleet_server.services import tables as t
from fleet_server.services.pieces import from_ms, to_ms
from fleet_server.services.surroundings import homes
from fleet_server.services.upsert import insert_new

_AROUND = timedelta(hours=6)


def note_surges(
    connection: Connection,
    topology: Topology,
    events: Sequence[dict[str, Any]],
    now: datetime,
    rules: StormRules | None = None,
) -> None:
    """Take in new `Transient!` events (rows of `event`) and find the storms around them."""
    home = homes(connection, {event["endpoint_id"] for event in events})
    rows = []
    for event in events:
        place = home.get(event["endpoint_id"])
        if place is not None and place.element is not None:
            rows.append(
                {
                    "endpoint_id": event["endpoint_id"],
                    "event_key": event["event_key"],
                    "network_element_id": topology.top(place.element),
                    "at": min(event["device_at"] or now, now),
                }
            )
    insert_new(connection, t.surge, rows, ("endpoint_id",))
    areas: dict[int, list[datetime]] = {}
    for row in rows:
        areas.setdefault(row["network_element_id"], []).append(row["at"])
    for area, moments in areas.items():
        _find(connection, area, min(moments) - _AROUND, max(moments) + _AROUND, now, rules)


def storms_over(
    connection: Connection, topology: Topology, elements: Iterable[int], at: datetime
) -> list[int]:
    """Storms over the elements at that moment, within an hour before or after it."""
    tops = {topology.top(element) for element in elements}
    storm = t.storm.c
    query = select(storm.id).where(
        storm.network_element_id.in_(tops),
        storm.started_at <= at + timedelta(hours=1),
        storm.ended_at >= at - timedelta(hours=1),
    )
    return list(connection.scalars(query.order_by(storm.id)))


def _find(
    connection: Connection,
    area: int,
    from_at: datetime,
    until_at: datetime,
    now: datetime,
    rules: StormRules | None,
) -> None:
    surge = t.surge.c
    query = select(t.surge).where(
        surge.network_element_id == area, surge.at >= from_at, surge.at <= until_at
    )
    surges = [
        Surge(f"{row.endpoint_id} {row.event_key}", area, row.endpoint_id, to_ms(row.at))
        for row in connection.execute(query)
    ]
    for found in find_storms(surges, rules or StormRules()):
        _keep(connection, found, now)


def _keep(connection: Connection, found: Storm, now: datetime) -> None:
    values = {
        "started_at": from_ms(found.start_ms),
        "ended_at": from_ms(found.end_ms),
        "devices": found.devices,
        "surges": len(found.surges),
        "updated_at": now,
    }
    storm = t.storm.c
    same = connection.scalars(
        select(storm.id)
        .where(
            storm.network_element_id == found.area,
            storm.started_at <= values["ended_at"],
            storm.ended_at >= values["started_at"],
        )
        .order_by(storm.id)
    ).all()
    if not same:
        connection.execute(t.storm.insert().values(network_element_id=found.area, **values))
        return
    connection.execute(update(t.storm).where(storm.id == same[0]).values(**values))
    if same[1:]:
        connection.execute(delete(t.storm).where(storm.id.in_(same[1:])))
