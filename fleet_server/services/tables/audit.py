"""The audit log: a chain of entries that is only added to, and the words of people beside it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from fleet_server.services.tables.base import Timestamp, metadata

audit_entry = Table(
    "audit_entry",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Timestamp, nullable=False),
    Column("actor_kind", String(8), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(48), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("detail", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("reason_digest", String(64), nullable=False),
    Column("previous_digest", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Index("ix_audit_entry_subject_sequence", "subject", "sequence"),
    comment="triggers refuse to change or remove a row; see services/audit.py for the digest",
)

audit_reason = Table(
    "audit_reason",
    metadata,
    Column("reason_digest", String(64), primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("text", Text, nullable=False),
    comment="why, in a person's words; may be erased: the chain holds the salted digest only",
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    comment="one row, the end of the chain; locked by whoever adds to it",
)
