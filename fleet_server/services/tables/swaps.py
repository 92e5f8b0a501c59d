"""Replacements of units: where each stands, what was asked and answered, what is still owed."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    and_,
)

from fleet_server.services.tables.base import Endpoint, Id, Timestamp, metadata

swap = Table(
    "swap",
    metadata,
    Column("id", Id, primary_key=True),
    Column("contract_id", ForeignKey("contract.id"), nullable=False),
    Column("position", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("old_unit_id", ForeignKey("unit.id")),
    Column("new_unit_id", ForeignKey("unit.id"), nullable=False),
    Column("partner_unit_id", ForeignKey("unit.id")),
    Column("trigger", String(12), nullable=False),
    Column("outlets", Integer, nullable=False),
    Column("planned_swap_id", ForeignKey("planned_swap.id")),
    Column("value_cents", BigInteger),
    Column("posted_at", Timestamp),
    Column("ordered_by", String(80), nullable=False),
    Column("ordered_at", Timestamp, nullable=False),
    Column("approved_by", String(80), nullable=False, server_default=""),
    Column("approved_at", Timestamp),
    Column("plan", Text, nullable=False),
    Column("at", Integer, nullable=False),
    Column("phase", String(12), nullable=False),
    Column("is_undoing", Boolean, nullable=False),
    Column("skipped", Text, nullable=False, server_default=""),
    Column("why", String(256), nullable=False, server_default=""),
    Column("asks", Integer, nullable=False, server_default="0"),
    Column("ask_key", String(64), nullable=False, server_default=""),
    Column("asked_at", Timestamp),
    Column("due_at", Timestamp, nullable=False),
    Column("waits_for", String(256), nullable=False, server_default=""),
    Column("stock_state", String(16), nullable=False, server_default=""),
    Column("came_up_at", Timestamp),
    Column("paper", Text, nullable=False, server_default=""),
    Column("ended_at", Timestamp),
    Index("ix_swap_contract_id_id", "contract_id", "id"),
    Index("ix_swap_phase_id", "phase", "id"),
    Index("ix_swap_old_unit_id_id", "old_unit_id", "id"),
    Index("ix_swap_new_unit_id_id", "new_unit_id", "id"),
    comment="one replacement (domain/swap.py). plan, skipped: comma lists of steps; partner: the "
    "card of a box, or the box of a card; ask_key: command or decision that is under way, empty "
    "between; asked_at: when the step was first asked for; waits_for: why it is not asked for now; "
    "stock_state: of the new unit before it was reserved; paper: signed, for the customer",
)
_is_under_way = and_(swap.c.ended_at.is_(None), swap.c.approved_at.is_not(None))
Index(
    "ix_swap_under_way",
    swap.c.due_at,
    sqlite_where=_is_under_way,
    postgresql_where=_is_under_way,
)

swap_claim = Table(
    "swap_claim",
    metadata,
    Column("subject", String(32), primary_key=True),
    Column("swap_id", ForeignKey("swap.id"), nullable=False, index=True),
    comment="what a replacement that has not ended keeps others from: unit:<id>, position:<id>",
)

swap_debt = Table(
    "swap_debt",
    metadata,
    Column("swap_id", ForeignKey("swap.id"), primary_key=True),
    Column("target", String(20), primary_key=True),
    Column("operation", String(16), primary_key=True),
    Column("endpoint_id", Endpoint, nullable=False, index=True),
    Column("since_at", Timestamp, nullable=False),
    Column("due_at", Timestamp, nullable=False),
    Column("ask_key", String(64), nullable=False, server_default=""),
    comment="what a unit that did not answer is told when it is seen again; a row goes when it is "
    "paid",
)

swap_event = Table(
    "swap_event",
    metadata,
    Column("id", Id, primary_key=True),
    Column("swap_id", ForeignKey("swap.id"), nullable=False),
    Column("at", Timestamp, nullable=False),
    Column("kind", String(12), nullable=False),
    Column("step", String(16), nullable=False, server_default=""),
    Column("target", String(20), nullable=False, server_default=""),
    Column("operation", String(16), nullable=False, server_default=""),
    Column("key", String(64), nullable=False, server_default=""),
    Column("text", String(256), nullable=False, server_default=""),
    Index("ix_swap_event_swap_id_id", "swap_id", "id"),
    comment="kind: ordered, approved, asked, waits, done, failed, unreachable, aborted, waived, "
    "resumed, paid, written_off, ended",
)
