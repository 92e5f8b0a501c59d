"""`make run`: the whole system on this machine, until Ctrl-C.

The first start makes keys, database and accounts under the state folder and puts three boards into
service as a technician would, over their serial ports; later starts find all that.
"""

import fcntl
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, TextIO

import typer
from rich.console import Console

from firmware_tools.errors import ToolError
from hil_tests.columns import print_columns
from hil_tests.demo_fleet import BLANK, VOICEMODEM, DemoBoard
from hil_tests.errors import BenchError
from hil_tests.instance import ONLINE_S, Instance
from hil_tests.server_process import is_port_free

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_WATCH_S = 0.5
_HTTP_PORT, _MQTT_PORT = 8080, 8883


class CannotRun(Exception):
    """The system cannot start here; the text says what is in the way and what to do."""


class StopRequested(BaseException):
    """Ctrl-C, SIGTERM, or the terminal was closed."""


def request_stop(_number: int, _frame: FrameType | None) -> None:
    for number in _STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise StopRequested


class Steps:
    """Says what is being done, each line with the seconds since the start."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started = time.monotonic()

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        self.say(text)
        with self._console.status(text):
            yield

    def say(self, text: str) -> None:
        self._console.print(f"[{time.monotonic() - self._started:5.1f} s] {text}", markup=False)


def lock_state(state: Path) -> TextIO:
    """Claim the state folder until the file is closed.

    Raises CannotRun when it is claimed, or cannot be used.
    """
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (state / "run.lock").open("a+")
    except OSError as error:
        raise CannotRun(
            f"The state folder {state} cannot be used ({error.strerror}): "
            "name another with make run STATE=…"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        lock.close()
        raise CannotRun(
            f"The state folder {state} is in use by another `make run` (process {owner}): "
            "stop that one, or start beside it with "
            "make run STATE=./state2 HTTP_PORT=8081 MQTT_PORT=8884"
        ) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def check_port(name: str, port: int) -> None:
    """Raises CannotRun with the name of the setting when something listens there already."""
    if not is_port_free(port):
        raise CannotRun(
            f"Port {port} is in use ({name}): stop what uses it, "
            f"or choose another with make run {name}={port + 1}"
        )


def choose_ports(state: Path, http_port: int | None, mqtt_port: int | None) -> tuple[int, int]:
    """Those given, else those of the last start on this state, else 8080 and 8883.

    Raises CannotRun when the boards of this state were told another port of the broker.
    """
    kept = last_ports(state)
    if kept is None:
        return http_port or _HTTP_PORT, mqtt_port or _MQTT_PORT
    last_http, told = kept
    if mqtt_port not in (None, told):
        raise CannotRun(
            f"The boards under {state} know the broker by port {told}: leave out "
            f"MQTT_PORT={mqtt_port} "
            f"or give them a fresh state with make run STATE=./state2 MQTT_PORT={mqtt_port}"
        )
    return http_port or last_http, told


def last_ports(state: Path) -> tuple[int, int] | None:
    """The ports of console and broker that the fleet server has noted, if it ran here before."""
    path = state / "ports.json"
    try:
        noted = json.loads(path.read_text())
        return int(noted["http"]), int(noted["mqtt"])
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        raise CannotRun(f"{path} does not name two ports: remove it") from None


def bring_up(instance: Instance, steps: Steps) -> None:
    with steps.step("keys, database and accounts; broker, controller, console and boards"):
        instance.start_processes()
    if any(board.state()["runtime"] == "cpython" for board in instance.boards.values()):
        steps.say("this machine has no MicroPython build: the boards run the agent on CPython")
    with steps.step("a made-up registry"):
        instance.load_demo_data()
    with steps.step("three boards into service, over their serial ports"):
        instance.provision_boards()
    with steps.step("waiting until they are online"):
        instance.server.wait_until_ready(len(instance.in_service), ONLINE_S)
    steps.say("ready")


def show(instance: Instance, console: Console) -> None:
    """Everything a newcomer needs: addresses, sign-ins, boards, and what to try."""
    sign_ins = instance.sign_ins()
    console.print(f"\nConsole       {instance.server.url}")
    console.print(f"Broker        localhost:{instance.server.mqtt_port} (MQTT 5, certificates)")
    console.print(f"State folder  {instance.state}\n")
    rows = [("Role and user name", "First password"), *sign_ins.items()]
    print_columns(console, rows if sign_ins else [("First passwords: removed from the state.",)])
    print_columns(
        console,
        [
            ("Board", "Endpoint", "Serial port", "Contract and position"),
            *(board_row(instance, board) for board in instance.fleet),
        ],
    )
    console.print("Five things to try, in a second terminal:\n")
    for number, (command, result) in enumerate(things_to_try(instance), 1):
        console.print(f"{number}. {result}\n     {command}", soft_wrap=True, markup=False)
    console.print("\nCtrl-C ends everything.")


def board_row(instance: Instance, board: DemoBoard) -> tuple[str, ...]:
    place = f"{board.placement.contract} {board.placement.position}"
    port = shown(instance.boards[board.name].serial_port)
    return board.name, board.spec.endpoint_id, port, place if board.in_service else "blank"


def shown(path: Path) -> str:
    """The path as short as it can be said from here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def things_to_try(instance: Instance) -> list[tuple[str, str]]:
    state, url = shown(instance.state), instance.server.url
    option = "" if state == "state" else f" --state {shlex.quote(state)}"
    endpoint = VOICEMODEM.spec.endpoint_id
    port = shlex.quote(shown(instance.boards[BLANK.name].serial_port))
    place = BLANK.placement
    return [
        (
            f".venv/bin/bench power cut{option}\n     .venv/bin/bench power restore{option}",
            f"Cut the voice modem's power and restore it, watch {url}/devices/{endpoint}",
        ),
        (f".venv/bin/bench supply 9 --for 300{option}", "Let its supply dip for 0.3 s"),
        (
            f".venv/bin/firmware-tools provision --port {port} --server {url} "
            f"--contract {place.contract} --position {place.position} --username technician",
            "Put the blank board into service (the password is above)",
        ),
        (
            f".venv/bin/usp get {endpoint} Device.DeviceInfo.{option}",
            "Ask the voice modem itself",
        ),
        (f".venv/bin/usp watch{option}", "Read the traffic as it passes, until Ctrl-C"),
    ]


