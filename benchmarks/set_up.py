"""How long a newcomer waits: `make run` in a fresh clone until three boards are online, twice.

The clone has a home folder of its own, so nothing that an earlier run left in a cache helps.
Reference of the first figure is a goal; of the second, the first figure of the same run.
"""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure
from hil_tests.server_process import ServerProcess, free_port

FIGURES = ("setup.run_first_s", "setup.run_second_s")
GOAL_FIRST_S = 120.0
REPOSITORY = Path(__file__).resolve().parent.parent
_LIMIT_S = 900.0


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        home, clone = Path(folder) / "home", Path(folder) / "clone"
        home.mkdir()
        git = ["git", "clone", "--quiet", str(REPOSITORY), str(clone)]
        subprocess.run(git, check=True, timeout=_LIMIT_S)  # noqa: S603 - our own arguments
        server = ServerProcess(clone / "state", free_port(), free_port())
        first_s = make_run_s(clone, home, server)
        yield Figure("setup.run_first_s", first_s, "s", GOAL_FIRST_S)
        yield Figure("setup.run_second_s", make_run_s(clone, home, server), "s", first_s)


def make_run_s(clone: Path, home: Path, server: ServerProcess) -> float:
    """Seconds from `make run` until the server counts three agents online; all ended after."""
    environment = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "HTTP_PORT": str(server.http_port),
        "MQTT_PORT": str(server.mqtt_port),
        **{name: value for name, value in os.environ.items() if name.startswith("PIP_")},
    }
    started = time.monotonic()
    with subprocess.Popen(
        ["make", "run"],  # noqa: S607 - the make a newcomer has
        cwd=clone,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        try:
            return wait_for_agents(process, server, started)
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)


def wait_for_agents(
    process: subprocess.Popen[bytes], server: ServerProcess, started: float
) -> float:
    """Raises RuntimeError with what `make run` said when it ends or takes too long."""
    while (waited_s := time.monotonic() - started) < _LIMIT_S:
        if (server.agents_online() or 0) >= 3:
            return waited_s
        if process.poll() is not None:
            break
        time.sleep(0.1)
    process.terminate()
    said = process.communicate(timeout=60)[0].decode(errors="replace")
    raise RuntimeError(f"make run brought no three boards online:\n{said[-3000:]}")
