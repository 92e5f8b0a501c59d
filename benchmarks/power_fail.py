"""What happens between the power-fail signal and the dark, with the times of a flash chip.

`power.journal_safe_ms`: until the power-loss record was kept. `power.signal_to_socket_ms`: until
the last byte of the gasp was handed to the socket. Both start when the bench says `powerfail` and
end by the agent's own clock, which is the bench's (vm/power_trace.py). Signals without a cut at
moments by chance, seeded, on the MicroPython machine (vm) and on CPython (linux: a file of this
computer's disk, and a chip's time for a page on top). Flash times: typical ones of
hil_tests/simulated_board/vm/block_device.py.

A board has its processor to itself and this computer is shared: where it may, the bench gives the
machine and itself the first turn (SCHED_RR). It says where it may not, the load, where the time
went, and how long a bare process takes to hear the same line (`power.wake_floor_ms`): nothing here
can be faster. POWER_SIGNALS and POWER_SHARED=1 change how many signals, and leave the machine its
usual turn.

`power.gasp_delivery_ratio.<hold-up ms>`: share of real cuts of the vm whose gasp was stored before
power came back; without hold-up there is no signal. `power.record_kept_ratio`: share of them whose
`PowerLoss!` was known once the board was back, by gasp or by journal.
"""

import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure, percentile
from hil_tests.demo_fleet import MODEM, DemoBoard
from hil_tests.instance import Instance
from hil_tests.waiting import wait_until

HOLD_UPS_MS = (0, 2, 5, 10, 20, 50)
RUNTIMES = ("vm", "linux")
SHARES = (("p50", 0.5), ("p99", 0.99))
FIGURES = (
    *(f"power.signal_to_socket_ms.{share}.{kind}" for kind in RUNTIMES for share, _ in SHARES),
    *(f"power.journal_safe_ms.{share}.{kind}" for kind in RUNTIMES for share, _ in SHARES),
    *(f"power.wake_floor_ms.{share}.{kind}" for kind in RUNTIMES for share, _ in SHARES),
    *(f"power.gasp_delivery_ratio.{hold_up}" for hold_up in HOLD_UPS_MS),
    *(f"power.record_kept_ratio.{hold_up}" for hold_up in HOLD_UPS_MS),
)
SIGNALS = int(os.environ.get("POWER_SIGNALS", "300"))
CUTS = 10
SEED = 2026
GOALS_MS = {"vm": 10.0, "linux": 1.0}
_DARK_S = 0.5
_SETTLE_S = 1.7  # power that is back is believed after a second
_QUIET_S = 2.5  # and what is to be kept of it is on flash
_SPREAD_S = 1.2
_FLOOR = """
import socket, sys, time
line = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
while line.recv(64):
    line.send(b"%d\\n" % (time.monotonic_ns() // 1000))
"""
_ROWS = "SELECT count(*) FROM event WHERE endpoint_id = ? AND name = ?"


def measure() -> Iterator[Figure]:
    for kind in RUNTIMES:
        with tempfile.TemporaryDirectory() as folder:
            board = _board(cpython=kind == "linux")
            with Instance(Path(folder) / "state", [board]) as instance:
                yield from _times(kind, _signals(instance, board, kind))
                if kind == "vm":
                    for hold_up_ms in HOLD_UPS_MS:
                        gasps, kept = _cuts(instance, board, hold_up_ms)
                        yield Figure(f"power.gasp_delivery_ratio.{hold_up_ms}", gasps, "", 1.0)
                        yield Figure(f"power.record_kept_ratio.{hold_up_ms}", kept, "", 1.0)


@dataclass(frozen=True, slots=True)
class Way:
    """Milliseconds of one signal: to the pin's flag, to the agent's task, to the end of the write
    of the record, until the gasp was handed over; and of a bare process to hear the line."""

    pulled: float
    heard: float
    safe: float
    socket: float
    floor: float

    @classmethod
    def of(cls, kind: str, signalled_us: int, moments: dict[str, Any], floor: float) -> "Way":
        """The vm writes the record, sends, and marks that it did; linux sends first."""
        record = moments["writes"][0]
        sent_us = moments["writes"][1][0] if kind == "vm" else record[0]
        return cls(
            pulled=(moments["pulled"] - signalled_us) / 1000,
            heard=(moments["heard"] - signalled_us) / 1000,
            safe=(record[1] - signalled_us) / 1000,
            socket=(sent_us - signalled_us) / 1000,
            floor=floor,
        )


