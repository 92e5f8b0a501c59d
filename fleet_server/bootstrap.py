"""Puts one installation together: the only place that picks real adapters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from fleet_server.adapters import broker, certificates, failpoint
from fleet_server.adapters.certificates import DeviceAuthority, FileSigningKey, Pki
from fleet_server.adapters.command_link import CommandLink
from fleet_server.adapters.database import open_database
from fleet_server.adapters.dispatcher import Dispatcher
from fleet_server.adapters.failpoint_calls import CalledThroughFailpoint
from fleet_server.adapters.settings_seal import FileSettingsKey
from fleet_server.adapters.simulated import (
    SimulatedAccess,
    SimulatedConditionalAccess,
    SimulatedNotices,
    SimulatedSystem,
    SimulatedVoice,
    SimulatedWorkOrders,
)
from fleet_server.config import Config
from fleet_server.domain.operations import System
from fleet_server.services import tables as t
from fleet_server.services.command_desk import CommandDesk
from fleet_server.services.fleet import Fleet
from fleet_server.services.operator_ports import OperatorSystem
from fleet_server.services.policy import read_policy


def build(config: Config) -> Fleet:
    """The fleet of an installation; nothing is opened before its first use."""
    pki = Pki(config.pki)
    return Fleet(
        engine=open_database(config.database),
        authority=DeviceAuthority(pki),
        command_key=FileSigningKey(pki.key("command")),
        document_key=FileSigningKey(pki.key(certificates.DOCUMENT)),
        controller_id=config.controller_id,
        broker_host=config.broker_host,
        broker_port=config.mqtt_port,
        people=open_database(config.people_database),
        settings_key=FileSettingsKey(pki.key(certificates.SETTINGS)),
    )


def close(fleet: Fleet) -> None:
    """Give back the connections."""
    fleet.engine.dispose()
    if fleet.people is not None:
        fleet.people.dispose()


def dispatcher(config: Config, fleet: Fleet, now: Callable[[], datetime]) -> Dispatcher:
    """What sends commands to devices; its connection is opened by the caller."""
    link = CommandLink(broker.address(config), Pki(config.pki), config.controller_id)
    desk = CommandDesk(config.controller_id, fleet.command_key)
    return Dispatcher(fleet, link, desk, now, failpoint.from_environment())


def called_systems(
    config: Config, fleet: Fleet, now: Callable[[], datetime]
) -> dict[System, OperatorSystem]:
    """The operator's systems as the courier calls them."""
    point = failpoint.from_environment()
    systems = operator_systems(config, fleet, now)
    return {name: CalledThroughFailpoint(system, point) for name, system in systems.items()}


def operator_systems(
    config: Config, fleet: Fleet, now: Callable[[], datetime]
) -> dict[System, SimulatedSystem]:
    """The adapters of this installation: simulations, each with a file under the state folder."""
    folder = _systems(config)
    return {
        System.ACCESS: SimulatedAccess(folder / "access.db", now),
        System.VOICE: voice_system(config, fleet, now),
        System.CONDITIONAL_ACCESS: SimulatedConditionalAccess(
            folder / "conditional_access.db", now
        ),
        System.NOTICES: SimulatedNotices(folder / "notices.db", now),
        System.WORK_ORDERS: SimulatedWorkOrders(folder / "work_orders.db", now),
    }


def voice_system(config: Config, fleet: Fleet, now: Callable[[], datetime]) -> SimulatedVoice:
    """The softswitch, which can also be asked about a line."""
    with fleet.reading() as connection:
        numbers = read_policy(connection).emergency_numbers
    return SimulatedVoice(_systems(config) / "voice.db", now, permanent_numbers=numbers)


def _systems(config: Config) -> Path:
    return config.state / "operator-systems"


def write_revocations(config: Config, now: datetime) -> None:
    """Bring the broker's list of revoked certificates in step with the database."""
    fleet = build(config)
    with fleet.reading() as connection:
        revoked = connection.scalars(
            select(t.certificate.c.certificate_serial_number).where(
                t.certificate.c.revoked_at.is_not(None)
            )
        ).all()
    certificates.write_revocations(Pki(config.pki), revoked, now)
    fleet.engine.dispose()
