"""The real replacement engine on a real database, with played units and simulated systems.

Contract C-2001 of the service desk; beside its units one new unit of each kind is in stock. What a
unit makes of a command is the agent's own rule (agent/wire/replacement.py). Everything is made up.
"""

from __future__ import annotations

import json
from binascii import a2b_base64, b2a_base64
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, select

from agent.wire import replacement as parts
from agent.wire import sealed
from agent.wire.codes import CARD_READER, CARD_STATE_EVENT, COMMAND_FAILURE
from fleet_server.adapters.certificates import point_of_key
from fleet_server.adapters.database import open_database
from fleet_server.adapters.migration import migrate_people
from fleet_server.adapters.settings_seal import FileSettingsKey
from fleet_server.adapters.x509_files import new_key, write_key
from fleet_server.domain.command import Answered, Refusal, Refused, Sent
from fleet_server.domain.operations import (
    AccessMode,
    Barring,
    EntitleCard,
    MoveLine,
    PairCard,
    SetAccess,
    SetLine,
)
from fleet_server.services import command_store, swap_plan, swap_store, swaps
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor
from fleet_server.services.fleet import Fleet
from fleet_server.services.operator_ports import Line, SystemUnavailableError
from fleet_server.services.subscriptions import REPLACEMENT_HEALTHY
from fleet_server.services.swap_plan import Ground
from fleet_server.services.swaps import SwapOrder, SwapView, Trigger
from fleet_server.services.upsert import upsert
from fleet_server.tests.opened_settings import opened
from fleet_server.tests.service_desk import (
    CARD,
    CLERK,
    CONTRACT,
    LINE,
    MAC,
    NOON,
    STB,
    STORE,
    VOICE_MODEM,
    ServiceDesk,
    insert,
    prepare_desk,
    set_presence,
)

OLD, NEW = "20000002", "20000012"
OLD_BOX, NEW_BOX = "20000003", "20000013"
NEW_CARD = "0420000011"
NEW_MAC = "02:00:5E:00:20:12"
NEW_MODEM = "ops::00256D-VOICEMODEM-20000012"
NEW_STB = "ops::00256D-STB-20000013"
BOSS = Actor.account(8)
SETTINGS = {"wifi": [{"ssid": "Shtëpia", "passphrase": "made-up-passphrase"}], "bridge": False}
_COMMANDS = {"Prepare()": parts.PREPARE, "Adopt()": parts.ADOPT, "Rollback()": parts.ROLLBACK}
_numbers = count(1)


@dataclass
class PlayedUnit:
    """A unit of the customer's: obeys while it is online; `refuses` is its text of refusal."""

    endpoint_id: str
    part: str
    online: bool = True
    own_swap: str = ""
    well: bool = True
    refuses: str = ""
    busy: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)


def prepare_bench(engine: Engine) -> None:
    """The desk's registry with new units in stock."""
    prepare_desk(engine)
    with engine.begin() as connection:
        store = connection.scalar(select(t.place.c.id).where(t.place.c.code == STORE))
        for kind, serial in (("VOICEMODEM", NEW), ("STB", NEW_BOX), ("CARD", NEW_CARD)):
            model = insert(
                connection,
                t.model,
                manufacturer_oui="00256D",
                product_class=kind,
                model_name="New",
                manufacturer="Made up",
                approval_reference="A-1",
            )
            unit = insert(
                connection,
                t.unit,
                serial_number=serial,
                endpoint_id=None if kind == "CARD" else f"ops::00256D-{kind}-{serial}",
                manufacturer_oui="00256D",
                product_class=kind,
                model_name="New",
                model_id=model,
                lab=False,
                blacklisted=False,
                received_at=NOON,
                state="in_stock",
                place_id=store,
            )
            if kind == "VOICEMODEM":
                mac = {"mac_address": NEW_MAC, "unit_id": unit, "interface": "cable"}
                insert(connection, t.unit_mac, **mac)
        insert(
            connection,
            t.price,
            product_class="VOICEMODEM",
            model_name="New",
            valid_from_on=date(2026, 1, 1),
            amount_cents=7000,
        )


