"""Persons by contract number, the looks at them, and what was erased."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TEXTS = (
    "name",
    "surname",
    "personal_number",
    "address",
    "fixed_number",
    "mobile_number",
    "e_mail",
)


def upgrade() -> None:
    op.create_table(
        "person",
        sa.Column("contract_number", sa.String(length=32), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _TEXTS),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("contract_number", name=op.f("pk_person")),
    )
    op.create_table(
        "person_look",
        sa.Column("id", _ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor_kind", sa.String(length=8), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("contract_number", sa.String(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("fields", sa.String(length=160), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_look")),
    )
    op.create_index(op.f("ix_person_look_at"), "person_look", ["at"])
    op.create_index("ix_person_look_contract_number_id", "person_look", ["contract_number", "id"])
    op.create_table(
        "erasure",
        sa.Column("id", _ID, nullable=False),
        sa.Column("contract_number", sa.String(length=32), nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=False),
        sa.Column("ground", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure")),
    )
    op.create_index(op.f("ix_erasure_contract_number"), "erasure", ["contract_number"])
