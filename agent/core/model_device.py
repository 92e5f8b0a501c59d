"""The model of this board: its identity, its boots, its time, its supply and its card.

Values are sampled by `sample`, between two messages, so that they stay the same while an answer
that was measured is written.
"""

import json

from agent.compat import const, memory_bytes
from agent.core.events import date_time, unix_ms
from agent.core.model import Model
from agent.core.model_local_agent import bind_local_agent
from agent.errors import StorageError
from agent.wire.codes import (
    INVALID_VALUE,
    POWER,
    RESET_BROWN_OUT,
    RESET_COMMANDED,
    RESET_POWER_ON,
    RESET_REASONS,
    RESET_WATCHDOG,
    SOFTWARE_VERSION,
    UNKNOWN_TIME,
)
from agent.wire.usp import USPError

_REBOOTS = "Device.DeviceInfo.Reboots."
_REBOOT = "Device.DeviceInfo.Reboots.Reboot.{i}."
_DEVICE_INFO = "Device.DeviceInfo."
_LATER_MS = const(1000)  # an answer has this long to leave before what it promised is done
_REASON_LIMIT = const(64)

_COUNTERS = {"Dip!": "DipCount", "Swell!": "SwellCount", "Transient!": "TransientCount"}


def build(board, clock, store, settings, actions):
    """The model of one board, with this boot entered in its history."""
    device = Device(board, clock, store, settings, actions)
    device.save()
    return device


