"""The customer's settings that a replaced unit handed over, sealed for the server."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "customer_settings",
        sa.Column("swap_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("contract_number", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("swap_id", name=op.f("pk_customer_settings")),
        comment="what a unit handed over for its replacement, sealed for the server's key",
    )
    op.create_index(
        op.f("ix_customer_settings_contract_number"), "customer_settings", ["contract_number"]
    )
