"""The logic that board ports of microcontrollers share, with pins that the test moves."""

import asyncio

from agent.ports.microcontroller import Microcontroller, Watchdog, cause_of
from agent.wire import codes

FACTORY = {
    "identity": {
        "product_class": "STB",
        "manufacturer": "IPKO-COM",
        "manufacturer_oui": "00256D",
        "model_name": "STB-40",
        "serial_number": "00000009",
        "hardware_version": "B1",
        "lab": True,
    },
    "supply": {"divider": [100000, 22000], "nominal_mv": 12000},
}


class Pin:
    def __init__(self):
        self.level = 1
        self.handler = None

    def irq(self, handler, trigger):
        self.handler = handler

    def value(self):
        return self.level

    def pull(self, level):
        self.level = level
        self.handler(self)


class Flag:
    def __init__(self):
        self.is_set = False

    def set(self):
        self.is_set = True


class UART:
    """Takes three bytes at a time, and at first none at all."""

    def __init__(self):
        self.sent = b""
        self.busy = 2

    def write(self, data):
        if self.busy:
            self.busy -= 1
            return None
        self.sent += bytes(data[:3])
        return min(3, len(data))


class Interface:
    def isconnected(self):
        return False


def board(microvolts=None, uart=None, factory=FACTORY):
    return Microcontroller(factory, codes.RESET_POWER_ON, microvolts, uart, Interface(), None)


def test_the_factory_file_is_who_the_board_is():
    made = board()
    assert made.endpoint_id() == "ops::00256D-STB-00000009"
    assert made.hardware_version == "B1"
    assert made.lab is True
    assert made.reset_cause() == codes.RESET_POWER_ON


def test_the_supply_is_what_the_divider_was_made_for():
    assert board(lambda: 2163934).supply_mv() == 11999
    assert board(lambda: 0).supply_mv() == 0
    assert board(lambda: 2163934).sensors == ("supply",)


def test_without_a_divider_there_is_no_supply_and_no_sensor_of_it():
    assert board().supply_mv() is None
    assert board().sensors == ()


def test_the_comparator_and_the_card_switch_set_their_flags():
    made = board()
    power, switch = Pin(), Pin()
    failing, changed = Flag(), Flag()
    made.watch_power(power, 1, failing)
    made.watch_card(switch, 3, changed, None)
    assert made.sensors == ("power_fail", "card")
    assert made.card_present() is False
    switch.pull(0)
    assert changed.is_set
    assert made.card_present() is True
    assert not failing.is_set and not made.power_failing()
    power.pull(0)
    assert failing.is_set and made.power_failing()


def test_a_board_without_a_slot_has_no_card():
    assert board().card_present() is None


def test_everything_said_to_the_console_leaves_though_the_uart_takes_little():
    uart = UART()
    board(uart=uart)._say(b"~1 ok {}*00000000\n")
    assert uart.sent == b"~1 ok {}*00000000\n"


def test_without_a_network_dialling_fails_at_once():
    try:
        asyncio.run(board().dial("broker.example", 8883))
    except OSError:
        return
    raise AssertionError("it dialled")


def test_without_a_network_no_time_server_is_asked():
    try:
        asyncio.run(board().datagrams("192.0.2.1", 123))
    except OSError:
        return
    raise AssertionError("it asked")


class RTC:
    def __init__(self):
        self.set_to = None

    def datetime(self, moment):
        self.set_to = moment


def test_the_machines_clock_is_set_in_the_order_of_its_own_fields():
    made = board()
    made.set_clock(1_795_348_805)  # no RTC: nothing to set
    made.rtc = RTC()
    made.set_clock(1_795_348_805)  # Sunday, 2026-11-22 12:00:05
    assert made.rtc.set_to == (2026, 11, 22, 6, 12, 0, 5, 0)


def test_the_watchdog_is_fed_only_while_the_agent_comes_round():
    fed = []
    Watchdog(lambda: fed.append(1), 60000).tick()
    assert fed == [1]
    Watchdog(lambda: fed.append(1), 0).tick()
    assert fed == [1]


def test_a_restart_that_was_asked_for_is_told_from_the_watchdogs():
    causes = {1: codes.RESET_POWER_ON, 3: codes.RESET_WATCHDOG}
    assert cause_of(3, causes, True) == codes.RESET_COMMANDED
    assert cause_of(3, causes, False) == codes.RESET_WATCHDOG
    assert cause_of(2, causes, False) == codes.RESET_UNKNOWN
