"""The tables of the personal data store: a database of its own, so that it can be kept apart.

It refers to the registry by contract number alone. `adapters/people_migrations` creates them.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, MetaData, String, Table, Text

from fleet_server.services.tables.base import Id, Timestamp
from fleet_server.services.tables.base import metadata as fleet_metadata

people_metadata = MetaData(naming_convention=fleet_metadata.naming_convention)

person = Table(
    "person",
    people_metadata,
    Column("contract_number", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("surname", Text, nullable=False),
    Column("personal_number", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("fixed_number", Text, nullable=False),
    Column("mobile_number", Text, nullable=False),
    Column("e_mail", Text, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    comment="whose contract it is [11.1]; empty where not on record",
)

person_look = Table(
    "person_look",
    people_metadata,
    Column("id", Id, primary_key=True),
    Column("at", Timestamp, nullable=False, index=True),
    Column("actor_kind", String(8), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("contract_number", String(32), nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("fields", String(160), nullable=False),
    Index("ix_person_look_contract_number_id", "contract_number", "id"),
    comment="every look at a person's data, written before the data is read; fields: which were "
    "shown, joined by blanks",
)

erasure = Table(
    "erasure",
    people_metadata,
    Column("id", Id, primary_key=True),
    Column("contract_number", String(32), nullable=False, index=True),
    Column("erased_at", Timestamp, nullable=False),
    Column("ground", String(20), nullable=False),
    comment="what was erased and may not come back with an older backup",
)

customer_settings = Table(
    "customer_settings",
    people_metadata,
    Column("swap_id", BigInteger, primary_key=True, autoincrement=False),
    Column("contract_number", String(32), nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("kept_at", Timestamp, nullable=False),
    comment="what a unit handed over for its replacement, sealed for the server's key",
)
