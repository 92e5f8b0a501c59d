"""Which system each try was a call to."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    system = sa.Column("system", sa.String(length=24), server_default="", nullable=False)
    op.add_column("outbox_try", system)
    op.execute(
        "UPDATE outbox_try SET system = "
        "(SELECT system FROM outbox WHERE outbox.id = outbox_try.outbox_id)"
    )
    op.create_index("ix_outbox_try_system_id", "outbox_try", ["system", "id"])


def downgrade() -> None:
    op.drop_index("ix_outbox_try_system_id", "outbox_try")
    op.drop_column("outbox_try", "system")
