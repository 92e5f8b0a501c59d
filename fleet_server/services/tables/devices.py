"""What devices said and what was seen of them: presence, events, health, interruptions."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from fleet_server.services.tables.base import Endpoint, Id, Timestamp, metadata

certificate = Table(
    "certificate",
    metadata,
    Column("certificate_serial_number", String(40), primary_key=True),
    Column("endpoint_id", Endpoint, nullable=False, index=True),
    Column("not_before", Timestamp, nullable=False),
    Column("not_after", Timestamp, nullable=False),
    Column("issued_at", Timestamp, nullable=False),
    Column("revoked_at", Timestamp),
    Column("session_ended_at", Timestamp),
    Column("public_point", LargeBinary(64)),
    Column("spare", Boolean, nullable=False, server_default=false()),
)

agent = Table(
    "agent",
    metadata,
    Column("endpoint_id", Endpoint, primary_key=True),
    Column("registered", Boolean, nullable=False),
    Column("response_topic", String(256), nullable=False, server_default=""),
    Column("connection", Integer, nullable=False, server_default="0"),
    Column("connected_at", Timestamp),
    Column("connect_packet_id", Integer),
    Column("protocol_versions", String(64), nullable=False, server_default=""),
    Column("manufacturer", String(64), nullable=False, server_default=""),
    Column("model_name", String(64), nullable=False, server_default=""),
    Column("software_version", String(64), nullable=False, server_default=""),
    Column("first_seen_at", Timestamp, nullable=False),
    Column("onboarded_at", Timestamp),
    comment="every USP agent that ever spoke; connection counts its mqtt_connect Records, "
    "connect_packet_id tells a redelivered one from a new one",
)

presence = Table(
    "presence",
    metadata,
    Column("endpoint_id", Endpoint, primary_key=True),
    Column("state", String(8), nullable=False, index=True),
    Column("since_at", Timestamp, nullable=False),
    Column("seen_at", Timestamp, nullable=False),
    Column("evidence", String(32), nullable=False),
    comment="state: online, offline, suspect; seen_at: last proof of life; evidence: why",
)

presence_change = Table(
    "presence_change",
    metadata,
    Column("id", Id, primary_key=True),
    Column("endpoint_id", Endpoint, nullable=False),
    Column("state", String(8), nullable=False),
    Column("at", Timestamp, nullable=False),
    Column("seen_at", Timestamp, nullable=False),
    Column("evidence", String(32), nullable=False),
    Index("ix_presence_change_endpoint_id_at", "endpoint_id", "at"),
    comment="history of presence.state; seen_at: last proof of life before the change",
)

event = Table(
    "event",
    metadata,
    Column("id", Id, primary_key=True),
    Column("endpoint_id", Endpoint, nullable=False),
    Column("event_key", String(128), nullable=False),
    Column("epoch", String(8)),
    Column("sequence", BigInteger),
    Column("msg_id", String(128), nullable=False),
    Column("subscription_id", String(64), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("path", String(256), nullable=False),
    Column("name", String(64), nullable=False),
    Column("params", Text, nullable=False),
    Column("boot_count", BigInteger),
    Column("up_time_ms", BigInteger),
    Column("device_at", Timestamp),
    Column("device_error_ms", BigInteger),
    Column("grade", String(8), nullable=False, server_default=""),
    Column("received_at", Timestamp, nullable=False),
    UniqueConstraint("endpoint_id", "event_key"),
    Index("ix_event_endpoint_id_id", "endpoint_id", "id"),
    Index("ix_event_endpoint_id_name_id", "endpoint_id", "name", "id"),
    comment="kind: event, value_change, object_creation, object_deletion, operation_complete, "
    "on_board_request; params: JSON object of texts",
)

interruption = Table(
    "interruption",
    metadata,
    Column("id", Id, primary_key=True),
    Column("endpoint_id", Endpoint, nullable=False),
    Column("cause", String(32), nullable=False),
    Column("started_at", Timestamp, nullable=False),
    Column("start_error_ms", BigInteger, nullable=False),
    Column("ended_at", Timestamp),
    Column("end_error_ms", BigInteger),
    Column("length_ms", BigInteger),
    Column("length_error_ms", BigInteger),
    Column("evidence", Text, nullable=False),
    Column("own", Text, nullable=False, server_default="[]"),
    Column("segments", Text, nullable=False, server_default="[]"),
    Column("lost_power", Boolean),
    Column("network_element_id", Id),
    Column("contract_id", Id),
    Column("revision", Integer, nullable=False),
    Column("withdrawn", Boolean, nullable=False, default=False),
    Column("updated_at", Timestamp, nullable=False),
    Index("ix_interruption_endpoint_id_started_at", "endpoint_id", "started_at"),
    Index("ix_interruption_network_element_id_started_at", "network_element_id", "started_at"),
    Index("ix_interruption_updated_at_id", "updated_at", "id"),
    comment="the newest verdict; open while ended_at is null; withdrawn: merged into another. "
    "own: JSON, causes and times that the device itself shows; segments: JSON, the one cause of "
    "each moment; cause: the one to show; network_element_id, contract_id: as they were then",
)

_lasts = interruption.c.ended_at.is_(None)
Index(
    "ix_interruption_open_started_at_id",
    interruption.c.started_at,
    interruption.c.id,
    sqlite_where=_lasts,
    postgresql_where=_lasts,
)

interruption_verdict = Table(
    "interruption_verdict",
    metadata,
    Column("interruption_id", ForeignKey("interruption.id"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("cause", String(32), nullable=False),
    Column("started_at", Timestamp, nullable=False),
    Column("start_error_ms", BigInteger, nullable=False),
    Column("ended_at", Timestamp),
    Column("end_error_ms", BigInteger),
    Column("length_ms", BigInteger),
    Column("length_error_ms", BigInteger),
    Column("evidence", Text, nullable=False),
    Column("segments", Text, nullable=False, server_default="[]"),
    Column("withdrawn", Boolean, nullable=False),
    Column("decided_at", Timestamp, nullable=False),
    comment="every verdict ever given on an interruption; rows are only added",
)

command_counter = Table(
    "command_counter",
    metadata,
    Column("endpoint_id", Endpoint, primary_key=True),
    Column("last", BigInteger, nullable=False),
)

supported_model = Table(
    "supported_model",
    metadata,
    Column("manufacturer", String(64), primary_key=True),
    Column("model_name", String(64), primary_key=True),
    Column("software_version", String(64), primary_key=True),
    Column("answer", LargeBinary, nullable=False),
    Column("fetched_at", Timestamp, nullable=False),
    comment="answer: the GetSupportedDMResp as it came, protobuf",
)

parameter = Table(
    "parameter",
    metadata,
    Column("endpoint_id", Endpoint, primary_key=True),
    Column("path", String(256), primary_key=True),
    Column("value", Text, nullable=False),
    Column("reported_at", Timestamp, nullable=False),
    comment="the last value an agent reported, and when we got it",
)
_is_list_version = text("path = 'Device.X_IPKO-COM_Service.AllowListVersion'")
Index(
    "ix_parameter_allow_list_version",
    parameter.c.value,
    sqlite_where=_is_list_version,
    postgresql_where=_is_list_version,
)

health_value = Table(
    "health_value",
    metadata,
    Column("endpoint_id", Endpoint, primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("value", String(64), nullable=False),
    Column("collected_at", Timestamp, nullable=False),
    comment="the newest value of each short name (agent/wire/telemetry.py)",
)

health_report = Table(
    "health_report",
    metadata,
    Column("endpoint_id", Endpoint, primary_key=True),
    Column("event_key", String(128), primary_key=True),
    Column("collected_at", Timestamp, nullable=False),
    Column("received_at", Timestamp, nullable=False, index=True),
    Column("data", Text, nullable=False),
    comment="reports as they came, JSON; removed after the time the operator keeps them",
)

ingest_counter = Table(
    "ingest_counter",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", BigInteger, nullable=False),
    comment="records refused, by reason; kept across restarts",
)

process_state = Table(
    "process_state",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("state", String(32), nullable=False),
    Column("at", Timestamp, nullable=False),
    comment="what a process last said of itself; stale when `at` is old",
)
