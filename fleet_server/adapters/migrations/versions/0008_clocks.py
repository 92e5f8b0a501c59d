"""Deadlines: the clocks that run, defect reports, planned swaps."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _facts()
    _clocks()


def _facts() -> None:
    op.create_table(
        "defect_report",
        sa.Column("id", _ID, nullable=False),
        sa.Column("contract_id", _ID, nullable=False),
        sa.Column("service_position_id", _ID, nullable=True),
        sa.Column("symptom", sa.String(length=16), nullable=False),
        sa.Column("reported_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("cleared_by_phone_at", sa.BigInteger(), nullable=True),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("answer", sa.String(length=16), nullable=True),
        sa.Column("compensation_requested_at", sa.BigInteger(), nullable=True),
        _refers_to("defect_report", "contract"),
        _refers_to("defect_report", "service_position"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_defect_report")),
        comment="what a customer reported [5.2]; each moment is written once; words: the audit log",
    )
    op.create_index("ix_defect_report_contract_id_id", "defect_report", ["contract_id", "id"])
    op.create_table(
        "planned_swap",
        sa.Column("id", _ID, nullable=False),
        sa.Column("contract_id", _ID, nullable=False),
        sa.Column("service_position_id", _ID, nullable=False),
        sa.Column("ground", sa.String(length=8), nullable=False),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("notice_at", sa.BigInteger(), nullable=True),
        sa.Column("consent_at", sa.BigInteger(), nullable=True),
        sa.Column("cancelled_at", sa.BigInteger(), nullable=True),
        _refers_to("planned_swap", "contract"),
        _refers_to("planned_swap", "service_position"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planned_swap")),
        comment="ground: operator (needs notice), faulty (needs consent) [7.1.7]; a swap that "
        "moves is cancelled and planned anew",
    )
    op.create_index("ix_planned_swap_contract_id_id", "planned_swap", ["contract_id", "id"])


def _clocks() -> None:
    op.create_table(
        "clock",
        sa.Column("id", _ID, nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("subject", sa.String(length=48), nullable=False),
        sa.Column("contract_id", _ID, nullable=False),
        sa.Column("service_position_id", _ID, nullable=True),
        sa.Column("unit_id", _ID, nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("binding", sa.Boolean(), nullable=False),
        sa.Column("charge_from_at", sa.BigInteger(), nullable=True),
        sa.Column("value_cents", sa.BigInteger(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("stopped_at", sa.BigInteger(), nullable=True),
        _refers_to("clock", "contract"),
        _refers_to("clock", "service_position"),
        _refers_to("clock", "unit"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock")),
        sa.UniqueConstraint("kind", "subject", name=op.f("uq_clock_kind_subject")),
        comment="deadlines that run or once did (domain/clocks.py), kept in step with the facts; "
        "subject: position:7, defect:7, swap:7, or unit:7/9 of contract 9",
    )
    op.create_index(op.f("ix_clock_contract_id"), "clock", ["contract_id"])
    is_open = sa.text("done_at IS NULL AND stopped_at IS NULL")
    op.create_index(
        "ix_clock_open_kind_due_at",
        "clock",
        ["kind", "due_at", "id"],
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_table(
        "clock_count",
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_clock_count")),
        comment="how many clocks of a kind are open; kept, not counted",
    )
    op.create_table(
        "audit_follower",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_audit_follower")),
        comment="up to which entry of the audit log a follower has kept something in step",
    )


def _refers_to(table: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [f"{other}_id"], [f"{other}.id"], name=op.f(f"fk_{table}_{other}_id")
    )
