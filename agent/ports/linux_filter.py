"""The filter of a Linux device: its kernel's packet filter, told by the program `nft`.

One table of our own, replaced as a whole in one transaction. It looks only at what is forwarded
from and to the customer's interfaces, so the device's own connections (controller, telephone) never
meet it. Not active, it works so:

- The customer's questions for names come to our follower (linux_dns.py), wherever they were sent;
  the addresses of the answers it lets through are open for as long as the answer holds.
- A connection begun to an open address goes on when the address is closed again, by a mark in the
  upper half of its connection mark. Every new set of rules has a mark of its own: a change of state
  or list judges every connection anew, and the addresses of names that stay on the list stay open.
- The same rules lie in the file `filter.nft` in the state folder, without addresses, for the start
  of the machine before the agent runs.

Source: nft(8); Linux, nf_tables.
"""

import asyncio
import os
import shutil
import subprocess
import time

from agent.errors import StorageError
from agent.ports.filter import Filter
from agent.ports.linux_dns import PORT, Follower
from agent.ports.storage import Storage
from agent.wire.allow_list import covers

TABLE = "cpe_service"
FILE = "filter.nft"
_LEAST_S = 120  # programs go on using an address for a while after its answer has ended
_MOST_S = 86400
_GRACE_S = 60  # for connections that outlived the answer, when the rules change
_MAX_ADDRESSES = 4096
_NFT_S = 10
_PATH = ":/usr/local/sbin:/usr/sbin:/sbin"
_CLEAR = f"table inet {TABLE}\ndelete table inet {TABLE}\n"


class LinuxFilter(Filter):
    """`interfaces` are those towards the customer, `resolvers` the operator's (none: those of the
    machine); `state` is the folder for what the machine loads when it starts."""

    def __init__(self, state: str, interfaces: list, resolvers: list) -> None:
        self._storage = Storage(state)
        self._interfaces = interfaces
        self._resolvers = resolvers
        self._follower = Follower(self._known_resolvers, self._learn)
        self._opened = {}  # address: [name it was given for, second it closes]
        self._mark = ""  # four hex digits, anew with every set of rules, never 0000

    def put(self, rules):
        """The kernel first: what fails after it leaves the customer without names, not open."""
        opened = self._still_open(rules["hosts"])
        mark = "%04x" % (1 + int.from_bytes(os.urandom(2), "big") % 0xFFFF)
        text = _CLEAR
        if rules["state"] != "active":
            text += _table(self._interfaces, mark)
        _load(text + _elements(mark, opened, time.monotonic()))
        self._mark, self._opened = mark, opened
        self._follower.hosts = rules["hosts"]
        if rules["state"] == "active":
            self._follower.close()
        elif not self._follower.is_listening:
            self._follower.listen(self._interfaces)
        try:
            self._storage.replace(FILE, (text.encode(),))
        except StorageError as error:
            raise OSError(f"{FILE} cannot be kept") from error

    def _still_open(self, hosts):
        """Those of `_opened` whose name is on the list."""
        return {
            address: entry for address, entry in self._opened.items() if covers(hosts, entry[0])
        }

    async def _learn(self, name, found):
        """Open the addresses of an answer. Raises OSError when the kernel does not take them, or
        the rules are others meanwhile: their sets have other names."""
        mark = self._mark
        now_s = time.monotonic()
        new = []
        for address, ttl_s in found:
            holds_s = min(max(ttl_s, _LEAST_S), _MOST_S)
            entry = self._opened.get(address)
            if entry is None or entry[1] < now_s + holds_s - _GRACE_S:
                new.append((address, holds_s))
        if not new:
            return
        await asyncio.to_thread(_load, _renewed(mark, new))
        if mark != self._mark:
            raise OSError("the rules have changed")
        for address, holds_s in new:
            if len(self._opened) >= _MAX_ADDRESSES:
                del self._opened[next(iter(self._opened))]
            self._opened[address] = [name, now_s + holds_s]

    def _known_resolvers(self):
        return self._resolvers or _of_the_machine()


def has_nft() -> str | None:
    """Path of the program, None when it is missing."""
    return shutil.which("nft", path=os.environ.get("PATH", "") + _PATH)


def _load(text):
    """Have the kernel take over a ruleset. Raises OSError."""
    program = has_nft()
    if not program:
        raise OSError("nft is missing")
    try:
        done = subprocess.run(  # noqa: S603  our own words
            [program, "-f", "-"],
            input=text,
            capture_output=True,
            text=True,
            timeout=_NFT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise OSError("nft does not answer") from error
    if done.returncode:
        raise OSError(done.stderr.strip().partition("\n")[0] or "nft failed")


def _table(interfaces, mark):
    names = ", ".join(f'"{name}"' for name in interfaces)
    ours = f"ct mark and 0xffff0000 == 0x{mark}0000"
    return f"""table inet {TABLE} {{
  set open4_{mark} {{ type ipv4_addr; flags timeout; }}
  set open6_{mark} {{ type ipv6_addr; flags timeout; }}
  chain forward {{
    type filter hook forward priority filter - 10; policy accept;
    iifname {{ {names} }} jump from_customer
    oifname {{ {names} }} jump to_customer
  }}
  chain from_customer {{
    {ours} ct state established,related accept
    ip daddr @open4_{mark} jump opened
    ip6 daddr @open6_{mark} jump opened
    meta l4proto tcp reject with tcp reset
    reject with icmpx type admin-prohibited
  }}
  chain opened {{
    ct mark set ct mark and 0x0000ffff or 0x{mark}0000 accept
  }}
  chain to_customer {{
    {ours} ct state established,related accept
    drop
  }}
  chain names {{
    type nat hook prerouting priority dstnat - 10; policy accept;
    iifname {{ {names} }} udp dport 53 redirect to :{PORT}
    iifname {{ {names} }} tcp dport 53 redirect to :{PORT}
  }}
}}
"""


def _elements(mark, opened, now_s):
    lines = []
    for address, (_, ends_s) in opened.items():
        seconds = max(_GRACE_S, round(ends_s - now_s))
        target = f"{_set_of(address)}_{mark}"
        lines.append(f"add element inet {TABLE} {target} {{ {address} timeout {seconds}s }}\n")
    return "".join(lines)


def _renewed(mark, opened):
    """An element that is there keeps its end: take it out and put it in, in one transaction."""
    lines = []
    for address, seconds in opened:
        target = f"element inet {TABLE} {_set_of(address)}_{mark} {{ {address}"
        lines.append(f"add {target} timeout {seconds}s }}\ndelete {target} }}\n")
        lines.append(f"add {target} timeout {seconds}s }}\n")
    return "".join(lines)


def _set_of(address):
    return "open6" if ":" in address else "open4"


def _of_the_machine():
    try:
        with open("/etc/resolv.conf", encoding="utf-8") as file:
            words = [line.split() for line in file]
    except OSError:
        return []
    return [line[1] for line in words if len(line) > 1 and line[0] == "nameserver"]
