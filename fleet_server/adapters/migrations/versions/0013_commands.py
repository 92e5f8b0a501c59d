"""Commands to devices as rows of their own, with a state each."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012a"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _command()
    _command_indexes()
    op.create_table(
        "command_news",
        sa.Column("id", _ID, nullable=False),
        sa.Column("endpoint_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("command_key", sa.String(length=64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_command_news")),
        comment="what the controller heard that concerns commands, until the dispatcher took it "
        "in; kind: connected, booted, completed, failed",
    )
    op.create_table(
        "command_count",
        sa.Column("state", sa.String(length=9), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("state", name=op.f("pk_command_count")),
        comment="how many commands are in each state; kept with every change",
    )


def _command() -> None:
    op.create_table(
        "command",
        sa.Column("id", _ID, nullable=False),
        sa.Column("command_key", sa.String(length=64), nullable=False),
        sa.Column("endpoint_id", sa.String(length=64), nullable=False),
        sa.Column("command", sa.String(length=256), nullable=False),
        sa.Column("args", sa.Text(), nullable=False),
        sa.Column("outbox_id", _ID, nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("signed", sa.Boolean(), nullable=False),
        sa.Column("repeatable", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=9), nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("overtaking", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.Boolean(), nullable=False),
        sa.Column("cancelling", sa.Boolean(), nullable=False),
        sa.Column("time_over", sa.Boolean(), nullable=False),
        sa.Column("past_recall", sa.Boolean(), nullable=False),
        sa.Column("request_path", sa.String(length=256), nullable=False),
        sa.Column("outputs", sa.Text(), nullable=False),
        sa.Column("error_code", sa.Integer(), nullable=False),
        sa.Column("error_text", sa.String(length=256), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("token_expires_at", sa.BigInteger(), nullable=True),
        sa.Column("overtaking_token", sa.Text(), nullable=False),
        sa.Column("overtaking_expires_at", sa.BigInteger(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("connection", sa.BigInteger(), nullable=False),
        sa.Column("queued_at", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("accepted_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox.id"], name=op.f("fk_command_outbox_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_command")),
        sa.UniqueConstraint("command_key", name=op.f("uq_command_command_key")),
        comment="state: queued, sent, accepted, done, failed, expired, cancelled "
        "(domain/command.py); command: a path that ends in (), or empty for a Set of `args`; "
        "due_at: when the dispatcher looks at it again; connection: that of the device when it was "
        "last sent",
    )


def _command_indexes() -> None:
    is_open = sa.text("finished_at IS NULL")
    for columns in (["state", "due_at", "id"], ["endpoint_id", "id"]):
        name = "_".join(columns).replace("due_at_id", "due_at")
        op.create_index(
            f"ix_command_open_{name}",
            "command",
            columns,
            sqlite_where=is_open,
            postgresql_where=is_open,
        )
    op.create_index("ix_command_endpoint_id_id", "command", ["endpoint_id", "id"])
    op.create_index("ix_command_state_id", "command", ["state", "id"])
    op.create_index("ix_command_outbox_id", "command", ["outbox_id"])
