"""A customer, a device and an internet, each in a network namespace of this machine.

    customer 10.10.0.2 -- 10.10.0.1 device 198.51.100.1 -- 198.51.100.2 internet

Everything beyond the device is made up: hosts that echo, on documentation addresses of the
internet's loopback, and one name server that answers what the test wrote into its zone. A socket
belongs to the namespace of the thread that made it, so all of it runs in this process.
"""

import asyncio
import ctypes
import os
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from agent.ports.linux_filter import FILE, TABLE, LinuxFilter, has_nft
from hil_tests.errors import BenchError

RESOLVER = "203.0.113.53"
HOSTS = ("203.0.113.10", "203.0.113.20", "203.0.113.30", "2001:db8:f::10", "2001:db8:f::20")
CUSTOMER_SIDE = "lan0"
ECHO_PORT = 443
_CLONE_NEWNET = 0x40000000
_ANSWER_S = 5.0
_CUT_S = 0.3
_LINKS = (
    ("device", "lan0", "10.10.0.1/24", "2001:db8:10::1/64"),
    ("customer", "eth0", "10.10.0.2/24", "2001:db8:10::2/64"),
    ("device", "wan0", "198.51.100.1/24", "2001:db8:1::1/64"),
    ("internet", "eth0", "198.51.100.2/24", "2001:db8:1::2/64"),
)
_ROUTES = (
    ("customer", "default", "10.10.0.1"),
    ("customer", "default", "2001:db8:10::1"),
    ("device", "default", "198.51.100.2"),
    ("device", "default", "2001:db8:1::2"),
    ("internet", "10.10.0.0/24", "198.51.100.1"),
    ("internet", "2001:db8:10::/64", "2001:db8:1::1"),
)

# What a gateway has of its own: it hides the customer's addresses, and so tracks connections.
_GATEWAY = """
table ip gateway {
  chain out {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "wan0" masquerade
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    ct state established,related accept
  }
}
"""

Records = Sequence[tuple[str, int, str]]
"""Of one name: (type A, AAAA or CNAME; seconds; value)."""


def what_is_missing() -> str:
    """Why this machine cannot have such a network, "" when it can."""
    if os.geteuid() != 0:
        return "needs root, for network namespaces"
    if not shutil.which("ip"):
        return "needs the program ip (package iproute2)"
    if not has_nft():
        return "needs the program nft (package nftables)"
    probe = f"probe{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", probe], capture_output=True, check=False).returncode:  # noqa: S603, S607
        return "this machine does not let root make network namespaces"
    _ip("netns", "del", probe)
    return ""


