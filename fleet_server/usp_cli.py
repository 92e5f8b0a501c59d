"""`usp`: look at agents and command them, in the words of the data model.

Exit codes: 0 done, 1 the agent or the broker refused or did not answer, 2 wrong usage.
"""

from __future__ import annotations

import re
import secrets
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from sqlalchemy import select

from agent.wire.codes import AUTHORIZATION_ARGUMENT
from agent.wire.topics import is_endpoint_id
from fleet_server import bootstrap
from fleet_server.adapters import broker
from fleet_server.adapters.certificates import Pki
from fleet_server.adapters.clock import utc_now
from fleet_server.adapters.usp_client import NoAnswerError, open_client
from fleet_server.config import Config, from_environment, with_options
from fleet_server.domain.errors import InvalidEndpointError, InvalidError
from fleet_server.errors import FleetError
from fleet_server.protocol import usp_pb2 as usp
from fleet_server.services import tables as t
from fleet_server.services.authorisation import authorise_command, needs_authorisation
from fleet_server.services.readable import message_lines, record_lines

# A search expression in square brackets may hold "=" itself.
_SETTING = re.compile(r"((?:[^=\[]|\[[^\]]*\])+)=(.*)", re.DOTALL)

_AN_ENDPOINT = "ops::00256D-MODEM-00000001"

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__, rich_markup_mode=None)
_out = Console(highlight=False)
_errors = Console(stderr=True, highlight=False)

State = Annotated[Path | None, typer.Option("--state", help="Folder of the installation.")]
MQTTPort = Annotated[int | None, typer.Option("--mqtt-port", help="TCP port of the broker.")]
Timeout = Annotated[float, typer.Option("--timeout", help="Seconds to wait for the answer.")]


class RefusedByAgentError(FleetError):
    """The agent answered, and its answer is an error."""


@app.command()
def get(
    endpoint_id: str,
    paths: list[str],
    depth: Annotated[int, typer.Option("--depth", help="Levels below a path, 0 for all.")] = 0,
    state: State = None,
    mqtt_port: MQTTPort = None,
    timeout: Timeout = 10.0,
) -> None:
    """Values of parameters, objects or search paths."""
    body = usp.Get(param_paths=paths, max_depth=depth)
    _ask(_config(state, mqtt_port), endpoint_id, timeout, get=body)


@app.command("set")
def set_values(
    endpoint_id: str,
    settings: Annotated[list[str], typer.Argument(metavar="PATH=VALUE...")],
    state: State = None,
    mqtt_port: MQTTPort = None,
    timeout: Timeout = 10.0,
) -> None:
    """Change parameters, all or none."""
    updates = []
    for path, value in _pairs(settings).items():
        parent, _, name = path.rpartition(".")
        setting = usp.ParamSetting(param=name, value=value, required=True)
        updates.append(usp.Set.UpdateObject(obj_path=parent + ".", param_settings=[setting]))
    body = usp.Set(allow_partial=False, update_objs=updates)
    _ask(_config(state, mqtt_port), endpoint_id, timeout, set=body)


@app.command()
def operate(
    endpoint_id: str,
    command: str,
    arguments: Annotated[list[str] | None, typer.Argument(metavar="[ARG=VALUE]...")] = None,
    authorise: Annotated[
        bool, typer.Option("--authorise", help="Sign with the fleet's command key.")
    ] = False,
    state: State = None,
    mqtt_port: MQTTPort = None,
    timeout: Timeout = 10.0,
) -> None:
    """Run a command; one that can harm needs --authorise."""
    config = _config(state, mqtt_port)
    args = _pairs(arguments or [])
    command_key = f"cli-{secrets.token_hex(4)}"
    if authorise:
        fleet = bootstrap.build(config)
        args[AUTHORIZATION_ARGUMENT] = authorise_command(
            fleet, endpoint_id, command, command_key, args, utc_now()
        )
    elif needs_authorisation(command):
        _errors.print(f"{command} needs an authorisation: add --authorise.", markup=False)
    body = usp.Operate(command=command, command_key=command_key, send_resp=True, input_args=args)
    _ask(config, endpoint_id, timeout, operate=body)


