"""What a Linux machine knows of its hardware, from /proc and /sys; each source is optional.

Subjects and keys: docs/developer/board-facts.md. Source of names and units: Linux,
Documentation/hwmon/sysfs-interface (millidegrees, millivolts, milliamperes),
Documentation/ABI/testing/sysfs-class-power (microvolts, tenths of a degree, seconds).
"""

import os
import socket
from time import monotonic

from agent.ports.linux_voice import VoiceFile

_HWMON = "sys/class/hwmon"
_SUPPLIES = "sys/class/power_supply"
_NET = "sys/class/net"
_DEFAULT_ROUTE = "00000000"
_KINDS_S = 60


class Sources:
    """`root` is where /proc and /sys are; `customer_interface` the one the customer's traffic
    passes, by default that of the default route."""

    def __init__(self, root="/", customer_interface="", voice_facts=""):
        self._root = root
        self._interface = customer_interface
        self._cpu_ticks = (0, 0)
        self._kinds = None  # (kind, folder) of each supply, good until then
        self._kinds_until_s = 0.0
        self.voice = VoiceFile(voice_facts)
        self._readers = {
            "cpu": self._cpu,
            "temperatures": self._temperatures,
            "rails": self._rails,
            "battery": self._battery,
            "traffic": self._traffic,
            "network": self._network,
            "voice": self.voice.facts,
        }

    def facts(self, subject):
        """A dict, or None where the machine has no such source."""
        reader = self._readers.get(subject)
        return reader() if reader else None

    def has_mains(self):
        """Whether the kernel drives a mains supply, whose end it would tell."""
        return bool(self._supplies("Mains"))

    def report(self):
        """A line per source: what it gives now, or that it is missing."""
        for subject in self._readers:
            if subject == "voice":
                yield f"{subject}: {self.voice.report()}"  # never who is called
                continue
            found = self.facts(subject)
            yield f"{subject}: {'missing' if found is None else found}"
        yield f"mains supply: {'watched' if self.has_mains() else 'missing, SIGPWR alone tells'}"

    def _network(self):
        """The address the machine would send from, and the domain its provider gave."""
        domains = [
            line.split()[1]
            for line in self._read("etc/resolv.conf").splitlines()
            if line.startswith(("domain ", "search ")) and len(line.split()) > 1
        ]
        return {"address": _own_address(), "provider": domains[0] if domains else ""}

    def _cpu(self):
        line = self._read("proc/stat").partition("\n")[0]
        ticks = [int(word) for word in line.split()[1:9]]
        if len(ticks) < 5:
            return None
        idle, total = ticks[3] + ticks[4], sum(ticks)
        idle_before, total_before = self._cpu_ticks
        self._cpu_ticks = (idle, total)
        span = total - total_before
        return {"usage_percent": 100 - (idle - idle_before) * 100 // span if span else 0}

    def _temperatures(self):
        sensors = [
            [name, value // 1000] for name, value, _ in self._hwmon("temp", "_input") if value >= 0
        ]
        return {"sensors": sensors} if sensors else None

    def _rails(self):
        currents = {name: value for name, value, _ in self._hwmon("curr", "_input")}
        rails = [
            [name, value, currents.get(name, -1)] for name, value, _ in self._hwmon("in", "_input")
        ]
        return {"rails": rails} if rails else None

    def _hwmon(self, kind, ending):
        """(label, value, path) of every input of a kind, in a steady order."""
        for chip in self._list(_HWMON):
            folder = f"{_HWMON}/{chip}"
            chip_name = self._read(f"{folder}/name") or chip
            for file in self._list(folder):
                stem = file[: -len(ending)]
                if file.endswith(ending) and stem.rstrip("0123456789") == kind:
                    value = self._number(f"{folder}/{file}")
                    label = self._read(f"{folder}/{stem}_label") or f"{chip_name} {stem}"
                    if value is not None:
                        yield label, value, folder

    def _battery(self):
        supplies = self._supplies("Battery") or self._supplies("UPS")
        if not supplies:
            return None
        folder = supplies[0]
        present = self._read(f"{folder}/present") != "0"
        status = self._read(f"{folder}/status")
        facts = {
            "present": present,
            "on_battery": status == "Discharging",
            "charging": status == "Charging",
            "replace": self._read(f"{folder}/health") not in ("", "Good", "Unknown"),
        }
        for key, file, unit in (
            ("charge_percent", "capacity", 1),
            ("voltage_mv", "voltage_now", 1000),
            ("temperature_c", "temp", 10),
            ("runtime_s", "time_to_empty_now", 1),
            ("cycles", "cycle_count", 1),
        ):
            value = self._number(f"{folder}/{file}")
            if value is not None:
                facts[key] = value // unit
        return facts

    def _supplies(self, kind):
        """The folders of this kind; what comes or goes is noticed within a minute."""
        now_s = monotonic()
        if self._kinds is None or now_s >= self._kinds_until_s:
            self._kinds_until_s = now_s + _KINDS_S
            folders = [f"{_SUPPLIES}/{name}" for name in self._list(_SUPPLIES)]
            self._kinds = [(self._read(f"{folder}/type"), folder) for folder in folders]
        return [folder for found, folder in self._kinds if found == kind]

    def _traffic(self):
        name = self._interface or self._default_interface()
        received = self._number(f"{_NET}/{name}/statistics/rx_bytes") if name else None
        sent = self._number(f"{_NET}/{name}/statistics/tx_bytes") if name else None
        if received is None or sent is None:
            return None
        return {"rx_bytes": received, "tx_bytes": sent}

    def _default_interface(self):
        for line in self._read("proc/net/route").splitlines()[1:]:
            words = line.split()
            if words[1] == _DEFAULT_ROUTE:
                return words[0]
        return ""

    def _list(self, name):
        try:
            return sorted(os.listdir(os.path.join(self._root, name)))
        except OSError:
            return []

    def _number(self, name):
        try:
            return int(self._read(name))
        except ValueError:
            return None

    def _read(self, name):
        """The text of a file without its line end; empty where it cannot be read."""
        try:
            with open(os.path.join(self._root, name), encoding="utf-8", errors="replace") as file:
                return file.read().strip()
        except OSError:
            return ""


def _own_address():
    """The address towards the network, "" while there is no way; nothing is sent."""
    for family, somewhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            try:
                sock.connect((somewhere, 9))
                return sock.getsockname()[0]
            except OSError:
                continue
    return ""
