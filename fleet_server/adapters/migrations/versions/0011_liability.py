"""Whether the time that a decision on liability is about counts for a credit [5.4]."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("liability_decision") as table:
        table.add_column(sa.Column("counts", sa.Boolean(), nullable=True))
    op.execute("UPDATE liability_decision SET counts = (decided = 'operator')")
    with op.batch_alter_table("liability_decision") as table:
        table.alter_column("counts", existing_type=sa.Boolean(), nullable=False)
