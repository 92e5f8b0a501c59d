"""`fleet-server`: set up an installation, run it, look after it.

Exit codes: 0 done, 1 the operator must fix something (said on standard error), 2 wrong usage.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.logging import RichHandler

from agent.wire.allow_list import MAX_BYTES
from agent.wire.topics import is_endpoint_id
from fleet_server import (
    bootstrap,
    cli_accounts,
    cli_campaigns,
    cli_commands,
    cli_data,
    cli_swaps,
    doctor,
    installation,
    registry_cli,
    supervisor,
)
from fleet_server.adapters.certificates import DOCUMENT, Pki, is_signed, make_client, point_of
from fleet_server.adapters.clock import utc_now
from fleet_server.adapters.simulated import Behaviour
from fleet_server.adapters.x509_files import read_certificate
from fleet_server.config import Config, from_environment, with_options
from fleet_server.domain.errors import InvalidEndpointError, RuleError
from fleet_server.domain.operations import System
from fleet_server.errors import OperatorError
from fleet_server.services import allow_list_versions
from fleet_server.services.audit import Actor
from fleet_server.services.demo_data import load_demo_history
from fleet_server.services.return_receipts import check_receipt

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__, rich_markup_mode=None)
app.command("import")(registry_cli.import_rows)
app.command("export")(registry_cli.export_rows)
app.add_typer(cli_accounts.accounts, name="accounts")
app.add_typer(cli_accounts.tokens, name="tokens")
app.add_typer(cli_commands.command, name="command")
app.add_typer(cli_swaps.swap, name="swap")
app.add_typer(cli_campaigns.campaign, name="campaign")
cli_data.register(app)
_out = Console()
_errors = Console(stderr=True)
_COMMAND_LINE = Actor.system("command line")

State = Annotated[Path | None, typer.Option("--state", help="Folder that holds everything.")]
HTTPPort = Annotated[int | None, typer.Option("--http-port", help="TCP port of the console.")]
MQTTPort = Annotated[int | None, typer.Option("--mqtt-port", help="TCP port of the broker.")]
BrokerHost = Annotated[
    str | None, typer.Option("--broker-host", help="Name or address that devices dial.")
]


@app.command()
def init(
    state: State = None,
    http_port: HTTPPort = None,
    mqtt_port: MQTTPort = None,
    broker_host: BrokerHost = None,
) -> None:
    """Make PKI, database and first accounts; what is there stays."""
    config = _config(state, http_port, mqtt_port, broker_host)
    installation.initialise(config, utc_now())
    _out.print(f"Ready under {config.state}", soft_wrap=True)
    sign_in = installation.first_sign_in_path(config)
    if sign_in.exists():
        _out.print(f"First sign-ins: {sign_in}", soft_wrap=True)


@app.command()
def run(
    state: State = None,
    http_port: HTTPPort = None,
    mqtt_port: MQTTPort = None,
    broker_host: BrokerHost = None,
) -> None:
    """Start and watch broker, controller and console until Ctrl-C."""
    config = _config(state, http_port, mqtt_port, broker_host)
    address = f"Console http://{config.bind}:{config.http_port}"
    supervisor.run(config, lambda: _out.print(address, soft_wrap=True))


@app.command()
def migrate(
    state: State = None,
    http_port: HTTPPort = None,
    mqtt_port: MQTTPort = None,
) -> None:
    """Bring the database to the schema of this version."""
    installation.migrate_all(bootstrap.build(_config(state, http_port, mqtt_port, None)))
    _out.print("The schema is current.")


@app.command("demo-data")
def demo_data(
    state: State = None,
    http_port: HTTPPort = None,
    mqtt_port: MQTTPort = None,
) -> None:
    """Add made-up units and contracts."""
    fleet = bootstrap.build(_config(state, http_port, mqtt_port, None))
    with fleet.writing() as connection:
        load_demo_history(connection, utc_now())
    _out.print("Twelve units and cards, five contracts, one of them with a past.")


@app.command("agent-certificate")
def agent_certificate(
    endpoint_id: str,
    folder: Annotated[Path, typer.Option("--out", help="Folder for key and certificate.")],
    state: State = None,
    http_port: HTTPPort = None,
    mqtt_port: MQTTPort = None,
) -> None:
    """Make key and certificate for an agent that cannot make its own, such as a vendor's."""
    if not is_endpoint_id(endpoint_id):
        raise InvalidEndpointError(f"{endpoint_id} is not an endpoint id.")
    pki = Pki(_config(state, http_port, mqtt_port, None).pki)
    certificate, key = make_client(pki, folder / "agent", endpoint_id, utc_now())
    _out.print(f"{certificate}\n{key}\nCheck the broker against {pki.root}", soft_wrap=True)


