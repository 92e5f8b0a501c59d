"""The simulated board as the agent sees it, on both Pythons.

What the hardware would do comes over the hardware bus, a loopback connection of text lines:
`powerfail`, `supply <mV>`, `wave <path>`, `card in`, `card out`, `fact <subject> <json>`.
The board sends `cut`, when its flash has been told to lose power, `rules <json>` for the filter of
the customer's traffic, `settings <json>` for the router's memory, and `show <json>` for display and
telephone. The uplink is a loopback port that carries bytes to the
host and port named in the first line.
"""

import asyncio
import json
import select
import socket
import sys
from time import time

from agent.ports.board import Board
from agent.ports.customer import Customer
from agent.ports.filter import Filter
from agent.ports.signals import Signal

_HOST = "127.0.0.1"
_LINE_TEST_S = 1
_LONG_FACT = 256  # characters; a longer fact is kept as text, which takes a tenth of the heap


class BusFilter(Filter):
    """The bench is the filter; `tell` is that of the board."""

    def __init__(self, tell):
        self._tell = tell

    def put(self, rules):
        self._tell("rules", rules)


class BusCustomer(Customer):
    """The bench is the router: what is put comes back as the fact `settings`."""

    def __init__(self, board):
        self._board = board

    def settings(self):
        return self._board.facts("settings")

    def put(self, settings):
        self._board.take_settings(settings)


class SimulatedBoard(Board):
    """`settings` come from the bench; `console` is (async read, write); `restart` ends us."""

    def __init__(self, settings, console, restart, raw_flash=None):
        for name, value in settings["factory"].items():
            setattr(self, name, value)
        self.root = settings["root"]
        self.raw_flash = raw_flash
        self._fail_signal = Signal()
        if settings["flash_timings"]:
            self._trace(settings["image"] + ".power.times")
        self.power_fail = self._fail_signal
        self.card_changed = self._card_switch = Signal()
        self._bus_writer = None
        self._untold = {}  # what was told before the bus was connected
        self.filter = BusFilter(self._tell)
        self._reset_cause = settings["reset_cause"]
        self._supply_mv = settings["supply_mv"]
        kind = settings.get("sampler")
        if kind:
            self.sampler = _part("wave_player").WavePlayer(kind, lambda: self._supply_mv)
        self._card = settings["card"]
        self._facts = {name: _kept(text) for name, text in settings["facts"].items()}
        if "settings" in self._facts:
            self.customer = BusCustomer(self)
        self._uplink_port = settings["uplink_port"]
        self._bus_port = settings["bus_port"]
        self._time_port = settings.get("time_port", 0)
        self._slot_port = settings.get("card_port", 0)
        if self._slot_port:
            self.card_line = self._open_slot
        self._bus = None  # the socket of the hardware bus, on the MicroPython machine
        self._bus_poll = select.poll()
        self._console = console
        self._restart = restart

    def _trace(self, path):
        """Where flash takes time, the way from the pin to record and gasp is written down."""
        trace = _part("power_trace")
        self._fail_signal = trace.TracedSignal(path)
        if self.raw_flash:
            self.raw_flash = trace.TracedFlash(self.raw_flash, self._fail_signal)

    def power_failing(self):
        """Asked while no task runs: what came over the bus meanwhile is read here."""
        if self._bus and self._bus_poll.poll(0):
            line = self._bus.readline()
            if line:
                self._obey(line.decode().strip().split(" ", 2))
        return self._fail_signal.is_pulled()

    def reset_cause(self):
        return self._reset_cause

    def supply_mv(self):
        return self._supply_mv

    def card_present(self):
        return self._card

    def _open_slot(self):
        """The contacts of the card, for one reading; their code is forgotten with them."""
        return _part("card_line").SocketLine(self._slot_port)

    def facts(self, subject):
        fact = self._facts.get(subject)
        return json.loads(fact) if isinstance(fact, str) else fact

    def take_settings(self, settings):
        self._facts["settings"] = settings
        self._tell("settings", settings)

    def show(self, serves, text):
        self._tell("show", [serves, text])

    def _tell(self, kind, value):
        self._untold[kind] = value
        if self._bus_writer:
            self._tell_bus()

    def _tell_bus(self):
        for kind, value in self._untold.items():
            self._bus_writer.write(b"%s %s\n" % (kind.encode(), json.dumps(value).encode()))
        self._untold = {}

    def test_line(self, selector):
        return self._measure(selector) if "voice" in self._facts else None

    def _measure(self, selector):
        """The line is in test for a while; the fact `failing_tests` names what is found wrong."""
        before = self._facts["voice"]["fxs"]
        self._facts["voice"]["fxs"] = "Testing"
        end_s = time() + _LINE_TEST_S
        try:
            while time() < end_s:
                yield None
        finally:
            self._facts["voice"]["fxs"] = before
        yield "Failure" if selector in self._facts["voice"]["failing_tests"] else "Success"

    def ping(self, host, count, wait_ms, size):
        return self._pings(count, wait_ms)

    def _pings(self, count, wait_ms):
        """What the fact `ping` says: the address that answers, and after how many µs, -1 never."""
        fact = self._facts["ping"]
        late = not 0 <= fact["answer_us"] <= wait_ms * 1000
        for _ in range(count):
            yield None
        yield "Complete", fact["address"], [-1 if late else fact["answer_us"]] * count

    def restart(self):
        self._restart()

    def console(self):
        return self._console

    async def dial(self, host, port):
        connection = socket.socket()
        try:
            connection.connect(socket.getaddrinfo(_HOST, self._uplink_port)[0][-1])
            connection.setblocking(False)
            connection.send(b"%s:%d\n" % (host.encode(), port))
        except OSError:
            connection.close()
            raise
        return connection

    async def datagrams(self, host, port):
        """Whatever the name: the time server of the bench."""
        if not self._time_port:
            raise OSError(113)
        return await Board.datagrams(self, _HOST, self._time_port)

    async def listen(self):
        """Follow the hardware bus until the bench ends."""
        reader, writer = await asyncio.open_connection(_HOST, self._bus_port)
        if sys.implementation.name == "micropython":  # a reader there has no buffer of its own
            self._bus = reader.s  # pyright: ignore[reportAttributeAccessIssue]
            self._bus_poll.register(self._bus, select.POLLIN)
        self._bus_writer = writer
        self._tell_bus()
        while True:
            line = await reader.readline()
            if not line:
                return
            self._obey(line.decode().strip().split(" ", 2))

    def _obey(self, words):
        if words[0] == "powerfail":
            self._fail_signal.pull()
        elif words[0] == "supply":
            self._supply_mv = int(words[1])
        elif words[0] == "wave":
            self.sampler.play(words[1])
        elif words[0] == "card" and self._card != (words[1] == "in"):
            self._card = words[1] == "in"
            self._card_switch.pull()
        elif words[0] == "fact":
            self._facts[words[1]] = _kept(words[2])


def _part(name):
    """A module beside this one, forgotten with the last use of it."""
    if "." in __name__:
        name = __name__.rpartition(".")[0] + "." + name
    module = __import__(name, None, None, ("*",))
    sys.modules.pop(name)
    return module


def _kept(text):
    return text if len(text) > _LONG_FACT else json.loads(text)


async def run_agent(board):
    """Run the agent on the board; ends only when the agent does."""
    from agent.main import run

    bus = asyncio.create_task(board.listen())
    await run(board)
    bus.cancel()
