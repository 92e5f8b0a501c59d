"""Commands that a person gives to a device directly, with a reason on record."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from fleet_server.domain.errors import InvalidCommandError, NotFoundError
from fleet_server.services import audit, commands
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.commands import Command, Order
from fleet_server.services.supported import check_supported

# What other decisions have devices do: given by hand, registry, network and device would disagree.
# The words say what to do instead.
RESERVED = {
    "Device.X_IPKO-COM_Replacement.": "Order a swap instead: it asks network and units in turn.",
    "Device.X_IPKO-COM_Service.": "Decide on the service instead: the network has to follow too.",
}


class UnknownDeviceError(NotFoundError):
    """No device of this endpoint was registered or has connected."""


class ReservedCommandError(InvalidCommandError):
    """The command is given by another decision, never by hand."""


def give(
    connection: Connection,
    actor: Actor,
    command_key: str,
    order: Order,
    reason: str,
    now: datetime,
) -> Command:
    """Queue a command on a person's behalf; the same order under the same key again is the same.

    Raises UnknownDeviceError, ReservedCommandError, InvalidCommandError, CommandKeyTakenError.
    """
    if len(reason.strip()) < 3:
        raise InvalidCommandError("A command needs its reason, in three characters or more.")
    for path, advice in RESERVED.items():
        if any(name.startswith(path) for name in _touched(order)):
            raise ReservedCommandError(
                "%(command)s is not given by hand. %(advice)s",
                command=order.command or path,
                advice=advice,
            )
    if not _is_known(connection, order.endpoint_id):
        raise UnknownDeviceError("There is no device %(device)s.", device=order.endpoint_id)
    check_supported(connection, order)
    is_new = not commands.find(connection, [command_key])
    commands.queue(connection, command_key, order, now)
    if is_new:
        entry = Entry(
            "command_queued",
            f"command:{command_key}",
            {"endpoint": order.endpoint_id, "command": order.command},
        )
        audit.append(connection, actor, [entry], now, reason)
    return commands.read(connection, command_key)


def is_connected(connection: Connection, endpoint_id: str) -> bool:
    """Whether the device was last known to be there."""
    found = connection.scalar(
        select(t.presence.c.state).where(t.presence.c.endpoint_id == endpoint_id)
    )
    return found == "online"


def _touched(order: Order) -> tuple[str, ...]:
    """The paths a command names; `Path` is that of a wrapped Set, Add or Delete."""
    return (order.command, *order.args, order.args.get("Path", ""))


def _is_known(connection: Connection, endpoint_id: str) -> bool:
    agent = select(t.agent.c.endpoint_id).where(t.agent.c.endpoint_id == endpoint_id)
    unit = select(t.unit.c.endpoint_id).where(t.unit.c.endpoint_id == endpoint_id)
    return connection.execute(agent.union(unit)).first() is not None
