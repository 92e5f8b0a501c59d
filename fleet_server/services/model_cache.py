"""Keeps what onboarding learnt: identity, values, and the supported model once per software."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, select, update

from fleet_server.domain import event as kinds
from fleet_server.domain.event import storable
from fleet_server.protocol import usp_pb2 as usp
from fleet_server.services import tables as t
from fleet_server.services.agents import Agent
from fleet_server.services.onboarding import Findings, ModelKey, model_key
from fleet_server.services.subscriptions import told_values
from fleet_server.services.upsert import upsert

_INFO = "Device.DeviceInfo."
_LAB = _INFO + "X_IPKO-COM_Lab"
_LONGEST_PATH = 256


def known_models(connection: Connection) -> set[ModelKey]:
    """The keys of every supported model on record."""
    table = t.supported_model.c
    query = select(table.manufacturer, table.model_name, table.software_version)
    return {ModelKey(*row) for row in connection.execute(query)}


def keep_findings(
    connection: Connection, agent: Agent, known: set[ModelKey], now: datetime
) -> None:
    """Write what the agent's onboarding found since the last time, and add to `known`."""
    if agent.onboarding is None:
        return
    found = agent.onboarding.findings()
    if found.protocol_versions is not None:
        connection.execute(
            update(t.agent)
            .where(t.agent.c.endpoint_id == agent.endpoint_id)
            .values(protocol_versions=found.protocol_versions)
        )
    if found.device_info is not None:
        _keep_identity(connection, agent.endpoint_id, found.device_info)
        _keep_values(connection, agent.endpoint_id, found.device_info, now)
    if found.state is not None:
        _keep_values(connection, agent.endpoint_id, found.state, now)
    _keep_model(connection, found, known, now)
    if found.onboarded:
        agent.onboarded_at, agent.dirty = now, True
    if found.finished:
        agent.onboarding = None


def keep_told(
    connection: Connection, told: Iterable[tuple[str, str, usp.Notify]], now: datetime
) -> None:
    """Put down the values that new notifications tell: each is (endpoint id, kind, Notify)."""
    values = {}
    for endpoint_id, kind, notify in told:
        if kind == kinds.VALUE_CHANGE:
            found = {notify.value_change.param_path[:256]: notify.value_change.param_value}
        else:
            found = told_values(notify.event.event_name, notify.event.params)
        for path, value in found.items():
            values[(endpoint_id, path)] = value
    upsert(
        connection,
        t.parameter,
        [
            {"endpoint_id": endpoint_id, "path": path, "value": value, "reported_at": now}
            for (endpoint_id, path), value in values.items()
        ],
    )


def _keep_model(
    connection: Connection, found: Findings, known: set[ModelKey], now: datetime
) -> None:
    key = found.model_key
    if key is None:
        return
    upsert(
        connection,
        t.supported_model,
        [
            {
                "manufacturer": key.manufacturer,
                "model_name": key.model_name,
                "software_version": key.software_version,
                "answer": found.supported_model,
                "fetched_at": now,
            }
        ],
    )
    known.add(key)


def _keep_identity(connection: Connection, endpoint_id: str, info: Mapping[str, str]) -> None:
    key = model_key(info)
    named = {
        "manufacturer": key.manufacturer,
        "model_name": key.model_name,
        "software_version": key.software_version,
    }
    connection.execute(update(t.agent).where(t.agent.c.endpoint_id == endpoint_id).values(**named))
    connection.execute(
        update(t.unit)
        .where(t.unit.c.endpoint_id == endpoint_id)
        .values(hardware_version=storable(info.get(_INFO + "HardwareVersion", ""), 64), **named)
    )
    if info.get(_LAB) in ("true", "1"):
        connection.execute(
            update(t.unit).where(t.unit.c.endpoint_id == endpoint_id).values(lab=True)
        )


def _keep_values(
    connection: Connection, endpoint_id: str, values: Mapping[str, str], now: datetime
) -> None:
    upsert(
        connection,
        t.parameter,
        [
            {"endpoint_id": endpoint_id, "path": path, "value": value, "reported_at": now}
            for path, value in values.items()
            if len(path) <= _LONGEST_PATH and "\0" not in path + value
        ],
    )
