"""Whether a device has what a command names, by the supported data model it told.

A device whose model is not known yet is taken at its word when the command gets there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlalchemy import Connection, and_, select

from agent.wire.codes import AUTHORIZATION_ARGUMENT
from fleet_server.domain.errors import InvalidCommandError
from fleet_server.protocol import usp_pb2 as usp
from fleet_server.services import tables as t
from fleet_server.services.commands import Order

_SEARCH = re.compile(r"\[[^\]]*\]")
_INSTANCE = re.compile(r"(?<=\.)(\*|[1-9][0-9]*)(?=\.|$)")
_READ_ONLY = 0


def check_supported(connection: Connection, order: Order) -> None:
    """Raises InvalidCommandError, which names what the device does not have."""
    answer = _model_of(connection, order.endpoint_id)
    if answer is None:
        return
    if order.command:
        _check_command(answer, order)
    else:
        for path in order.args:
            _check_parameter(answer, path)


def _model_of(connection: Connection, endpoint_id: str) -> usp.GetSupportedDMResp | None:
    model, agent = t.supported_model.c, t.agent.c
    is_its = and_(
        model.manufacturer == agent.manufacturer,
        model.model_name == agent.model_name,
        model.software_version == agent.software_version,
    )
    query = select(model.answer).join(t.agent, is_its).where(agent.endpoint_id == endpoint_id)
    answer = connection.scalar(query)
    return usp.GetSupportedDMResp.FromString(answer) if answer is not None else None


def _check_command(answer: usp.GetSupportedDMResp, order: Order) -> None:
    parent, name = _split(order.command)
    for found in _objects(answer, parent):
        for command in found.supported_commands:
            if command.command_name == name:
                _check_arguments(order, list(command.input_arg_names))
                return
    raise InvalidCommandError("The device has no command %(command)s.", command=order.command)


def _check_arguments(order: Order, supported: list[str]) -> None:
    known = {_general(f".{name}") for name in supported}
    for name in order.args:
        if name != AUTHORIZATION_ARGUMENT and _general(f".{name}") not in known:
            names = ", ".join(sorted(set(supported) - {AUTHORIZATION_ARGUMENT}))
            if not names:
                raise InvalidCommandError(
                    "%(command)s takes no argument %(argument)s; it takes: none.",
                    command=order.command,
                    argument=name,
                )
            raise InvalidCommandError(
                "%(command)s takes no argument %(argument)s; it takes: %(possible)s.",
                command=order.command,
                argument=name,
                possible=names,
            )


def _check_parameter(answer: usp.GetSupportedDMResp, path: str) -> None:
    parent, name = _split(path)
    for found in _objects(answer, parent):
        for parameter in found.supported_params:
            if parameter.param_name == name:
                if parameter.access == _READ_ONLY:
                    raise InvalidCommandError("%(path)s cannot be set.", path=path)
                return
    raise InvalidCommandError("The device has no parameter %(path)s.", path=path)


def _objects(
    answer: usp.GetSupportedDMResp, path: str
) -> Iterator[usp.GetSupportedDMResp.SupportedObject]:
    for requested in answer.req_obj_results:
        for found in requested.supported_objs:
            if found.supported_obj_path == path:
                yield found


def _split(path: str) -> tuple[str, str]:
    """The object as the supported model names it, and the last name."""
    parent, _, name = _general(path).rpartition(".")
    return parent + ".", name


def _general(path: str) -> str:
    """With {i} for each instance, search and wildcard."""
    return _INSTANCE.sub("{i}", _SEARCH.sub("*", path))
