"""Looks for late joiners in pieces, and why an item could not be ordered."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("campaign", sa.Column("joined_to", _ID, server_default="0", nullable=False))
    said = sa.Column("said", sa.String(length=256), server_default="", nullable=False)
    op.add_column("campaign_item", said)


def downgrade() -> None:
    op.drop_column("campaign_item", "said")
    op.drop_column("campaign", "joined_to")
