"""Outages with their verdicts, causes as reported, work on the network, storms, voice at risk."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_AS_ONE_PIECE = (
    "'[[\"' || cause || '\",' || CAST(started_at AS TEXT) || ',' "
    "|| COALESCE(CAST(ended_at AS TEXT), 'null') || ',[]]]'"
)
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _interruptions()
    _outages()
    _reports()
    _storms()
    _voice()


def _interruptions() -> None:
    """What an older verdict said becomes the device's own evidence."""
    with op.batch_alter_table("interruption", schema=None) as batch_op:
        batch_op.add_column(sa.Column("own", sa.Text(), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("segments", sa.Text(), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("lost_power", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("network_element_id", _ID, nullable=True))
        batch_op.add_column(sa.Column("contract_id", _ID, nullable=True))
        batch_op.create_index(
            "ix_interruption_network_element_id_started_at",
            ["network_element_id", "started_at"],
            unique=False,
        )

    with op.batch_alter_table("interruption_verdict", schema=None) as batch_op:
        batch_op.add_column(sa.Column("segments", sa.Text(), server_default="[]", nullable=False))
    op.execute(f"UPDATE interruption SET own = {_AS_ONE_PIECE} WHERE cause <> 'unknown'")  # noqa: S608 - a constant
    op.execute(f"UPDATE interruption SET segments = {_AS_ONE_PIECE}")  # noqa: S608 - a constant
    op.execute(f"UPDATE interruption_verdict SET segments = {_AS_ONE_PIECE}")  # noqa: S608 - a constant


def _outages() -> None:
    op.create_table(
        "outage",
        sa.Column("id", _ID, nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.Column("inferred_cause", sa.String(length=32), nullable=False),
        sa.Column("confidence", sa.String(length=8), nullable=False),
        sa.Column("places", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("devices", sa.Integer(), nullable=False),
        sa.Column("population", sa.Integer(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("powerless", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outage")),
        comment="the newest verdict; open while ended_at is null. places: JSON list of elements; "
        "inferred_cause: what the devices alone show; withdrawn: merged into another, or "
        "none",
    )
    with op.batch_alter_table("outage", schema=None) as batch_op:
        batch_op.create_index(
            "ix_outage_open",
            ["started_at", "id"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.create_index("ix_outage_started_at_id", ["started_at", "id"], unique=False)
    op.create_table(
        "outage_place",
        sa.Column("outage_id", _ID, nullable=False),
        sa.Column("network_element_id", _ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["network_element_id"],
            ["network_element.id"],
            name=op.f("fk_outage_place_network_element_id"),
        ),
        sa.ForeignKeyConstraint(
            ["outage_id"], ["outage.id"], name=op.f("fk_outage_place_outage_id")
        ),
        sa.PrimaryKeyConstraint("outage_id", "network_element_id", name=op.f("pk_outage_place")),
    )
    with op.batch_alter_table("outage_place", schema=None) as batch_op:
        batch_op.create_index(
            "ix_outage_place_network_element_id", ["network_element_id"], unique=False
        )
    op.create_table(
        "outage_member",
        sa.Column("outage_id", _ID, nullable=False),
        sa.Column("interruption_id", _ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["interruption_id"], ["interruption.id"], name=op.f("fk_outage_member_interruption_id")
        ),
        sa.ForeignKeyConstraint(
            ["outage_id"], ["outage.id"], name=op.f("fk_outage_member_outage_id")
        ),
        sa.PrimaryKeyConstraint("outage_id", "interruption_id", name=op.f("pk_outage_member")),
        comment="the interruptions that an outage was seen by",
    )
    with op.batch_alter_table("outage_member", schema=None) as batch_op:
        batch_op.create_index("ix_outage_member_interruption_id", ["interruption_id"], unique=False)
    op.create_table(
        "outage_verdict",
        sa.Column("outage_id", _ID, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.Column("confidence", sa.String(length=8), nullable=False),
        sa.Column("places", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("devices", sa.Integer(), nullable=False),
        sa.Column("population", sa.Integer(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("powerless", sa.Integer(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["outage_id"], ["outage.id"], name=op.f("fk_outage_verdict_outage_id")
        ),
        sa.PrimaryKeyConstraint("outage_id", "revision", name=op.f("pk_outage_verdict")),
        comment="every verdict ever given on an outage; rows are only added",
    )


def _reports() -> None:
    op.create_table(
        "cause_report",
        sa.Column("id", _ID, nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.Column("network_element_id", _ID, nullable=False),
        sa.Column("from_at", sa.BigInteger(), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("reference", sa.String(length=64), server_default="", nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.Column("audit_sequence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["network_element_id"],
            ["network_element.id"],
            name=op.f("fk_cause_report_network_element_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cause_report")),
        comment="what a system of the operator or a person says of an element and all below it; "
        "until_at is written once, a wrong report is withdrawn and recorded anew",
    )
    with op.batch_alter_table("cause_report", schema=None) as batch_op:
        batch_op.create_index(
            "ix_cause_report_network_element_id_from_at",
            ["network_element_id", "from_at"],
            unique=False,
        )
    op.create_table(
        "maintenance",
        sa.Column("id", _ID, nullable=False),
        sa.Column("network_element_id", _ID, nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("voice_down", sa.Boolean(), nullable=False),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        sa.Column("cancelled_at", sa.BigInteger(), nullable=True),
        sa.Column("audit_sequence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["network_element_id"],
            ["network_element.id"],
            name=op.f("fk_maintenance_network_element_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maintenance")),
        comment="work on the network [4.6]; voice_down: emergency numbers cannot be reached [11.3]",
    )
    with op.batch_alter_table("maintenance", schema=None) as batch_op:
        batch_op.create_index("ix_maintenance_starts_at_id", ["starts_at", "id"], unique=False)
    op.create_table(
        "maintenance_notice",
        sa.Column("id", _ID, nullable=False),
        sa.Column("maintenance_id", _ID, nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("audit_sequence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["maintenance_id"],
            ["maintenance.id"],
            name=op.f("fk_maintenance_notice_maintenance_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maintenance_notice")),
        comment="that customers were told in advance, and of which time; rows are only added",
    )
    with op.batch_alter_table("maintenance_notice", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_maintenance_notice_maintenance_id"), ["maintenance_id"], unique=False
        )
    op.create_table(
        "liability_decision",
        sa.Column("id", _ID, nullable=False),
        sa.Column("outage_id", _ID, nullable=True),
        sa.Column("interruption_id", _ID, nullable=True),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.Column("proposed", sa.String(length=16), nullable=False),
        sa.Column("decided", sa.String(length=16), nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("audit_sequence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_liability_decision_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["interruption_id"],
            ["interruption.id"],
            name=op.f("fk_liability_decision_interruption_id"),
        ),
        sa.ForeignKeyConstraint(
            ["outage_id"], ["outage.id"], name=op.f("fk_liability_decision_outage_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_liability_decision")),
        comment="who answers for the time that a cause held, of one outage or one interruption; "
        "the newest counts, that of the interruption before that of its outage",
    )
    with op.batch_alter_table("liability_decision", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_liability_decision_interruption_id"), ["interruption_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_liability_decision_outage_id"), ["outage_id"], unique=False
        )
    op.create_table(
        "recheck",
        sa.Column("network_element_id", _ID, autoincrement=False, nullable=False),
        sa.Column("hour_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("network_element_id", "hour_at", name=op.f("pk_recheck")),
        comment="where and when outages have to be looked for again, by top element and hour",
    )


def _storms() -> None:
    op.create_table(
        "surge",
        sa.Column("endpoint_id", sa.String(length=64), nullable=False),
        sa.Column("event_key", sa.String(length=128), nullable=False),
        sa.Column("network_element_id", _ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("endpoint_id", "event_key", name=op.f("pk_surge")),
        comment="each Transient! of a device in service, by the top element it hung on then",
    )
    with op.batch_alter_table("surge", schema=None) as batch_op:
        batch_op.create_index(
            "ix_surge_network_element_id_at", ["network_element_id", "at"], unique=False
        )
    op.create_table(
        "storm",
        sa.Column("id", _ID, nullable=False),
        sa.Column("network_element_id", _ID, nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.Column("devices", sa.Integer(), nullable=False),
        sa.Column("surges", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["network_element_id"], ["network_element.id"], name=op.f("fk_storm_network_element_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_storm")),
        comment="lightning storms as the surges show them; orientation, never proof [7.2.5]",
    )
    with op.batch_alter_table("storm", schema=None) as batch_op:
        batch_op.create_index(
            "ix_storm_network_element_id_started_at",
            ["network_element_id", "started_at"],
            unique=False,
        )


def _voice() -> None:
    op.create_table(
        "voice_risk",
        sa.Column("id", _ID, nullable=False),
        sa.Column("endpoint_id", sa.String(length=64), nullable=False),
        sa.Column("service_position_id", _ID, nullable=False),
        sa.Column("network_element_id", _ID, nullable=True),
        sa.Column("reach", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("from_at", sa.BigInteger(), nullable=False),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=True),
        sa.Column("end_noted_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["service_position_id"],
            ["service_position.id"],
            name=op.f("fk_voice_risk_service_position_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voice_risk")),
        comment="when a line could not reach emergency numbers, or nobody knew [7.3.7, 11.3]; "
        "open while until_at is null; noted_at and end_noted_at: when the server learnt "
        "it",
    )
    with op.batch_alter_table("voice_risk", schema=None) as batch_op:
        batch_op.create_index(
            "ix_voice_risk_endpoint_id_from_at", ["endpoint_id", "from_at"], unique=False
        )
        batch_op.create_index("ix_voice_risk_from_at_id", ["from_at", "id"], unique=False)
        batch_op.create_index(
            "uq_voice_risk_open",
            ["service_position_id"],
            unique=True,
            sqlite_where=sa.text("until_at IS NULL"),
            postgresql_where=sa.text("until_at IS NULL"),
        )
    op.create_table(
        "sighting",
        sa.Column("unit_id", _ID, nullable=False),
        sa.Column("network_element_id", _ID, nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["network_element_id"],
            ["network_element.id"],
            name=op.f("fk_sighting_network_element_id"),
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_sighting_unit_id")),
        sa.PrimaryKeyConstraint(
            "unit_id", "network_element_id", "source", name=op.f("pk_sighting")
        ),
        comment="behind which element of the network a unit was seen, and who says so",
    )
    op.create_table(
        "misplaced_unit",
        sa.Column("id", _ID, nullable=False),
        sa.Column("unit_id", _ID, nullable=False),
        sa.Column("contract_id", _ID, nullable=False),
        sa.Column("expected_element_id", _ID, nullable=False),
        sa.Column("seen_element_id", _ID, nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("noticed_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=24), server_default="", nullable=False),
        sa.Column("account_id", _ID, nullable=True),
        sa.Column("audit_sequence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_misplaced_unit_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contract.id"], name=op.f("fk_misplaced_unit_contract_id")
        ),
        sa.ForeignKeyConstraint(
            ["expected_element_id"],
            ["network_element.id"],
            name=op.f("fk_misplaced_unit_expected_element_id"),
        ),
        sa.ForeignKeyConstraint(
            ["seen_element_id"],
            ["network_element.id"],
            name=op.f("fk_misplaced_unit_seen_element_id"),
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_misplaced_unit_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_misplaced_unit")),
        comment="a unit seen where its contract is not [4.10, 11.3]; open until a person settles "
        "it",
    )
    with op.batch_alter_table("misplaced_unit", schema=None) as batch_op:
        batch_op.create_index(
            "uq_misplaced_unit_open",
            ["unit_id"],
            unique=True,
            sqlite_where=sa.text("settled_at IS NULL"),
            postgresql_where=sa.text("settled_at IS NULL"),
        )
