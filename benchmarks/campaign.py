"""How long it takes to plan a campaign over 100,000 devices, and to stop it.

A whole server with its broker on SQLite. 2,000 of the devices are simulated agents that connect
with certificates of their own; the others are in the registry and away. Both figures are taken
from outside, by HTTP: `POST .../plan` and `POST .../abort`, from the request to the answer. While
the campaign runs, every look at it has to add up; at the end the items are counted one by one, no
command may have left for the first time after the answer to the abort, and no process may have
grown by more than 64 MiB. Else there is no figure. References: the goals of 5 s and 1 s.
"""

import json
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks._registry import fill
from benchmarks.figure import Figure
from hil_tests.fleet_simulator.office import Office
from hil_tests.fleet_simulator.process import FleetProcess
from hil_tests.server_process import ProcessName, ServerProcess, free_port
from hil_tests.waiting import wait_until

FIGURES = ("campaign.plan_100k_s", "campaign.abort_s")
_GOALS_S = (5.0, 1.0)
_DEVICES, _AGENTS = 100_000, 2_000
# Every fourth unit of the registry is a smart card; the agents come on top of the rest.
_UNITS = (_DEVICES - _AGENTS) // 3 * 4 + 4
_CONNECT_S, _RUN_S, _SETTLE_S = 240.0, 20.0, 300.0
_MOST_GROWTH_BYTES = 64 * 1024 * 1024
_PROCESSES: tuple[ProcessName, ...] = ("console", "courier", "controller")
# The hours are those of the whole day but its last minute, so that it runs at any time.
_SETTINGS = {
    "disruptive_from": "00:00",
    "disruptive_until": "23:59",
    "peak_from": "23:59",
    "campaign_four_eyes": "off",
}
_REASON = {"reason": "made up for a bench"}
_CAMPAIGN: dict[str, Any] = {
    "name": "Restart of all devices",
    "selection": {"field": "product_class", "in": ["MODEM", "VOICEMODEM", "STB"]},
    "plan": {
        "action": {"kind": "command"},
        "waves": [{"percent": 50, "soak_minutes": 60}, {}],
        "limits": {"per_minute": 3_000, "at_once": 200, "max_failed_percent": 100},
        "admits": ["no_contact"],
    },
    **_REASON,
}


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        server = ServerProcess(Path(folder), free_port(), free_port())
        server.command("init")
        _set_policy(server.database)
        server.start()
        try:
            server.wait_until_ready()
            # Only now: a controller that starts with a new session asks for every unit it knows.
            fill(f"sqlite:///{server.database}", _UNITS)
            with FleetProcess(server.state, _AGENTS) as agents:
                agents.tell("on", within_s=_CONNECT_S / 4)
                agents.tell("online", timeout_s=_CONNECT_S)
                seconds = _Trial(server).run()
        finally:
            server.stop()
    for name, taken_s, goal_s in zip(FIGURES, seconds, _GOALS_S, strict=True):
        yield Figure(name, taken_s, "s", goal_s)


class _Trial:
    """One campaign from the plan to its end, watched from outside."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        lines = (server.state / "first-sign-in.txt").read_text().splitlines()
        passwords = dict(line.split() for line in lines)
        self.office = Office(server.http_port, "fleet_ops", passwords["fleet_ops"])
        self.path = ""
        self.looks = 0

    def run(self) -> tuple[float, float]:
        """Seconds of planning and of the abort. Raises RuntimeError when anything is wrong."""
        self.path = f"/campaigns/{self.office.call('POST', '/campaigns', _CAMPAIGN)['id']}"
        before = self._resident()
        planned, plan_s = self._timed("plan")
        if planned["units"] < _DEVICES:
            raise RuntimeError(f"only {planned['units']} devices were planned")
        self.office.call(
            "POST", f"{self.path}/approval", {"revision": planned["revision"], **_REASON}
        )
        self.office.call("POST", f"{self.path}/start")
        self._watch()
        under_way = _sum(self.look(), "started", "running", "done")
        aborted, abort_s = self._timed("abort", _REASON)
        answered_ms = time.time_ns() // 1_000_000
        if not under_way or _sum(aborted, "waiting", "deferred"):
            raise RuntimeError(f"nothing was under way, or something waits on: {aborted}")
        self._until_aborted()
        self._check(answered_ms, before)
        return plan_s, abort_s

    def look(self) -> dict[str, Any]:
        """The campaign, whose sums have to be right."""
        view: dict[str, Any] = self.office.call("GET", self.path)
        if sum(count["units"] for count in view["counts"]) != view["units"]:
            raise RuntimeError(f"the counts do not add up: {json.dumps(view)}")
        self.looks += 1
        return view

    def _watch(self) -> None:
        ends_s = time.monotonic() + _RUN_S
        while time.monotonic() < ends_s:
            self.look()
            time.sleep(0.25)

    def _until_aborted(self) -> None:
        wait_until(lambda: self.look()["state"] == "aborted", _SETTLE_S, "it is aborted", 0.5)

    def _timed(self, what: str, body: Any = None) -> tuple[dict[str, Any], float]:
        began_s = time.perf_counter()
        found = self.office.call("POST", f"{self.path}/{what}", body)
        return found, time.perf_counter() - began_s

    def _check(self, answered_ms: int, before: dict[str, int]) -> None:
        view = self.look()
        kept = {(c["wave"], c["state"], c["why"]): c["units"] for c in view["counts"]}
        with sqlite3.connect(f"file:{self.server.database}?mode=ro", uri=True) as database:
            counted = {
                tuple(row[:3]): row[3]
                for row in database.execute(
                    "SELECT wave, state, why, COUNT(*) FROM campaign_item GROUP BY 1, 2, 3"
                )
            }
            late = database.execute(
                "SELECT COUNT(*) FROM command WHERE command_key LIKE 'campaign-%' AND sent_at > ?",
                (answered_ms,),
            ).fetchone()[0]
        if kept != counted:
            raise RuntimeError(f"kept {kept}, counted {counted}")
        if late:
            raise RuntimeError(f"{late} commands left after the abort was answered")
        grown = {
            name: after - before[name]
            for name, after in self._resident().items()
            if after - before[name] > _MOST_GROWTH_BYTES
        }
        if grown:
            raise RuntimeError(f"memory is not flat: {grown}")

    def _resident(self) -> dict[str, int]:
        """Bytes that each process of the server has in memory."""
        found: dict[str, int] = {}
        for name in _PROCESSES:
            pid = self.server.pid_of(name)
            status = Path(f"/proc/{pid}/status").read_text()
            line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
            found[name] = int(line.split()[1]) * 1024
        return found


def _sum(view: dict[str, Any], *states: str) -> int:
    return sum(int(count["units"]) for count in view["counts"] if count["state"] in states)


def _set_policy(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.executemany(
            "INSERT INTO policy_setting (name, value, changed_at) VALUES (?, ?, 0)",
            _SETTINGS.items(),
        )
