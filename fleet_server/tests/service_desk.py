"""A registry with one full contract, simulated systems of the operator and a clock for the tests.

Contract C-2001, TOP L: a voice modem that holds internet and voice, a set-top box and its smart
card. Everything is made up.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from fleet_server.adapters.certificates import DeviceAuthority, FileSigningKey, Pki
from fleet_server.adapters.database import migrate, open_database
from fleet_server.adapters.simulated import (
    SimulatedAccess,
    SimulatedConditionalAccess,
    SimulatedNotices,
    SimulatedVoice,
    SimulatedWorkOrders,
)
from fleet_server.adapters.x509_files import new_key, write_key
from fleet_server.domain.operations import DeviceOperation, Operation, System
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor
from fleet_server.services.delivery import Delivery
from fleet_server.services.fleet import Fleet
from fleet_server.services.operator_ports import Answer, OperatorSystem, SystemUnavailableError

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
CONTRACT = "C-2001"
LINE = "C-2001/voice"
VOICE_MODEM = "ops::00256D-VOICEMODEM-20000002"
STB = "ops::00256D-STB-20000003"
CARD = "0420000001"
MAC = "02:00:5E:00:20:02"
STORE = "STORE-1"
CLERK = Actor.account(7)
VALUES_CENTS = {"VOICEMODEM": 6000, "STB": 8000, "CARD": 1500, "MODEM": 4500}


class PlayedDevices:
    """Devices that obey as long as they are in `there`; remembers what each was told."""

    def __init__(self) -> None:
        self.told: dict[str, list[DeviceOperation]] = {}
        self.silent: set[str] = set()

    def carry_out(self, operation_id: str, operation: Operation) -> Answer:
        assert isinstance(operation, DeviceOperation)
        if operation.endpoint_id in self.silent:
            raise SystemUnavailableError("no_answer")
        self.told.setdefault(operation.endpoint_id, []).append(operation)
        return Answer(operation_id, "told")


class ServiceDesk:
    """`now` is moved by hand; `work()` lets the courier do all that is due."""

    def __init__(self, folder: Path) -> None:
        self.now = NOON
        self.folder = folder
        key = folder / "signing.key"
        write_key(key, new_key())
        prepared = (folder / "fleet.db").exists()
        engine = open_database(f"sqlite:///{folder / 'fleet.db'}")
        signer = FileSigningKey(key)
        authority = DeviceAuthority(Pki(folder))
        self.fleet = Fleet(engine, authority, signer, signer, "fqdn::fleet.test", "localhost", 8883)
        self.devices = PlayedDevices()
        self.access = SimulatedAccess(folder / "access.db", self.clock, self.sleep)
        self.voice = SimulatedVoice(folder / "voice.db", self.clock, self.sleep)
        self.cards = SimulatedConditionalAccess(folder / "cards.db", self.clock, self.sleep)
        self.notices = SimulatedNotices(folder / "notices.db", self.clock, self.sleep)
        self.orders = SimulatedWorkOrders(folder / "orders.db", self.clock, self.sleep)
        systems: dict[System, OperatorSystem] = {
            System.ACCESS: self.access,
            System.VOICE: self.voice,
            System.CONDITIONAL_ACCESS: self.cards,
            System.NOTICES: self.notices,
            System.WORK_ORDERS: self.orders,
            System.DEVICE: self.devices,
        }
        self.delivery = Delivery(self.fleet, systems, self.clock)
        if not prepared:
            migrate(engine)
            self._fill()

    def clock(self) -> datetime:
        return self.now

    def sleep(self, _seconds: float) -> None:
        return None

    def later(self, **length: float) -> None:
        self.now += timedelta(**length)

    def work(self) -> None:
        """Deliver until nothing is due."""
        while self.delivery.work_off():
            pass

    def close(self) -> None:
        self.fleet.engine.dispose()

    def insert(self, table: Any, **values: Any) -> int:
        with self.fleet.writing() as connection:
            key = connection.execute(table.insert().values(**values)).inserted_primary_key
        return int(key[0]) if key and isinstance(key[0], int) else 0

    def scalar(self, query: Any) -> Any:
        with self.fleet.reading() as connection:
            return connection.scalar(query)

    def rows(self, table: Any) -> list[Any]:
        with self.fleet.reading() as connection:
            return list(connection.execute(select(table)).all())

    def state_of(self, serial_number: str) -> str:
        query = select(t.unit.c.state).where(t.unit.c.serial_number == serial_number)
        return str(self.scalar(query))

    def set_presence(self, endpoint_id: str, state: str) -> None:
        with self.fleet.writing() as connection:
            connection.execute(t.presence.delete().where(t.presence.c.endpoint_id == endpoint_id))
            connection.execute(
                t.presence.insert().values(
                    endpoint_id=endpoint_id,
                    state=state,
                    since_at=self.now,
                    seen_at=self.now,
                    evidence="connect",
                )
            )

    def add_unit(self, product_class: str, serial_number: str, **values: Any) -> int:
        endpoint = f"ops::00256D-{product_class}-{serial_number}"
        given = {
            "serial_number": serial_number,
            "endpoint_id": None if product_class == "CARD" else endpoint,
            "manufacturer_oui": "00256D",
            "product_class": product_class,
            "lab": False,
            "blacklisted": False,
            "received_at": self.now,
            "state": "installed",
        }
        return self.insert(t.unit, **{**given, **values})

    def assign(self, unit_id: int, contract_id: int, name: str, product_class: str) -> None:
        position = self.insert(
            t.service_position, contract_id=contract_id, name=name, product_classes=product_class
        )
        self.insert(
            t.assignment,
            unit_id=unit_id,
            service_position_id=position,
            since_at=self.now,
            recorded_at=self.now,
            handed_over_on=date(2026, 1, 15),
            value_cents=VALUES_CENTS[product_class],
        )

    def _fill(self) -> None:
        self.insert(t.place, code=STORE, kind="store", name="Store (made up)")
        contract = self.insert(
            t.contract,
            number=CONTRACT,
            created_at=self.now,
            package="TOP L",
            signed_on=date(2026, 1, 10),
        )
        modem = self.add_unit("VOICEMODEM", "20000002")
        self.insert(t.unit_mac, mac_address=MAC, unit_id=modem, interface="cable")
        self.assign(modem, contract, "internet", "VOICEMODEM")
        self.assign(modem, contract, "voice", "VOICEMODEM")
        box = self.add_unit("STB", "20000003")
        self.assign(box, contract, "tv-1", "STB")
        card = self.add_unit("CARD", CARD)
        self.assign(card, contract, "card-1", "CARD")
        self.insert(t.pairing, card_unit_id=card, box_unit_id=box, since_at=self.now)
        for endpoint_id in (VOICE_MODEM, STB):
            self.set_presence(endpoint_id, "online")
