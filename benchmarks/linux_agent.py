"""What the agent takes of a Linux machine while nothing happens: memory and processor time.

The agent runs as its service would (python3 -OO, no editable installation), over TLS against
mosquitto, after the same work as in heap.py, and then idles for a minute without a sampler. The
processor time is that of all its threads, by the kernel's scheduler. References are the goals:
24 MiB resident, 40 ms per idle minute.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.heap import BARE, Bench
from firmware_tools.build import REPOSITORY, AgentBuild

FIGURES = ("agent.rss_bytes.linux", "agent.idle_cpu_ms_per_min.linux")
GOAL_RSS_BYTES = 24 * 1024 * 1024
GOAL_IDLE_MS = 40
_SETTLE_S = 10
_IDLE_S = 60
_START = (
    "import runpy, sys; sys.path.insert(0, '.'); runpy.run_module('agent', run_name='__main__')"
)


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench = Bench(folder, AgentBuild({}), BARE)  # nothing is flashed
        config = folder / "agent.toml"
        config.write_text(_config(folder))
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-OO", "-I", "-S", "-c", _START, "--config", str(config)],
            cwd=REPOSITORY,
        )
        try:
            bench.work(lambda: process.poll() is None)
            time.sleep(_SETTLE_S)
            before_ms = _processor_ms(process.pid)
            time.sleep(_IDLE_S)
            idle_ms = (_processor_ms(process.pid) - before_ms) * 60 / _IDLE_S
            resident = _resident_bytes(process.pid)
        finally:
            process.terminate()
            process.wait(10)
            bench.close()
    yield Figure("agent.rss_bytes.linux", resident, "bytes", GOAL_RSS_BYTES)
    yield Figure("agent.idle_cpu_ms_per_min.linux", round(idle_ms, 1), "ms", GOAL_IDLE_MS)


def _config(folder: Path) -> str:
    lines = {
        "manufacturer_oui": BARE.manufacturer_oui,
        "serial_number": BARE.serial_number,
        "product_class": BARE.product_class,
        "state": folder / "data",
        "console": folder / "console",
    }
    return "".join(f'{key} = "{value}"\n' for key, value in lines.items())


def _processor_ms(pid: int) -> float:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6


def _resident_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"{pid} has ended")
