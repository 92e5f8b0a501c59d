"""What the board ports of microcontrollers share: identity, supply, signals, console, watchdog.

Pins and buses are handed in, so that one source serves every port of MicroPython and its logic is
tested without one. `esp32.py` and `rp2.py` make them. The factory leaves `factory.json` in the root
of the file system: `identity` (attributes of Board), `supply` ([upper, lower] resistor in ohms and
`nominal_mv`), `network` and, for a set-top box, `card`.
"""

import asyncio
import errno
import json
import select
import socket
from time import gmtime

from agent.compat import const, monotonic_ms, sleep_ms, ticks_diff, ticks_ms
from agent.ports.board import Board
from agent.wire import codes

FACTORY_FILE = "/factory.json"
_IDENTITY = (
    "product_class",
    "manufacturer",
    "manufacturer_oui",
    "model_name",
    "serial_number",
    "hardware_version",
    "lab",
    "time_servers",
)
_EPOCH_S = 946684800 if gmtime(0)[0] == 2000 else 0  # of the port's own count of seconds
_DIAL_MS = const(15000)
_LOOK_MS = const(20)
_FEED_MS = 1000
_ALIVE_MS = 120000  # a signature in plain Python takes seconds on a slow processor


def read_factory(path=FACTORY_FILE):
    """What the factory wrote. Raises OSError or ValueError: then this is no board of ours."""
    with open(path) as file:
        return json.load(file)


class Microcontroller(Board):
    """`factory` as in the file; `microvolts()` reads the divided supply, None without a divider;
    `uart` is the console's; `interface` the network's; `reset()` restarts the machine.
    """

    root = "/data"

    def __init__(self, factory, cause, microvolts, uart, interface, reset):
        for name in _IDENTITY:
            if name in factory["identity"]:
                setattr(self, name, factory["identity"][name])
        self._cause = cause
        self._microvolts = microvolts
        self._uart = uart
        self._interface = interface
        self._reset = reset
        sensors = []
        if microvolts is not None:
            upper, lower = factory["supply"]["divider"]
            self._total = upper + lower
            self._lower = lower
            self.supply_nominal_mv = factory["supply"]["nominal_mv"]
            sensors.append("supply")
        self.sensors = tuple(sensors)
        self._slot_pin = self._fail_pin = None
        self.rtc = None  # machine.RTC()

    def watch_power(self, pin, trigger, flag):
        """Have `flag`, an asyncio.ThreadSafeFlag, set when the comparator pulls the pin low."""
        self.power_fail = flag
        self._fail_pin = pin
        pin.irq(lambda _: flag.set(), trigger)
        self.sensors += ("power_fail",)

    def watch_card(self, pin, trigger, flag, card_line):
        """A card slot: its switch closes to ground while a card is in it."""
        self._slot_pin = pin
        self.card_changed = flag
        self.card_line = card_line
        pin.irq(lambda _: flag.set(), trigger)
        self.sensors += ("card",)

    def reset_cause(self):
        return self._cause

    def power_failing(self):
        return self._fail_pin is not None and not self._fail_pin.value()

    def supply_mv(self):
        if self._microvolts is None:
            return None
        return self._microvolts() * self._total // self._lower // 1000

    def card_present(self):
        return None if self._slot_pin is None else not self._slot_pin.value()

    def set_clock(self, unix_s):
        if self.rtc:
            year, month, day, hour, minute, second, weekday = gmtime(unix_s - _EPOCH_S)[:7]
            self.rtc.datetime((year, month, day, weekday, hour, minute, second, 0))

    async def datagrams(self, host, port):
        if not self._interface.isconnected():
            raise OSError(errno.EHOSTUNREACH)
        return await Board.datagrams(self, host, port)

    def restart(self):
        self._reset()
        while True:
            pass  # the reset takes a moment

    def console(self):
        return asyncio.StreamReader(self._uart).read, self._say

    async def dial(self, host, port):
        if not self._interface.isconnected():
            raise OSError(errno.EHOSTUNREACH)
        address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0][-1]
        sock = socket.socket()
        try:
            sock.setblocking(False)
            await _connect(sock, address)
        except BaseException:
            sock.close()
            raise
        return sock

    def _say(self, data):
        view = memoryview(data)
        while len(view):
            view = view[self._uart.write(view) or 0 :]


class Watchdog:
    """Resets a board whose agent no longer comes round.

    The hardware's own limit may be short (8 s on an RP2040) and checking a signature takes longer:
    a timer's interrupt feeds it for as long as the agent was alive in the last two minutes.
    """

    def __init__(self, feed, alive_ms=_ALIVE_MS):
        self._feed = feed
        self._alive_ms = alive_ms
        self._alive_at = ticks_ms()

    def tick(self, timer=None):
        """From the timer's interrupt: allocates nothing."""
        if ticks_diff(ticks_ms(), self._alive_at) < self._alive_ms:
            self._feed()

    async def run(self):
        """Say for ever that the agent is alive."""
        while True:
            self._alive_at = ticks_ms()
            await sleep_ms(_FEED_MS)


async def run_board(run, board, watchdog):
    """Run the agent under the watchdog; ends only by an error."""
    alive = asyncio.create_task(watchdog.run())
    try:
        await run(board)
    finally:
        alive.cancel()


def connect_wlan(interface, network):
    """Begin to connect; the interface goes on trying by itself."""
    interface.active(True)
    interface.connect(network["ssid"], network["key"])
    return interface


def cause_of(machine_cause, causes, marked):
    """The code of a reset cause; `marked` tells that this agent asked for the restart itself."""
    return codes.RESET_COMMANDED if marked else causes.get(machine_cause, codes.RESET_UNKNOWN)


async def _connect(sock, address):
    try:
        sock.connect(address)
    except OSError as error:
        if error.errno != errno.EINPROGRESS:
            raise
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    deadline_ms = monotonic_ms() + _DIAL_MS
    while True:
        ready = poll.poll(0)
        if ready and ready[0][1] & (select.POLLERR | select.POLLHUP):
            raise OSError(errno.EHOSTUNREACH)
        if ready:
            return
        if monotonic_ms() > deadline_ms:
            raise OSError(errno.ETIMEDOUT)
        await sleep_ms(_LOOK_MS)
