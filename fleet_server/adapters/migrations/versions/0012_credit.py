"""Credits for interruptions, with their proof."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _look_for_interruptions()
    _credit()
    _proof()
    op.create_table(
        "credit_cursor",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_credit_cursor")),
        comment="up to which row the worker has looked for credits",
    )


def _look_for_interruptions() -> None:
    op.create_index("ix_interruption_updated_at_id", "interruption", ["updated_at", "id"])
    lasts = sa.text("ended_at IS NULL")
    op.create_index(
        "ix_interruption_open_started_at_id",
        "interruption",
        ["started_at", "id"],
        sqlite_where=lasts,
        postgresql_where=lasts,
    )


def _credit() -> None:
    op.create_table(
        "credit",
        sa.Column("id", _ID, nullable=False),
        sa.Column("contract_id", _ID, nullable=False),
        sa.Column("service_position_id", _ID, nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("assessed_until_at", sa.BigInteger(), nullable=False),
        sa.Column("counted_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_decide_ms", sa.BigInteger(), nullable=False),
        sa.Column("excluded_ms", sa.BigInteger(), nullable=False),
        sa.Column("remainder_ms", sa.BigInteger(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("credit_days", sa.Integer(), nullable=False),
        sa.Column("days_at_most", sa.Integer(), nullable=False),
        sa.Column("released_days", sa.Integer(), server_default="0", nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        _refers_to("credit", "contract"),
        _refers_to("credit", "service_position"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit")),
        comment="one outage of one service; state: lasting, to_decide, proposed, released, none, "
        "withdrawn (services/credit_book.py); next_at: when a lasting one has to be reckoned anew",
    )
    op.create_index(op.f("ix_credit_next_at"), "credit", ["next_at"])
    for columns in (
        ["state", "id"],
        ["contract_id", "id"],
        ["service_position_id", "started_at"],
    ):
        op.create_index(f"ix_credit_{'_'.join(columns)}", "credit", columns)


def _proof() -> None:
    op.create_table(
        "credit_line",
        sa.Column("credit_id", _ID, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.Column("proposed", sa.String(length=16), nullable=False),
        sa.Column("liability", sa.String(length=16), nullable=False),
        sa.Column("standing", sa.String(length=16), nullable=False),
        sa.Column("articles", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        _refers_to("credit_line", "credit"),
        sa.PrimaryKeyConstraint("credit_id", "revision", "number", name=op.f("pk_credit_line")),
        comment="the proof, line by line, of every revision; rows are only added. evidence: JSON "
        "list",
    )
    op.create_table(
        "credit_release",
        sa.Column("id", _ID, nullable=False),
        sa.Column("credit_id", _ID, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("form", sa.String(length=16), nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("released_at", sa.BigInteger(), nullable=False),
        sa.Column("audit_sequence", sa.BigInteger(), nullable=False),
        _refers_to("credit_release", "credit"),
        _refers_to("credit_release", "account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_release")),
        comment="days a person released, for billing to carry out; form: top_up, extension",
    )
    op.create_index(op.f("ix_credit_release_credit_id"), "credit_release", ["credit_id"])


def _refers_to(table: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [f"{other}_id"], [f"{other}.id"], name=op.f(f"fk_{table}_{other}_id")
    )
