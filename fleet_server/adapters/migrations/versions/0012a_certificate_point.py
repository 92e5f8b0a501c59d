"""Of each device's certificate: its key, for what is sealed for it, and whether it is a spare's."""

import sqlalchemy as sa
from alembic import op

revision = "0012a"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("certificate", sa.Column("public_point", sa.LargeBinary(length=64)))
    op.add_column(
        "certificate",
        sa.Column("spare", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("certificate", "spare")
    op.drop_column("certificate", "public_point")
