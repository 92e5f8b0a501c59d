"""How many power losses a device had, and how many it told of before it was dark."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table

from fleet_server.services.tables.base import Endpoint, metadata

gasp_count = Table(
    "gasp_count",
    metadata,
    Column("endpoint_id", Endpoint, primary_key=True),
    Column("losses", BigInteger, nullable=False, server_default="0"),
    Column("gasps", BigInteger, nullable=False, server_default="0"),
    comment="the row without a name is the whole fleet",
)
