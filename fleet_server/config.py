"""Settings of one installation: built once from command line, environment and kept ports.

The ports a server last ran with stand in its state folder, so that naming the folder is enough for
every command that has to find it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from fleet_server.errors import OperatorError

_LOWEST_PORT, _HIGHEST_PORT = 1, 65535
_PORTS_FILE = "ports.json"


@dataclass(frozen=True, slots=True)
class Config:
    """Where this installation keeps its state and which addresses it uses.

    Ports are TCP; `bind` is the one address both listeners use; `broker_host` is the name that
    devices dial and that the broker's certificate carries.
    """

    state: Path = Path("state")
    http_port: int = 8080
    mqtt_port: int = 8883
    bind: str = "127.0.0.1"
    broker_host: str = "localhost"
    controller_id: str = "fqdn::fleet.test"
    database_url: str = ""
    people_database_url: str = ""
    periodic_interval_s: int = 60
    health_interval_s: int = 900
    health_days: int = 30

    @property
    def pki(self) -> Path:
        return self.state / "pki"

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.state / 'fleet.db'}"

    @property
    def people_database(self) -> str:
        return self.people_database_url or f"sqlite:///{self.state / 'people.db'}"

    def environment(self) -> dict[str, str]:
        """What a child process needs so that `from_environment` gives the same settings."""
        return {
            "FLEET_STATE": str(self.state),
            "FLEET_HTTP_PORT": str(self.http_port),
            "FLEET_MQTT_PORT": str(self.mqtt_port),
            "FLEET_BIND": self.bind,
            "FLEET_BROKER_HOST": self.broker_host,
            "FLEET_CONTROLLER": self.controller_id,
            "FLEET_DATABASE": self.database_url,
            "FLEET_PEOPLE_DATABASE": self.people_database_url,
            "FLEET_PERIODIC_S": str(self.periodic_interval_s),
            "FLEET_HEALTH_S": str(self.health_interval_s),
            "FLEET_HEALTH_DAYS": str(self.health_days),
        }


def from_environment(
    environ: Mapping[str, str] | None = None, *, state: Path | None = None
) -> Config:
    """The settings named `FLEET_*`, but `state` when given; absent ports are those kept there.

    Raises OperatorError naming the variable or file whose value cannot be used.
    """
    found = os.environ if environ is None else environ
    folder = (state or Path(found.get("FLEET_STATE", str(Config().state)))).absolute()
    default = _with_kept_ports(Config(state=folder))
    return Config(
        state=folder,
        http_port=_port(found, "FLEET_HTTP_PORT", default.http_port),
        mqtt_port=_port(found, "FLEET_MQTT_PORT", default.mqtt_port),
        bind=found.get("FLEET_BIND", default.bind),
        broker_host=found.get("FLEET_BROKER_HOST", default.broker_host),
        controller_id=found.get("FLEET_CONTROLLER", default.controller_id),
        database_url=found.get("FLEET_DATABASE", ""),
        people_database_url=found.get("FLEET_PEOPLE_DATABASE", ""),
        periodic_interval_s=_number(found, "FLEET_PERIODIC_S", default.periodic_interval_s, 1),
        health_interval_s=_number(found, "FLEET_HEALTH_S", default.health_interval_s, 10),
        health_days=_number(found, "FLEET_HEALTH_DAYS", default.health_days, 1),
    )


def with_options(
    config: Config,
    *,
    http_port: int | None = None,
    mqtt_port: int | None = None,
    broker_host: str | None = None,
) -> Config:
    """`config` with what the command line gave in its place."""
    changed = config
    if http_port is not None:
        changed = replace(changed, http_port=http_port)
    if mqtt_port is not None:
        changed = replace(changed, mqtt_port=mqtt_port)
    if broker_host is not None:
        changed = replace(changed, broker_host=broker_host)
    return changed


def keep_ports(config: Config) -> None:
    """Note under the state folder which ports are served; replaced as a whole."""
    text = json.dumps({"http": config.http_port, "mqtt": config.mqtt_port})
    written = config.state / f"{_PORTS_FILE}.new"
    written.write_text(f"{text}\n")
    written.replace(config.state / _PORTS_FILE)


def _with_kept_ports(config: Config) -> Config:
    path = config.state / _PORTS_FILE
    try:
        kept = json.loads(path.read_text())
        return replace(config, http_port=int(kept["http"]), mqtt_port=int(kept["mqtt"]))
    except (FileNotFoundError, NotADirectoryError):
        return config
    except OSError as error:
        raise OperatorError(
            f"{path} cannot be read: {error.strerror}.", "Run this as the user of the server."
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        raise OperatorError(
            f"{path} does not name two ports.", "Remove it and name them by options once."
        ) from error


def _port(found: Mapping[str, str], name: str, default: int) -> int:
    port = _number(found, name, default, _LOWEST_PORT)
    if port > _HIGHEST_PORT:
        raise OperatorError(f"{name}={port} is not a TCP port.", "Use 1 to 65535.")
    return port


def _number(found: Mapping[str, str], name: str, default: int, least: int) -> int:
    text = found.get(name, "")
    if not text:
        return default
    try:
        number = int(text)
    except ValueError as error:
        raise OperatorError(f"{name}={text!r} is not a number.", "Correct or unset it.") from error
    if number < least:
        raise OperatorError(f"{name}={number} is too small.", f"Use {least} or more.")
    return number
