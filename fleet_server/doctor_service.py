"""Whether the processes can run, or do: broker, ports, tools."""

from __future__ import annotations

import fcntl
import re
import socket
import subprocess
from collections.abc import Iterator

from fleet_server.adapters.broker_install import find_mosquitto, library_path
from fleet_server.config import Config
from fleet_server.errors import OperatorError
from fleet_server.supervisor import check_ports

_OLDEST_MOSQUITTO = (2, 0)
_CONNECT_S = 2.0
_PROGRAM_S = 10.0

Found = tuple[bool, str]


def examine(config: Config) -> Iterator[Found]:
    yield from _mosquitto(config)
    if is_running(config):
        yield True, "the server runs"
        yield _answers(config, "console", config.http_port)
        yield _answers(config, "broker", config.mqtt_port)
        return
    yield True, "the server does not run"
    try:
        check_ports(config)
    except OperatorError as error:
        yield False, f"{error.problem} {error.remedy}"
    else:
        yield True, f"ports {config.http_port} and {config.mqtt_port} are free"


def is_running(config: Config) -> bool:
    """Whether a supervisor holds the state folder."""
    path = config.state / "server.lock"
    if not path.exists():
        return False
    with path.open("r") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _answers(config: Config, name: str, port: int) -> Found:
    try:
        socket.create_connection((config.bind, port), _CONNECT_S).close()
    except OSError as error:
        return False, f"the {name} does not answer on port {port} ({error.strerror}): see the log"
    return True, f"the {name} answers on port {port}"


def _mosquitto(config: Config) -> Iterator[Found]:
    program = find_mosquitto(config.state)
    if program is None:
        yield False, "mosquitto is missing: apt install mosquitto"
        return
    try:
        said = subprocess.run(  # noqa: S603 - the broker itself
            [str(program), "-h"],
            capture_output=True,
            text=True,
            timeout=_PROGRAM_S,
            env=library_path(config.state),
        ).stdout
    except (OSError, subprocess.SubprocessError):
        said = ""
    version = re.search(r"version (\d+)\.(\d+)(\.\d+)?", said)
    if version is None:
        yield False, f"{program} does not start: apt install --reinstall mosquitto"
    elif (int(version[1]), int(version[2])) < _OLDEST_MOSQUITTO:
        yield False, f"mosquitto is {version[0]}, 2.0 or later is needed: apt install mosquitto"
    else:
        yield True, f"mosquitto: {program}, {version[0]}"
