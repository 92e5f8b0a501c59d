"""What is shown of campaigns: the list, one with its progress, its items, what is left out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from fleet_server.domain.campaign import ItemState, State, Why
from fleet_server.domain.campaign_plan import Plan, decode_plan
from fleet_server.services import tables as t
from fleet_server.services.campaign_book import read_places
from fleet_server.services.campaigns import UnknownCampaignError


@dataclass(frozen=True, slots=True)
class Count:
    """How many units are in one place; wave 0 holds those left out."""

    wave: int
    state: ItemState
    why: Why
    units: int


@dataclass(frozen=True, slots=True)
class CampaignView:
    """`units` is the sum of `counts`, those left out included, at every moment. `why`: it stands
    still or was aborted by a person, too many failures, or a wave that missed its goal."""

    id: int
    name: str
    selection: Any
    plan: Plan
    state: State
    revision: int
    created_by: str
    created_at: datetime
    planned_by: str
    planned_at: datetime | None
    approved_by: str
    approved_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    why: str
    wave: int
    wave_ended_at: datetime | None
    units: int
    counts: tuple[Count, ...]

    def total(self, *states: ItemState) -> int:
        return sum(count.units for count in self.counts if count.state in states)


@dataclass(frozen=True, slots=True)
class ItemView:
    """One unit in a campaign; `due_at`: not before then; `reference`: of the command or swap;
    `said`: why it could not be ordered, "" where that is not so."""

    unit_id: int
    serial_number: str
    endpoint_id: str | None
    wave: int
    state: ItemState
    why: Why
    due_at: datetime | None
    tries: int
    reference: str
    new_serial_number: str | None
    visit_on: date | None
    said: str
    started_at: datetime | None
    ended_at: datetime | None


def list_campaigns(
    connection: Connection,
    before: int | None = None,
    limit: int = 50,
    state: State | None = None,
) -> list[CampaignView]:
    """The newest first; `before` is the id to go on from."""
    query = select(t.campaign).order_by(t.campaign.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(t.campaign.c.id < before)
    if state is not None:
        query = query.where(t.campaign.c.state == state)
    return [_view(connection, row) for row in connection.execute(query).all()]


def read_campaign(connection: Connection, campaign_id: int) -> CampaignView:
    """Raises UnknownCampaignError."""
    row = connection.execute(select(t.campaign).where(t.campaign.c.id == campaign_id)).one_or_none()
    if row is None:
        raise UnknownCampaignError("There is no campaign %(campaign)s.", campaign=campaign_id)
    return _view(connection, row)


def list_items(
    connection: Connection,
    campaign_id: int,
    state: ItemState | None = None,
    why: Why | None = None,
    after: int = 0,
    limit: int = 50,
) -> list[ItemView]:
    """Items in the order of their units, `after` is the unit to go on from; those left out are the
    ones in state excluded. Raises UnknownCampaignError."""
    read_campaign(connection, campaign_id)
    item, new_unit = t.campaign_item.c, t.unit.alias("new_unit")
    query = (
        select(
            t.campaign_item,
            t.unit.c.serial_number,
            t.unit.c.endpoint_id,
            new_unit.c.serial_number.label("new_serial_number"),
        )
        .join_from(t.campaign_item, t.unit, t.unit.c.id == item.unit_id)
        .outerjoin(new_unit, new_unit.c.id == item.new_unit_id)
        .where(item.campaign_id == campaign_id, item.unit_id > after)
        .order_by(item.unit_id)
        .limit(limit)
    )
    if state is not None:
        query = query.where(item.state == state)
    if why is not None:
        query = query.where(item.why == why)
    return [_item(row) for row in connection.execute(query)]


def _view(connection: Connection, row: Row[Any]) -> CampaignView:
    places = sorted(read_places(connection, row.id).items())
    values = {
        name: getattr(row, name)
        for name in CampaignView.__dataclass_fields__
        if name not in ("selection", "plan", "state", "counts")
    }
    return CampaignView(
        **values,
        selection=json.loads(row.selection),
        plan=decode_plan(row.plan),
        state=State(row.state),
        counts=tuple(Count(*place, units) for place, units in places),
    )


def _item(row: Row[Any]) -> ItemView:
    values = {
        name: getattr(row, name)
        for name in ItemView.__dataclass_fields__
        if name not in ("state", "why")
    }
    return ItemView(**values, state=ItemState(row.state), why=Why(row.why))
