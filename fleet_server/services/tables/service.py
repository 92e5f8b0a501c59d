"""In which state the services of a contract are, who decided it, and what stays open meanwhile."""

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

from fleet_server.services.tables.base import Id, Timestamp, metadata

service_decision = Table(
    "service_decision",
    metadata,
    Column("id", Id, primary_key=True),
    Column("contract_id", ForeignKey("contract.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("ground", String(24), nullable=False),
    Column("needs_notice", Boolean, nullable=False),
    Column("decided_at", Timestamp, nullable=False),
    Column("not_before_at", Timestamp, nullable=False),
    Column("carried_out_at", Timestamp),
    Column("cancelled_at", Timestamp),
    Column("confirmed_at", Timestamp),
    Column("reconnection_cents", BigInteger),
    Column("audit_sequence", BigInteger, nullable=False),
    Index("ix_service_decision_contract_id_id", "contract_id", "id"),
    comment="state: the one decided for; carried_out_at: when its operations were queued; "
    "reconnection_cents: proposed, never billed [8.6]",
)
_is_pending = and_(
    service_decision.c.carried_out_at.is_(None), service_decision.c.cancelled_at.is_(None)
)
Index(
    "ix_service_decision_pending",
    service_decision.c.not_before_at,
    sqlite_where=_is_pending,
    postgresql_where=_is_pending,
)
Index(
    "uq_service_decision_pending",
    service_decision.c.contract_id,
    unique=True,
    sqlite_where=_is_pending,
    postgresql_where=_is_pending,
)

contract_service = Table(
    "contract_service",
    metadata,
    Column("contract_id", ForeignKey("contract.id"), primary_key=True),
    Column("state", String(16), nullable=False, index=True),
    Column("since_at", Timestamp, nullable=False),
    comment="a contract that is not here is active",
)

allow_list = Table(
    "allow_list",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("document", Text, nullable=False),
    Column("expires_at", Timestamp, nullable=False),
    Column("signed_at", Timestamp, nullable=False),
    comment="every list that was ever signed; a version means one list for ever",
)
