"""Health that devices report: the newest values, and the reports for as long as they are kept."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "health_value",
        sa.Column("endpoint_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(length=64), nullable=False),
        sa.Column("collected_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("endpoint_id", "name", name=op.f("pk_health_value")),
        comment="the newest value of each short name (agent/wire/telemetry.py)",
    )
    op.create_table(
        "health_report",
        sa.Column("endpoint_id", sa.String(length=64), nullable=False),
        sa.Column("event_key", sa.String(length=128), nullable=False),
        sa.Column("collected_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("endpoint_id", "event_key", name=op.f("pk_health_report")),
        comment="reports as they came, JSON; removed after the time the operator keeps them",
    )
    op.create_index("ix_health_report_received_at", "health_report", ["received_at"])
