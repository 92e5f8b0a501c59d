"""Power losses, and those that were told before the device was dark."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "gasp_count",
        sa.Column("endpoint_id", sa.String(length=64), nullable=False),
        sa.Column("losses", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("gasps", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("endpoint_id", name=op.f("pk_gasp_count")),
    )


def downgrade() -> None:
    op.drop_table("gasp_count")
