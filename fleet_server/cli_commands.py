"""`fleet-server command`: give a device a command, see where it stands, call it back.

What is queued here is sent by the running server, as soon as the device is connected.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from fleet_server.adapters.clock import utc_now
from fleet_server.cli_shared import By, Reason, State, Watch, follow, moment, opened, person, say
from fleet_server.domain import command as rules
from fleet_server.domain.errors import InvalidError
from fleet_server.services import command_orders, commands
from fleet_server.services.commands import Command, Order

command = typer.Typer(no_args_is_help=True, help="Commands to devices: queue, list, show, cancel.")

Key = Annotated[str, typer.Argument(metavar="KEY", help="The command's key, as `list` shows it.")]


@command.command("queue")
def queue_command(
    endpoint_id: Annotated[str, typer.Argument(metavar="ENDPOINT")],
    path: Annotated[str, typer.Argument(metavar="COMMAND", help="Such as Device.Reboot().")],
    reason: Reason,
    arguments: Annotated[list[str] | None, typer.Argument(metavar="[ARG=VALUE]...")] = None,
    hours: Annotated[int, typer.Option("--hours", min=1, max=720, help="Expires after.")] = 24,
    watch: Watch = False,
    by: By = "",
    state: State = None,
) -> None:
    """Give a device a command; it goes out when the device is connected."""
    now = utc_now()
    order = Order(endpoint_id, path, _pairs(arguments or []), now + timedelta(hours=hours))
    key = f"cli-{secrets.token_hex(8)}"
    with opened(state) as fleet, fleet.writing() as connection:
        command_orders.give(connection, person(by), key, order, reason, now)
    say(f"Queued as {key}.")
    if watch:
        _follow(state, key)


@command.command("list")
def list_commands(
    endpoint_id: Annotated[str, typer.Option("--endpoint", help="Only of this device.")] = "",
    in_state: Annotated[
        rules.State | None, typer.Option("--in", help="Only in this state.")
    ] = None,
    number: Annotated[int, typer.Option("--number", min=1, max=1000, help="At most.")] = 50,
    state: State = None,
) -> None:
    """Commands, the newest first."""
    with opened(state) as fleet, fleet.reading() as connection:
        if endpoint_id:
            found = commands.list_of_device(connection, endpoint_id, None, number)
            found = [one for one in found if in_state in (None, one.state)]
        elif in_state:
            found = commands.list_in_state(connection, in_state, None, number)
        else:
            found = commands.list_all(connection, None, number)
    for one in found:
        name = one.command or "Set"
        say(f"{one.command_key:32} {one.state.value:9} {_short(one)} {one.endpoint_id} {name}")
    if not found:
        say("There is none.")


@command.command("show")
def show_command(
    key: Key,
    watch: Watch = False,
    state: State = None,
) -> None:
    """How a command stands: moments, answer, what can still be called back."""
    if watch:
        _follow(state, key)
        return
    _tell(_read(state, key))


@command.command("cancel")
def cancel_command(key: Key, reason: Reason, by: By = "", state: State = None) -> None:
    """Call a command back: at once while it is queued, by overtaking once it has left."""
    with opened(state) as fleet, fleet.writing() as connection:
        found = commands.cancel(connection, person(by), key, reason, utc_now())
    if found.past_recall:
        say(f"{key} is past recall: {found.state}. Look at it again with `command show`.")
        raise typer.Exit(1)
    if found.has_ended:
        say(f"{key} is cancelled; it never runs.")
        return
    say(f"{key} was called back; `command show {key} --watch` tells whether in time.")


def _follow(state: Path | None, key: str) -> None:
    """One line at every change, until the command has ended."""
    lines: list[str] = []

    def look() -> tuple[list[str], bool]:
        found = _read(state, key)
        line = f"{found.state}{f': {found.error_text}' if found.error_text else ''}"
        if not lines or not lines[-1].endswith(f" {line}"):
            lines.append(f"{utc_now():%H:%M:%S.%f} {line}")
        return lines, found.has_ended

    follow(look)
    _tell(_read(state, key))


def _tell(found: Command) -> None:
    say(f"{found.command or 'Set'} to {found.endpoint_id}: {found.state.value}")
    moments = {
        "queued": found.queued_at,
        "sent": found.sent_at,
        "accepted": found.accepted_at,
        "finished": found.finished_at,
        "expires": found.expires_at,
    }
    for name, at in moments.items():
        if at:
            say(f"  {name:9} {moment(at)}")
    say(f"  tries     {found.tries}")
    for name, value in found.outputs.items():
        say(f"  {name} = {value}")
    if found.error_text or found.error_code:
        say(f"  error     {found.error_code} {found.error_text}")
    if found.past_recall:
        say("  past recall: it could not be called back in time")
    elif found.cancelling:
        say("  called back; whether in time is not known yet")


def _short(found: Command) -> str:
    return moment(found.finished_at or found.accepted_at or found.sent_at or found.queued_at)


def _pairs(texts: list[str]) -> dict[str, str]:
    found = dict(text.split("=", 1) for text in texts if text.find("=") > 0)
    if len(found) != len(texts):
        raise InvalidError("Each argument is NAME=VALUE, each name once.")
    return found


def _read(state: Path | None, key: str) -> Command:
    with opened(state) as fleet, fleet.reading() as connection:
        return commands.read(connection, key)