class SwapBench:
    """`run()` lets everything go on that can; time stands still meanwhile."""

    def __init__(self, folder: Path, engine: Engine, people: Engine | None = None) -> None:
        self.desk = ServiceDesk(folder, engine)
        self.keys = {one: new_key() for one in (VOICE_MODEM, STB, NEW_MODEM, NEW_STB)}
        write_key(folder / "settings.key", new_key())
        if people is None:
            people = open_database(f"sqlite:///{folder / 'people.db'}")
            migrate_people(people)
        fleet = self.desk.fleet
        self.fleet = Fleet(
            engine,
            fleet.authority,
            fleet.command_key,
            fleet.document_key,
            fleet.controller_id,
            fleet.broker_host,
            fleet.broker_port,
            people,
            settings_key=FileSettingsKey(folder / "settings.key"),
        )
        self.units = {
            VOICE_MODEM: PlayedUnit(VOICE_MODEM, parts.ACTIVE, settings=dict(SETTINGS)),
            STB: PlayedUnit(STB, parts.ACTIVE),
            NEW_MODEM: PlayedUnit(NEW_MODEM, parts.SPARE, online=False),
            NEW_STB: PlayedUnit(NEW_STB, parts.SPARE, online=False),
        }
        self.voice_answers = True
        self._begin()

    @property
    def now(self) -> datetime:
        return self.desk.now

    def _begin(self) -> None:
        desk = self.desk
        desk.access.carry_out("b1", SetAccess(MAC, "TOP L", AccessMode.OPEN), 1)
        desk.voice.carry_out("b2", SetLine(LINE, Barring.NONE), 1)
        desk.voice.carry_out("b3", MoveLine(LINE, MAC), 1)
        desk.cards.carry_out("b4", PairCard(CARD, OLD_BOX), 1)
        desk.cards.carry_out("b5", EntitleCard(CARD, "TOP L"), 1)
        with self.fleet.writing() as connection:
            for number, endpoint_id in enumerate(self.keys, 1):
                self.enrol(connection, number, endpoint_id)

    def enrol(self, connection: Connection, number: int, endpoint_id: str) -> None:
        insert(
            connection,
            t.certificate,
            certificate_serial_number=f"{number:x}",
            endpoint_id=endpoint_id,
            not_before=NOON,
            not_after=NOON,
            issued_at=NOON,
            public_point=point_of_key(self.keys[endpoint_id].public_key()),
        )

    # --- people ---

    def order(
        self,
        old: str | None = OLD,
        new: str = NEW,
        position: str = "internet+voice",
        trigger: Trigger = Trigger.TECHNICIAN,
        outlets: int = 1,
        planned: int | None = None,
        contract: str = CONTRACT,
        **more: Any,
    ) -> int:
        if trigger is Trigger.POSTED and planned is None and old is not None:
            planned = self.agreed(position.split("+")[0])
        wanted = SwapOrder(
            contract, position, old, new, trigger, "made-up fault", outlets, planned, **more
        )
        with self.fleet.writing() as connection:
            return swaps.order(connection, CLERK, wanted, self.now)

    def plan(self, ground: Ground, planned_at: datetime, position: str = "internet") -> int:
        with self.fleet.writing() as connection:
            found = swap_plan.plan_swap(
                connection, CLERK, CONTRACT, position, ground, planned_at, "made-up", self.now
            )
        return found.id

    def announce(self, planned: int) -> None:
        with self.fleet.writing() as connection:
            swap_plan.announce_swap(connection, CLERK, planned, self.now)

    def agreed(self, position: str = "internet") -> int:
        """A planned swap of a faulty unit, with the customer's consent."""
        planned = self.plan(Ground.FAULTY, self.now, position)
        self.consent(planned)
        return planned

    def consent(self, planned: int) -> None:
        with self.fleet.writing() as connection:
            swap_plan.consent_to_swap(connection, CLERK, planned, self.now)

    def approve(self, swap_id: int, actor: Actor = BOSS) -> None:
        with self.fleet.writing() as connection:
            swaps.approve(connection, actor, swap_id, self.now)

    def abort(self, swap_id: int) -> None:
        with self.fleet.writing() as connection:
            swaps.abort(connection, BOSS, swap_id, "called off by the test", self.now)

    def waive(self, swap_id: int) -> None:
        with self.fleet.writing() as connection:
            swaps.waive(connection, BOSS, swap_id, "not to be had", self.now)

    def resume(self, swap_id: int) -> None:
        with self.fleet.writing() as connection:
            swaps.resume(connection, BOSS, swap_id, "put right", self.now)

    def connect(self, endpoint_id: str, online: bool = True) -> None:
        """Plug a unit in, or pull it out."""
        self.units[endpoint_id].online = online
        with self.fleet.writing() as connection:
            state = "online" if online else "offline"
            set_presence(connection, endpoint_id, state, self.now)
            swap_store.wake(connection, [endpoint_id], self.now)
        if online:
            self.report(endpoint_id)

    def card_in_box(self, state: str, card: str = NEW_CARD, box: str = STB) -> None:
        """The box says this of the card in it."""
        key = f"j-0a1b2c3d-{next(_numbers)}"
        with self.fleet.writing() as connection:
            insert(
                connection,
                t.event,
                endpoint_id=box,
                event_key=key,
                msg_id=key,
                subscription_id="fleet-card-events",
                kind="event",
                path=CARD_READER,
                name=CARD_STATE_EVENT,
                params=json.dumps({"State": state, "SerialNumber": card}),
                received_at=self.now,
            )

    def view(self, swap_id: int) -> SwapView:
        with self.fleet.reading() as connection:
            return swaps.read(connection, swap_id)

    # --- what goes on by itself ---

    def run(self, turns: int = 200) -> None:
        """Until nothing happens any more."""
        for _ in range(turns):
            if not self.turn():
                return
        raise AssertionError("it never comes to rest")

    def turn(self) -> int:
        events = swaps.advance(self.fleet, self.now, self.line)
        return events + self.desk.delivery.work_off() + self.obey()

    def line(self, name: str) -> Line | None:
        if not self.voice_answers:
            raise SystemUnavailableError("no_answer")
        return self.desk.voice.line(name)

    def later(self, **length: float) -> None:
        self.desk.later(**length)

    def obey(self) -> int:
        """Every unit that is there carries out its first open command."""
        done = 0
        with self.fleet.reading() as connection:
            query = select(t.command.c.endpoint_id).where(t.command.c.finished_at.is_(None))
            asked = set(connection.scalars(query))
        for unit in self.units.values():
            if unit.online and unit.endpoint_id in asked:
                with self.fleet.writing() as connection:
                    done += self._obey(connection, unit)
        return done

    def _obey(self, connection: Connection, unit: PlayedUnit) -> int:
        row = connection.execute(
            select(t.command)
            .where(
                t.command.c.endpoint_id == unit.endpoint_id,
                t.command.c.finished_at.is_(None),
                t.command.c.due_at <= self.now,
            )
            .order_by(t.command.c.id)
            .limit(1)
        ).one_or_none()
        if row is None or (unit.busy and "Prepare" not in row.command):
            return 0
        self._carry_out(connection, unit, row)
        return 1

    def _carry_out(self, connection: Connection, unit: PlayedUnit, row: Row[Any]) -> None:
        name, args = row.command.rpartition(".")[2], json.loads(row.args)
        if "Swap" not in args:
            command_store.apply(connection, row, [Sent(), Answered()], self.now)
            return
        final = args.get("Final") == "true"
        command = _COMMANDS.get(name) or (parts.FENCE if final else parts.HOLD)
        unit.told.append(command)
        found = parts.part_in(unit.part, unit.own_swap, args["Swap"])
        part = parts.after(found, command)
        if part is None or unit.refuses:
            text = unit.refuses or f"refused: the unit is {found}"
            refused = Refused(Refusal.FINAL, code=COMMAND_FAILURE, text=text)
            command_store.apply(connection, row, [Sent(), refused], self.now)
            return
        unit.part, unit.own_swap = part, args["Swap"]
        outputs = self._outputs(unit, command, args)
        command_store.apply(connection, row, [Sent(), Answered(0, outputs)], self.now)
        self._report(connection, unit)

    def _outputs(
        self, unit: PlayedUnit, command: str, args: dict[str, str]
    ) -> tuple[tuple[str, str], ...]:
        if command == parts.PREPARE and unit.settings:
            key = self.fleet.settings_key
            assert key is not None
            point = a2b_base64(args["SettingsKey"])
            data = key.seal(point, sealed.SERVER, json.dumps(unit.settings).encode())
            return (("Settings", b2a_base64(data).decode().strip()), ("SettingsVersion", "1"))
        if command == parts.ADOPT and args.get("Settings"):
            data = a2b_base64(args["Settings"])
            unit.settings = opened(self.keys[unit.endpoint_id], data, unit.endpoint_id)
        if command == parts.FENCE:
            unit.settings = {}
        return ()

    def report(self, endpoint_id: str) -> None:
        with self.fleet.writing() as connection:
            self._report(connection, self.units[endpoint_id])

    def _report(self, connection: Connection, unit: PlayedUnit) -> None:
        well = unit.well and unit.part in parts.SERVING
        row = {"endpoint_id": unit.endpoint_id, "path": REPLACEMENT_HEALTHY}
        row["value"] = "true" if well else "false"
        upsert(connection, t.parameter, [row | {"reported_at": self.now}])

    def _told(self, endpoint_id: str, path: str, value: str) -> None:
        with self.fleet.writing() as connection:
            row = {"endpoint_id": endpoint_id, "path": path, "value": value}
            upsert(connection, t.parameter, [row | {"reported_at": self.now}])

    # --- what the operator's systems have in force ---

    def serving(self) -> set[str]:
        """The MAC addresses that the network serves with more than our own connection."""
        found = {mac: self.desk.access.access(mac) for mac in (MAC, NEW_MAC)}
        return {mac for mac, one in found.items() if one and one.mode != AccessMode.MANAGEMENT_ONLY}

    def line_is_at(self) -> str:
        line = self.desk.voice.line(LINE)
        return line.mta_mac if line else ""

    def holders(self, position: str, contract: str = CONTRACT) -> list[str]:
        """Who holds a position by the registry, one at most."""
        with self.fleet.reading() as connection:
            return list(
                connection.scalars(
                    select(t.unit.c.serial_number)
                    .join(t.assignment, t.assignment.c.unit_id == t.unit.c.id)
                    .join(
                        t.service_position,
                        t.service_position.c.id == t.assignment.c.service_position_id,
                    )
                    .join(t.contract, t.contract.c.id == t.service_position.c.contract_id)
                    .where(
                        t.service_position.c.name == position,
                        t.contract.c.number == contract,
                        t.open_assignment,
                    )
                )
            )

    def may_connect(self, endpoint_id: str) -> bool:
        with self.fleet.reading() as connection:
            return (
                connection.scalar(
                    select(t.certificate.c.endpoint_id).where(
                        t.certificate.c.endpoint_id == endpoint_id,
                        t.certificate.c.revoked_at.is_(None),
                    )
                )
                is not None
            )
