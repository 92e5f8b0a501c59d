"""Commands to devices, what devices said of them, and how many are in which state."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from fleet_server.services.tables.base import Endpoint, Id, Timestamp, metadata

command = Table(
    "command",
    metadata,
    Column("id", Id, primary_key=True),
    Column("command_key", String(64), nullable=False, unique=True),
    Column("endpoint_id", Endpoint, nullable=False),
    Column("command", String(256), nullable=False),
    Column("args", Text, nullable=False),
    Column("outbox_id", ForeignKey("outbox.id")),
    Column("expires_at", Timestamp, nullable=False),
    Column("signed", Boolean, nullable=False),
    Column("repeatable", Boolean, nullable=False),
    Column("state", String(9), nullable=False),
    Column("counter", BigInteger, nullable=False, default=0),
    Column("overtaking", BigInteger, nullable=False, default=0),
    Column("spent", Boolean, nullable=False, default=False),
    Column("cancelling", Boolean, nullable=False, default=False),
    Column("time_over", Boolean, nullable=False, default=False),
    Column("past_recall", Boolean, nullable=False, default=False),
    Column("request_path", String(256), nullable=False, default=""),
    Column("outputs", Text, nullable=False, default="{}"),
    Column("error_code", Integer, nullable=False, default=0),
    Column("error_text", String(256), nullable=False, default=""),
    Column("token", Text, nullable=False, default=""),
    Column("token_expires_at", Timestamp),
    Column("overtaking_token", Text, nullable=False, default=""),
    Column("overtaking_expires_at", Timestamp),
    Column("tries", Integer, nullable=False, default=0),
    Column("connection", BigInteger, nullable=False, default=0),
    Column("queued_at", Timestamp, nullable=False),
    Column("sent_at", Timestamp),
    Column("accepted_at", Timestamp),
    Column("finished_at", Timestamp),
    Column("due_at", Timestamp, nullable=False),
    Index("ix_command_endpoint_id_id", "endpoint_id", "id"),
    Index("ix_command_state_id", "state", "id"),
    comment="state: queued, sent, accepted, done, failed, expired, cancelled "
    "(domain/command.py); command: a path that ends in (), or empty for a Set of `args`; due_at: "
    "when the dispatcher looks at it again; connection: that of the device when it was last sent",
)
_is_open = command.c.finished_at.is_(None)
Index(
    "ix_command_open_state_due_at",
    command.c.state,
    command.c.due_at,
    command.c.id,
    sqlite_where=_is_open,
    postgresql_where=_is_open,
)
Index(
    "ix_command_open_endpoint_id_id",
    command.c.endpoint_id,
    command.c.id,
    sqlite_where=_is_open,
    postgresql_where=_is_open,
)
Index("ix_command_outbox_id", command.c.outbox_id)

command_news = Table(
    "command_news",
    metadata,
    Column("id", Id, primary_key=True),
    Column("endpoint_id", Endpoint, nullable=False),
    Column("kind", String(12), nullable=False),
    Column("command_key", String(64), nullable=False, default=""),
    Column("content", Text, nullable=False, default="{}"),
    Column("at", Timestamp, nullable=False),
    comment="what the controller heard that concerns commands, until the dispatcher took it in; "
    "kind: connected, booted, completed, failed",
)

command_count = Table(
    "command_count",
    metadata,
    Column("state", String(9), primary_key=True),
    Column("number", BigInteger, nullable=False),
    comment="how many commands are in each state; kept with every change",
)
