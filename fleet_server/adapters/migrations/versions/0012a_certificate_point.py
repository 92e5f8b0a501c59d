"""The public key of each device's certificate: what is sealed for it is sealed for that."""

import sqlalchemy as sa
from alembic import op

revision = "0012a"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("certificate", sa.Column("public_point", sa.LargeBinary(length=64)))


def downgrade() -> None:
    op.drop_column("certificate", "public_point")
