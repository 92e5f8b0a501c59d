"""The model of one board: what changes by itself, the counters of its supply, and its boots.

Values are sampled by `sample`, between two messages, so that they stay the same while an answer
that was measured is written.
"""

import json

from agent.compat import const
from agent.core.alarms import Alarms
from agent.core.events import date_time
from agent.core.model import Model
from agent.core.parts import part
from agent.errors import StorageError
from agent.wire.codes import POWER, UNKNOWN_TIME

REBOOT = "Device.DeviceInfo.Reboots.Reboot.{i}."
_AGAIN_MS = const(60000)
_LATER_MS = const(1000)  # an answer has this long to leave before what it promised is done
_WORD_LIMIT = const(64)

# What a slot of a row may hold instead of a text: the number of a value that is sampled.
UP_TIME = 0
TIME_STATUS = 1
CURRENT_TIME = 2
SUPPLY_VOLTAGE = 3
BOOT_COUNT = 4
CLIENT_STATUS = 5
BULK_STATUS = 6
WARRANTY = 7  # the first of three: warranty.py
POWER_LOSSES = 10
GASPS = 11
TIME_CLIENT_STATUS = 12
TIME_SOURCE = 13
TIME_ERROR = 14
TIME_TRUSTED = 15
COMMAND_COUNTER = 16
COMMAND_KEY = 17
_STEP_MS = const(1000)  # a correction of this much dates anew what was dated before


def build(board, clock, store, settings, actions):
    """The model of one board, with this boot entered in its history."""
    device = Device(board, clock, store, actions)
    part("model_start").fill(device, settings)
    device.sample(0)
    device.save()
    return device


def endpoint_id_of(board) -> str:
    """The endpoint id of a board."""
    return "ops::%s-%s-%s" % (board.manufacturer_oui, board.product_class, board.serial_number)


