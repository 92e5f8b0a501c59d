"""A database of its own for one test, and the controller's intake on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Row, Table, select

from fleet_server.adapters.migration import migrate
from fleet_server.protocol import usp_pb2 as usp
from fleet_server.services.demo_data import load_demo_data
from fleet_server.services.intake import Intake
from fleet_server.services.records import Outgoing, Publication

CONTROLLER = "fqdn::fleet.test"
MODEM = "ops::00256D-MODEM-00000001"
STB = "ops::00256D-STB-00000003"
VENDOR = "os::00256D-987654"
NOON = datetime(2027, 1, 15, 12, 0, tzinfo=UTC)
EPOCH = "0a1b2c3d"
POWER = "Device.X_IPKO-COM_Power."


def prepare_demo_data(engine: Engine) -> None:
    """The schema and the made-up registry, to be copied."""
    migrate(engine)
    with engine.begin() as connection:
        load_demo_data(connection, NOON)


class MemoryFleet:
    """The intake of a controller, driven record by record; `now` is the test's clock."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.now = NOON
        self.packet_id = 0
        self.restart()

    def restart(self) -> None:
        """A fresh controller process on the same database."""
        numbers = iter(range(1, 1_000_000))
        self.intake = Intake(CONTROLLER, 60, lambda: f"c-{next(numbers)}", self.now)

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def take(self, *publications: Publication, unreadable: int = 0) -> list[Outgoing]:
        """One batch, committed."""
        with self.engine.begin() as connection:
            return self.intake.take(connection, publications, self.now, unreadable)

    def poll(self) -> list[Outgoing]:
        with self.engine.begin() as connection:
            return self.intake.poll(connection, self.now)

    def poll_and_admit(self) -> list[Outgoing]:
        """What a turn of the controller does while nothing arrives."""
        return self.intake.admit(self.now) + self.poll()

    def rows(self, table: Table) -> list[Row[Any]]:
        with self.engine.connect() as connection:
            return list(connection.execute(select(table)).all())

    def publication(
        self, endpoint_id: str, record: usp.Record, *, duplicate: bool = False
    ) -> Publication:
        if not duplicate:
            self.packet_id += 1
        return Publication(
            f"usp/c/{CONTROLLER}/{endpoint_id}",
            record.SerializeToString(),
            f"usp/a/{endpoint_id}",
            self.packet_id,
            duplicate,
        )

    def connect(self, endpoint_id: str, *, duplicate: bool = False) -> Publication:
        record = _record(endpoint_id)
        record.mqtt_connect.subscribed_topic = f"usp/a/{endpoint_id}"
        record.mqtt_connect.version = 1
        return self.publication(endpoint_id, record, duplicate=duplicate)

    def will(self, endpoint_id: str) -> Publication:
        record = _record(endpoint_id)
        record.disconnect.reason = "connection lost"
        return self.publication(endpoint_id, record)

    def notify(self, endpoint_id: str, msg_id: str, notify: usp.Notify) -> Publication:
        message = usp.Msg(header=usp.Header(msg_id=msg_id, msg_type=3))
        message.body.request.notify.CopyFrom(notify)
        return self.message(endpoint_id, message)

    def message(self, endpoint_id: str, message: usp.Msg) -> Publication:
        record = _record(endpoint_id)
        record.no_session_context.payload = message.SerializeToString()
        return self.publication(endpoint_id, record)

    def event(
        self, endpoint_id: str, msg_id: str, name: str, path: str = POWER, **params: str
    ) -> Publication:
        notify = usp.Notify(subscription_id="fleet-power", send_resp=True)
        notify.event.CopyFrom(usp.Notify.Event(obj_path=path, event_name=name, params=params))
        return self.notify(endpoint_id, msg_id, notify)


def messages(outgoing: list[Outgoing]) -> list[usp.Msg]:
    """The Messages in what is to be published."""
    records = [usp.Record.FromString(one.payload) for one in outgoing]
    return [usp.Msg.FromString(record.no_session_context.payload) for record in records]


def _record(endpoint_id: str) -> usp.Record:
    return usp.Record(version="1.3", to_id=CONTROLLER, from_id=endpoint_id)