class CustomerNetwork:
    """A context manager. `zone` maps names to their records; `forge` makes answers that
    come first, `delay_s` holds answers back."""

    def __init__(self, state: Path) -> None:
        self.zone: dict[str, Records] = {}
        self.truncated: set[str] = set()
        self.forge: Callable[[bytes], list[bytes]] = lambda query: []
        self.asked: list[str] = []
        self.delay_s = 0.0
        self._state = state
        self._names = {role: f"{role}{os.getpid()}" for role in ("customer", "device", "internet")}
        self._servers: list[socket.socket] = []

    def __enter__(self) -> "CustomerNetwork":
        try:
            self._lay()
            self._serve()
            self.device = Device(self.inside("device"), self._state)
            if not wait_for(lambda: self.reaches(HOSTS[0]) and self.reaches(HOSTS[-1])):
                raise BenchError("the cables of the customer's network carry nothing")
        except BaseException:
            self._take_away()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.device.stop()
        self._take_away()

    @contextmanager
    def inside(self, role: str) -> Iterator[None]:
        """This thread's sockets belong to that namespace meanwhile."""
        with (
            open("/proc/thread-self/ns/net") as own,
            open(f"/run/netns/{self._names[role]}") as net,
        ):
            _enter(net.fileno())
            try:
                yield
            finally:
                _enter(own.fileno())

    # --- what the customer does

    def connect(self, address: str, port: int = ECHO_PORT, role: str = "customer") -> "Flow | None":
        """A connection to a host, None when there is no way."""
        with self.inside(role):
            sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        sock.settimeout(_ANSWER_S)
        try:
            sock.connect((address, port))
        except OSError:
            sock.close()
            return None
        return Flow(sock)

    def reaches(self, address: str, port: int = ECHO_PORT, role: str = "customer") -> bool:
        flow = self.connect(address, port, role)
        if flow is None:
            return False
        works = flow.works()
        flow.close()
        return works

    def resolve(
        self, name: str, kind: str = "A", server: str = RESOLVER, tcp: bool = False
    ) -> tuple[int, list[str]]:
        """(response code, values of the answer's records); (-1, []) without an answer."""
        query = _message(0x1234, name, kind)
        with self.inside("customer"):
            family = socket.AF_INET6 if ":" in server else socket.AF_INET
            sock = socket.socket(family, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
        sock.settimeout(_ANSWER_S)
        try:
            sock.connect((server, 53))
            if tcp:
                sock.sendall(struct.pack(">H", len(query)) + query)
                answer = sock.makefile("rb").read(struct.unpack(">H", sock.recv(2))[0])
            else:
                sock.send(query)
                answer = sock.recv(4096)
        except OSError:
            return -1, []
        finally:
            sock.close()
        assert answer[:2] == query[:2]
        return answer[3] & 15, _values(answer, len(query))

    def visits(self, name: str, kind: str = "A") -> bool:
        """Ask for the name and reach the first address, as a browser does."""
        _, values = self.resolve(name, kind)
        return bool(values) and self.reaches(values[-1])

    # --- what happens to the device

    def ruleset(self) -> str:
        """What the device's kernel has."""
        return self._nft("list", "ruleset")

    def close_address(self, address: str) -> None:
        """Let the time of an answer be over."""
        names = [word for word in self.ruleset().split() if word.startswith("open4_")]
        self._nft("delete", "element", "inet", TABLE, names[0], "{", address, "}")

    def start_machine_anew(self) -> None:
        """Empty the kernel's filter, and load what the machine loads before its agent runs."""
        self._nft("flush", "ruleset")
        self._nft("-f", "-", text=_GATEWAY)
        self._nft("-f", str(self._state / FILE))

    def _nft(self, *words: str, text: str = "") -> str:
        program = has_nft()
        assert program
        with self.inside("device"):
            done = subprocess.run(  # noqa: S603
                [program, *words], input=text, check=True, capture_output=True, text=True
            )
        return done.stdout

    # --- laying the cables

    def _lay(self) -> None:
        for name in self._names.values():
            _ip("netns", "add", name)
        for role in self._names:
            with self.inside(role):  # an address counts at once, nobody is asked for it first
                Path("/proc/sys/net/ipv6/conf/default/accept_dad").write_text("0")
        for near, far in (_LINKS[:2], _LINKS[2:]):
            ends = [(self._names[role], interface) for role, interface, _, _ in (near, far)]
            _ip("link", "add", ends[0][1], "netns", ends[0][0], "type", "veth",
                "peer", "name", ends[1][1], "netns", ends[1][0])  # fmt: skip
        for role, interface, v4, v6 in _LINKS:
            self._in(role, "addr", "add", v4, "dev", interface)
            self._in(role, "addr", "add", v6, "dev", interface, "nodad")
            self._in(role, "link", "set", interface, "up")
            self._in(role, "link", "set", "lo", "up")
        for role, target, gateway in _ROUTES:
            self._in(role, "route", "add", target, "via", gateway)
        for address in (RESOLVER, *HOSTS):
            more = ("nodad",) if ":" in address else ()
            self._in("internet", "addr", "add", address, "dev", "lo", *more)
        with self.inside("device"):
            for family in ("ipv4", "ipv6"):
                Path(f"/proc/sys/net/{family}/conf/all/forwarding").write_text("1")
        self._nft("-f", "-", text=_GATEWAY)

    def _take_away(self) -> None:
        for server in self._servers:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()
        for name in self._names.values():
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)  # noqa: S603, S607

    def _in(self, role: str, *words: str) -> None:
        _ip("-netns", self._names[role], *words)

    # --- the internet

    def _serve(self) -> None:
        with self.inside("internet"):
            for address in HOSTS:
                self._start(_listener(address, ECHO_PORT), _echo)
            self._start(_listener(RESOLVER, 53), self._name_stream)
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind((RESOLVER, 53))
        self._servers.append(sock)
        threading.Thread(target=self._name_datagrams, args=(sock,), daemon=True).start()

    def _start(self, listener: socket.socket, serve: Callable[[socket.socket], None]) -> None:
        self._servers.append(listener)
        threading.Thread(target=_accept, args=(listener, serve), daemon=True).start()

    def _name_datagrams(self, sock: socket.socket) -> None:
        with suppress(OSError):
            while True:
                query, sender = sock.recvfrom(4096)
                if not query:
                    return  # closed
                time.sleep(self.delay_s)
                for answer in (*self.forge(query), self._answer(query)):
                    sock.sendto(answer, sender)

    def _name_stream(self, sock: socket.socket) -> None:
        size = struct.unpack(">H", sock.recv(2))[0]
        answer = self._answer(sock.recv(size), in_full=True)
        sock.sendall(struct.pack(">H", len(answer)) + answer)

    def _answer(self, query: bytes, in_full: bool = False) -> bytes:
        name, kind = _asked(query)
        self.asked.append(name)
        if name in self.truncated and not in_full:
            return query[:2] + struct.pack(">HHHHH", 0x8380, 1, 0, 0, 0) + query[12:]
        return answer_to(query, self._found(name, kind))

    def _found(self, name: str, kind: str) -> list[tuple[str, str, int, str]]:
        found = []
        for record_kind, ttl_s, value in self.zone.get(name, ()):
            if record_kind == "CNAME":
                found.append((name, record_kind, ttl_s, value))
                found.extend(self._found(value, kind))
            elif record_kind == kind:
                found.append((name, record_kind, ttl_s, value))
        return found


