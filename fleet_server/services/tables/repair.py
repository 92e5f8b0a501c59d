"""Repair cases: what was reported, found and decided; spare parts, prices, checks on site.

What people wrote in words stands in the audit log (`audit_reason`), where it can be erased.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
)

from fleet_server.services.tables.base import Id, Timestamp, metadata

repair_case = Table(
    "repair_case",
    metadata,
    Column("id", Id, primary_key=True),
    Column("unit_id", ForeignKey("unit.id"), nullable=False),
    Column("state", String(12), nullable=False),
    Column("symptom", String(16), nullable=False),
    Column("defect_on", Date),
    Column("reported_on", Date, nullable=False),
    Column("opened_at", Timestamp, nullable=False),
    Column("received_at", Timestamp),
    Column("closed_at", Timestamp),
    Column("outcome", String(20)),
    Column("replacement_unit_id", ForeignKey("unit.id"), index=True),
    Index("ix_repair_case_unit_id_id", "unit_id", "id"),
    Index("ix_repair_case_state_id", "state", "id"),
    comment="its number is RMA- and the id; defect_on: the day it showed, null where the customer "
    "could not say; received_at: when the bench got the unit",
)
open_case = repair_case.c.closed_at.is_(None)
Index(
    "uq_repair_case_open_unit",
    repair_case.c.unit_id,
    unique=True,
    sqlite_where=open_case,
    postgresql_where=open_case,
)

repair_finding = Table(
    "repair_finding",
    metadata,
    Column("id", Id, primary_key=True),
    Column("case_id", ForeignKey("repair_case.id"), nullable=False),
    Column("defect", String(16), nullable=False),
    Column("cause", String(16), nullable=False),
    Column("usable_again", Boolean, nullable=False),
    Column("term", String(12), nullable=False),
    Column("cover_state", String(12), nullable=False),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("found_at", Timestamp, nullable=False),
    Column("audit_sequence", BigInteger, nullable=False),
    Index("ix_repair_finding_case_id_id", "case_id", "id"),
    comment="the newest holds; term: the contractor's word on the cover, cover_state: what was "
    "reckoned then",
)

repair_decision = Table(
    "repair_decision",
    metadata,
    Column("id", Id, primary_key=True),
    Column("case_id", ForeignKey("repair_case.id"), nullable=False),
    Column("subject", String(12), nullable=False),
    Column("proposed", String(24), nullable=False),
    Column("choice", String(24), nullable=False),
    Column("articles", String(64), nullable=False),
    Column("amount_cents", BigInteger),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("decided_at", Timestamp, nullable=False),
    Column("audit_sequence", BigInteger, nullable=False),
    Index("ix_repair_decision_case_id_id", "case_id", "id"),
    comment="of the operator, the newest on each subject holds; a charge is handed to billing, "
    "never billed here",
)

spare_part = Table(
    "spare_part",
    metadata,
    Column("id", Id, primary_key=True),
    Column("code", String(32), nullable=False, unique=True),
    Column("name", String(64), nullable=False),
    Column("on_hand", Integer, nullable=False),
)

repair_part = Table(
    "repair_part",
    metadata,
    Column("id", Id, primary_key=True),
    Column("case_id", ForeignKey("repair_case.id"), nullable=False, index=True),
    Column("spare_part_id", ForeignKey("spare_part.id"), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("used_at", Timestamp, nullable=False),
    comment="spare parts that went into a unit",
)

price = Table(
    "price",
    metadata,
    Column("id", Id, primary_key=True),
    Column("product_class", String(16), nullable=False),
    Column("model_name", String(64), nullable=False, server_default=""),
    Column("valid_from_on", Date, nullable=False),
    Column("amount_cents", BigInteger, nullable=False),
    UniqueConstraint("product_class", "model_name", "valid_from_on"),
    comment="the operator's price list of new units [7.1.4, 7.2.6, 7.3.5]; model_name is empty for "
    "all models of the kind that have no price of their own",
)

site_check = Table(
    "site_check",
    metadata,
    Column("id", Id, primary_key=True),
    Column("unit_id", ForeignKey("unit.id"), nullable=False),
    Column("checked_on", Date, nullable=False),
    Column("earthing_milliohm", BigInteger),
    Column("protection_to_norms", Boolean),
    Column("instrument", String(64), nullable=False),
    Column("method", String(64), nullable=False),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("recorded_at", Timestamp, nullable=False),
    Column("audit_sequence", BigInteger, nullable=False),
    Index("ix_site_check_unit_id_id", "unit_id", "id"),
    comment="earthing and overvoltage protection of the household where the unit serves, as a "
    "technician measured it [7.2.5, 7.2.7]; no row voids nothing",
)
