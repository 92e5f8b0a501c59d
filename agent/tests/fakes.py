"""Working stand-ins for the agent's ports: they hold state and behave, on both Pythons."""

import asyncio

from agent.ports.board import Board
from agent.ports.customer import Customer
from agent.ports.filter import Filter
from agent.ports.storage import FileSlot

# --- randomness ------------------------------------------------------------------------------


class FakeRandom:
    """A repeatable source: call it with a number of bytes, as `urandom`."""

    def __init__(self, seed=1):
        self._state = seed

    def __call__(self, size):
        out = bytearray(size)
        for index in range(size):
            self._state = (self._state * 1103515245 + 12345) & 0x7FFFFFFF
            out[index] = self._state >> 16 & 0xFF
        return bytes(out)


# --- board -----------------------------------------------------------------------------------


class Restarted(Exception):
    """Raised by FakeBoard.restart(), which must not return."""


class FakeBoard(Board):
    """A board on the desk: supply and card are set by the test, the console is two buffers."""

    product_class = "VOICEMODEM"
    manufacturer = "IPKO"
    manufacturer_oui = "00256D"
    model_name = "Bench"
    serial_number = "00000002"
    hardware_version = "1"
    sensors = ("supply", "power_fail", "card")

    def __init__(self, cause=0, root="/"):
        self.cause = cause
        self.root = root
        self.supply = 12000
        self.card = True
        self.power_fail = asyncio.Event()
        self.restarts = 0
        self.line_result = None  # what test_line() finds, "Success" or "Failure"
        self.typed = bytearray()
        self.printed = bytearray()
        self.sockets = []
        self.known = {}
        self.time_lines = {}  # FakeTimeServer by name; another name cannot be reached
        self.machine_clock = None  # what machine_time() gives
        self.clock_set = []
        self.shown = None  # the last arguments of show()

    def show(self, serves, text):
        self.shown = (serves, text)

    def set_clock(self, unix_s):
        self.clock_set.append(unix_s)

    async def machine_time(self):
        return self.machine_clock

    async def datagrams(self, host, port):
        if host not in self.time_lines:
            raise OSError(113)
        self.time_lines[host].open += 1
        return self.time_lines[host]

    def facts(self, subject):
        return self.known.get(subject)

    def reset_cause(self):
        return self.cause

    def supply_mv(self):
        return self.supply

    def card_present(self):
        return self.card

    def test_line(self, selector):
        return self._measure() if self.line_result else None

    def _measure(self):
        voice = self.known["voice"]
        try:
            self.known["voice"] = dict(voice, fxs="Testing")
            yield None
            yield None
        finally:
            self.known["voice"] = voice
        yield self.line_result

    def restart(self):
        self.restarts += 1
        raise Restarted

    async def dial(self, host, port):
        if not self.sockets:
            raise OSError(113)
        return self.sockets.pop(0)

    def console(self):
        return self._read, self._write

    async def _read(self, size):
        while not self.typed:
            await asyncio.sleep(0.001)
        data = bytes(self.typed[:size])
        self.typed = self.typed[size:]
        return data

    def _write(self, data):
        self.printed.extend(data)


class FakeTimeServer:
    """A line to a time server whose answers the test makes: `answers(question)` lists datagrams."""

    def __init__(self, answers):
        self.asked = 0
        self.open = 0
        self._answers = answers
        self._waiting = []

    def send(self, data):
        self.asked += 1
        self._waiting.extend(self._answers(bytes(data)))

    def receive(self):
        return self._waiting.pop(0) if self._waiting else None

    def close(self):
        self.open -= 1


class FakeFilter(Filter):
    """Remembers the rules in force; `broken` makes it fail as hardware does."""

    def __init__(self):
        self.rules = None
        self.broken = ""

    def put(self, rules):
        if self.broken:
            raise OSError(self.broken)
        self.rules = rules


class FakeCustomer(Customer):
    """The router's memory; `broken` and `mute` make it fail as hardware does."""

    def __init__(self, settings):
        self.kept = settings
        self.broken = self.mute = ""

    def settings(self):
        if self.mute:
            raise OSError(self.mute)
        return self.kept

    def put(self, settings):
        if self.broken:
            raise OSError(self.broken)
        self.kept = settings


# --- storage ---------------------------------------------------------------------------------


class PowerCut(Exception):
    """The power went while something was being written."""


class FakeStorage:
    """Storage in memory that behaves as agent.ports.storage.Storage and can lose its power.

    `cut_after` counts down over every operation that writes; the one at which it reaches zero
    keeps `torn` parts in eight of its bytes and raises PowerCut. Reopen with `power_up()`.
    """

    def __init__(self):
        self.files = {}
        self.slot = FileSlot(self)
        self.cut_after = None
        self.torn = 0
        self.operations = 0

    def power_up(self):
        """The same medium after the cut, as a new object."""
        again = FakeStorage()
        again.files = dict(self.files)
        return again

    def size(self, name):
        return len(self.files[name]) if name in self.files else None

    def read(self, name, offset, size):
        return self.files.get(name, b"")[offset : offset + size]

    def append(self, name, data):
        self._write(name, self.files.get(name, b""), bytes(data))

    def replace(self, name, chunks):
        new = name + ".new"
        content = b""
        self._write(new, b"", b"")
        for chunk in chunks:
            self._write(new, content, bytes(chunk))
            content = self.files[new]
        self._step()
        self.files[name] = self.files.pop(new)

    def remove(self, name):
        self._step()
        self.files.pop(name, None)

    def open_slot(self, name, content, at):
        self._write(name, b"", bytes(content[:at]))
        return FakeFile(name)

    def fill_slot(self, file, data):
        self.append(file.name, data)

    def _write(self, name, old, data):
        try:
            self._step()
        except PowerCut:
            self.files[name] = old + data[: len(data) * self.torn // 8]
            raise
        self.files[name] = old + data

    def _step(self):
        if self.cut_after is not None:
            if self.cut_after <= 0:
                raise PowerCut
            self.cut_after -= 1
        self.operations += 1


class FakeFile:
    def __init__(self, name):
        self.name = name

    def close(self):
        pass


# --- messages and link -----------------------------------------------------------------------


class FakeOutgoing:
    """A message ready to leave, as the endpoint hands it out, in pieces of `piece` bytes."""

    def __init__(self, payload, topic="usp/c/x", response_topic=None, piece=512):
        self.topic = topic
        self.response_topic = response_topic
        self.size = len(payload)
        self._payload = payload
        self._piece = piece

    def chunks(self):
        for at in range(0, self.size, self._piece):
            yield self._payload[at : at + self._piece]


class FakeLink:
    """A link whose other side is the test: `feed` says something, `written` is what was said.

    `stuck` makes writes wait for ever, as on a line that went dark; `pace_s` makes each last.
    """

    def __init__(self):
        self.pace_s = 0
        self.written = bytearray()
        self.closed = False
        self.stuck = False
        self._bytes = bytearray()

    def feed(self, data):
        self._bytes.extend(data)

    async def fill(self, view):
        while len(self._bytes) < len(view):
            if self.closed:
                raise OSError(104)
            await asyncio.sleep(0.001)
        view[:] = self._bytes[: len(view)]
        self._bytes = self._bytes[len(view) :]

    async def write(self, data):
        while self.stuck:
            await asyncio.sleep(0.001)
        self.write_now(data)
        await asyncio.sleep(self.pace_s)

    def write_now(self, data):
        if self.stuck or self.closed:
            return False
        self.written.extend(data)
        return True

    def close(self):
        self.closed = True
