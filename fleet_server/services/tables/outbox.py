"""What is to be done by the operator's systems and by devices, and every try to have it done."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text

from fleet_server.services.tables.base import Id, Timestamp, metadata

outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("operation_id", String(96), nullable=False, unique=True),
    Column("decision", String(64), nullable=False),
    Column("stage", Integer, nullable=False),
    Column("system", String(24), nullable=False),
    Column("kind", String(24), nullable=False),
    Column("arguments", Text, nullable=False),
    Column("target", String(112), nullable=False),
    Column("queued_at", Timestamp, nullable=False),
    Column("due_at", Timestamp, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("state", String(8), nullable=False),
    Column("reference", String(64), nullable=False, server_default=""),
    Column("finished_at", Timestamp),
    Index("ix_outbox_state_due_at", "state", "due_at"),
    Index("ix_outbox_target_id", "target", "id"),
    Index("ix_outbox_decision_stage", "decision", "stage"),
    comment="queued in the transaction of the decision; state: queued, done, refused, dropped",
)

restoration = Table(
    "restoration",
    metadata,
    Column("restored_at", Timestamp, primary_key=True, autoincrement=False),
    Column("last_outbox_id", Id, nullable=False),
    comment="each restore of a backup into this database; operations after last_outbox_id are "
    "other ones than those that the operator's systems may know by the same id",
)

outbox_try = Table(
    "outbox_try",
    metadata,
    Column("id", Id, primary_key=True),
    Column("outbox_id", ForeignKey("outbox.id"), nullable=False, index=True),
    Column("at", Timestamp, nullable=False),
    Column("outcome", String(12), nullable=False),
    Column("code", String(96), nullable=False, server_default=""),
    Column("system", String(24), nullable=False, server_default=""),
    Index("ix_outbox_try_system_id", "system", "id"),
    comment="every call that was made, and to which system; outcome: done, unavailable, busy, "
    "refused",
)
