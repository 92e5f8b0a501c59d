"""Restores of a backup, for the numbers and names that the operator's systems know orders by."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "restoration",
        sa.Column("restored_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "last_outbox_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.PrimaryKeyConstraint("restored_at", name="pk_restoration"),
    )


def downgrade() -> None:
    op.drop_table("restoration")
