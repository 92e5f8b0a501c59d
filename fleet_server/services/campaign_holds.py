"""Why a campaign holds back the cut of a replacement of its own: it is paused, or out of hours.

A replacement is ordered in the campaign's hours and while it runs, but may reach the cut later. A
technician does not even begin one meanwhile.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from fleet_server.domain.campaign import State
from fleet_server.domain.campaign_plan import Way, decode_plan
from fleet_server.domain.local_time import is_between
from fleet_server.domain.swap_remark import Say, hours_remark, remark
from fleet_server.services import tables as t
from fleet_server.services.swap_case import Case


def held_back(connection: Connection, case: Case, now: datetime) -> str:
    """The remark that says why; "" where nothing holds it back, or there is no campaign."""
    row = _campaign_of(connection, case.row)
    if row is None:
        return ""
    if row.state == State.PAUSED:
        return remark(Say.CAMPAIGN, campaign=row.id)
    hours = decode_plan(row.plan).hours if case.row.trigger == Way.REMOTE else None
    if hours is not None and not is_between(now, hours.begin, hours.end):
        return hours_remark(hours.begin, hours.end)
    return ""


def paused_campaign(connection: Connection, swap: Row[Any]) -> int | None:
    """The campaign of a row of `swap`, if it is paused."""
    row = _campaign_of(connection, swap)
    return row.id if row is not None and row.state == State.PAUSED else None


def _campaign_of(connection: Connection, swap: Row[Any]) -> Row[Any] | None:
    item = t.campaign_item.c
    return connection.execute(
        select(t.campaign)
        .join(t.campaign_item, item.campaign_id == t.campaign.c.id)
        .where(item.unit_id == swap.old_unit_id, item.reference == str(swap.id), t.is_open)
    ).one_or_none()
