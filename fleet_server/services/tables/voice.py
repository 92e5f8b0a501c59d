"""Telephone lines at risk, and voice modems seen elsewhere than their contract says."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table

from fleet_server.services.tables.base import Endpoint, Id, Timestamp, metadata

voice_risk = Table(
    "voice_risk",
    metadata,
    Column("id", Id, primary_key=True),
    Column("endpoint_id", Endpoint, nullable=False),
    Column("service_position_id", ForeignKey("service_position.id"), nullable=False),
    Column("network_element_id", Id),
    Column("reach", String(8), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("from_at", Timestamp, nullable=False),
    Column("noted_at", Timestamp, nullable=False),
    Column("until_at", Timestamp),
    Column("end_noted_at", Timestamp),
    Index("ix_voice_risk_endpoint_id_from_at", "endpoint_id", "from_at"),
    Index("ix_voice_risk_from_at_id", "from_at", "id"),
    comment="when a line could not reach emergency numbers, or nobody knew [7.3.7, 11.3]; "
    "open while until_at is null; noted_at and end_noted_at: when the server learnt it",
)
is_at_risk = voice_risk.c.until_at.is_(None)
Index(
    "uq_voice_risk_open",
    voice_risk.c.service_position_id,
    unique=True,
    sqlite_where=is_at_risk,
    postgresql_where=is_at_risk,
)

sighting = Table(
    "sighting",
    metadata,
    Column("unit_id", ForeignKey("unit.id"), primary_key=True),
    Column("network_element_id", ForeignKey("network_element.id"), primary_key=True),
    Column("source", String(16), primary_key=True),
    Column("first_seen_at", Timestamp, nullable=False),
    Column("last_seen_at", Timestamp, nullable=False),
    comment="behind which element of the network a unit was seen, and who says so",
)

misplaced_unit = Table(
    "misplaced_unit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("unit_id", ForeignKey("unit.id"), nullable=False),
    Column("contract_id", ForeignKey("contract.id"), nullable=False),
    Column("expected_element_id", ForeignKey("network_element.id"), nullable=False),
    Column("seen_element_id", ForeignKey("network_element.id"), nullable=False),
    Column("source", String(16), nullable=False),
    Column("noticed_at", Timestamp, nullable=False),
    Column("settled_at", Timestamp),
    Column("outcome", String(24), nullable=False, server_default=""),
    Column("account_id", ForeignKey("account.id")),
    Column("audit_sequence", BigInteger, nullable=False),
    comment="a unit seen where its contract is not [4.10, 11.3]; open until a person settles it",
)
is_unsettled = misplaced_unit.c.settled_at.is_(None)
Index(
    "uq_misplaced_unit_open",
    misplaced_unit.c.unit_id,
    unique=True,
    sqlite_where=is_unsettled,
    postgresql_where=is_unsettled,
)