def _times(kind: str, ways: list[Way]) -> Iterator[Figure]:
    sys.stdout.write(f"\n{kind}, {len(ways)} signals, load {os.getloadavg()[0]:.1f}: ms until\n")
    for name in ("floor", "pulled", "heard", "safe", "socket"):
        values = [getattr(way, name) for way in ways]
        row = [f"{percentile(values, share):8.3f}" for share in (0.5, 0.9, 0.99, 1)]
        sys.stdout.write(f"{name:>8} {' '.join(row)}\n")
    for what, field in (
        ("signal_to_socket", "socket"),
        ("journal_safe", "safe"),
        ("wake_floor", "floor"),
    ):
        for name, share in SHARES:
            value = round(percentile([getattr(way, field) for way in ways], share), 3)
            yield Figure(f"power.{what}_ms.{name}.{kind}", value, "ms", GOALS_MS[kind])


def _board(cpython: bool) -> DemoBoard:
    return replace(MODEM, spec=replace(MODEM.spec, flash_timings=1, cpython=cpython))


def _count(instance: Instance, board: DemoBoard, name: str) -> int:
    rows = instance.query(_ROWS, board.spec.endpoint_id, name)
    return int(rows[0][0])


def _signals(instance: Instance, board: DemoBoard, kind: str) -> list[Way]:
    """The way of each signal, at moments by chance."""
    live = instance.boards[board.name]
    chance = random.Random(SEED)  # noqa: S311 - repeatable, not secret
    wait_until(lambda: _count(instance, board, "Boot!") > 0, 30, "the first start")
    ways = []
    with _bare_process() as (bare, floor_ms):
        _go_first(live.state()["pid"], bare)
        for _ in range(SIGNALS):
            time.sleep(_QUIET_S + chance.uniform(0, _SPREAD_S))
            floor = floor_ms()
            signalled_us = live.power_signal(120)["signalled_us"]
            moments = json.loads(live.folder.power_times.read_text().splitlines()[-1])
            ways.append(Way.of(kind, signalled_us, moments, floor))
    return ways


def _go_first(machine: int, bare: int) -> None:
    """Priorities as the module says, where this process may give them."""
    supervisor = int(Path(f"/proc/{machine}/stat").read_text().rsplit(")", 1)[1].split()[1])
    shared = bool(os.environ.get("POWER_SHARED"))
    try:
        for process in (0, supervisor, *(() if shared else (machine, bare))):
            os.sched_setscheduler(process, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        sys.stdout.write("\nno right to give priorities: the load of this computer is in it\n")


@contextlib.contextmanager
def _bare_process() -> Iterator[tuple[int, Callable[[], float]]]:
    """Gives a process that does nothing else, and how many milliseconds it takes to hear."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        words = [sys.executable, "-c", _FLOOR, str(listener.getsockname()[1])]
        process = subprocess.Popen(words)  # noqa: S603 - our own program
        line, _ = listener.accept()
        answers = line.makefile("r")

        def floor_ms() -> float:
            began_us = time.monotonic_ns() // 1000
            line.sendall(b"x")
            return (int(answers.readline()) - began_us) / 1000

        with line, answers:
            yield process.pid, floor_ms
        process.kill()
        process.wait(10)


def _cuts(instance: Instance, board: DemoBoard, hold_up_ms: int) -> tuple[float, float]:
    """Shares of the cuts whose gasp was stored before power came back, and after that."""
    live = instance.boards[board.name]
    gasps = kept = 0
    for _ in range(CUTS):
        losses = _count(instance, board, "PowerLoss!")
        starts = _count(instance, board, "Boot!")
        live.power_cut(hold_up_ms)
        time.sleep(_DARK_S)
        gasps += _count(instance, board, "PowerLoss!") - losses
        live.power_restore()
        wait_until(lambda: _count(instance, board, "Boot!") > starts, 30, "the start")  # noqa: B023
        time.sleep(_SETTLE_S)
        kept += _count(instance, board, "PowerLoss!") - losses
    return gasps / CUTS, kept / CUTS