@app.command("sign-allow-list")
def sign_list(
    file: Annotated[Path, typer.Argument(help="The list, as TOML.")],
    out: Annotated[Path, typer.Option("--out", help="File for the signed list.")],
    state: State = None,
    http_port: HTTPPort = None,
    mqtt_port: MQTTPort = None,
) -> None:
    """Sign the list of what stays open to restricted services."""
    fleet = bootstrap.build(_config(state, http_port, mqtt_port, None))
    try:
        text = file.read_text(encoding="utf-8")
        with fleet.writing() as connection:
            version, document = allow_list_versions.sign(
                connection, fleet, text, _COMMAND_LINE, "", utc_now()
            )
        out.write_text(document, encoding="ascii")
    except OSError as error:
        raise OperatorError(f"{error.filename}: {error.strerror}.", "Name another file.") from error
    _out.print(
        f"{out}: version {version}, {len(document)} of {MAX_BYTES} characters",
        soft_wrap=True,
    )


@app.command("publish-allow-list")
def publish_list(
    version: Annotated[int, typer.Argument(help="Version of a list that was signed.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the audit log.")],
    state: State = None,
    http_port: HTTPPort = None,
    mqtt_port: MQTTPort = None,
) -> None:
    """Have a signed list rolled out: to the operator's systems, then to every device."""
    fleet = bootstrap.build(_config(state, http_port, mqtt_port, None))
    with fleet.writing() as connection:
        allow_list_versions.publish(connection, version, _COMMAND_LINE, reason, utc_now())
    _out.print(f"Version {version} is being rolled out; the console counts who confirmed it.")


@app.command("operator-system")
def operator_system(
    name: Annotated[System, typer.Argument(help="Which of the operator's systems.")],
    delay_ms: Annotated[int | None, typer.Option("--delay-ms", help="Each call is slow.")] = None,
    refuse: Annotated[int, typer.Option("--refuse", help="Refuse the next calls.")] = 0,
    fail: Annotated[int, typer.Option("--fail", help="Do nothing at the next calls.")] = 0,
    lose: Annotated[int, typer.Option("--lose", help="Lose the next answers.")] = 0,
    twice: Annotated[int, typer.Option("--twice", help="Answer the next calls twice.")] = 0,
    late: Annotated[int, typer.Option("--late", help="Carry the next calls out late.")] = 0,
    skip: Annotated[int, typer.Option("--skip", help="So many calls are well before.")] = 0,
    state: State = None,
) -> None:
    """What a simulated system of the operator was asked; options make it misbehave."""
    config = _config(state, None, None, None)
    system = bootstrap.operator_systems(config, bootstrap.build(config), utc_now).get(name)
    if system is None:
        raise OperatorError(f"{name} is not simulated.", "Ask the devices with `usp`.")
    wanted = Behaviour(delay_ms or 0, skip, refuse, fail, lose, twice, late)
    if delay_ms is not None or wanted != Behaviour():
        system.behave(wanted)
    for call in system.calls():
        line = f"{call.at} {call.operation_id} {call.kind} {call.outcome} {call.arguments}"
        _out.print(line, soft_wrap=True, markup=False, highlight=False)
    _out.print(str(system.behaviour()), markup=False, highlight=False)


@app.command("check-receipt")
def check_return_receipt(
    text: Annotated[str, typer.Argument(help="What the QR code of the receipt says.")],
    certificate: Annotated[
        Path | None, typer.Option("--certificate", help="pki/document.pem of the server.")
    ] = None,
    state: State = None,
) -> None:
    """Check a return receipt by the server's certificate alone; needs no server."""
    path = certificate or Pki(_config(state, None, None, None).pki).certificate(DOCUMENT)
    try:
        point = point_of(read_certificate(path))
    except (OSError, ValueError) as error:
        raise OperatorError(
            f"{path} holds no certificate of a P-256 key.", "Name another with --certificate."
        ) from error
    found = check_receipt(text, point, is_signed)
    _out.print(
        f"Good: receipt {found.number}, {found.product_class} {found.serial_number}, "
        f"handed in on {found.returned_on} at {found.place}, {found.condition}",
        soft_wrap=True,
        markup=False,
        highlight=False,
    )


@app.command("doctor")
def run_doctor(
    state: State = None,
    http_port: HTTPPort = None,
    mqtt_port: MQTTPort = None,
) -> None:
    """Check what an installation needs, and say how to get what is missing."""
    findings = doctor.examine(_config(state, http_port, mqtt_port, None), utc_now())
    for finding in findings:
        _out.print(f"{'ok  ' if finding.good else 'FAIL'} {finding.text}", soft_wrap=True)
    if not all(finding.good for finding in findings):
        raise typer.Exit(1)


def main() -> None:
    """Run the command line; the entry point `fleet-server`."""
    os.umask(0o077)
    handler = RichHandler(console=_errors, show_path=False, show_level=False)
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[handler])
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        app()
    except (OperatorError, RuleError) as error:
        _errors.print(str(error), soft_wrap=True, markup=False)
        sys.exit(1)


def _config(
    state: Path | None, http_port: int | None, mqtt_port: int | None, broker_host: str | None
) -> Config:
    return with_options(
        from_environment(state=state),
        http_port=http_port,
        mqtt_port=mqtt_port,
        broker_host=broker_host,
    )
