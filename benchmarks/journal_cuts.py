"""Power cuts at every single operation of everything the agent keeps: how many, and what was lost.

The campaign of agent/tests/cut_campaign.py, whole, on both Pythons: LittleFS on flash with torn,
skipped and garbled programs and erases (VfsLfs2 on the MicroPython machine, littlefs-python on
CPython), and a Linux disk that forgets what was not synchronised. A violation is a promise that was
not kept, or an image that does not start. The goal is none.
"""

import os
import subprocess
import sys
from collections.abc import Iterator

from agent.tests.run_micropython import REPOSITORY, virtual_machine
from benchmarks.figure import Figure

FIGURES = ("journal.cut_points", "journal.cut_violations")
_PROGRAM = "from agent.tests.cut_campaign import main; main(1)"
_LIMIT_S = 3600


def measure() -> Iterator[Figure]:
    cuts = violations = 0
    for command in _commands():
        done = subprocess.run(  # noqa: S603  our own interpreters and our own program
            command,
            env=dict(os.environ, MICROPYPATH=f"{REPOSITORY}:.frozen"),
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=True,
        )
        sys.stdout.write(done.stdout)
        last = done.stdout.split()[-2:]
        cuts += int(last[0])
        violations += int(last[1])
    yield Figure("journal.cut_points", cuts, "", cuts)
    yield Figure("journal.cut_violations", violations, "", 1)


def _commands() -> Iterator[list[str]]:
    yield [sys.executable, "-c", _PROGRAM]
    machine = virtual_machine()
    if machine is not None:
        yield [machine, "-X", "heapsize=8m", "-c", _PROGRAM]
