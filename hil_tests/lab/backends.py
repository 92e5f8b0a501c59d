"""What the bench can do to a board: its power, its supply voltage, its card, its network.

Each has a simulated backend; power and supply also one that calls command lines, for relays and
power supplies of any make. Nothing goes through a shell.
"""

import shlex
import subprocess
import time
from typing import Protocol

from hil_tests.errors import LabDeviceError
from hil_tests.lab.lab_file import PowerCommands, SupplyCommands
from hil_tests.lab.recording import OFF, STARTING, Kind, Record
from hil_tests.simulated_board.control import BoardControl


class Power(Protocol):
    def cut(self, hold_up_ms: float) -> None:
        """Take the power away; a bench that can tell the board before does so."""

    def on(self) -> None:
        """Give power; quiet when it is on already."""


class Supply(Protocol):
    def set(self, millivolts: int) -> None: ...

    def dip(self, millivolts: int, for_ms: float, nominal_mv: int) -> None:
        """Set the supply for a time, then nominal again; returns when that is over."""


class SimulatedPower:
    def __init__(self, control: BoardControl, record: Record) -> None:
        self._control = control
        self._record = record

    def cut(self, hold_up_ms: float) -> None:
        cut = self._control.power_cut(hold_up_ms)
        if cut["signalled_at"] is not None:
            self._record.note(Kind.ACTION, "power-fail signal", at=cut["signalled_at"])
        self._record.note(Kind.ACTION, "power cut", at=cut["killed_at"])
        self._record.note(Kind.STATE, OFF, at=cut["killed_at"])

    def on(self) -> None:
        if not self._control.state()["powered"]:
            restored = self._control.power_restore()
            self._record.note(Kind.ACTION, "power on", at=restored["restored_at"])
            self._record.note(Kind.STATE, STARTING, at=restored["restored_at"])


class CommandPower:
    """A relay behind command lines; how long its board holds up is the hardware's own matter."""

    def __init__(self, board: str, commands: PowerCommands, record: Record) -> None:
        self._board = board
        self._commands = commands
        self._record = record
        self._is_on = True

    def cut(self, hold_up_ms: float) -> None:
        self._is_on = False
        self._run(self._commands.cut)
        self._record.note(Kind.ACTION, "power cut")
        self._record.note(Kind.STATE, OFF)

    def on(self) -> None:
        if self._is_on:
            return
        self._run(self._commands.on)
        self._is_on = True
        self._record.note(Kind.ACTION, "power on")
        self._record.note(Kind.STATE, STARTING)

    def _run(self, line: str) -> None:
        run_command(line.replace("{board}", self._board), self._commands.timeout_s)


class SimulatedSupply:
    def __init__(self, control: BoardControl, record: Record) -> None:
        self._control = control
        self._record = record

    def set(self, millivolts: int) -> None:
        done = self._control.supply(millivolts / 1000)
        self._record.note(Kind.SUPPLY, "set", millivolts, done["began_at"])

    def dip(self, millivolts: int, for_ms: float, nominal_mv: int) -> None:
        done = self._control.supply(millivolts / 1000, for_ms)
        self._record.note(Kind.ACTION, f"supply {millivolts / 1000:g} V", at=done["began_at"])
        self._record.note(Kind.SUPPLY, "set", millivolts, done["began_at"])
        self._record.note(Kind.ACTION, f"supply {nominal_mv / 1000:g} V", at=done["ended_at"])
        self._record.note(Kind.SUPPLY, "set", nominal_mv, done["ended_at"])


class CommandSupply:
    """A power supply behind command lines; a dip is as long as the commands let it be."""

    def __init__(self, board: str, commands: SupplyCommands, record: Record) -> None:
        self._board = board
        self._commands = commands
        self._record = record

    def set(self, millivolts: int) -> None:
        line = self._commands.set.replace("{board}", self._board)
        line = line.replace("{millivolts}", str(millivolts))
        line = line.replace("{volts}", f"{millivolts / 1000:g}")
        run_command(line, self._commands.timeout_s)
        self._record.note(Kind.ACTION, f"supply {millivolts / 1000:g} V")
        self._record.note(Kind.SUPPLY, "set", self._read() or millivolts)

    def dip(self, millivolts: int, for_ms: float, nominal_mv: int) -> None:
        try:
            self.set(millivolts)
            time.sleep(for_ms / 1000)
        finally:
            self.set(nominal_mv)

    def _read(self) -> int | None:
        if not self._commands.read:
            return None
        line = self._commands.read.replace("{board}", self._board)
        said = run_command(line, self._commands.timeout_s)
        try:
            return round(float(said) * 1000)
        except ValueError:
            raise LabDeviceError(f"`{line}` must print volts alone, not {said!r}") from None


class SimulatedCard:
    def __init__(self, control: BoardControl, record: Record) -> None:
        self._control = control
        self._record = record

    def put(self, inserted: bool) -> None:
        """Insert or remove; quiet when it is so already."""
        if self._control.state()["card"] != inserted:
            done = self._control.card(inserted)
            what = "card inserted" if inserted else "card removed"
            self._record.note(Kind.ACTION, what, at=done["at"])


def run_command(line: str, timeout_s: float) -> str:
    """What the command printed. Raises LabDeviceError when it fails, hangs or is not there."""
    try:
        done = subprocess.run(  # noqa: S603 - the lab file's own command, without a shell
            shlex.split(line),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired as error:
        raise LabDeviceError(f"`{line}` did not end within {timeout_s:g} s") from error
    except (OSError, ValueError) as error:
        raise LabDeviceError(f"`{line}` cannot be run: {error}") from error
    if done.returncode != 0:
        raise LabDeviceError(f"`{line}` failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout.strip()
