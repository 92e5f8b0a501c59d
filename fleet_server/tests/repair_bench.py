"""A registry of made-up units for tests of cover and repair, and what may happen to them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import count
from typing import Any

from sqlalchemy import Connection, Engine, Table, select

from fleet_server.domain.repair import Cause, Defect, Finding, Symptom
from fleet_server.domain.warranty import CoverState
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor
from fleet_server.services.repairs import Intake, find, open_case, receive

BENCH = Actor.account(1)
_numbers = count(1)


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NOW = at("2026-11-26T12:00")
REPORTED = date(2026, 11, 20)


@dataclass(slots=True)
class RepairBench:
    """Puts rows straight into the tables. Account 1 is the contractor's, 2 the operator's."""

    engine: Engine

    def __post_init__(self) -> None:
        for name, role in (("bench", "contractor"), ("ops", "fleet_ops")):
            self.insert(
                t.account,
                username=name,
                role=role,
                password_hash="none",
                created_at=at("2024-01-01"),
            )

    def insert(self, table: Table, **values: object) -> int:
        with self.engine.begin() as connection:
            key = connection.execute(table.insert().values(**values)).inserted_primary_key
        assert key is not None
        return int(key[0])

    def unit(self, serial: str, product_class: str = "STB", **values: object) -> int:
        endpoint = {} if product_class == "CARD" else {"endpoint_id": endpoint_of(serial)}
        return self.insert(
            t.unit,
            serial_number=serial,
            manufacturer_oui="00256D",
            product_class=product_class,
            received_at=at("2024-01-01"),
            **{**endpoint, **values},
        )

    def position(self, contract: str, *names: str) -> list[int]:
        number = self.insert(t.contract, number=contract, created_at=at("2024-01-01"))
        return [
            self.insert(
                t.service_position,
                contract_id=number,
                name=name,
                product_classes="STB,CARD,MODEM,VOICEMODEM",
            )
            for name in names
        ]

    def stay(
        self,
        unit: int,
        position: int,
        since: str,
        until: str = "",
        handed_over: str = "",
        **values: object,
    ) -> int:
        return self.insert(
            t.assignment,
            unit_id=unit,
            service_position_id=position,
            since_at=at(since),
            until_at=at(until) if until else None,
            handed_over_on=date.fromisoformat(handed_over) if handed_over else None,
            recorded_at=at(since),
            **values,
        )

    def installed(self, serial: str, received: str, product_class: str = "STB") -> int:
        """A unit that serves a customer who received it on that day."""
        unit = self.unit(serial, product_class, state="installed")
        (position,) = self.position(f"C-{serial}", "place-1")
        self.stay(unit, position, received, handed_over=received)
        return unit

    def event(
        self, serial: str, name: str, happened: str, grade: str = "measured", **params: str
    ) -> int:
        number = next(_numbers)
        return self.insert(
            t.event,
            endpoint_id=endpoint_of(serial),
            event_key=f"j-0a1b2c3d-{number}",
            msg_id=f"j-0a1b2c3d-{number}",
            subscription_id="power",
            kind="event",
            path="Device.X_IPKO-COM_Power.",
            name=name,
            params=json.dumps(params),
            device_at=at(happened) if happened else None,
            grade=grade,
            received_at=at(happened) if happened else NOW,
        )

    def sensors(self, serial: str, names: str) -> None:
        """What the unit says it measures its supply with."""
        with self.engine.begin() as connection:
            connection.execute(
                t.parameter.insert().values(
                    endpoint_id=endpoint_of(serial),
                    path="Device.X_IPKO-COM_Power.Sensors",
                    value=names,
                    reported_at=NOW,
                )
            )

    def case(self, serial: str, symptom: Symptom = Symptom.NO_PICTURE, **values: Any) -> str:
        """A report of 20 November 2026."""
        given = {"reported_on": REPORTED, "defect_on": None, "words": "", **values}
        with self.engine.begin() as connection:
            return open_case(connection, BENCH, Intake(serial, symptom, **given), NOW)

    def found(self, number: str, finding: Finding | None = None) -> None:
        """The unit is on the bench, and the bench says what is wrong."""
        with self.engine.begin() as connection:
            receive(connection, BENCH, number, None, "", NOW)
            find(connection, 1, number, finding or worn_out(), "", NOW)

    def one(self, table: Table, key: int) -> Any:
        with self.engine.connect() as connection:
            return connection.execute(select(table).where(table.c.id == key)).one()

    def reading(self) -> Connection:
        return self.engine.connect()


def endpoint_of(serial: str) -> str:
    return f"ops::00256D-STB-{serial}"


def worn_out(usable_again: bool = True, term: CoverState = CoverState.IN_TERM) -> Finding:
    return Finding(Defect.POWER_SUPPLY, Cause.NORMAL_USE, usable_again, term)
