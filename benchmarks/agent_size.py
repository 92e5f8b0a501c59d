"""How many bytes the compiled agent takes in flash."""

from collections.abc import Iterator

from benchmarks.figure import Figure
from firmware_tools.build import compile_agent

FIGURES = ("agent.mpy_bytes",)
GOAL_BYTES = 160 * 1024


def measure() -> Iterator[Figure]:
    yield Figure("agent.mpy_bytes", compile_agent().mpy_bytes, "bytes", GOAL_BYTES)
