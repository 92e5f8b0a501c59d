"""Service states and allow-lists, returns and blacklist, and the outbox that carries them out."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PENDING = "carried_out_at IS NULL AND cancelled_at IS NULL"
_LIST_VERSION = "path = 'Device.X_IPKO-COM_Service.AllowListVersion'"


def upgrade() -> None:
    _outbox()
    _service()
    _returns()


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", _ID, nullable=False),
        sa.Column("operation_id", sa.String(length=96), nullable=False),
        sa.Column("decision", sa.String(length=64), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("system", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("arguments", sa.Text(), nullable=False),
        sa.Column("target", sa.String(length=112), nullable=False),
        sa.Column("queued_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("reference", sa.String(length=64), server_default="", nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("operation_id", name=op.f("uq_outbox_operation_id")),
        comment="queued in the transaction of the decision; state: queued, done, refused, dropped",
    )
    op.create_index("ix_outbox_decision_stage", "outbox", ["decision", "stage"])
    op.create_index("ix_outbox_state_due_at", "outbox", ["state", "due_at"])
    op.create_index("ix_outbox_target_id", "outbox", ["target", "id"])
    op.create_table(
        "outbox_try",
        sa.Column("id", _ID, nullable=False),
        sa.Column("outbox_id", _ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("code", sa.String(length=96), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox.id"], name=op.f("fk_outbox_try_outbox_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_try")),
        comment="every call that was made; outcome: done, unavailable, busy, refused",
    )
    op.create_index(op.f("ix_outbox_try_outbox_id"), "outbox_try", ["outbox_id"])


def _service() -> None:
    op.create_table(
        "allow_list",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("signed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_allow_list")),
        comment="every list that was ever signed; a version means one list for ever",
    )
    op.create_table(
        "contract_service",
        sa.Column("contract_id", _ID, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_contract_service_contract_id")
        ),
        sa.PrimaryKeyConstraint("contract_id", name=op.f("pk_contract_service")),
        comment="a contract that is not here is active",
    )
    op.create_index(op.f("ix_contract_service_state"), "contract_service", ["state"])
    op.create_table(
        "service_decision",
        sa.Column("id", _ID, nullable=False),
        sa.Column("contract_id", _ID, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("ground", sa.String(length=24), nullable=False),
        sa.Column("needs_notice", sa.Boolean(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("not_before_at", sa.BigInteger(), nullable=False),
        sa.Column("carried_out_at", sa.BigInteger(), nullable=True),
        sa.Column("cancelled_at", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("reconnection_cents", sa.BigInteger(), nullable=True),
        sa.Column("audit_sequence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_service_decision_contract_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_decision")),
        comment="state: the one decided for; carried_out_at: when its operations were "
        "queued; reconnection_cents: proposed, never billed [8.6]",
    )
    op.create_index("ix_service_decision_contract_id_id", "service_decision", ["contract_id", "id"])
    op.create_index(
        "ix_service_decision_pending",
        "service_decision",
        ["not_before_at"],
        sqlite_where=sa.text(_PENDING),
        postgresql_where=sa.text(_PENDING),
    )
    op.create_index(
        "uq_service_decision_pending",
        "service_decision",
        ["contract_id"],
        unique=True,
        sqlite_where=sa.text(_PENDING),
        postgresql_where=sa.text(_PENDING),
    )
    op.create_index(
        "ix_parameter_allow_list_version",
        "parameter",
        ["value"],
        sqlite_where=sa.text(_LIST_VERSION),
        postgresql_where=sa.text(_LIST_VERSION),
    )


def _returns() -> None:
    op.create_table(
        "blacklisting",
        sa.Column("id", _ID, nullable=False),
        sa.Column("unit_id", _ID, nullable=False),
        sa.Column("contract_id", _ID, nullable=True),
        sa.Column("cause", sa.String(length=8), nullable=False),
        sa.Column("police_report", sa.String(length=64), server_default="", nullable=False),
        sa.Column("police_report_on", sa.Date(), nullable=True),
        sa.Column("value_cents", sa.BigInteger(), nullable=True),
        sa.Column("listed_at", sa.BigInteger(), nullable=False),
        sa.Column("lifted_at", sa.BigInteger(), nullable=True),
        sa.Column("audit_sequence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_blacklisting_contract_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_blacklisting_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blacklisting")),
        comment="cause: stolen, lost; police_report: the reference of the police "
        "[7.1.5, 7.3.6]; value_cents: as in the papers handed over last",
    )
    op.create_index("ix_blacklisting_unit_id_id", "blacklisting", ["unit_id", "id"])
    op.create_index(
        "uq_blacklisting_open",
        "blacklisting",
        ["unit_id"],
        unique=True,
        sqlite_where=sa.text("lifted_at IS NULL"),
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_table(
        "charge_decision",
        sa.Column("id", _ID, nullable=False),
        sa.Column("unit_id", _ID, nullable=False),
        sa.Column("contract_id", _ID, nullable=False),
        sa.Column("ground", sa.String(length=12), nullable=False),
        sa.Column("proposed", sa.String(length=12), nullable=False),
        sa.Column("proposed_cents", sa.BigInteger(), nullable=True),
        sa.Column("articles", sa.Text(), nullable=False),
        sa.Column("decision", sa.String(length=12), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("audit_sequence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_charge_decision_contract_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_charge_decision_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_charge_decision")),
        sa.UniqueConstraint(
            "unit_id",
            "contract_id",
            "ground",
            name=op.f("uq_charge_decision_unit_id_contract_id_ground"),
        ),
        comment="what a named person decided on a proposal; it is handed to billing, "
        "never billed here",
    )
    op.create_table(
        "unit_return",
        sa.Column("id", _ID, nullable=False),
        sa.Column("unit_id", _ID, nullable=False),
        sa.Column("contract_id", _ID, nullable=True),
        sa.Column("place_id", _ID, nullable=False),
        sa.Column("returned_on", sa.Date(), nullable=False),
        sa.Column("returned_at", sa.BigInteger(), nullable=False),
        sa.Column("condition", sa.String(length=16), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.Column("audit_sequence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_unit_return_contract_id")
        ),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_unit_return_place_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_unit_return_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_return")),
        comment="receipt: what the customer got, signed; its number is R- and the id",
    )
    op.create_index(op.f("ix_unit_return_contract_id"), "unit_return", ["contract_id"])
    op.create_index("ix_unit_return_unit_id_id", "unit_return", ["unit_id", "id"])
