"""Repair cases, findings, decisions, spare parts, prices, checks on site."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _stock()
    _cases()
    _what_belongs_to_a_case()
    _checks()


def _stock() -> None:
    op.create_table(
        "price",
        sa.Column("id", _ID, nullable=False),
        sa.Column("product_class", sa.String(length=16), nullable=False),
        sa.Column("model_name", sa.String(length=64), server_default="", nullable=False),
        sa.Column("valid_from_on", sa.Date(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price")),
        sa.UniqueConstraint(
            "product_class",
            "model_name",
            "valid_from_on",
            name=op.f("uq_price_product_class_model_name_valid_from_on"),
        ),
        comment="the operator's price list of new units [7.1.4, 7.2.6, 7.3.5]; model_name is "
        "empty for all models of the kind that have no price of their own",
    )
    op.create_table(
        "spare_part",
        sa.Column("id", _ID, nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("on_hand", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spare_part")),
        sa.UniqueConstraint("code", name=op.f("uq_spare_part_code")),
    )


def _cases() -> None:
    op.create_table(
        "repair_case",
        sa.Column("id", _ID, nullable=False),
        sa.Column("unit_id", _ID, nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("symptom", sa.String(length=16), nullable=False),
        sa.Column("defect_on", sa.Date(), nullable=True),
        sa.Column("reported_on", sa.Date(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("replacement_unit_id", _ID, nullable=True),
        sa.ForeignKeyConstraint(
            ["replacement_unit_id"], ["unit.id"], name=op.f("fk_repair_case_replacement_unit_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_repair_case_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repair_case")),
        comment="its number is RMA- and the id; defect_on: the day it showed, null where the "
        "customer could not say; received_at: when the bench got the unit",
    )
    op.create_index(
        op.f("ix_repair_case_replacement_unit_id"), "repair_case", ["replacement_unit_id"]
    )
    op.create_index("ix_repair_case_state_id", "repair_case", ["state", "id"])
    op.create_index("ix_repair_case_unit_id_id", "repair_case", ["unit_id", "id"])
    op.create_index(
        "uq_repair_case_open_unit",
        "repair_case",
        ["unit_id"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "repair_finding",
        sa.Column("id", _ID, nullable=False),
        sa.Column("case_id", _ID, nullable=False),
        sa.Column("defect", sa.String(length=16), nullable=False),
        sa.Column("cause", sa.String(length=16), nullable=False),
        sa.Column("usable_again", sa.Boolean(), nullable=False),
        sa.Column("term", sa.String(length=12), nullable=False),
        sa.Column("cover_state", sa.String(length=12), nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.Column("audit_sequence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_repair_finding_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["repair_case.id"], name=op.f("fk_repair_finding_case_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repair_finding")),
        comment="the newest holds; term: the contractor's word on the cover, cover_state: what "
        "was reckoned then",
    )
    op.create_index("ix_repair_finding_case_id_id", "repair_finding", ["case_id", "id"])


def _what_belongs_to_a_case() -> None:
    op.create_table(
        "repair_decision",
        sa.Column("id", _ID, nullable=False),
        sa.Column("case_id", _ID, nullable=False),
        sa.Column("subject", sa.String(length=12), nullable=False),
        sa.Column("proposed", sa.String(length=24), nullable=False),
        sa.Column("choice", sa.String(length=24), nullable=False),
        sa.Column("articles", sa.String(length=64), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=True),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("audit_sequence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_repair_decision_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["repair_case.id"], name=op.f("fk_repair_decision_case_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repair_decision")),
        comment="of the operator, the newest on each subject holds; a charge is handed to "
        "billing, never billed here",
    )
    op.create_index("ix_repair_decision_case_id_id", "repair_decision", ["case_id", "id"])
    op.create_table(
        "repair_part",
        sa.Column("id", _ID, nullable=False),
        sa.Column("case_id", _ID, nullable=False),
        sa.Column("spare_part_id", _ID, nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["repair_case.id"], name=op.f("fk_repair_part_case_id")
        ),
        sa.ForeignKeyConstraint(
            ["spare_part_id"], ["spare_part.id"], name=op.f("fk_repair_part_spare_part_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repair_part")),
        comment="spare parts that went into a unit",
    )
    op.create_index(op.f("ix_repair_part_case_id"), "repair_part", ["case_id"])


def _checks() -> None:
    op.create_table(
        "site_check",
        sa.Column("id", _ID, nullable=False),
        sa.Column("unit_id", _ID, nullable=False),
        sa.Column("checked_on", sa.Date(), nullable=False),
        sa.Column("earthing_milliohm", sa.BigInteger(), nullable=True),
        sa.Column("protection_to_norms", sa.Boolean(), nullable=True),
        sa.Column("instrument", sa.String(length=64), nullable=False),
        sa.Column("method", sa.String(length=64), nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("audit_sequence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_site_check_account_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_site_check_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_check")),
        comment="earthing and overvoltage protection of the household where the unit serves, as a "
        "technician measured it [7.2.5, 7.2.7]; no row voids nothing",
    )
    op.create_index("ix_site_check_unit_id_id", "site_check", ["unit_id", "id"])
