"""A board that is a Linux machine: the agent on CPython, its storage a folder.

What its hardware knows comes from /proc and /sys (linux_sources.py), why it started from
linux_boot.py. Where no serial device is named as console, it makes a pseudo-terminal and a link
to it, so that the same tools put it into service.
"""

import asyncio
import os
import signal
import socket
import stat
import sys
import tty

from agent.ports.board import Board
from agent.ports.linux_boot import BootRecord
from agent.ports.linux_customer import FileCustomer, write_whole
from agent.ports.linux_manager import end_watch, watch_uevents
from agent.ports.linux_sources import Sources
from agent.ports.signals import Signal

_READ_BYTES = 256
_IDENTITY = (
    "manufacturer",
    "manufacturer_oui",
    "product_class",
    "model_name",
    "serial_number",
    "hardware_version",
    "lab",
)


class LinuxBoard(Board):
    """`config` has every key of linux_config.py."""

    gasp_first = True  # what a disk takes to synchronise has no bound
    poll_ms = 1000  # what must be told sooner wakes the agent

    def __init__(self, config):
        for name in _IDENTITY:
            setattr(self, name, config[name])
        self.time_servers = config["time_servers"]
        os.makedirs(config["state"], mode=0o700, exist_ok=True)
        self.root = config["state"]
        self.sources = Sources(config["sysfs"], config["customer_interface"], config["voice_facts"])
        self.filter = filter_of(config)
        self._box_state = config["box_state"]
        if config["customer_settings"]:
            self.customer = FileCustomer(config["customer_settings"])
        self.sensors = ("power_fail",) if self.sources.has_mains() else ()
        self.power_fail = self._fail_signal = Signal()
        self._console_path = config["console"]
        self._boot = BootRecord(self.root, config["sysfs"])
        self._cause = self._boot.begin()
        self._reboot_command = config["reboot_command"].split()
        self._stopping = False
        self._uevents = None
        self._reader_name = config["card_reader"]
        self._reader = None
        if self._reader_name:
            self.sensors += ("card",)
            self.card_changed = Signal()
            self.card_port = self._card_port

    def watch(self, stop):
        """From inside the event loop: hear signals and the kernel; SIGTERM calls `stop()`."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGPWR, self._fail_signal.pull)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, stop)
        self._uevents = watch_uevents(self._fail_signal.pull)
        if self._reader_name:
            from agent.ports.linux_card import PCSCReader

            pull = self.card_changed.pull
            self._reader = PCSCReader(self._reader_name, lambda: loop.call_soon_threadsafe(pull))

    def unwatch(self):
        """Undo `watch`."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGPWR, signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        end_watch(self._uevents)
        if self._reader:
            self._reader.close()

    def reset_cause(self):
        return self._cause

    def card_present(self):
        return self._reader.present if self._reader else None

    def _card_port(self):
        return self._reader.open()

    def facts(self, subject):
        return self.sources.facts(subject)

    def show(self, serves, text):
        if self._box_state:
            try:
                write_whole(self._box_state, {"serves": serves, "text": text}, 0o644)
            except OSError as error:
                sys.stderr.write(f"cpe-agent: {self._box_state}: {error.strerror}\n")

    async def machine_time(self):
        from agent.ports.linux_time import machine_time

        return await machine_time()

    async def datagrams(self, host, port):
        from agent.ports.datagrams import Datagrams

        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        return Datagrams(found[0][0], found[0][-1])

    def ping(self, host, count, wait_ms, size):
        from agent.ports.linux_ping import ping

        return ping(host, count, wait_ms, size)

    def restart(self):
        """Have the machine start anew; without a command for that, replace this process by a new
        one. When the agent was told to stop it ends."""
        self._boot.leave()
        if self._stopping or (self._reboot_command and _run(self._reboot_command)):
            os._exit(0)  # everything kept is on disk, and other tasks need not hear of it
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606  ourselves

    async def dial(self, host, port):
        loop = asyncio.get_running_loop()
        addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = addresses[0]
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(sock, address)
        except BaseException:
            sock.close()
            raise
        return sock

    def console(self):
        file = _open_console(self._console_path)
        return _reader(file), _writer(file)

    def _stop(self, stop):
        self._stopping = True
        stop()


def filter_of(config):
    """The filter of the machine, None where no interface of the customer is named."""
    interfaces = config["filter_interfaces"].split()
    if not interfaces:
        return None
    from agent.ports.linux_filter import LinuxFilter

    return LinuxFilter(config["state"], interfaces, config["resolvers"].split())


def filter_report(config):
    """What `--check` says of it."""
    interfaces = config["filter_interfaces"].split()
    if not interfaces:
        return "filter: missing, no filter_interfaces in the configuration"
    from agent.ports.linux_filter import has_nft

    return f"filter: {has_nft() or 'missing, nft is not installed'}, for {', '.join(interfaces)}"


def card_report(config):
    """What `--check` says of the card reader. Raises ConfigurationError when pyscard is missing."""
    if not config["card_reader"]:
        return "card reader: missing, card_reader is not set"
    from agent.ports.linux_card import check_library

    check_library()
    return "card reader: %s, through pcscd" % config["card_reader"]


def _run(words):
    """Whether the command could be run and did not fail."""
    try:
        child = os.posix_spawnp(words[0], words, os.environ)
    except OSError:
        return False
    return os.waitpid(child, 0)[1] == 0


def _open_console(path):
    """The serial device at `path`, or a new pseudo-terminal that `path` becomes a link to."""
    try:
        is_device = stat.S_ISCHR(os.stat(path).st_mode) and not os.path.islink(path)
    except OSError:
        is_device = False
    if is_device:
        file = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        if os.isatty(file):
            tty.setraw(file)
        return file
    near, far = os.openpty()  # the far end stays open: no hang-up when a tool leaves
    os.set_blocking(near, False)
    tty.setraw(far)
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    new = path + ".new"
    if os.path.lexists(new):
        os.unlink(new)
    os.symlink(os.ttyname(far), new)
    os.replace(new, path)
    return near


def _reader(file):
    async def read(size):
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(file, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(file)
        try:
            return os.read(file, min(size, _READ_BYTES))
        except OSError:
            return b""

    return read


def _writer(file):
    def write(data):
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(file, view) :]
            except BlockingIOError:
                return  # nobody reads the line: a serial line would lose it too

    return write
