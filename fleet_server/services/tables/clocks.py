"""The deadlines that run, and the facts they are made from that stand nowhere else."""

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
    UniqueConstraint,
    and_,
)

from fleet_server.services.tables.base import Id, Timestamp, metadata

defect_report = Table(
    "defect_report",
    metadata,
    Column("id", Id, primary_key=True),
    Column("contract_id", ForeignKey("contract.id"), nullable=False),
    Column("service_position_id", ForeignKey("service_position.id")),
    Column("symptom", String(16), nullable=False),
    Column("reported_at", Timestamp, nullable=False),
    Column("recorded_at", Timestamp, nullable=False),
    Column("cleared_by_phone_at", Timestamp),
    Column("answered_at", Timestamp),
    Column("answer", String(16)),
    Column("compensation_requested_at", Timestamp),
    Index("ix_defect_report_contract_id_id", "contract_id", "id"),
    comment="what a customer reported [5.2]; each moment is written once; words: the audit log",
)

planned_swap = Table(
    "planned_swap",
    metadata,
    Column("id", Id, primary_key=True),
    Column("contract_id", ForeignKey("contract.id"), nullable=False),
    Column("service_position_id", ForeignKey("service_position.id"), nullable=False),
    Column("ground", String(8), nullable=False),
    Column("planned_at", Timestamp, nullable=False),
    Column("recorded_at", Timestamp, nullable=False),
    Column("notice_at", Timestamp),
    Column("consent_at", Timestamp),
    Column("cancelled_at", Timestamp),
    Index("ix_planned_swap_contract_id_id", "contract_id", "id"),
    comment="ground: operator (needs notice), faulty (needs consent) [7.1.7]; a swap that moves is "
    "cancelled and planned anew",
)

clock = Table(
    "clock",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(24), nullable=False),
    Column("subject", String(48), nullable=False),
    Column("contract_id", ForeignKey("contract.id"), nullable=False, index=True),
    Column("service_position_id", ForeignKey("service_position.id")),
    Column("unit_id", ForeignKey("unit.id")),
    Column("started_at", Timestamp, nullable=False),
    Column("due_at", Timestamp, nullable=False),
    Column("binding", Boolean, nullable=False),
    Column("charge_from_at", Timestamp),
    Column("value_cents", BigInteger),
    Column("done_at", Timestamp),
    Column("stopped_at", Timestamp),
    UniqueConstraint("kind", "subject"),
    comment="deadlines that run or once did (domain/clocks.py), kept in step with the facts; "
    "subject: position:7, defect:7, swap:7, or unit:7/9 of contract 9",
)
open_clock = and_(clock.c.done_at.is_(None), clock.c.stopped_at.is_(None))
Index(
    "ix_clock_open_kind_due_at",
    clock.c.kind,
    clock.c.due_at,
    clock.c.id,
    sqlite_where=open_clock,
    postgresql_where=open_clock,
)

clock_count = Table(
    "clock_count",
    metadata,
    Column("kind", String(24), primary_key=True),
    Column("open", Integer, nullable=False),
    comment="how many clocks of a kind are open; kept, not counted",
)

audit_follower = Table(
    "audit_follower",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    comment="up to which entry of the audit log a follower has kept something in step",
)
