"""What the operator owns, where it is, and on which contract it serves.

History is added to, never overwritten: a state, a pairing or an assignment ends by its end being
written once, and what was recorded wrongly is closed by `corrected_at` and recorded anew. A row
is what was in force on a day when that day lies between `since_at` and `until_at` and the row is
not corrected; it is what was *believed* on a day when `recorded_at` is before that day and
`corrected_at`, if any, after it.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
)

from fleet_server.services.tables.base import Endpoint, Id, Timestamp, metadata

model = Table(
    "model",
    metadata,
    Column("id", Id, primary_key=True),
    Column("manufacturer_oui", String(6), nullable=False),
    Column("product_class", String(16), nullable=False),
    Column("model_name", String(64), nullable=False),
    Column("manufacturer", String(64), nullable=False),
    Column("approval_reference", String(64), nullable=False, server_default=""),
    Column("hardware_revisions", Text, nullable=False, server_default="[]"),
    Column("sensors", Text, nullable=False, server_default="[]"),
    Column("supplier_warranty_months", Integer),
    UniqueConstraint("manufacturer_oui", "product_class", "model_name"),
    comment="approval_reference: of the regulator, empty while not approved [7.1.8]; "
    "hardware_revisions and sensors: JSON lists of texts",
)

supplier = Table(
    "supplier",
    metadata,
    Column("id", Id, primary_key=True),
    Column("code", String(32), nullable=False, unique=True),
    Column("name", String(64), nullable=False),
)

place = Table(
    "place",
    metadata,
    Column("id", Id, primary_key=True),
    Column("code", String(32), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("name", String(64), nullable=False),
    comment="where units are that no customer has: warehouse, store, van, contractor, supplier",
)

network_element = Table(
    "network_element",
    metadata,
    Column("id", Id, primary_key=True),
    Column("code", String(32), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("parent_id", ForeignKey("network_element.id"), index=True),
    comment="the plant as a tree: node (fibre node), amplifier, street",
)

unit = Table(
    "unit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("serial_number", String(32), nullable=False, unique=True),
    Column("endpoint_id", Endpoint, unique=True),
    Column("manufacturer_oui", String(6), nullable=False),
    Column("product_class", String(16), nullable=False),
    Column("manufacturer", String(64), nullable=False, server_default=""),
    Column("model_name", String(64), nullable=False, server_default=""),
    Column("hardware_version", String(64), nullable=False, server_default=""),
    Column("software_version", String(64), nullable=False, server_default=""),
    Column("lab", Boolean, nullable=False, default=False),
    Column("blacklisted", Boolean, nullable=False, default=False),
    Column("received_at", Timestamp, nullable=False),
    Column("model_id", ForeignKey("model.id"), index=True),
    Column("supplier_id", ForeignKey("supplier.id"), index=True),
    Column("supplier_warranty_until_on", Date),
    Column("state", String(16), nullable=False, server_default="in_stock"),
    Column("place_id", ForeignKey("place.id")),
    Index("ix_unit_state_id", "state", "id"),
    Index("ix_unit_place_id_id", "place_id", "id"),
    comment="every unit the operator owns; a smart card is one of product_class CARD, its number "
    "is the serial number and it has no endpoint; state and place_id: the newest of unit_state",
)

unit_mac = Table(
    "unit_mac",
    metadata,
    Column("mac_address", String(17), primary_key=True),
    Column("unit_id", ForeignKey("unit.id"), nullable=False, index=True),
    Column("interface", String(16), nullable=False),
    comment="interface: cable, emta, ethernet, wifi",
)

unit_state = Table(
    "unit_state",
    metadata,
    Column("id", Id, primary_key=True),
    Column("unit_id", ForeignKey("unit.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("place_id", ForeignKey("place.id")),
    Column("from_at", Timestamp, nullable=False),
    Column("audit_sequence", BigInteger, nullable=False),
    Index("ix_unit_state_unit_id_from_at", "unit_id", "from_at"),
    comment="the life cycle of each unit (domain/life_cycle.py); rows are only added",
)

pairing = Table(
    "pairing",
    metadata,
    Column("id", Id, primary_key=True),
    Column("card_unit_id", ForeignKey("unit.id"), nullable=False),
    Column("box_unit_id", ForeignKey("unit.id"), nullable=False),
    Column("since_at", Timestamp, nullable=False),
    Column("until_at", Timestamp),
    comment="which smart card belongs into which set-top box; open while until_at is null",
)
for _name in ("card_unit_id", "box_unit_id"):
    Index(f"ix_pairing_{_name}_since_at", pairing.c[_name], pairing.c.since_at)
    Index(
        f"uq_pairing_open_{_name}",
        pairing.c[_name],
        unique=True,
        sqlite_where=pairing.c.until_at.is_(None),
        postgresql_where=pairing.c.until_at.is_(None),
    )

contract = Table(
    "contract",
    metadata,
    Column("id", Id, primary_key=True),
    Column("number", String(32), nullable=False, unique=True),
    Column("created_at", Timestamp, nullable=False),
    Column("package", String(16), nullable=False, server_default=""),
    Column("signed_on", Date),
    Column("network_element_id", ForeignKey("network_element.id"), index=True),
    Column("terminated_on", Date),
    Column("termination_confirmed_at", Timestamp),
    comment="package: TOP S, TOP M, TOP L [3.4]; network_element_id: the place of the services "
    "[4.10]; termination_confirmed_at starts the return clock [9.9]",
)

service_position = Table(
    "service_position",
    metadata,
    Column("id", Id, primary_key=True),
    Column("contract_id", ForeignKey("contract.id"), nullable=False),
    Column("name", String(32), nullable=False),
    Column("product_classes", String(64), nullable=False),
    UniqueConstraint("contract_id", "name"),
    comment="a place for one unit: internet, voice, tv-1, card-1; product_classes is a comma list",
)

assignment = Table(
    "assignment",
    metadata,
    Column("id", Id, primary_key=True),
    Column("unit_id", ForeignKey("unit.id"), nullable=False),
    Column("service_position_id", ForeignKey("service_position.id"), nullable=False),
    Column("since_at", Timestamp, nullable=False),
    Column("until_at", Timestamp),
    Column("handed_over_on", Date),
    Column("value_cents", BigInteger),
    Column("replaces_unit_id", ForeignKey("unit.id")),
    Column("recorded_at", Timestamp, nullable=False),
    Column("corrected_at", Timestamp),
    Index("ix_assignment_unit_id", "unit_id"),
    Index("ix_assignment_service_position_id_since_at", "service_position_id", "since_at"),
    Index("ix_assignment_replaces_unit_id", "replaces_unit_id"),
    comment="which unit holds which position; open while until_at is null. handed_over_on: the day "
    "the customer received it, null is unknown; value_cents: of the unit in euro cents, as in the "
    "papers handed over at this change [7.1.1, 7.2.6], null where they named none",
)
open_assignment = and_(assignment.c.until_at.is_(None), assignment.c.corrected_at.is_(None))
Index(
    "uq_assignment_open_position",
    assignment.c.service_position_id,
    unique=True,
    sqlite_where=open_assignment,
    postgresql_where=open_assignment,
)