class Flow:
    """A connection of the customer."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def works(self) -> bool:
        """Whether what is sent comes back."""
        try:
            self._sock.sendall(b"hello")
            return self._sock.recv(16) == b"hello"
        except OSError:
            return False

    def is_cut(self) -> bool:
        """Whether nothing comes back for a moment."""
        self._sock.settimeout(_CUT_S)
        works = self.works()
        self._sock.settimeout(_ANSWER_S)
        return not works

    def close(self) -> None:
        self._sock.close()


class Device:
    """The filter, in a thread and an event loop of its own, inside the device's namespace."""

    def __init__(self, inside: Any, state: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self.filter = LinuxFilter(str(state), [CUSTOMER_SIDE], [RESOLVER])
        self._thread = threading.Thread(target=self._run, args=(inside,), daemon=True)
        self._thread.start()

    def apply(self, state: str, *hosts: str) -> str:
        """Set the rules; return why they are not in force, "" when they are."""
        rules = {"state": state, "hosts": list(hosts), "numbers": [], "television": False}

        self.call(lambda: self.filter.apply(rules))
        return str(self.filter.failure)

    def call(self, work: Callable[[], Any]) -> Any:
        """What `work` gives, done where the filter lives."""

        async def done() -> Any:
            return work()

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(20)

    def stop(self) -> None:
        self.apply("active")
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self, inside: Any) -> None:
        with inside:
            self._loop.run_forever()
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


def answer_to(query: bytes, records: Sequence[tuple[str, str, int, str]]) -> bytes:
    """A name server's answer: (owner, type, seconds, value) of each record."""
    code = 0 if records else 3
    data = query[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(records), 0, 0) + query[12:]
    for owner, kind, ttl_s, value in records:
        rest = _encoded(value) if kind == "CNAME" else ip_address(value).packed
        data += _encoded(owner) + struct.pack(">HHIH", _TYPES[kind], 1, ttl_s, len(rest)) + rest
    return data


_TYPES: Mapping[str, int] = {"A": 1, "CNAME": 5, "AAAA": 28}


def _message(number: int, name: str, kind: str) -> bytes:
    header = struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0)
    return header + _encoded(name) + struct.pack(">HH", _TYPES[kind], 1)


def _encoded(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def _asked(query: bytes) -> tuple[str, str]:
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode())
        at += 1 + query[at]
    kinds = {number: kind for kind, number in _TYPES.items()}
    return ".".join(labels), kinds[struct.unpack_from(">H", query, at + 1)[0]]


def _values(answer: bytes, at: int) -> list[str]:
    """The addresses of an answer of ours, whose owners are never compressed."""
    found = []
    for _ in range(struct.unpack_from(">H", answer, 6)[0]):
        while answer[at]:
            at += 1 + answer[at]
        kind, _, _, size = struct.unpack_from(">HHIH", answer, at + 1)
        at += 11 + size
        if kind != _TYPES["CNAME"]:
            found.append(str(ip_address(answer[at - size : at])))
    return found


def _listener(address: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    sock.listen()
    return sock


def _accept(listener: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_guarded, args=(connection, serve), daemon=True).start()


def _guarded(connection: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    with connection, suppress(OSError, struct.error):
        serve(connection)


def _echo(connection: socket.socket) -> None:
    while data := connection.recv(4096):
        connection.sendall(data)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)  # noqa: S603, S607


def _enter(namespace: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def wait_for(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
