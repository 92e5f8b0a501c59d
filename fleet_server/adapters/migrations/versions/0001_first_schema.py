"""The first schema: registry, events, presence, interruptions, accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("language", sa.String(length=2), server_default="en", nullable=False),
        sa.Column("password_hash", sa.String(length=256), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("username", name=op.f("uq_account_username")),
    )
    op.create_table(
        "agent",
        sa.Column("endpoint_id", sa.String(length=64), nullable=False),
        sa.Column("registered", sa.Boolean(), nullable=False),
        sa.Column("response_topic", sa.String(length=256), server_default="", nullable=False),
        sa.Column("connection", sa.Integer(), server_default="0", nullable=False),
        sa.Column("protocol_versions", sa.String(length=64), server_default="", nullable=False),
        sa.Column("manufacturer", sa.String(length=64), server_default="", nullable=False),
        sa.Column("model_name", sa.String(length=64), server_default="", nullable=False),
        sa.Column("software_version", sa.String(length=64), server_default="", nullable=False),
        sa.Column("connected_at", sa.BigInteger(), nullable=True),
        sa.Column("connect_packet_id", sa.Integer(), nullable=True),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("onboarded_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("endpoint_id", name=op.f("pk_agent")),
        comment="every USP agent that ever spoke; connection counts its mqtt_connect Records",
    )
    op.create_table(
        "certificate",
        sa.Column("certificate_serial_number", sa.String(length=40), nullable=False),
        sa.Column("endpoint_id", sa.String(length=64), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("not_after", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("certificate_serial_number", name=op.f("pk_certificate")),
    )
    op.create_index(
        op.f("ix_certificate_endpoint_id"), "certificate", ["endpoint_id"], unique=False
    )
    op.create_table(
        "command_counter",
        sa.Column("endpoint_id", sa.String(length=64), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("endpoint_id", name=op.f("pk_command_counter")),
    )
    op.create_table(
        "contract",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contract")),
        sa.UniqueConstraint("number", name=op.f("uq_contract_number")),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("endpoint_id", sa.String(length=64), nullable=False),
        sa.Column("event_key", sa.String(length=128), nullable=False),
        sa.Column("epoch", sa.String(length=8), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("msg_id", sa.String(length=128), nullable=False),
        sa.Column("subscription_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("path", sa.String(length=256), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("boot_count", sa.BigInteger(), nullable=True),
        sa.Column("up_time_ms", sa.BigInteger(), nullable=True),
        sa.Column("device_at", sa.BigInteger(), nullable=True),
        sa.Column("device_error_ms", sa.BigInteger(), nullable=True),
        sa.Column("grade", sa.String(length=8), server_default="", nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sa.UniqueConstraint(
            "endpoint_id", "event_key", name=op.f("uq_event_endpoint_id_event_key")
        ),
        comment="kind: event, value_change, object_creation, object_deletion, operation_complete, "
        "on_board_request; params: JSON object of texts",
    )
    op.create_index("ix_event_endpoint_id_id", "event", ["endpoint_id", "id"], unique=False)
    op.create_index(
        "ix_event_endpoint_id_name_id", "event", ["endpoint_id", "name", "id"], unique=False
    )
    op.create_table(
        "ingest_counter",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_ingest_counter")),
        comment="records refused, by reason; kept across restarts",
    )
    op.create_table(
        "interruption",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("endpoint_id", sa.String(length=64), nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("start_error_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("end_error_ms", sa.BigInteger(), nullable=True),
        sa.Column("length_ms", sa.BigInteger(), nullable=True),
        sa.Column("length_error_ms", sa.BigInteger(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interruption")),
        comment="the newest verdict; open while ended_at is null; withdrawn: merged into another",
    )
    op.create_index(
        "ix_interruption_endpoint_id_started_at",
        "interruption",
        ["endpoint_id", "started_at"],
        unique=False,
    )
    op.create_table(
        "parameter",
        sa.Column("endpoint_id", sa.String(length=64), nullable=False),
        sa.Column("path", sa.String(length=256), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("reported_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("endpoint_id", "path", name=op.f("pk_parameter")),
        comment="the last value an agent reported, and when we got it",
    )
    op.create_table(
        "presence",
        sa.Column("endpoint_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("evidence", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("endpoint_id", name=op.f("pk_presence")),
        comment="state: online, offline, suspect; seen_at: last proof of life; evidence: why",
    )
    op.create_index(op.f("ix_presence_state"), "presence", ["state"], unique=False)
    op.create_table(
        "presence_change",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("endpoint_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("evidence", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_presence_change")),
        comment="history of presence.state; seen_at: last proof of life before the change",
    )
    op.create_index(
        "ix_presence_change_endpoint_id_at", "presence_change", ["endpoint_id", "at"], unique=False
    )
    op.create_table(
        "process_state",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_process_state")),
        comment="what a process last said of itself; stale when `at` is old",
    )
    op.create_table(
        "supported_model",
        sa.Column("manufacturer", sa.String(length=64), nullable=False),
        sa.Column("model_name", sa.String(length=64), nullable=False),
        sa.Column("software_version", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("fetched_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "manufacturer", "model_name", "software_version", name=op.f("pk_supported_model")
        ),
        comment="answer: the GetSupportedDMResp as it came, protobuf",
    )
    op.create_table(
        "unit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("serial_number", sa.String(length=32), nullable=False),
        sa.Column("endpoint_id", sa.String(length=64), nullable=False),
        sa.Column("manufacturer_oui", sa.String(length=6), nullable=False),
        sa.Column("product_class", sa.String(length=16), nullable=False),
        sa.Column("manufacturer", sa.String(length=64), server_default="", nullable=False),
        sa.Column("model_name", sa.String(length=64), server_default="", nullable=False),
        sa.Column("hardware_version", sa.String(length=64), server_default="", nullable=False),
        sa.Column("software_version", sa.String(length=64), server_default="", nullable=False),
        sa.Column("lab", sa.Boolean(), nullable=False),
        sa.Column("blacklisted", sa.Boolean(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit")),
        sa.UniqueConstraint("endpoint_id", name=op.f("uq_unit_endpoint_id")),
        sa.UniqueConstraint("serial_number", name=op.f("uq_unit_serial_number")),
        comment="every unit the operator owns; stock is a unit without an open assignment",
    )
    op.create_table(
        "api_token",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_api_token_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_token_token_hash")),
    )
    op.create_table(
        "interruption_verdict",
        sa.Column(
            "interruption_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("start_error_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("end_error_ms", sa.BigInteger(), nullable=True),
        sa.Column("length_ms", sa.BigInteger(), nullable=True),
        sa.Column("length_error_ms", sa.BigInteger(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["interruption_id"],
            ["interruption.id"],
            name=op.f("fk_interruption_verdict_interruption_id"),
        ),
        sa.PrimaryKeyConstraint(
            "interruption_id", "revision", name=op.f("pk_interruption_verdict")
        ),
        comment="every verdict ever given on an interruption; rows are only added",
    )
    op.create_table(
        "service_position",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "contract_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("product_classes", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_service_position_contract_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_position")),
        sa.UniqueConstraint(
            "contract_id", "name", name=op.f("uq_service_position_contract_id_name")
        ),
        comment="a place for one unit: internet, voice, tv-1; product_classes is a comma list",
    )
    op.create_table(
        "assignment",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("unit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "service_position_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["service_position_id"],
            ["service_position.id"],
            name=op.f("fk_assignment_service_position_id"),
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_assignment_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment")),
        comment="which unit holds which position; open while until_at is null",
    )
    op.create_index("ix_assignment_unit_id", "assignment", ["unit_id"], unique=False)
    op.create_index(
        "uq_assignment_open_position",
        "assignment",
        ["service_position_id"],
        unique=True,
        sqlite_where=sa.text("until_at IS NULL"),
        postgresql_where=sa.text("until_at IS NULL"),
    )