@app.command()
def instances(
    endpoint_id: str,
    paths: list[str],
    state: State = None,
    mqtt_port: MQTTPort = None,
    timeout: Timeout = 10.0,
) -> None:
    """Rows of tables, with their unique keys."""
    body = usp.GetInstances(obj_paths=paths, first_level_only=False)
    _ask(_config(state, mqtt_port), endpoint_id, timeout, get_instances=body)


@app.command()
def supported(
    endpoint_id: str,
    paths: Annotated[list[str] | None, typer.Argument()] = None,
    state: State = None,
    mqtt_port: MQTTPort = None,
    timeout: Timeout = 30.0,
) -> None:
    """Objects, parameters, commands and events the agent has."""
    body = usp.GetSupportedDM(
        obj_paths=paths or ["Device."],
        return_commands=True,
        return_events=True,
        return_params=True,
    )
    _ask(_config(state, mqtt_port), endpoint_id, timeout, get_supported_dm=body)


@app.command()
def watch(
    endpoint_id: Annotated[str, typer.Argument(help="Only this agent; empty for all.")] = "",
    state: State = None,
    mqtt_port: MQTTPort = None,
) -> None:
    """Live traffic, decoded, until Ctrl-C."""
    config = _config(state, mqtt_port)
    with open_client(broker.address(config), Pki(config.pki), config.controller_id) as client:
        for seen in client.watch("usp/#"):
            if not endpoint_id or endpoint_id in seen.topic.split("/"):
                now = utc_now().astimezone().strftime("%H:%M:%S.%f")[:-3]
                for index, line in enumerate(record_lines(seen.payload)):
                    lead = now if index == 0 else " " * len(now)
                    _out.print(f"{lead} {line}", markup=False, soft_wrap=True)


def main() -> None:
    """Run the command line; the entry point `usp`."""
    try:
        app()
    except FleetError as error:
        _errors.print(str(error), soft_wrap=True, markup=False)
        sys.exit(1)


def _ask(config: Config, endpoint_id: str, timeout_s: float, **member: object) -> None:
    if not is_endpoint_id(endpoint_id):
        raise InvalidEndpointError(
            f"{endpoint_id} is not an endpoint id, such as {_AN_ENDPOINT}; "
            "the device list of the console shows them."
        )
    address, pki = broker.address(config), Pki(config.pki)
    try:
        with open_client(address, pki, config.controller_id) as client:
            answer = client.ask(endpoint_id, timeout_s, **member)
    except NoAnswerError as error:
        raise NoAnswerError(f"{error} {_presence(config, endpoint_id, utc_now())}") from error
    name, lines = message_lines(answer)
    if name == "error":
        raise RefusedByAgentError(f"The agent refuses: {'; '.join(lines)}")
    for line in lines:
        _out.print(line, markup=False, soft_wrap=True)
    if _failed(answer):
        raise RefusedByAgentError("The agent could not do all of it.")


def _failed(answer: usp.Msg) -> bool:
    response = answer.body.response
    return (
        any(result.err_code for result in response.get_resp.req_path_results)
        or any(result.err_code for result in response.get_instances_resp.req_path_results)
        or any(result.err_code for result in response.get_supported_dm_resp.req_obj_results)
        or any(
            result.oper_status.WhichOneof("oper_status") == "oper_failure"
            for result in response.set_resp.updated_obj_results
        )
        or any(
            result.WhichOneof("operation_resp") == "cmd_failure"
            for result in response.operate_resp.operation_results
        )
    )


def _presence(config: Config, endpoint_id: str, now: datetime) -> str:
    with bootstrap.build(config).reading() as connection:
        row = connection.execute(
            select(t.presence).where(t.presence.c.endpoint_id == endpoint_id)
        ).one_or_none()
    if row is None:
        return f"{endpoint_id} was never online."
    age_s = (now - row.seen_at).total_seconds()
    return (
        f"The device is {row.state} since {row.since_at:%Y-%m-%d %H:%M:%S} UTC ({row.evidence}), "
        f"last heard {age_s:.0f} s ago."
    )


def _pairs(texts: list[str]) -> dict[str, str]:
    found = [_SETTING.fullmatch(text) for text in texts]
    pairs = {one[1]: one[2] for one in found if one is not None}
    if len(pairs) != len(texts):
        raise InvalidError("Each setting is NAME=VALUE, each name once.")
    return pairs


def _config(state: Path | None, mqtt_port: int | None) -> Config:
    return with_options(from_environment(state=state), mqtt_port=mqtt_port)
