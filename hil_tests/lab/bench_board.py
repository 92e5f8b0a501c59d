"""One board of a lab as tests use it, whatever it is made of and however it is reached."""

import time
from contextlib import suppress
from typing import Any

from agent.wire.codes import BOOT_EVENT
from firmware_tools.device_console import DeviceConsole, DeviceIdentity, Row
from firmware_tools.errors import DeviceRefusedError, NoAnswerError, PortError, ToolError
from firmware_tools.provision import Placement, Quiet, provision
from firmware_tools.registry import Registry
from firmware_tools.serial_link import SerialLink
from hil_tests.errors import BenchError
from hil_tests.lab.backends import (
    CommandPower,
    CommandSupply,
    Power,
    SimulatedCard,
    SimulatedPower,
    SimulatedSupply,
    Supply,
)
from hil_tests.lab.certificates import LabAuthority, install
from hil_tests.lab.lab_file import LabBoard, PowerCommands, SupplyCommands
from hil_tests.lab.recording import ANSWERS, STARTING, Kind, Record, RecordedLine
from hil_tests.simulated_board.control import BoardControl
from hil_tests.waiting import wait_until

DEFAULT_HOLD_UP_MS = 50.0
_LOOK_S = 0.1
PROVISIONED = "provisioned"


class BenchBoard:
    """`port` is what SerialLink opens; `control` is None for a real board; `registry` is the fleet
    server's, signed in, where the board serves a contract."""

    def __init__(
        self,
        lab_board: LabBoard,
        port: str,
        authority: LabAuthority,
        control: BoardControl | None = None,
        registry: Registry | None = None,
    ) -> None:
        self.name = lab_board.name
        self.spec = lab_board
        self.port = port
        self.control = control
        self.registry = registry
        self.record = Record()
        self.identity: DeviceIdentity | None = None
        self.power = _power(lab_board, control, self.record)
        self.supply = _supply(lab_board, control, self.record)
        self.card: SimulatedCard | None = None
        if control is not None and lab_board.card != "none":
            self.card = SimulatedCard(control, self.record)
        self._authority = authority
        self._link: SerialLink | None = None
        self._device: DeviceConsole | None = None
        self._seen: set[tuple[str, int]] = set()
        self._found_provisioned = False
        self.record.note(Kind.SUPPLY, "set", lab_board.supply_nominal_mv)

    # --- the console

    @property
    def device(self) -> DeviceConsole:
        """The console; the port is opened at its first use."""
        if self._device is None:
            self._link = SerialLink(self.port, lambda line: RecordedLine(line, self.record))
            self._device = DeviceConsole(self._link)
        return self._device

    def send(self, data: bytes) -> None:
        """Put bytes on the line as they are."""
        assert self.device, "opens the port"
        assert self._link is not None
        self._link.send(data)

    def ask(self, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """One request as it is, for what DeviceConsole has no method."""
        assert self.device, "opens the port"
        assert self._link is not None
        return self._link.request(verb, arguments)

    def said_since(self, at: float) -> list[str]:
        """What the board said since a Unix time, line by line."""
        return [e.text for e in self.record.between(at, time.time()) if e.kind is Kind.SAID]

    def close(self) -> None:
        if self._link is not None:
            self._link.close()
        self._link = self._device = None

    def hello(self) -> DeviceIdentity:
        self.identity = self.device.hello()
        return self.identity

    def wait_until_answers(self) -> DeviceIdentity:
        """Wait for a board that starts; then open its console where it is closed."""
        deadline = time.monotonic() + self.spec.boot_s
        while True:
            try:
                identity = self.hello()
                break
            except (NoAnswerError, PortError) as error:
                self.close()
                if time.monotonic() > deadline:
                    raise BenchError(
                        f"{self.name} does not answer within {self.spec.boot_s:g} s: {error}"
                    ) from error
                time.sleep(_LOOK_S)
        self.record.note(Kind.STATE, ANSWERS)
        self._open(identity)
        return identity

    def report(self, name: str) -> list[Row]:
        """The rows of a report; what the board says of supply and journal is recorded."""
        rows = self.device.report(name)
        for row in rows:
            if row.key == "supply_v":
                self.record.note(Kind.MEASURED, "the board reads", round(float(row.value) * 1000))
            if name == "events" and (row.key, row.number) not in self._seen:
                self._seen.add((row.key, row.number))
                self.record.note(Kind.EVENT, f"{row.key} #{row.number}")
        return rows

    def events(self) -> dict[int, str]:
        """The last events of the journal: names by sequence."""
        return {row.number: row.key for row in self.report("events")}

    def wait_for_events(self, after: int, names: set[str], timeout_s: float = 15) -> dict[int, str]:
        """Wait until all these are in the journal behind sequence `after`; give all behind it."""

        def found() -> dict[int, str]:
            new = {number: name for number, name in self.events().items() if number > after}
            return new if names <= set(new.values()) else {}

        return wait_until(found, timeout_s, f"{self.name}: {', '.join(sorted(names))}", 0.2)

    def last_sequence(self) -> int:
        return max(self.events(), default=0)

    def is_online(self) -> bool:
        """Whether board and server both say so."""
        assert self.registry is not None, "the test needs server"
        assert self.identity is not None
        told = self.registry.presence(self.identity.serial_number)
        return told == "online" and self.device.status()["link"] == "online"

    # --- what is done to it

    def cut_power(self, hold_up_ms: float = DEFAULT_HOLD_UP_MS) -> None:
        assert self.power is not None, "the test needs power"
        self.power.cut(hold_up_ms)

    def restore_power(self) -> DeviceIdentity:
        assert self.power is not None, "the test needs power"
        self.power.on()
        return self.wait_until_answers()

    def reboot(self) -> DeviceIdentity:
        """Restart by the console; comes back when it has restarted and answers."""
        before = self._last_boot()
        self.record.note(Kind.ACTION, "reboot by console")
        self.device.reboot()
        return self._wait_for_boot(before)

    def provision(self) -> DeviceIdentity:
        """Put it into service: at its contract, or with a certificate of the bench's own."""
        identity = self.hello()
        if self.registry is not None and self.spec.contract:
            place = Placement(self.spec.contract, self.spec.position)
            provision(self.device, self.registry, place, Quiet())
            self.record.note(Kind.ACTION, "provisioned by server")
            return self.wait_until_answers()
        before = self._last_boot()
        settings = self._authority.settings_for(identity.endpoint_id, self.device.new_key())
        install(self.device, settings)
        self.device.commit()
        self.record.note(Kind.ACTION, "provisioned by bench")
        return self._wait_for_boot(before)

    def stage_foreign_certificate(self) -> None:
        """Stage a certificate for a key that the board does not have."""
        settings = self._authority.foreign_settings(self.hello().endpoint_id)
        install(self.device, settings)

    def _last_boot(self) -> int:
        """The sequence of the last `Boot!` in the journal; 0 while there is none."""
        return max((n for n, name in self.events().items() if name == BOOT_EVENT), default=0)

    def _wait_for_boot(self, before: int) -> DeviceIdentity:
        self.record.note(Kind.STATE, STARTING)

        def restarted() -> bool:
            try:
                return self._last_boot() > before
            except DeviceRefusedError:  # a production unit is closed after a restart
                self._open(self.hello())
            except (NoAnswerError, PortError):
                pass
            return False

        wait_until(restarted, self.spec.boot_s, f"{self.name}: a restart", _LOOK_S)
        return self.wait_until_answers()

    def leave_in_order(self) -> None:
        """Power on, supply nominal, card in, and provisioned. Raises what stands in the way."""
        if self.supply is not None:
            self.supply.set(self.spec.supply_nominal_mv)
        if self.power is not None:
            self.power.on()
        if self.control is not None:
            self.control.network("plug")
        if self.card is not None:
            self.card.put(True)
        if self.wait_until_answers().state != PROVISIONED:
            self.provision()

    # --- before the run

    def look_over(self) -> set[str]:
        """Check the board before the run; give its features. Raises what makes it sick."""
        identity = self.wait_until_answers()
        spec = self.spec
        for what, wanted, said in (
            ("product class", spec.product_class, identity.product_class),
            ("serial number", spec.serial_number, identity.serial_number),
            ("hardware version", spec.hardware_version, identity.hardware_version),
        ):
            if wanted and wanted != said:
                raise BenchError(f"its {what} is {said}, the lab file says {wanted}")
        self._found_provisioned = identity.state == PROVISIONED
        if not self._found_provisioned:
            self.provision()
        faults = [row.key for row in self.report("status") if row.verdict == "fail"]
        opened = self._is_open()
        if opened:
            faults += [row.key for row in self.report("test") if row.verdict == "fail"]
        if faults:
            raise BenchError(f"it fails its own check of {', '.join(faults)}")
        return self._features(opened)

    def _features(self, opened: bool) -> set[str]:
        backends = {
            "power": self.power,
            "supply_control": self.supply,
            "card_control": self.card,
            "network_control": self.control,
            "server": self.registry,
            "open_console": opened,
            "spare_identity": self.control is not None or not self._found_provisioned,
        }
        return {*self.spec.features, *(name for name, has in backends.items() if has)}

    def _is_open(self) -> bool:
        try:
            self.report("events")
        except ToolError:
            return False
        return True

    def _open(self, identity: DeviceIdentity) -> None:
        closed = identity.state == PROVISIONED and not identity.lab
        if closed and self.registry is not None:
            with suppress(ToolError):
                token = self.registry.console_token(identity.serial_number, identity.nonce)
                self.device.open(token)


def _power(board: LabBoard, control: BoardControl | None, record: Record) -> Power | None:
    if isinstance(board.power, PowerCommands):
        return CommandPower(board.name, board.power, record)
    if control is not None and board.power != "none":
        return SimulatedPower(control, record)
    return None


def _supply(board: LabBoard, control: BoardControl | None, record: Record) -> Supply | None:
    if isinstance(board.supply, SupplyCommands):
        return CommandSupply(board.name, board.supply, record)
    if control is not None and board.supply != "none":
        return SimulatedSupply(control, record)
    return None
