"""How long it takes to look up one unit with its warranty verdict, in registries of three sizes.

Measured from outside: `GET /api/v1/units/{serial}` of a running console over one kept connection,
from the first byte sent to the last received, so it holds the check of the token, the settings in
force, the unit, its addresses, its contract and the cover of unit and paired card. Units are asked
for at random, so that caches of the database help as little as they do in service. Accounts take
turns, so that none comes to its limit of calls: a pause of a second lets the processor go to sleep,
and the call after it takes three to five times as long. Reference: the goal of 20 ms.
"""

import itertools
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks._postgresql import postgresql
from benchmarks._registry import fill, serial_number
from benchmarks.figure import Figure, percentile
from hil_tests.server_process import ServerProcess, free_port

_SIZES = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000}
FIGURES = tuple(
    f"lookup.warranty_ms.p99.{database}.{size}"
    for database in ("sqlite", "postgresql")
    for size in _SIZES
)
_GOAL_MS = 20.0
_WARM_UP, _CALLS = 100, 1_000
_ACCOUNTS = ("fleet_ops", "call_centre")
_START_S = 60.0


def measure() -> Iterator[Figure]:
    for size, units in _SIZES.items():
        with tempfile.TemporaryDirectory() as folder:
            yield _figure("sqlite", size, units, Path(folder), {})
    for size, units in _SIZES.items():
        with tempfile.TemporaryDirectory() as folder, postgresql() as url:
            yield _figure("postgresql", size, units, Path(folder), {"FLEET_DATABASE": url})


def _figure(
    database: str, size: str, units: int, state: Path, environment: Mapping[str, str]
) -> Figure:
    server = ServerProcess(state, free_port(), free_port(), environment)
    server.command("init")
    fill(environment.get("FLEET_DATABASE", f"sqlite:///{server.database}"), units)
    with _console(server, environment):
        times_ms = look_ups_ms(server, units)
    return Figure(
        f"lookup.warranty_ms.p99.{database}.{size}", percentile(times_ms, 0.99), "ms", _GOAL_MS
    )


def look_ups_ms(server: ServerProcess, units: int) -> list[float]:
    """Milliseconds of each of the calls, after a warm-up, of units drawn by a fixed seed."""
    draw = random.Random(units)  # noqa: S311 - a sample, not a secret
    times_ms = []
    with httpx.Client(base_url=f"{server.url}/api/v1", timeout=30) as client:
        tokens = itertools.cycle(_tokens(client, server.state))
        for call in range(_WARM_UP + _CALLS):
            serial = serial_number(draw.randint(1, units))
            spent_ms = _look_up_ms(client, next(tokens), serial)
            if call >= _WARM_UP:
                times_ms.append(spent_ms)
    return times_ms


def _look_up_ms(client: httpx.Client, token: str, serial: str) -> float:
    started = time.perf_counter()
    answer = client.get(f"/units/{serial}", headers={"Authorization": f"Bearer {token}"})
    spent_ms = (time.perf_counter() - started) * 1000
    if answer.status_code != httpx.codes.OK or "warranty" not in answer.json():
        raise RuntimeError(f"looking up {serial}: {answer.text}")
    return spent_ms


def _tokens(client: httpx.Client, state: Path) -> list[str]:
    lines = (state / "first-sign-in.txt").read_text().splitlines()
    passwords = dict(line.split() for line in lines)
    answers = [
        client.post("/session", json={"username": name, "password": passwords[name]})
        for name in _ACCOUNTS
    ]
    return [str(answer.raise_for_status().json()["token"]) for answer in answers]


@contextmanager
def _console(server: ServerProcess, environment: Mapping[str, str]) -> Iterator[None]:
    """The console process alone, until it answers; broker and controller have no part in this."""
    command = [sys.executable, "-m", "uvicorn", "--factory", "fleet_server.console:app"]
    with (server.state / "console.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command, our own arguments
            [*command, "--host", "127.0.0.1", "--port", str(server.http_port), "--no-access-log"],
            env={**os.environ, **environment, "FLEET_STATE": str(server.state)},
            stdout=log,
            stderr=log,
        )
    try:
        _wait(server, process)
        yield
    finally:
        process.terminate()
        process.wait(30)


def _wait(server: ServerProcess, process: subprocess.Popen[bytes]) -> None:
    until_s = time.monotonic() + _START_S
    while True:
        try:
            httpx.get(f"{server.url}/healthz")
        except httpx.TransportError:
            if process.poll() is not None or time.monotonic() > until_s:
                raise
            time.sleep(0.1)
        else:
            return
