"""Campaigns: what is to be done to which units, in which order, and how far each of them is."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    and_,
    false,
)

from fleet_server.services.tables.base import Id, Timestamp, metadata

campaign = Table(
    "campaign",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(64), nullable=False),
    Column("selection", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("created_by", String(64), nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("planned_at", Timestamp),
    Column("planned_by", String(64), nullable=False, server_default=""),
    Column("approved_at", Timestamp),
    Column("approved_by", String(64), nullable=False, server_default=""),
    Column("started_at", Timestamp),
    Column("ended_at", Timestamp),
    Column("why", String(16), nullable=False, server_default=""),
    Column("units", Integer, nullable=False, server_default="0"),
    Column("wave", Integer, nullable=False, server_default="0"),
    Column("wave_ended_at", Timestamp),
    Column("accepted_wave", Integer, nullable=False, server_default="0"),
    Column("paid_until_at", Timestamp),
    Column("ended_before", Integer, nullable=False, server_default="0"),
    Column("failed_before", Integer, nullable=False, server_default="0"),
    Column("joined_at", Timestamp),
    Column("joined_to", Id, nullable=False, server_default="0"),
    comment="selection, plan: JSON (domain/selection.py, campaign_plan.py); why: it stands still; "
    "units: items, those excluded too; accepted_wave: a person lets it go on though it missed; "
    "ended_before, failed_before: at the start or the last resume; joined_at: last look for units "
    "that match by now; joined_to: the unit up to which it came, 0 between two looks",
)

campaign_item = Table(
    "campaign_item",
    metadata,
    Column("campaign_id", ForeignKey("campaign.id"), primary_key=True),
    Column("unit_id", ForeignKey("unit.id"), primary_key=True),
    Column("wave", Integer, nullable=False),
    Column("state", String(8), nullable=False),
    Column("why", String(16), nullable=False, server_default=""),
    Column("due_at", Timestamp),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("reference", String(64), nullable=False, server_default=""),
    Column("new_unit_id", ForeignKey("unit.id")),
    Column("visit_area_id", Id),
    Column("visit_on", Date),
    Column("stop_asked", Boolean, nullable=False, server_default=false()),
    Column("said", String(256), nullable=False, server_default=""),
    Column("started_at", Timestamp),
    Column("ended_at", Timestamp),
    comment="one unit in one campaign; due_at: not before then, null unless it waits or is "
    "deferred; ended_at: null while it is open, of an excluded one when that was found; reference: "
    "of the action that was ordered; stop_asked: the action was asked to take itself back; said: "
    "why it could not be ordered",
)
is_not_begun = campaign_item.c.due_at.is_not(None)
is_open = campaign_item.c.ended_at.is_(None)
is_under_way = and_(campaign_item.c.due_at.is_(None), campaign_item.c.ended_at.is_(None))
for _name, _columns, _where in (
    ("due", ("campaign_id", "wave", "due_at"), is_not_begun),
    ("under_way", ("campaign_id", "unit_id"), is_under_way),
    ("open_unit", ("unit_id",), is_open),
):
    Index(
        f"ix_campaign_item_{_name}",
        *(campaign_item.c[_column] for _column in _columns),
        sqlite_where=_where,
        postgresql_where=_where,
    )
_takes_stock = and_(campaign_item.c.new_unit_id.is_not(None), is_open)
Index(
    "uq_campaign_item_new_unit",
    campaign_item.c.new_unit_id,
    unique=True,
    sqlite_where=_takes_stock,
    postgresql_where=_takes_stock,
)

campaign_count = Table(
    "campaign_count",
    metadata,
    Column("campaign_id", ForeignKey("campaign.id"), primary_key=True),
    Column("wave", Integer, primary_key=True),
    Column("state", String(8), primary_key=True),
    Column("why", String(16), primary_key=True),
    Column("units", Integer, nullable=False),
    comment="how many items of a campaign are where; kept with every step of an item, not counted",
)

visit_day = Table(
    "visit_day",
    metadata,
    Column("network_element_id", Id, primary_key=True, autoincrement=False),
    Column("day", Date, primary_key=True),
    Column("booked", Integer, nullable=False),
    comment="visits of technicians by the top element of the network; 0: not known",
)

protected_contract = Table(
    "protected_contract",
    metadata,
    Column("contract_id", ForeignKey("contract.id"), primary_key=True),
    Column("since_at", Timestamp, nullable=False),
    comment="sites that no campaign touches unless its author and approver say so",
)
