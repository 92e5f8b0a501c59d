"""Outages, what operator's systems and people say of causes, work on the network, storms.

An element of the network is kept with an interruption, an outage or a risk as it was then: the
topology may change later.
"""

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
)

from fleet_server.services.tables.base import Endpoint, Id, Timestamp, metadata

outage = Table(
    "outage",
    metadata,
    Column("id", Id, primary_key=True),
    Column("cause", String(32), nullable=False),
    Column("inferred_cause", String(32), nullable=False),
    Column("confidence", String(8), nullable=False),
    Column("places", Text, nullable=False),
    Column("started_at", Timestamp, nullable=False),
    Column("ended_at", Timestamp),
    Column("devices", Integer, nullable=False),
    Column("population", Integer, nullable=False),
    Column("told", Integer, nullable=False),
    Column("powerless", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("withdrawn", Boolean, nullable=False, default=False),
    Column("updated_at", Timestamp, nullable=False),
    Index("ix_outage_started_at_id", "started_at", "id"),
    comment="the newest verdict; open while ended_at is null. places: JSON list of elements; "
    "inferred_cause: what the devices alone show; withdrawn: merged into another, or none",
)
_lasts = outage.c.ended_at.is_(None)
open_outage = _lasts & outage.c.withdrawn.is_(False)
Index(
    "ix_outage_open",
    outage.c.started_at,
    outage.c.id,
    sqlite_where=_lasts,
    postgresql_where=_lasts,
)

outage_place = Table(
    "outage_place",
    metadata,
    Column("outage_id", ForeignKey("outage.id"), primary_key=True),
    Column("network_element_id", ForeignKey("network_element.id"), primary_key=True),
    Index("ix_outage_place_network_element_id", "network_element_id"),
)

outage_member = Table(
    "outage_member",
    metadata,
    Column("outage_id", ForeignKey("outage.id"), primary_key=True),
    Column("interruption_id", ForeignKey("interruption.id"), primary_key=True),
    Index("ix_outage_member_interruption_id", "interruption_id"),
    comment="the interruptions that an outage was seen by",
)

outage_verdict = Table(
    "outage_verdict",
    metadata,
    Column("outage_id", ForeignKey("outage.id"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("cause", String(32), nullable=False),
    Column("confidence", String(8), nullable=False),
    Column("places", Text, nullable=False),
    Column("started_at", Timestamp, nullable=False),
    Column("ended_at", Timestamp),
    Column("devices", Integer, nullable=False),
    Column("population", Integer, nullable=False),
    Column("told", Integer, nullable=False),
    Column("powerless", Integer, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Column("decided_at", Timestamp, nullable=False),
    comment="every verdict ever given on an outage; rows are only added",
)

cause_report = Table(
    "cause_report",
    metadata,
    Column("id", Id, primary_key=True),
    Column("cause", String(32), nullable=False),
    Column("network_element_id", ForeignKey("network_element.id"), nullable=False),
    Column("from_at", Timestamp, nullable=False),
    Column("until_at", Timestamp),
    Column("source", String(16), nullable=False),
    Column("reference", String(64), nullable=False, server_default=""),
    Column("recorded_at", Timestamp, nullable=False),
    Column("withdrawn_at", Timestamp),
    Column("audit_sequence", BigInteger, nullable=False),
    Index("ix_cause_report_network_element_id_from_at", "network_element_id", "from_at"),
    comment="what a system of the operator or a person says of an element and all below it; "
    "until_at is written once, a wrong report is withdrawn and recorded anew",
)

maintenance = Table(
    "maintenance",
    metadata,
    Column("id", Id, primary_key=True),
    Column("network_element_id", ForeignKey("network_element.id"), nullable=False),
    Column("kind", String(24), nullable=False),
    Column("starts_at", Timestamp, nullable=False),
    Column("ends_at", Timestamp, nullable=False),
    Column("voice_down", Boolean, nullable=False),
    Column("planned_at", Timestamp, nullable=False),
    Column("cancelled_at", Timestamp),
    Column("audit_sequence", BigInteger, nullable=False),
    Index("ix_maintenance_starts_at_id", "starts_at", "id"),
    comment="work on the network [4.6]; voice_down: emergency numbers cannot be reached [11.3]",
)

maintenance_notice = Table(
    "maintenance_notice",
    metadata,
    Column("id", Id, primary_key=True),
    Column("maintenance_id", ForeignKey("maintenance.id"), nullable=False, index=True),
    Column("channel", String(16), nullable=False),
    Column("sent_at", Timestamp, nullable=False),
    Column("starts_at", Timestamp, nullable=False),
    Column("ends_at", Timestamp, nullable=False),
    Column("recorded_at", Timestamp, nullable=False),
    Column("audit_sequence", BigInteger, nullable=False),
    comment="that customers were told in advance, and of which time; rows are only added",
)

liability_decision = Table(
    "liability_decision",
    metadata,
    Column("id", Id, primary_key=True),
    Column("outage_id", ForeignKey("outage.id"), index=True),
    Column("interruption_id", ForeignKey("interruption.id"), index=True),
    Column("cause", String(32), nullable=False),
    Column("proposed", String(16), nullable=False),
    Column("decided", String(16), nullable=False),
    Column("counts", Boolean, nullable=False),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("decided_at", Timestamp, nullable=False),
    Column("audit_sequence", BigInteger, nullable=False),
    comment="who answers for the time that a cause held, of one outage or one interruption; the "
    "newest counts, that of the interruption before that of its outage",
)

recheck = Table(
    "recheck",
    metadata,
    Column("network_element_id", Id, primary_key=True, autoincrement=False),
    Column("hour_at", Timestamp, primary_key=True),
    comment="where and when outages have to be looked for again, by top element and hour",
)

surge = Table(
    "surge",
    metadata,
    Column("endpoint_id", Endpoint, primary_key=True),
    Column("event_key", String(128), primary_key=True),
    Column("network_element_id", Id, nullable=False),
    Column("at", Timestamp, nullable=False),
    Index("ix_surge_network_element_id_at", "network_element_id", "at"),
    comment="each Transient! of a device in service, by the top element it hung on then",
)

storm = Table(
    "storm",
    metadata,
    Column("id", Id, primary_key=True),
    Column("network_element_id", ForeignKey("network_element.id"), nullable=False),
    Column("started_at", Timestamp, nullable=False),
    Column("ended_at", Timestamp, nullable=False),
    Column("devices", Integer, nullable=False),
    Column("surges", Integer, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    Index("ix_storm_network_element_id_started_at", "network_element_id", "started_at"),
    comment="lightning storms as the surges show them; orientation, never proof [7.2.5]",
)
