"""Campaigns, visits of technicians, sites that no campaign touches."""

import sqlalchemy as sa
from alembic import op

revision = "0013a"
down_revision = "0013"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _campaign()
    _items()
    _counts()


def _campaign() -> None:
    op.create_table(
        "campaign",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("selection", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("planned_at", sa.BigInteger(), nullable=True),
        sa.Column("planned_by", sa.String(length=64), server_default="", nullable=False),
        sa.Column("approved_at", sa.BigInteger(), nullable=True),
        sa.Column("approved_by", sa.String(length=64), server_default="", nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("why", sa.String(length=16), server_default="", nullable=False),
        sa.Column("units", sa.Integer(), server_default="0", nullable=False),
        sa.Column("wave", sa.Integer(), server_default="0", nullable=False),
        sa.Column("wave_ended_at", sa.BigInteger(), nullable=True),
        sa.Column("accepted_wave", sa.Integer(), server_default="0", nullable=False),
        sa.Column("paid_until_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_before", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failed_before", sa.Integer(), server_default="0", nullable=False),
        sa.Column("joined_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
        comment="selection, plan: JSON (domain/selection.py, campaign_plan.py); why: it stands "
        "still; units: items, those excluded too; accepted_wave: a person lets it go on though it "
        "missed; ended_before, failed_before: at the start or the last resume; joined_at: last "
        "look for units that match by now",
    )
    op.create_index(op.f("ix_campaign_state"), "campaign", ["state"])


def _items() -> None:
    op.create_table(
        "campaign_item",
        sa.Column("campaign_id", _ID, nullable=False),
        sa.Column("unit_id", _ID, nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("why", sa.String(length=16), server_default="", nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reference", sa.String(length=64), server_default="", nullable=False),
        sa.Column("new_unit_id", _ID, nullable=True),
        sa.Column("visit_area_id", _ID, nullable=True),
        sa.Column("visit_on", sa.Date(), nullable=True),
        sa.Column("stop_asked", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        _refers_to("campaign_item", "campaign_id", "campaign"),
        _refers_to("campaign_item", "unit_id", "unit"),
        _refers_to("campaign_item", "new_unit_id", "unit"),
        sa.PrimaryKeyConstraint("campaign_id", "unit_id", name=op.f("pk_campaign_item")),
        comment="one unit in one campaign; due_at: not before then, null unless it waits or is "
        "deferred; ended_at: null while it is open, of an excluded one when that was found; "
        "reference: of the action that was ordered; stop_asked: the action was asked to take "
        "itself back",
    )
    for name, columns, where, unique in (
        ("ix_campaign_item_due", ["campaign_id", "wave", "due_at"], "due_at IS NOT NULL", False),
        (
            "ix_campaign_item_under_way",
            ["campaign_id", "unit_id"],
            "due_at IS NULL AND ended_at IS NULL",
            False,
        ),
        ("ix_campaign_item_open_unit", ["unit_id"], "ended_at IS NULL", False),
        (
            "uq_campaign_item_new_unit",
            ["new_unit_id"],
            "new_unit_id IS NOT NULL AND ended_at IS NULL",
            True,
        ),
    ):
        op.create_index(
            name,
            "campaign_item",
            columns,
            unique=unique,
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )


def _counts() -> None:
    op.create_table(
        "campaign_count",
        sa.Column("campaign_id", _ID, nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("why", sa.String(length=16), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        _refers_to("campaign_count", "campaign_id", "campaign"),
        sa.PrimaryKeyConstraint(
            "campaign_id", "wave", "state", "why", name=op.f("pk_campaign_count")
        ),
        comment="how many items of a campaign are where; kept with every step of an item, not "
        "counted",
    )
    op.create_table(
        "visit_day",
        sa.Column("network_element_id", _ID, autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("booked", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("network_element_id", "day", name=op.f("pk_visit_day")),
        comment="visits of technicians by the top element of the network; 0: not known",
    )
    op.create_table(
        "protected_contract",
        sa.Column("contract_id", _ID, nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        _refers_to("protected_contract", "contract_id", "contract"),
        sa.PrimaryKeyConstraint("contract_id", name=op.f("pk_protected_contract")),
        comment="sites that no campaign touches unless its author and approver say so",
    )


def _refers_to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))
