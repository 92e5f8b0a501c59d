"""A registry with one full contract, simulated systems of the operator and a clock for the tests.

Contract C-2001, TOP L: a voice modem that holds internet and voice, a set-top box and its smart
card. Everything is made up.
"""

from __future__ import annotations

from concurrent.futures import Executor, Future
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, select

from fleet_server.adapters.certificates import DeviceAuthority, FileSigningKey, Pki
from fleet_server.adapters.migration import migrate
from fleet_server.adapters.simulated import (
    SimulatedAccess,
    SimulatedConditionalAccess,
    SimulatedNotices,
    SimulatedVoice,
    SimulatedWorkOrders,
)
from fleet_server.adapters.x509_files import new_key, write_key
from fleet_server.domain.command import Answered, Sent
from fleet_server.domain.operations import Operation, System, decode
from fleet_server.services import command_store
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor
from fleet_server.services.delivery import Delivery
from fleet_server.services.fleet import Fleet
from fleet_server.services.operator_ports import OperatorSystem
from fleet_server.services.upsert import upsert

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
    """Devices that obey; remembers what each was told."""

    def __init__(self) -> None:
        self.told: dict[str, list[Operation]] = {}

    def obey(self, connection: Connection, now: datetime) -> int:
        """Carry out every command of the outbox that waits; gives how many."""
        rows = connection.execute(
            select(t.command, t.outbox.c.kind, t.outbox.c.arguments)
            .join(t.outbox, t.outbox.c.id == t.command.c.outbox_id)
            .where(t.command.c.finished_at.is_(None))
            .order_by(t.command.c.id)
        ).all()
        for row in rows:
            self.told.setdefault(row.endpoint_id, []).append(decode(row.kind, row.arguments))
            command_store.apply(connection, row, [Sent(), Answered()], now)
        return len(rows)


class AtOnce(Executor):
    """Runs what is submitted before it returns."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        ran: Future[Any] = Future()
        ran.set_result(fn(*args, **kwargs))
        return ran


class ServiceDesk:
    """`now` is moved by hand; `work()` lets the courier do all that is due."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.now = NOON
        self.folder = folder
        key = folder / "signing.key"
        write_key(key, new_key())
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
        }
        self.delivery = Delivery(self.fleet, systems, self.clock, AtOnce())

    def clock(self) -> datetime:
        return self.now

    def sleep(self, _seconds: float) -> None:
        return None

    def later(self, **length: float) -> None:
        self.now += timedelta(**length)

    def work(self) -> None:
        """Deliver until nothing is due."""
        while self.delivery.work_off() or self._obey():
            pass

    def _obey(self) -> int:
        with self.fleet.writing() as connection:
            return self.devices.obey(connection, self.now)

    def scalar(self, query: Any) -> Any:
        with self.fleet.reading() as connection:
            return connection.scalar(query)

    def rows(self, table: Any) -> list[Any]:
        with self.fleet.reading() as connection:
            return list(connection.execute(select(table).order_by(*table.primary_key)).all())

    def state_of(self, serial_number: str) -> str:
        query = select(t.unit.c.state).where(t.unit.c.serial_number == serial_number)
        return str(self.scalar(query))

    def set_presence(self, endpoint_id: str, state: str) -> None:
        with self.fleet.writing() as connection:
            set_presence(connection, endpoint_id, state, self.now)


def prepare_desk(engine: Engine) -> None:
    """The registry of the desk, in an empty database."""
    migrate(engine)
    with engine.begin() as connection:
        insert(connection, t.place, code=STORE, kind="store", name="Store (made up)")
        contract = insert(
            connection,
            t.contract,
            number=CONTRACT,
            created_at=NOON,
            package="TOP L",
            signed_on=date(2026, 1, 10),
        )
        modem = _unit(connection, "VOICEMODEM", "20000002")
        insert(connection, t.unit_mac, mac_address=MAC, unit_id=modem, interface="cable")
        box = _unit(connection, "STB", "20000003")
        card = _unit(connection, "CARD", CARD)
        _assign(connection, modem, contract, "internet", "VOICEMODEM")
        _assign(connection, modem, contract, "voice", "VOICEMODEM")
        _assign(connection, box, contract, "tv-1", "STB")
        _assign(connection, card, contract, "card-1", "CARD")
        insert(connection, t.pairing, card_unit_id=card, box_unit_id=box, since_at=NOON)
        for endpoint_id in (VOICE_MODEM, STB):
            set_presence(connection, endpoint_id, "online", NOON)


def insert(connection: Connection, table: Table, **values: Any) -> int:
    key = connection.execute(table.insert().values(**values)).inserted_primary_key
    return int(key[0]) if key and isinstance(key[0], int) else 0


def _unit(connection: Connection, product_class: str, serial_number: str) -> int:
    endpoint_id = f"ops::00256D-{product_class}-{serial_number}"
    return insert(
        connection,
        t.unit,
        serial_number=serial_number,
        endpoint_id=None if product_class == "CARD" else endpoint_id,
        manufacturer_oui="00256D",
        product_class=product_class,
        lab=False,
        blacklisted=False,
        received_at=NOON,
        state="installed",
    )


def _assign(
    connection: Connection, unit_id: int, contract_id: int, name: str, product_class: str
) -> None:
    position = insert(
        connection,
        t.service_position,
        contract_id=contract_id,
        name=name,
        product_classes=product_class,
    )
    insert(
        connection,
        t.assignment,
        unit_id=unit_id,
        service_position_id=position,
        since_at=NOON,
        recorded_at=NOON,
        handed_over_on=date(2026, 1, 15),
        value_cents=VALUES_CENTS[product_class],
    )


def set_presence(connection: Connection, endpoint_id: str, state: str, now: datetime) -> None:
    values = {"state": state, "since_at": now, "seen_at": now, "evidence": "connect"}
    upsert(connection, t.presence, [{"endpoint_id": endpoint_id, **values}])
