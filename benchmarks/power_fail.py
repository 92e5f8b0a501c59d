"""What happens between the power-fail signal and the dark, with the times of a flash chip.

`power.journal_safe_ms`: until the power-loss record was programmed. `power.signal_to_socket_ms`:
until the gasp came out of the board's socket. Both start when the bench says `powerfail`, so they
hold the agent's way from the pin and the scheduler of this computer. Signals without a cut, on the
MicroPython machine (vm) and on CPython (linux: a file of this computer's disk, and a chip's time
for a page on top). Flash times: typical ones of hil_tests/simulated_board/vm/block_device.py.

`power.gasp_delivery_ratio.<hold-up ms>`: share of real cuts of the vm whose gasp was stored before
power came back; without hold-up there is no signal. `power.record_kept_ratio`: share of them whose
`PowerLoss!` was known once the board was back, by gasp or by journal.
"""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

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
    *(f"power.gasp_delivery_ratio.{hold_up}" for hold_up in HOLD_UPS_MS),
    *(f"power.record_kept_ratio.{hold_up}" for hold_up in HOLD_UPS_MS),
)
SIGNALS = 60
CUTS = 10
GOALS_MS = {"vm": 10.0, "linux": 1.0}
_DARK_S = 0.5
_SETTLE_S = 1.7  # power that is back is believed after a second
_ROWS = "SELECT count(*) FROM event WHERE endpoint_id = ? AND name = ?"


def measure() -> Iterator[Figure]:
    for kind in RUNTIMES:
        with tempfile.TemporaryDirectory() as folder:
            board = _board(cpython=kind == "linux")
            with Instance(Path(folder) / "state", [board]) as instance:
                socket_ms, safe_ms = _signals(instance, board)
                for name, share in SHARES:
                    for what, values in (
                        ("signal_to_socket", socket_ms),
                        ("journal_safe", safe_ms),
                    ):
                        value = round(percentile(values, share), 3)
                        yield Figure(f"power.{what}_ms.{name}.{kind}", value, "ms", GOALS_MS[kind])
                if kind == "vm":
                    for hold_up_ms in HOLD_UPS_MS:
                        gasps, kept = _cuts(instance, board, hold_up_ms)
                        yield Figure(f"power.gasp_delivery_ratio.{hold_up_ms}", gasps, "", 1.0)
                        yield Figure(f"power.record_kept_ratio.{hold_up_ms}", kept, "", 1.0)


def _board(cpython: bool) -> DemoBoard:
    return replace(MODEM, spec=replace(MODEM.spec, flash_timings=1, cpython=cpython))


def _count(instance: Instance, board: DemoBoard, name: str) -> int:
    rows = instance.query(_ROWS, board.spec.endpoint_id, name)
    return int(rows[0][0])


def _signals(instance: Instance, board: DemoBoard) -> tuple[list[float], list[float]]:
    """Milliseconds to the socket and to the record, of each signal."""
    live = instance.boards[board.name]
    socket_ms, safe_ms = [], []
    wait_until(lambda: _count(instance, board, "Boot!") > 0, 30, "the first start")
    time.sleep(_SETTLE_S)
    for _ in range(SIGNALS):
        answer = live.power_signal(200)
        signalled = answer["signalled_at"]
        times = [float(line) for line in live.folder.raw_times.read_text().splitlines()]
        socket_ms.append((answer["heard_at"] - signalled) * 1000)
        safe_ms.append((min(at for at in times if at > signalled) - signalled) * 1000)
        time.sleep(_SETTLE_S)
    return socket_ms, safe_ms


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
