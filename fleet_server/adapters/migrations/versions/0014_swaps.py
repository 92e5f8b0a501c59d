"""Replacements of units, with what was asked, answered and is still owed."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013a"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("certificate", sa.Column("session_ended_at", sa.BigInteger()))
    op.execute("UPDATE certificate SET session_ended_at = revoked_at")
    _swap()
    _swap_indexes()
    _beside()
    _event()


def _swap() -> None:
    op.create_table(
        "swap",
        sa.Column("id", _ID, nullable=False),
        sa.Column("contract_id", _ID, nullable=False),
        sa.Column("position", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("old_unit_id", _ID),
        sa.Column("new_unit_id", _ID, nullable=False),
        sa.Column("partner_unit_id", _ID),
        sa.Column("trigger", sa.String(length=12), nullable=False),
        sa.Column("outlets", sa.Integer(), nullable=False),
        sa.Column("planned_swap_id", _ID),
        sa.Column("value_cents", sa.BigInteger()),
        sa.Column("posted_at", sa.BigInteger()),
        sa.Column("ordered_by", sa.String(length=80), nullable=False),
        sa.Column("ordered_at", sa.BigInteger(), nullable=False),
        sa.Column("approved_by", sa.String(length=80), server_default="", nullable=False),
        sa.Column("approved_at", sa.BigInteger()),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.Column("phase", sa.String(length=12), nullable=False),
        sa.Column("is_undoing", sa.Boolean(), nullable=False),
        sa.Column("skipped", sa.Text(), server_default="", nullable=False),
        sa.Column("why", sa.String(length=256), server_default="", nullable=False),
        sa.Column("asks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("ask_key", sa.String(length=64), server_default="", nullable=False),
        sa.Column("asked_at", sa.BigInteger()),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("waits_for", sa.String(length=256), server_default="", nullable=False),
        sa.Column("stock_state", sa.String(length=16), server_default="", nullable=False),
        sa.Column("came_up_at", sa.BigInteger()),
        sa.Column("paper", sa.Text(), server_default="", nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        _refers_to("swap", "contract_id", "contract"),
        _refers_to("swap", "old_unit_id", "unit"),
        _refers_to("swap", "new_unit_id", "unit"),
        _refers_to("swap", "partner_unit_id", "unit"),
        _refers_to("swap", "planned_swap_id", "planned_swap"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_swap")),
        comment="one replacement (domain/swap.py). plan, skipped: comma lists of steps; partner: "
        "the card of a box, or the box of a card; ask_key: command or decision that is under way, "
        "empty between; asked_at: when the step was first asked for; waits_for: why it is not "
        "asked for now; stock_state: of the new unit before it was reserved; paper: signed, for "
        "the customer",
    )


def _swap_indexes() -> None:
    for column in ("contract_id", "phase", "old_unit_id", "new_unit_id"):
        op.create_index(f"ix_swap_{column}_id", "swap", [column, "id"])
    under_way = sa.text("ended_at IS NULL AND approved_at IS NOT NULL")
    op.create_index(
        "ix_swap_under_way",
        "swap",
        ["due_at"],
        sqlite_where=under_way,
        postgresql_where=under_way,
    )


def _beside() -> None:
    op.create_table(
        "swap_claim",
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("swap_id", _ID, nullable=False),
        _refers_to("swap_claim", "swap_id", "swap"),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_swap_claim")),
        comment="what a replacement that has not ended keeps others from: unit:<id>, position:<id>",
    )
    op.create_index(op.f("ix_swap_claim_swap_id"), "swap_claim", ["swap_id"])
    op.create_table(
        "swap_debt",
        sa.Column("swap_id", _ID, nullable=False),
        sa.Column("target", sa.String(length=20), nullable=False),
        sa.Column("operation", sa.String(length=16), nullable=False),
        sa.Column("endpoint_id", sa.String(length=64), nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("ask_key", sa.String(length=64), server_default="", nullable=False),
        _refers_to("swap_debt", "swap_id", "swap"),
        sa.PrimaryKeyConstraint("swap_id", "target", "operation", name=op.f("pk_swap_debt")),
        comment="what a unit that did not answer is told when it is seen again; a row goes when it "
        "is paid",
    )
    op.create_index(op.f("ix_swap_debt_endpoint_id"), "swap_debt", ["endpoint_id"])


def _event() -> None:
    op.create_table(
        "swap_event",
        sa.Column("id", _ID, nullable=False),
        sa.Column("swap_id", _ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("step", sa.String(length=16), server_default="", nullable=False),
        sa.Column("target", sa.String(length=20), server_default="", nullable=False),
        sa.Column("operation", sa.String(length=16), server_default="", nullable=False),
        sa.Column("key", sa.String(length=64), server_default="", nullable=False),
        sa.Column("text", sa.String(length=256), server_default="", nullable=False),
        _refers_to("swap_event", "swap_id", "swap"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_swap_event")),
        comment="kind: ordered, approved, asked, waits, done, failed, unreachable, aborted, "
        "waived, resumed, paid, written_off, ended",
    )
    op.create_index("ix_swap_event_swap_id_id", "swap_event", ["swap_id", "id"])


def _refers_to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))
