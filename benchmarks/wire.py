"""Bytes a voice modem puts on the wire in an idle day: TLS both ways, as its uplink carries them.

A simulated board on its fleet server, with the settings of the server as they come: `Periodic!`
every minute, with every fifth a look at the state, keep-alive, a report of health every 15 minutes.
Two stretches are measured and extrapolated, not a day: idle minutes without a report, and
a report that is asked for with what is answered, less the idle bytes of that time; the question
itself, which nobody asks on an idle day, is counted with it. TCP and IP headers, connecting and
exceptions are not in it. The reference is a goal of 2.5 MB, 0.23 kbit/s on average.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure
from hil_tests.demo_fleet import VOICEMODEM
from hil_tests.instance import Instance
from hil_tests.waiting import wait_until

FIGURES = ("agent.wire_bytes_per_day",)
GOAL_BYTES = 2_500_000
_SETTLED_S = 90
_IDLE_S = 300  # one look at the state, and five Periodic!
_REPORTS = 3
_REPORT_S = 10
_DAY_S = 86_400
_REPORT_EVERY_S = 900
_EID = VOICEMODEM.spec.endpoint_id
_COUNT = "SELECT count(*) FROM health_report WHERE endpoint_id = ?"
_FORCE = "Device.BulkData.Profile.*.ForceCollection()"


def measure() -> Iterator[Figure]:
    with (
        tempfile.TemporaryDirectory() as name,
        Instance(Path(name) / "state", [VOICEMODEM]) as instance,
    ):
        time.sleep(_SETTLED_S)
        idle = _bytes_in(instance, _IDLE_S) / _IDLE_S
        extra = [_report_bytes(instance) - idle * _REPORT_S for _ in range(_REPORTS)]
    report = sorted(extra)[_REPORTS // 2]
    day = idle * _DAY_S + report * _DAY_S / _REPORT_EVERY_S
    yield Figure("agent.wire_bytes_per_day", round(day), "bytes", GOAL_BYTES)


def _bytes_in(instance: Instance, duration_s: float) -> int:
    before = _carried(instance)
    time.sleep(duration_s)
    return _carried(instance) - before


def _report_bytes(instance: Instance) -> int:
    """Bytes of a stretch of time with one report in it."""
    before, known = _carried(instance), instance.query(_COUNT, _EID)[0][0]
    began = time.monotonic()
    program = str(Path(sys.executable).parent / "usp")
    command = [program, "operate", _EID, _FORCE, "--state", str(instance.state)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own program
    wait_until(
        lambda: instance.query(_COUNT, _EID)[0][0] > known, _REPORT_S, "the report", every_s=0.1
    )
    time.sleep(max(0.0, began + _REPORT_S - time.monotonic()))
    return _carried(instance) - before


def _carried(instance: Instance) -> int:
    state = instance.boards[VOICEMODEM.name].state()
    return int(state["bytes_from_board"]) + int(state["bytes_to_board"])