class Device(Model):
    """A Model that knows its board. `now_ms` is the up time all its values belong to."""

    def __init__(self, board, clock, store, settings, actions) -> None:
        Model.__init__(self, store, board.product_class)
        self.board = board
        self.clock = clock
        self.store = store
        self.actions = actions
        self.now_ms = 0
        self.offset_ms = None  # Unix time is up time plus this
        self.online = False
        self.connected_ms = None
        self._later = []
        self._card = ""
        self._memory = (0, 0)
        self._supply = 0
        self._restored = None
        self._bind_device_info()
        self._bind_state()
        bind_local_agent(self, settings)
        self._enter_boot()
        self.sample(0)

    def sample(self, now_ms: int) -> None:
        """Take every value that changes by itself anew."""
        self.now_ms = now_ms
        unix_now = self.clock.unix_ms()
        if unix_now is not None:
            unknown = self.offset_ms is None
            self.offset_ms = unix_now - now_ms
            if unknown:
                self._date_the_past()
        self._memory = memory_bytes()
        self._supply = self.board.supply_mv() or 0
        self._card = "Running" if self.board.card_present() else "None"

    def later(self, action, *args) -> None:
        """Do it from `run_later`, once the answer that promises it had time to leave."""
        self._later.append((self.now_ms + _LATER_MS, action, args))

    def run_later(self, now_ms: int) -> None:
        """Do what is due of what was put off."""
        for entry in self._later:
            if entry[0] <= now_ms:
                self._later.remove(entry)
                entry[1](*entry[2])
                return

    def now(self) -> str:
        """dateTime now, or the unknown time."""
        return UNKNOWN_TIME if self.offset_ms is None else date_time(self.offset_ms + self.now_ms)

    # --- time

    def set_time(self, text: str) -> None:
        """Take the controller's time; it answered at some moment since the connect Record left,
        so half of what passed since is the error. The clock refuses what is worse than it has."""
        told = unix_ms(text)
        if told is None:
            raise USPError(INVALID_VALUE, "not a dateTime in UTC")
        error_ms = (self.now_ms - (self.connected_ms or 0) + 1) // 2
        self.clock.set_time(told + error_ms, error_ms, self.now_ms)
        self.sample(self.now_ms)

    def _date_the_past(self):
        """The time became known: date what happened in this boot before."""
        boot = self.find(_REBOOT)
        if [row for row in self.rows(boot) if row is self._boot_row]:
            self.put(boot, self._boot_row, "TimeStamp", date_time(self.offset_ms))
        self._date_power_loss()
        self.later(self.save)

    def _date_power_loss(self):
        if self._restored and self.offset_ms is not None:
            lost = date_time(self.offset_ms + self._restored)
            self._restored = None
            self.put(self.find(POWER), self._power_row, "LastPowerLoss", lost)

    # --- power

    def count_event(self, name: str, args: dict) -> None:
        """Keep the counters of Device.X_IPKO-COM_Power. with an event of it."""
        if name in _COUNTERS:
            self._count_up(_COUNTERS[name])
        elif name == "PowerRestored!":
            self._count_up("PowerLossCount")
            if args.get("Duration"):
                duration_ms = int(args["Duration"])
                self._restored = self.now_ms - duration_ms
                obj = self.find(POWER)
                self.put(obj, self._power_row, "LastPowerLossDuration", str(duration_ms // 1000))
                self._date_power_loss()
        else:
            return
        self.later(self.save)

    def _count_up(self, name):
        obj = self.find(POWER)
        self.put(obj, self._power_row, name, str(int(self.get(obj, self._power_row, name)) + 1))

    # --- boots

    def boot_arguments(self) -> dict:
        """Arguments of this boot's Boot!, but for ParameterMap."""
        boot = self.find(_REBOOT)
        return {
            "CommandKey": self._command_key,
            "Cause": self.get(boot, self._boot_row, "Cause"),
            "Reason": self.get(boot, self._boot_row, "Reason"),
            "FirmwareUpdated": self.get(boot, self._boot_row, "FirmwareUpdated"),
        }

    def remove_reboots(self) -> None:
        """Forget the history of boots."""
        boot = self.find(_REBOOT)
        for row in list(self.rows(boot)):
            self.delete_row(boot, row)

    def _enter_boot(self):
        obj = self.find(_REBOOTS)
        totals = self.rows(obj)[0]
        code = self.board.reset_cause()
        updated = self._note_version(obj, totals)
        names = ["CurrentVersionBootCount"]
        if code in (RESET_POWER_ON, RESET_BROWN_OUT):
            names.append("ColdBootCount")
        else:
            names.append("WarmBootCount")
        if code == RESET_WATCHDOG:
            names.append("WatchdogBootCount")
        for name in names:
            self.put(obj, totals, name, str(int(self.get(obj, totals, name)) + 1))
        self._add_boot(int(self.get(obj, totals, "MaxRebootEntries")), code, updated)

    def _note_version(self, obj, totals):
        info = self.find(_DEVICE_INFO)
        row = self.rows(info)[0]
        known = self.get(info, row, "SoftwareVersion")
        self.put(info, row, "SoftwareVersion", SOFTWARE_VERSION)
        if known in ("", SOFTWARE_VERSION):
            return "false"
        self.put(obj, totals, "CurrentVersionBootCount", "0")
        return "true"

    def _add_boot(self, limit, code, updated):
        boot = self.find(_REBOOT)
        cause, reason, self._command_key = self._take_intent(code)
        while 0 < limit <= len(self.rows(boot)):
            self.delete_row(boot, self.rows(boot)[0])
        self._boot_row = row = self.add_row(boot, ())
        values = {"Cause": cause, "Reason": reason, "FirmwareUpdated": updated}
        for name, value in values.items():
            self.put(boot, row, name, value)
        self.fill_keys(boot, row)

    def _take_intent(self, code):
        """(Cause, Reason, CommandKey) of this boot; a Reboot() left word before it acted."""
        intent = None
        try:
            intent = self.store.load("intent")
        except StorageError:
            self.store.remove("intent")
        if intent:
            self.store.remove("intent")
            if code == RESET_COMMANDED:
                return json.loads(intent)
        return "LocalReboot", RESET_REASONS[code], ""

    def leave_word(self, cause: str, reason: str, command_key: str) -> None:
        """Tell the next boot why it was asked for."""
        word = json.dumps((cause, reason[:_REASON_LIMIT], command_key[:_REASON_LIMIT]))
        self.store.save("intent", word.encode())

    # --- what is bound

    def _bind_device_info(self):
        board = self.board
        self.bind(
            _DEVICE_INFO,
            (),
            Manufacturer=board.manufacturer,
            ManufacturerOUI=board.manufacturer_oui,
            ModelName=board.model_name,
            ProductClass=board.product_class,
            SerialNumber=board.serial_number,
            HardwareVersion=board.hardware_version,
            UpTime=self._up_time,
            X_IPKO_COM_Lab="true" if board.lab else "false",
        )
        self.bind(
            "Device.DeviceInfo.MemoryStatus.",
            (),
            Total=lambda: str(self._memory[0] // 1024),
            Free=lambda: str(self._memory[1] // 1024),
        )
        self.bind(_REBOOTS, (), BootCount=lambda: str(self.clock.boot_count))

    def _bind_state(self):
        self.bind("Device.Time.", (), Status=self._time_status, CurrentLocalTime=self.now)
        self._power_row = self.bind(
            POWER,
            (),
            Source="Mains" if self.board.sensors else "Unknown",
            SupplyVoltage=lambda: str(self._supply),
            Sensors=",".join(self.board.sensors),
        )
        reader = "Device.SmartCardReaders.SmartCardReader.{i}."
        if self.find(reader) >= 0:
            self.bind(reader, (1,))
            self.bind(reader + "SmartCard.", (1,), Status=lambda: self._card)

    def _up_time(self):
        return str(self.now_ms // 1000)

    def _time_status(self):
        return "Unsynchronized" if self.offset_ms is None else "Synchronized"