class Device(Model):
    """A Model that knows its board. `now_ms` is the up time all its values belong to, `offset_ms`
    what makes Unix time of it, None while unknown."""

    def __init__(self, board, clock, store, actions) -> None:
        Model.__init__(self, store, board.product_class)
        self.board = board
        self.clock = clock
        self.actions = actions
        self.now_ms = 0
        self.alarms = Alarms(self)
        self.temperatures = None  # the monitor that keeps what was hottest and coldest
        self.time_client = None  # the monitor that asks for the time
        self.card = None  # the monitor of the smart card, where there is one
        self.guard = None  # on a voice modem: emergency.py
        self.offset_ms = None
        self.online = False
        self.connected_ms = None
        self.command_key = ""  # of the Reboot() this boot comes from
        self.boot_row = self.power_row = self.time_row = None
        self.chores = []  # generators that yield None: what takes long, done within a poll
        self.report_now = []  # the BulkData profiles that a controller wants collected at once
        self.swap_part = part("replacement").load(store)["part"]  # as agent/wire/replacement.py
        self.settings_known = (0, 0)  # version of the customer's, and the up time until it counts
        self.service_news = False  # the state of the service changed, and is not yet told
        self._later = []
        self._supply_mv = 0
        self._restored_ms = None
        self._facts = {}

    def sample(self, now_ms: int) -> None:
        """Take every value that changes by itself anew."""
        self.now_ms = now_ms
        self._facts.clear()
        self.rest()
        unix_now = self.clock.unix_ms()
        if unix_now is not None:
            before_ms, self.offset_ms = self.offset_ms, unix_now - now_ms
            if before_ms is None or abs(self.offset_ms - before_ms) > _STEP_MS:
                self._date_the_past()
        self._supply_mv = self.board.supply_mv() or 0

    def facts(self, subject: str, ask=None):
        """What the board knows about a subject (agent/ports/board.py), the same until the next
        sample; None where the hardware has no such thing. `ask(subject)` gives what the machine
        knows instead."""
        if subject not in self._facts:
            self._facts[subject] = (ask or self.board.facts)(subject)
        return self._facts[subject]

    def live(self, which: int) -> str:
        """The text of a sampled value."""
        if which == UP_TIME:
            return str(self.now_ms // 1000)
        if which == TIME_STATUS:
            return self._time_status()
        if which == CURRENT_TIME:
            return self.now()
        if which == SUPPLY_VOLTAGE:
            return str(self._supply_mv)
        if which == POWER_LOSSES:
            return str(self.clock.journal.losses)
        if which == GASPS:
            return str(self.clock.journal.gasps)
        if which >= COMMAND_COUNTER:
            kept = part("authorisation").last_accepted(self.store)
            return str(kept[which - COMMAND_COUNTER])
        if which >= TIME_CLIENT_STATUS:
            return self._time_value(which)
        if which >= WARRANTY:
            return part("warranty").text(self, which - WARRANTY)
        if which == BOOT_COUNT:
            return str(self.clock.boot_count)
        if which == BULK_STATUS:
            return "Enabled" if self.text("Device.BulkData.Enable") == "true" else "Disabled"
        return "Connected" if self.online else "Connecting"

    def _time_status(self):
        if self.time_row and self.time_row[1] == "false":  # Enable; asked for with every look
            return "Disabled"
        return "Unsynchronized" if self.offset_ms is None else "Synchronized"

    def _time_value(self, which):
        clock = self.clock
        if which == TIME_CLIENT_STATUS:
            return self.time_client.status if self.time_client else "Disabled"
        if which == TIME_SOURCE:
            return clock.source
        if which == TIME_ERROR:
            error_ms = clock.error_ms()
            return "-1" if error_ms is None else str(error_ms)
        return "true" if clock.trusted else "false"

    def now(self) -> str:
        """dateTime now, or the unknown time."""
        return UNKNOWN_TIME if self.offset_ms is None else date_time(self.offset_ms + self.now_ms)

    def later(self, action, *args) -> None:
        """Do it from `run_later`, once the answer that promises it had time to leave."""
        self._later.append((self.now_ms + _LATER_MS, action, args))

    def run_later(self, now_ms: int) -> None:
        """Do the first that is due of what was put off. Raises StorageError; it is tried again."""
        for entry in self._later:
            if entry[0] <= now_ms:
                self._later.remove(entry)
                try:
                    entry[1](*entry[2])
                except StorageError:
                    self._later.append((now_ms + _AGAIN_MS, entry[1], entry[2]))
                    raise
                return

    def boot_arguments(self) -> dict:
        """Arguments of this boot's Boot!, but for ParameterMap."""
        boot = self.find(REBOOT)
        args = {"CommandKey": self.command_key}
        for name in ("Cause", "Reason", "FirmwareUpdated"):
            args[name] = self.get(boot, self.boot_row, name)
        return args

    def leave_word(self, cause: str, reason: str, command_key: str) -> None:
        """Tell the next boot why it was asked for."""
        word = json.dumps((cause, reason[:_WORD_LIMIT], command_key[:_WORD_LIMIT]))
        self.store.save("intent", word.encode())

    def count_event(self, name: str, args: dict) -> None:
        """Keep the counters of Device.X_IPKO-COM_Power. with an event of it."""
        if name == "PowerLoss!":
            return  # nothing is written while power fails; the journal counts losses
        obj = self.find(POWER)
        counter = name[:-1] + "Count"
        if self.entry(obj, counter):
            count = int(self.get(obj, self.power_row, counter)) + 1
            self.put(obj, self.power_row, counter, str(count))
        if name == "PowerRestored!" and args.get("Duration"):
            duration_ms = int(args["Duration"])
            self.put(obj, self.power_row, "LastPowerLossDuration", str(duration_ms // 1000))
            self._restored_ms = self.now_ms - duration_ms
            self._date_power_loss()
        self.later(self.save)

    def _date_the_past(self):
        """The time became known: date what happened in this boot before."""
        boot = self.find(REBOOT)
        if self.boot_row and self.row(boot, self.boot_row[0]) is self.boot_row:
            self.put(boot, self.boot_row, "TimeStamp", date_time(self.offset_ms))
        self._date_power_loss()
        self.later(self.save)

    def _date_power_loss(self):
        if self._restored_ms is not None and self.offset_ms is not None:
            lost = date_time(self.offset_ms + self._restored_ms)
            self.put(self.find(POWER), self.power_row, "LastPowerLoss", lost)
