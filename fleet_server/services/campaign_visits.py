"""Days of technicians' visits: each area takes so many a day, whichever campaign asks first."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Connection, func, select

from fleet_server.domain.campaign_pace import first_free_day
from fleet_server.domain.local_time import local_day
from fleet_server.domain.policy import Policy
from fleet_server.services import tables as t
from fleet_server.services.upsert import add_to

UNKNOWN_AREA = 0


def book_visit(connection: Connection, area: int, policy: Policy, now: datetime) -> date | None:
    """Take the first day on which the area has a visit left; None when none has in 60 days."""
    columns = t.visit_day.c
    rows = connection.execute(
        select(columns.day, columns.booked).where(
            columns.network_element_id == area, columns.day >= local_day(now)
        )
    )
    booked = {row.day: row.booked for row in rows}
    day = first_free_day(booked, policy.campaign_visits_a_day, now)
    if day is not None:
        key = {"network_element_id": area, "day": day}
        add_to(connection, t.visit_day, key, "booked", 1)
    return day


def give_back(connection: Connection, area: int, day: date, visits: int = 1) -> None:
    """Free visits that are not made after all."""
    add_to(connection, t.visit_day, {"network_element_id": area, "day": day}, "booked", -visits)


def give_back_waiting(connection: Connection, campaign_id: int) -> None:
    """Free the visits of all items of a campaign that have not begun."""
    columns = t.campaign_item.c
    rows = connection.execute(
        select(columns.visit_area_id, columns.visit_on, func.count().label("visits"))
        .where(columns.campaign_id == campaign_id, t.is_not_begun, columns.visit_on.is_not(None))
        .group_by(columns.visit_area_id, columns.visit_on)
    ).all()
    for row in rows:
        give_back(connection, row.visit_area_id, row.visit_on, row.visits)
