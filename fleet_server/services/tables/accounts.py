"""Who may sign in, and the tokens that stand for a signed-in account."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, String, Table

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
)

api_token = Table(
    "api_token",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("expires_at", Timestamp, nullable=False),
)