def stay(instance: Instance) -> None:
    """Until a stop is requested. Raises BenchError when a part that must not end has ended."""
    while True:
        time.sleep(_WATCH_S)
        if instance.server.has_ended():
            raise BenchError(f"the server has ended:\n{instance.server.log_tail()}")
        for name, board in instance.boards.items():
            if board.process_ended():
                raise BenchError(f"the board {name} has ended, see {board.folder.process_log}")


def run(state: Path, given: tuple[int | None, int | None], console: Console) -> None:
    """Raises StopRequested in the end, or CannotRun or BenchError; no process is left behind."""
    with lock_state(state):
        http_port, mqtt_port = choose_ports(state, *given)
        check_port("HTTP_PORT", http_port)
        check_port("MQTT_PORT", mqtt_port)
        instance = Instance(state, http_port=http_port, mqtt_port=mqtt_port)
        try:
            bring_up(instance, Steps(console))
            show(instance, console)
            stay(instance)
        finally:
            for number in _STOP_SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            instance.stop()


def main(
    state: Annotated[Path, typer.Option(envvar="STATE")] = Path("state"),
    http_port: Annotated[int | None, typer.Option(envvar="HTTP_PORT", min=1, max=65535)] = None,
    mqtt_port: Annotated[int | None, typer.Option(envvar="MQTT_PORT", min=1, max=65535)] = None,
) -> None:
    """Run the whole system with three simulated boards until Ctrl-C."""
    console = Console(highlight=False)
    for number in _STOP_SIGNALS:
        signal.signal(number, request_stop)
    try:
        run(state.absolute(), (http_port, mqtt_port), console)
    except StopRequested:
        console.print("\nStopped; the next start goes on from here.")
    except (CannotRun, BenchError, ToolError) as error:
        console.print(f"\nCannot go on. {error}", soft_wrap=True, markup=False)
        sys.exit(1)


if __name__ == "__main__":
    typer.run(main)
