"""Authorises commands that can harm: signs exactly one command for exactly one endpoint.

The counter only goes up, and is committed before the token leaves, so that no two tokens of an
endpoint share one. Source: docs/developer/architecture.md, "Authorisation of commands that can
harm".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, select, update

from agent.wire.authorisation import signing_input, token_text
from agent.wire.codes import OVERTAKE
from fleet_server.services import tables as t
from fleet_server.services.fleet import Fleet
from fleet_server.services.ports import SigningKey
from fleet_server.services.upsert import add_to, insert_new

LIFETIME = timedelta(minutes=5)
# Far below what a device can count to (agent/core/authorisation.py).
_HIGHEST_COUNTER = 1 << 52
_OBJECTS = ("Device.X_IPKO-COM_Replacement.", "Device.X_IPKO-COM_Service.")
_COMMANDS = (
    "Device.Reboot()",
    "Device.FactoryReset()",
    "Device.LocalAgent.X_IPKO-COM_Apply()",
    OVERTAKE,
)
_LINE_TEST = ".DiagTests()"
_FIRMWARE = "Device.DeviceInfo.FirmwareImage."
_FIRMWARE_COMMANDS = (".Download()", ".Activate()")


def needs_authorisation(command: str) -> bool:
    """Whether our agents demand an authorisation for this command."""
    if command in _COMMANDS or command.startswith(_OBJECTS) or command.endswith(_LINE_TEST):
        return True
    return command.startswith(_FIRMWARE) and command.endswith(_FIRMWARE_COMMANDS)


@dataclass(frozen=True, slots=True)
class Token:
    """What lets one command run once, until `expires_at`."""

    text: str
    counter: int
    expires_at: datetime


def authorise_command(
    fleet: Fleet,
    endpoint_id: str,
    command: str,
    command_key: str,
    args: Mapping[str, str],
    now: datetime,
) -> str:
    """The token that lets this one command run once, within LIFETIME."""
    with fleet.writing() as connection:
        token = sign_command(
            connection, fleet.command_key, endpoint_id, command, command_key, args, now
        )
    return token.text


def sign_command(
    connection: Connection,
    key: SigningKey,
    endpoint_id: str,
    command: str,
    command_key: str,
    args: Mapping[str, str],
    now: datetime,
) -> Token:
    """The same, for a caller who commits before the token leaves."""
    counter = _next_counter(connection, endpoint_id)
    issued_at = int(now.timestamp())
    expires_at = issued_at + int(LIFETIME.total_seconds())
    signed = signing_input(
        endpoint_id, command, command_key, dict(args), counter, issued_at, expires_at
    )
    return Token(
        token_text(signed, key.sign(signed)), counter, datetime.fromtimestamp(expires_at, UTC)
    )


def raise_counter(connection: Connection, endpoint_id: str, accepted: int) -> None:
    """Go on above a counter that the device accepted: a restored backup may have forgotten it."""
    if not 0 < accepted < _HIGHEST_COUNTER:
        return
    insert_new(connection, t.command_counter, [{"endpoint_id": endpoint_id, "last": 0}], ("last",))
    connection.execute(
        update(t.command_counter)
        .where(t.command_counter.c.endpoint_id == endpoint_id, t.command_counter.c.last < accepted)
        .values(last=accepted)
    )


def _next_counter(connection: Connection, endpoint_id: str) -> int:
    key = {"endpoint_id": endpoint_id}
    add_to(connection, t.command_counter, key, "last", 1)
    query = select(t.command_counter.c.last).where(t.command_counter.c.endpoint_id == endpoint_id)
    last: int = connection.execute(query).scalar_one()
    return last
