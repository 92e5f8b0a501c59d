"""How many states the models of commands and replacements walk, all invariants holding.

The walks are tests, run here in a process of their own; what they print is added up. A broken
invariant ends the bench. The reference is the goal, a million states.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure

FIGURES = ("model.states_explored",)
_TESTS = (
    "fleet_server/tests/test_command_model.py",
    "fleet_server/tests/test_swap_model.py",
)
_GOAL = 1_000_000
_EXPLORED = re.compile(r"(\d+) states explored")


def measure() -> Iterator[Figure]:
    done = subprocess.run(  # noqa: S603 - our own tests
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *_TESTS],
        cwd=Path(__file__).resolve().parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"a model was broken:\n{done.stdout[-4000:]}")
    yield Figure(FIGURES[0], explored(done.stdout), "states", _GOAL)


def explored(printed: str) -> int:
    """The sum of all walks that the tests told of."""
    return sum(int(count) for count in _EXPLORED.findall(printed))
