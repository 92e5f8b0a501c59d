"""Why an agent on Linux started, from what it left behind and what the kernel still knows.

The file `running` in the state folder holds the kernel's boot id and how the agent stood:
`running`, or `left` once it ended in order. The same boot id: the agent alone was started again.
Another one: the machine was; without an orderly end the watchdog or the crash dump says why, and if
neither does, the power was gone. That is inferred, as on a board without a power-fail signal.

Source: Linux, Documentation/watchdog/watchdog-api (bootstatus flags), ABI/testing/pstore.
"""

import os

from agent.wire import codes

_FILE = "running"
_OVERHEAT = 0x0001
_POWER_UNDER = 0x0010
_CARD_RESET = 0x0020


class BootRecord:
    """Reads the last end of the agent and writes this one; `root` is where /proc and /sys are."""

    def __init__(self, state, root="/"):
        self._path = os.path.join(state, _FILE)
        self._root = root
        self._boot_id = self._read("proc/sys/kernel/random/boot_id")

    def begin(self):
        """The reset cause of this start, a code of agent.wire.codes; from now on it is running."""
        cause = self._cause()
        self._write("running")
        return cause

    def leave(self):
        """The agent ends in order."""
        self._write("left")

    def _cause(self):
        try:
            with open(self._path, encoding="ascii") as file:
                boot_id, stood = file.read().split()
        except (OSError, ValueError):
            return codes.RESET_UNKNOWN
        if stood == "left":
            return codes.RESET_COMMANDED
        return codes.RESET_CRASH if boot_id == self._boot_id else self._machine_cause()

    def _machine_cause(self):
        flags = int(self._read("sys/class/watchdog/watchdog0/bootstatus") or 0)
        if flags & _OVERHEAT:
            return codes.RESET_OVERHEAT
        if flags & _POWER_UNDER:
            return codes.RESET_BROWN_OUT
        if flags & _CARD_RESET:
            return codes.RESET_WATCHDOG
        return codes.RESET_CRASH if self._has_crash_dump() else codes.RESET_POWER_ON

    def _has_crash_dump(self):
        try:
            names = os.listdir(os.path.join(self._root, "sys/fs/pstore"))
        except OSError:
            return False
        return any(name.startswith("dmesg-") for name in names)

    def _read(self, name):
        try:
            with open(os.path.join(self._root, name), encoding="ascii") as file:
                return file.read().strip()
        except OSError:
            return ""

    def _write(self, stood):
        with open(self._path + ".new", "w", encoding="ascii") as file:
            file.write(f"{self._boot_id} {stood}\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(self._path + ".new", self._path)
