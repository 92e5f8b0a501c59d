"""How long a command takes from its order over HTTP until its device has it, and how many a burst.

So many simulated agents (AGENTS, 500 unless told otherwise) are connected to a server of their own
and have nothing else to do. `command.order_to_device_ms.p99`: one command after the other, ten a
second at most, each to another device, from before the request until the server has the answer of
the device: so it is never less than the time until the device has it. `command.burst_per_s`: four
commands to each device, ordered by four clients as fast as they can; all of them through the time
from the first request to the last answer, with the limit of the policy as high as it goes.

Every command is a signed Set of a name, which the device verifies and carries out. One that does
not end as done ends the bench. References: a goal of 1 s, and the policy's 100 a second.
"""

import itertools
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from benchmarks.figure import Figure, percentile
from hil_tests.fleet_simulator.process import FleetProcess
from hil_tests.instance import Instance
from hil_tests.waiting import wait_until

FIGURES = ("command.order_to_device_ms.p99", "command.burst_per_s")
_AGENTS = 500
_GOAL_MS = 1000
_GOAL_PER_S = 100
_START_S = 10.0
_PATIENCE_S = 300.0
_BETWEEN_S = 0.1
_CLIENTS = 4
_REASON = "made up for a bench"
# Those of people, among what the server does of itself.
_OURS = "from command where command_key like 'api-%' and id between ? and ?"


def measure() -> Iterator[Figure]:
    agents = int(os.environ.get("AGENTS", _AGENTS))
    with tempfile.TemporaryDirectory() as folder:
        instance = Instance(Path(folder) / "state", [])
        try:
            instance.start_processes()
            with FleetProcess(instance.state, agents) as fleet:
                devices = _connected(instance, fleet, agents)
                yield _latency(instance, devices)
                yield _burst(instance, devices)
        finally:
            instance.stop()


def _connected(instance: Instance, fleet: FleetProcess, agents: int) -> list[str]:
    """The endpoint ids of all, once everything is quiet."""
    fleet.tell("on", within_s=_START_S)
    fleet.tell("online", timeout_s=_PATIENCE_S)
    met = "select endpoint_id from agent where onboarded_at is not null order by endpoint_id"
    wait_until(lambda: len(instance.query(met)) == agents, _PATIENCE_S, "all are onboarded", 1.0)
    fleet.tell("confirmed", timeout_s=_PATIENCE_S)
    open_ones = "select count(*) from command where finished_at is null"
    wait_until(lambda: not instance.query(open_ones)[0][0], _PATIENCE_S, "nothing is open", 1.0)
    return [endpoint_id for (endpoint_id,) in instance.query(met)]


def _latency(instance: Instance, devices: list[str]) -> Figure:
    client = instance.client("fleet_ops")
    began_ms: dict[int, float] = {}
    for number, device in enumerate(devices):
        at_ms = time.time() * 1000
        began_ms[_order(client, device, f"first {number}")] = at_ms
        time.sleep(max(0.0, _BETWEEN_S - (time.time() - at_ms / 1000)))
    answered_ms = _until_done(instance, list(began_ms))
    taken_ms = [answered_ms[number] - at_ms for number, at_ms in began_ms.items()]
    return Figure(FIGURES[0], round(percentile(taken_ms, 0.99), 1), "ms", _GOAL_MS)


def _burst(instance: Instance, devices: list[str]) -> Figure:
    highest = {"value": "5000", "reason": _REASON}
    administrator = instance.client("administrator")
    administrator.put("/api/v1/policy/commands_per_second", json=highest).raise_for_status()
    clients = [_client(administrator, f"burst-{number}") for number in range(_CLIENTS)]
    rounds = [(client, f"burst {number}") for number, client in enumerate(clients)]
    began_ms = time.time() * 1000
    with ThreadPoolExecutor(_CLIENTS) as pool:
        found = pool.map(lambda one: [_order(one[0], each, one[1]) for each in devices], rounds)
        ordered = list(itertools.chain.from_iterable(found))
    taken_s = (max(_until_done(instance, ordered).values()) - began_ms) / 1000
    return Figure(FIGURES[1], round(len(ordered) / taken_s, 1), "1/s", _GOAL_PER_S)


def _client(administrator: httpx.Client, username: str) -> httpx.Client:
    """One that is signed in as a new account of fleet ops."""
    account = {"username": username, "role": "fleet_ops", "password": "a made-up sentence"}
    administrator.post("/api/v1/accounts", json=account).raise_for_status()
    client = httpx.Client(base_url=administrator.base_url)
    sign_in = {"username": username, "password": account["password"]}
    token = client.post("/api/v1/session", json=sign_in).raise_for_status().json()["token"]
    client.headers["Authorization"] = f"Bearer {token}"
    return client


def _order(client: httpx.Client, device: str, name: str) -> int:
    """The number of the command."""
    body = {
        "endpoint_id": device,
        "command": "Device.LocalAgent.X_IPKO-COM_Apply()",
        "args": {
            "Method": "Set",
            "Path": "Device.DeviceInfo.",
            "Parameters": f'{{"FriendlyName": "{name}"}}',
        },
        "reason": _REASON,
    }
    answer = client.post("/api/v1/commands", json=body, timeout=60)
    return int(answer.raise_for_status().json()["id"])


def _until_done(instance: Instance, ordered: list[int]) -> dict[int, float]:
    """When the answer to each was there, in ms. Raises BenchError or RuntimeError."""
    first, last = min(ordered), max(ordered)
    query = f"select count(*) {_OURS} and finished_at is not null"
    wait_until(
        lambda: instance.query(query, first, last)[0][0] == len(ordered),
        _PATIENCE_S,
        "all commands have ended",
        0.5,
    )
    rows = instance.query(
        f"select id, coalesce(accepted_at, finished_at), state, error_text {_OURS}",
        first,
        last,
    )
    failed = [row for row in rows if row[2] != "done"]
    if failed:
        raise RuntimeError(f"{len(failed)} commands were not done: {failed[:3]}")
    return {number: float(at_ms) for number, at_ms, *_ in rows}
