"""Equipment that came back, that was stolen or lost, and what people decided about its value."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from fleet_server.services.tables.base import Id, Timestamp, metadata

unit_return = Table(
    "unit_return",
    metadata,
    Column("id", Id, primary_key=True),
    Column("unit_id", ForeignKey("unit.id"), nullable=False),
    Column("contract_id", ForeignKey("contract.id"), index=True),
    Column("place_id", ForeignKey("place.id"), nullable=False),
    Column("returned_on", Date, nullable=False),
    Column("returned_at", Timestamp, nullable=False),
    Column("condition", String(16), nullable=False),
    Column("receipt", Text, nullable=False),
    Column("audit_sequence", BigInteger, nullable=False),
    Index("ix_unit_return_unit_id_id", "unit_id", "id"),
    comment="receipt: what the customer got, signed; its number is R- and the id",
)

blacklisting = Table(
    "blacklisting",
    metadata,
    Column("id", Id, primary_key=True),
    Column("unit_id", ForeignKey("unit.id"), nullable=False),
    Column("contract_id", ForeignKey("contract.id")),
    Column("cause", String(8), nullable=False),
    Column("police_report", String(64), nullable=False, server_default=""),
    Column("police_report_on", Date),
    Column("value_cents", BigInteger),
    Column("listed_at", Timestamp, nullable=False),
    Column("lifted_at", Timestamp),
    Column("audit_sequence", BigInteger, nullable=False),
    Index("ix_blacklisting_unit_id_id", "unit_id", "id"),
    comment="cause: stolen, lost; police_report: the reference of the police [7.1.5, 7.3.6]; "
    "value_cents: as in the papers handed over last",
)
Index(
    "uq_blacklisting_open",
    blacklisting.c.unit_id,
    unique=True,
    sqlite_where=blacklisting.c.lifted_at.is_(None),
    postgresql_where=blacklisting.c.lifted_at.is_(None),
)

charge_decision = Table(
    "charge_decision",
    metadata,
    Column("id", Id, primary_key=True),
    Column("unit_id", ForeignKey("unit.id"), nullable=False),
    Column("contract_id", ForeignKey("contract.id"), nullable=False),
    Column("ground", String(12), nullable=False),
    Column("proposed", String(12), nullable=False),
    Column("proposed_cents", BigInteger),
    Column("articles", Text, nullable=False),
    Column("decision", String(12), nullable=False),
    Column("amount_cents", BigInteger, nullable=False),
    Column("decided_at", Timestamp, nullable=False),
    Column("audit_sequence", BigInteger, nullable=False),
    UniqueConstraint("unit_id", "contract_id", "ground"),
    comment="what a named person decided on a proposal; it is handed to billing, never billed here",
)
