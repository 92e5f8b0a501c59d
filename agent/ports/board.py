"""What the agent needs of the hardware it runs on.

A board port subclasses `Board`, fills in the attributes and replaces every method that has a
real counterpart. Boards do not decide anything: they tell what is, and do what they are told.
"""

import socket

from agent.compat import urandom
from agent.core.parts import part
from agent.ports.storage import Storage


class Board:
    """One board. Attributes are fixed while the agent runs; methods may be called at any time."""

    product_class = "MODEM"  # MODEM, VOICEMODEM or STB: part of the endpoint id
    manufacturer = ""
    manufacturer_oui = ""  # six upper-case hex digits
    model_name = ""
    serial_number = ""
    hardware_version = ""
    lab = False  # built with the lab key: says so in DeviceInfo, console is open
    sensors: tuple = ()  # what is really measured, out of: "supply", "power_fail", "card"
    supply_nominal_mv = 12000  # what supply_mv() reads when all is well; 230000 on the mains
    root = "/"  # folder of persistent storage, ends without a slash unless it is "/"
    time_servers = ""  # names or addresses with commas between, until a controller names others
    poll_ms = 250  # how often the agent looks at what it watches; longer lets a processor sleep

    # An agent.ports.sampler.Sampler where the supply is sampled all the time: supply_nominal_mv and
    # supply_mv() tell of what is sampled then.
    sampler = None
    raw_flash = None  # flash for the power-loss record alone, outside the file system: an object
    # with `erase()`, `program(offset, data)`, which writes erased bytes once, in place and durable
    # when it returns, and `read(offset, size)`; at least 2 KB. Without: a file is used.

    gasp_first = False  # keeping the power-loss record takes milliseconds: send the gasp before it

    # An object with `async wait()`: returns once when the board is about to lose its power; where a
    # battery carries it, only when that ends too.
    power_fail: object = None
    filter = None  # an agent.ports.filter.Filter where the customer's traffic can be held back
    customer = None  # an agent.ports.customer.Customer where the customer sets something on the box
    card_changed: object = None  # the same, for a card put in or taken out; may be None
    card_line = (
        None  # gives the CardLine (agent/ports/card.py) of a slot on a UART, for one reading
    )
    card_port = None  # or a CardPort; both None where another program has the card to itself

    def endpoint_id(self):
        """The agent's endpoint id. Source: TR-369, "Endpoint ID", scheme ops."""
        return "ops::%s-%s-%s" % (self.manufacturer_oui, self.product_class, self.serial_number)

    def reset_cause(self):
        """Why the agent started: a code of agent.wire.codes."""
        raise NotImplementedError

    def power_failing(self):
        """Whether the power-fail signal stands now; asked where nobody can wait for it."""
        return False

    def supply_mv(self):
        """What is supplied now, in millivolts, or None when nothing measures it."""
        level_mv = self.sampler and self.sampler.level_mv
        return level_mv() if level_mv else None

    def card_present(self):
        """True or False, or None when there is no card reader."""
        return None

    def storage(self):
        """The persistent storage, as agent.ports.storage.Storage."""
        return Storage(self.root, self.raw_flash)

    def random(self, size):
        """Bytes fit for keys."""
        return urandom(size)

    def facts(self, subject):
        """What the hardware knows about a subject now, a dict; None where it has no such thing.

        Subjects and the keys of each stand in docs/developer/board-facts.md. The dict may be the
        same object at every call; the agent does not change it.
        """
        return None

    def show(self, serves, text):
        """What the unit's part in a replacement means for the rest of the box: whether it may
        serve (its telephone line be registered), and what its display and page show, "" for
        nothing. Told with every start and change."""

    def test_line(self, selector):
        """Begin a test of the telephone line, by a name of TR-104; None where nothing can test it.

        Returns a generator that gives None until it gives "Success" or "Failure". It is advanced
        with every look; when it is closed early the line is whole again.
        """
        return None

    def ping(self, host, count, wait_ms, size):
        """Begin echo requests, one after the other; None where the board has no ICMP.

        Returns a generator that gives None until it gives (Status of TR-181, address, list of
        microseconds, -1 where no answer came within `wait_ms`). It is advanced with every look.
        """
        return None

    def transfer(self, host, port, path, sent_bytes, limit_ms, limit_bytes):
        """Begin an HTTP transfer that is measured: agent.ports.speed.Transfer."""
        speed = part("ports.speed")
        return speed.Transfer(self.dial, host, port, path, sent_bytes, limit_ms, limit_bytes)

    def set_clock(self, unix_s):
        """Set the machine's own clock, by which its TLS judges the dates of certificates."""

    async def machine_time(self):
        """(Unix ms now, half width of its error in ms) where the machine keeps its clock right by
        itself; None where it does not, or not yet."""
        return None

    async def datagrams(self, host, port):
        """UDP to there: agent.ports.datagrams.Datagrams. Raises OSError."""
        found = socket.getaddrinfo(host, port, 0, socket.SOCK_DGRAM)[0]
        return part("ports.datagrams").Datagrams(found[0], found[-1])

    def restart(self):
        """Restart the whole board or agent process. Does not return."""
        raise NotImplementedError

    async def dial(self, host, port):
        """Return a connected, non-blocking TCP socket. Raises OSError."""
        raise NotImplementedError

    def console(self):
        """Return (async read(n), write(data)) of the serial console.

        `read` gives 1 to n bytes as soon as there are any, b"" when the line is gone for good.
        `write` takes everything, without waiting for a reader.
        """
        raise NotImplementedError
