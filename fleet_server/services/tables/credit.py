"""What is given back for interruptions of a day and more [5.4], with its proof."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from fleet_server.services.tables.base import Id, Timestamp, metadata

credit = Table(
    "credit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("contract_id", ForeignKey("contract.id"), nullable=False),
    Column("service_position_id", ForeignKey("service_position.id"), nullable=False),
    Column("started_at", Timestamp, nullable=False),
    Column("ended_at", Timestamp),
    Column("assessed_until_at", Timestamp, nullable=False),
    Column("counted_ms", BigInteger, nullable=False),
    Column("to_decide_ms", BigInteger, nullable=False),
    Column("excluded_ms", BigInteger, nullable=False),
    Column("remainder_ms", BigInteger, nullable=False),
    Column("days", Integer, nullable=False),
    Column("credit_days", Integer, nullable=False),
    Column("days_at_most", Integer, nullable=False),
    Column("released_days", Integer, nullable=False, server_default="0"),
    Column("state", String(16), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("next_at", Timestamp, index=True),
    Column("updated_at", Timestamp, nullable=False),
    Index("ix_credit_state_id", "state", "id"),
    Index("ix_credit_contract_id_id", "contract_id", "id"),
    Index("ix_credit_service_position_id_started_at", "service_position_id", "started_at"),
    comment="one outage of one service; state: lasting, to_decide, proposed, released, none, "
    "withdrawn (services/credit_book.py); next_at: when a lasting one has to be reckoned anew",
)

credit_line = Table(
    "credit_line",
    metadata,
    Column("credit_id", ForeignKey("credit.id"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("started_at", Timestamp, nullable=False),
    Column("ended_at", Timestamp, nullable=False),
    Column("cause", String(32), nullable=False),
    Column("proposed", String(16), nullable=False),
    Column("liability", String(16), nullable=False),
    Column("standing", String(16), nullable=False),
    Column("articles", String(64), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("evidence", Text, nullable=False),
    comment="the proof, line by line, of every revision; rows are only added. evidence: JSON list",
)

credit_release = Table(
    "credit_release",
    metadata,
    Column("id", Id, primary_key=True),
    Column("credit_id", ForeignKey("credit.id"), nullable=False, index=True),
    Column("revision", Integer, nullable=False),
    Column("days", Integer, nullable=False),
    Column("form", String(16), nullable=False),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("released_at", Timestamp, nullable=False),
    Column("audit_sequence", BigInteger, nullable=False),
    comment="days a person released, for billing to carry out; form: top_up, extension",
)

credit_cursor = Table(
    "credit_cursor",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("at", Timestamp, nullable=False),
    Column("key", BigInteger, nullable=False),
    comment="up to which row the worker has looked for credits",
)
