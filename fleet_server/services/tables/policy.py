"""The settings that are not at their default, or once were not."""

from __future__ import annotations

from sqlalchemy import Column, String, Table

from fleet_server.services.tables.base import Timestamp, metadata

policy_setting = Table(
    "policy_setting",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", String(256), nullable=False),
    Column("changed_at", Timestamp, nullable=False),
    comment="domain/policy.py names them; what is not here is at its default; who and why: the "
    "audit log",
)
