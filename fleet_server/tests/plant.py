"""A made-up plant for tests: node N-1 with two streets, ten modems in each; node N-2 apart."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Table

from fleet_server.services import tables as t

ELEMENTS = (
    (1, "N-1", "node", None),
    (2, "S-1", "street", 1),
    (3, "S-2", "street", 1),
    (4, "N-2", "node", None),
)
STREET_1, STREET_2 = 2, 3


def modem(number: int) -> str:
    """Modems 0 to 9 are in street S-1, 10 to 19 in S-2; those of odd number carry a telephone."""
    product_class = "VOICEMODEM" if number % 2 else "MODEM"
    return f"ops::00256D-{product_class}-7{number:07d}"


MODEMS = tuple(modem(number) for number in range(20))


def add_plant(engine: Engine, now: datetime) -> None:
    """Elements, and twenty modems in service at contracts of their own."""
    with engine.begin() as connection:
        connection.execute(
            t.network_element.insert(),
            [
                {"id": key, "code": code, "kind": kind, "parent_id": parent}
                for key, code, kind, parent in ELEMENTS
            ],
        )
        for number, endpoint_id in enumerate(MODEMS):
            _add_modem(connection, number, endpoint_id, now)


def _add_modem(connection: Connection, number: int, endpoint_id: str, now: datetime) -> None:
    product_class = endpoint_id.split("-")[1]
    unit = _add(
        connection,
        t.unit,
        serial_number=endpoint_id.rsplit("-", 1)[1],
        endpoint_id=endpoint_id,
        manufacturer_oui="00256D",
        product_class=product_class,
        lab=False,
        blacklisted=False,
        received_at=now,
        state="installed",
    )
    street = STREET_1 if number < 10 else STREET_2
    contract = _add(
        connection, t.contract, number=f"P-{number}", created_at=now, network_element_id=street
    )
    position = _add(
        connection,
        t.service_position,
        contract_id=contract,
        name="voice" if product_class == "VOICEMODEM" else "internet",
        product_classes="MODEM,VOICEMODEM",
    )
    _add(
        connection,
        t.assignment,
        unit_id=unit,
        service_position_id=position,
        since_at=now,
        recorded_at=now,
    )


def _add(connection: Connection, table: Table, **values: Any) -> int:
    return int(connection.scalars(table.insert().returning(table.c.id), [values]).one())
