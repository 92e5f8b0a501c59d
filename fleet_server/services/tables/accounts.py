"""Who may sign in, and the tokens that stand for a signed-in account."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, String, Table, Text

from fleet_server.services.tables.base import Id, Timestamp, metadata

account = Table(
    "account",
    metadata,
    Column("id", Id, primary_key=True),
    Column("username", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("language", String(2), nullable=False, server_default="en"),
    Column("password_hash", String(256), nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("disabled_at", Timestamp),
    comment="disabled_at: nobody signs in from then on; accounts are never removed, "
    "because the audit log names them by their number",
)

api_token = Table(
    "api_token",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("expires_at", Timestamp, nullable=False),
    Column("name", String(64), nullable=False, server_default=""),
    Column("scopes", Text, nullable=False, server_default=""),
    Column("created_at", Timestamp),
    comment="name is empty for a session that was opened with a password; scopes: the permissions "
    "a token is held to, joined by blanks, all of the role's where empty",
)

idempotency_key = Table(
    "idempotency_key",
    metadata,
    Column("account_id", ForeignKey("account.id"), primary_key=True),
    Column("key_hash", String(64), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("claimed_at", Timestamp, nullable=False, index=True),
    Column("status", Integer),
    Column("media_type", String(64), nullable=False, server_default=""),
    Column("location", String(256), nullable=False, server_default=""),
    Column("body", LargeBinary),
    comment="status is null until the request was answered; body is null where it is not kept",
)
