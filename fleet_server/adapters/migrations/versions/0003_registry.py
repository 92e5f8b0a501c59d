"""The registry in full: models, places, plant, life cycle, pairing; and the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _audit_log()
    _places_and_models()
    _units()
    _contracts()
    _states_of_what_is_there()


def _audit_log() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor_kind", sa.String(length=8), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=48), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("reason_digest", sa.String(length=64), nullable=False),
        sa.Column("previous_digest", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit_entry")),
        comment="triggers refuse to change or remove a row; see services/audit.py for the digest",
    )
    op.create_index("ix_audit_entry_subject_sequence", "audit_entry", ["subject", "sequence"])
    op.create_table(
        "audit_reason",
        sa.Column("reason_digest", sa.String(length=64), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("reason_digest", name=op.f("pk_audit_reason")),
        comment="why, in a person's words; may be erased: the chain holds the salted digest only",
    )
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
        comment="one row, the end of the chain; locked by whoever adds to it",
    )
    op.bulk_insert(head, [{"id": 1, "sequence": 0, "digest": "0" * 64}])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION audit_entry_stays() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the audit log is only added to'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_entry_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_stays()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_entry_no_{change.lower()} BEFORE {change} ON audit_entry "
            "BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END"
        )


def _places_and_models() -> None:
    op.create_table(
        "model",
        sa.Column("id", _ID, nullable=False),
        sa.Column("manufacturer_oui", sa.String(length=6), nullable=False),
        sa.Column("product_class", sa.String(length=16), nullable=False),
        sa.Column("model_name", sa.String(length=64), nullable=False),
        sa.Column("manufacturer", sa.String(length=64), nullable=False),
        sa.Column("approval_reference", sa.String(length=64), server_default="", nullable=False),
        sa.Column("hardware_revisions", sa.Text(), server_default="[]", nullable=False),
        sa.Column("sensors", sa.Text(), server_default="[]", nullable=False),
        sa.Column("supplier_warranty_months", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model")),
        sa.UniqueConstraint(
            "manufacturer_oui",
            "product_class",
            "model_name",
            name=op.f("uq_model_manufacturer_oui_product_class_model_name"),
        ),
        comment="approval_reference: of the regulator, empty while not approved [7.1.8]; "
        "hardware_revisions and sensors: JSON lists of texts",
    )
    op.create_table(
        "supplier",
        sa.Column("id", _ID, nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supplier")),
        sa.UniqueConstraint("code", name=op.f("uq_supplier_code")),
    )
    op.create_table(
        "place",
        sa.Column("id", _ID, nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_place")),
        sa.UniqueConstraint("code", name=op.f("uq_place_code")),
        comment="where units are that no customer has: warehouse, store, van, contractor, supplier",
    )
    op.create_table(
        "network_element",
        sa.Column("id", _ID, nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("parent_id", _ID, nullable=True),
        sa.ForeignKeyConstraint(
            ["parent_id"],
            ["network_element.id"],
            name=op.f("fk_network_element_parent_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_element")),
        sa.UniqueConstraint("code", name=op.f("uq_network_element_code")),
        comment="the plant as a tree: node (fibre node), amplifier, street",
    )
    op.create_index(op.f("ix_network_element_parent_id"), "network_element", ["parent_id"])


def _units() -> None:
    with op.batch_alter_table("unit") as unit:
        unit.alter_column("endpoint_id", existing_type=sa.String(length=64), nullable=True)
        unit.add_column(sa.Column("model_id", _ID, nullable=True))
        unit.add_column(sa.Column("supplier_id", _ID, nullable=True))
        unit.add_column(sa.Column("supplier_warranty_until_on", sa.Date(), nullable=True))
        unit.add_column(
            sa.Column("state", sa.String(length=16), server_default="in_stock", nullable=False)
        )
        unit.add_column(sa.Column("place_id", _ID, nullable=True))
        for column in ("model", "supplier", "place"):
            unit.create_foreign_key(op.f(f"fk_unit_{column}_id"), column, [f"{column}_id"], ["id"])
        for columns in (["model_id"], ["supplier_id"], ["state", "id"], ["place_id", "id"]):
            unit.create_index(op.f(f"ix_unit_{'_'.join(columns)}"), columns)
    op.create_table(
        "unit_mac",
        sa.Column("mac_address", sa.String(length=17), nullable=False),
        sa.Column("unit_id", _ID, nullable=False),
        sa.Column("interface", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_unit_mac_unit_id")),
        sa.PrimaryKeyConstraint("mac_address", name=op.f("pk_unit_mac")),
        comment="interface: cable, emta, ethernet, wifi",
    )
    op.create_index(op.f("ix_unit_mac_unit_id"), "unit_mac", ["unit_id"])
    op.create_table(
        "unit_state",
        sa.Column("id", _ID, nullable=False),
        sa.Column("unit_id", _ID, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("place_id", _ID, nullable=True),
        sa.Column("from_at", sa.BigInteger(), nullable=False),
        sa.Column("audit_sequence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_unit_state_unit_id")),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_unit_state_place_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_state")),
        comment="the life cycle of each unit (domain/life_cycle.py); rows are only added",
    )
    op.create_index("ix_unit_state_unit_id_from_at", "unit_state", ["unit_id", "from_at"])
    op.create_table(
        "pairing",
        sa.Column("id", _ID, nullable=False),
        sa.Column("card_unit_id", _ID, nullable=False),
        sa.Column("box_unit_id", _ID, nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["card_unit_id"], ["unit.id"], name=op.f("fk_pairing_card_unit_id")
        ),
        sa.ForeignKeyConstraint(["box_unit_id"], ["unit.id"], name=op.f("fk_pairing_box_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pairing")),
        comment="which smart card belongs into which set-top box; open while until_at is null",
    )
    open_ = sa.text("until_at IS NULL")
    for name in ("card_unit_id", "box_unit_id"):
        op.create_index(f"ix_pairing_{name}_since_at", "pairing", [name, "since_at"])
        op.create_index(
            f"uq_pairing_open_{name}",
            "pairing",
            [name],
            unique=True,
            sqlite_where=open_,
            postgresql_where=open_,
        )


def _contracts() -> None:
    with op.batch_alter_table("contract") as contract:
        contract.add_column(
            sa.Column("package", sa.String(length=16), server_default="", nullable=False)
        )
        contract.add_column(sa.Column("signed_on", sa.Date(), nullable=True))
        contract.add_column(sa.Column("network_element_id", _ID, nullable=True))
        contract.add_column(sa.Column("terminated_on", sa.Date(), nullable=True))
        contract.add_column(sa.Column("termination_confirmed_at", sa.BigInteger(), nullable=True))
        contract.create_foreign_key(
            op.f("fk_contract_network_element_id"),
            "network_element",
            ["network_element_id"],
            ["id"],
        )
        contract.create_index(op.f("ix_contract_network_element_id"), ["network_element_id"])
    op.drop_index("uq_assignment_open_position", "assignment")
    with op.batch_alter_table("assignment") as assignment:
        assignment.add_column(sa.Column("handed_over_on", sa.Date(), nullable=True))
        assignment.add_column(sa.Column("value_cents", sa.BigInteger(), nullable=True))
        assignment.add_column(sa.Column("replaces_unit_id", _ID, nullable=True))
        assignment.add_column(sa.Column("recorded_at", sa.BigInteger(), nullable=True))
        assignment.add_column(sa.Column("corrected_at", sa.BigInteger(), nullable=True))
        assignment.create_foreign_key(
            op.f("fk_assignment_replaces_unit_id"), "unit", ["replaces_unit_id"], ["id"]
        )
    op.execute("UPDATE assignment SET recorded_at = since_at")
    with op.batch_alter_table("assignment") as assignment:
        assignment.alter_column("recorded_at", existing_type=sa.BigInteger(), nullable=False)
        assignment.create_index(
            "ix_assignment_service_position_id_since_at", ["service_position_id", "since_at"]
        )
        assignment.create_index("ix_assignment_replaces_unit_id", ["replaces_unit_id"])
    open_ = sa.text("until_at IS NULL AND corrected_at IS NULL")
    op.create_index(
        "uq_assignment_open_position",
        "assignment",
        ["service_position_id"],
        unique=True,
        sqlite_where=open_,
        postgresql_where=open_,
    )


def _states_of_what_is_there() -> None:
    """What was assigned was installed then; the rest is in stock since it came."""
    op.execute(
        "UPDATE unit SET state = 'installed' WHERE EXISTS (SELECT 1 FROM assignment "
        "WHERE assignment.unit_id = unit.id AND assignment.until_at IS NULL)"
    )
    op.execute(
        "INSERT INTO unit_state (unit_id, state, from_at, audit_sequence) "
        "SELECT id, state, COALESCE((SELECT MIN(since_at) FROM assignment "
        "WHERE assignment.unit_id = unit.id AND assignment.until_at IS NULL), received_at), 0 "
        "FROM unit"
    )
