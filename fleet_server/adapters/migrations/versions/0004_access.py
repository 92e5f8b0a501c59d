"""Accounts that can be disabled, tokens with a name and scopes, keys of repeated writes."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("account", sa.Column("disabled_at", sa.BigInteger(), nullable=True))
    for column in (
        sa.Column("name", sa.String(length=64), server_default="", nullable=False),
        sa.Column("scopes", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=True),
    ):
        op.add_column("api_token", column)
    op.create_table(
        "idempotency_key",
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("claimed_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("media_type", sa.String(length=64), server_default="", nullable=False),
        sa.Column("location", sa.String(length=256), server_default="", nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_idempotency_key_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "key_hash", name=op.f("pk_idempotency_key")),
        comment="status is null until the request was answered; body is null where it is not kept",
    )
    op.create_index(op.f("ix_idempotency_key_claimed_at"), "idempotency_key", ["claimed_at"])
