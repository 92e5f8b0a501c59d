"""Puts one installation together: the only place that picks real adapters."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from fleet_server.adapters import broker, certificates, passwords
from fleet_server.adapters.allow_lists import lists_in
from fleet_server.adapters.certificates import DeviceAuthority, FileSigningKey, Pki
from fleet_server.adapters.database import migrate, migrate_people, open_database
from fleet_server.adapters.device_commands import DeviceCommands
from fleet_server.adapters.settings_seal import FileSettingsKey
from fleet_server.adapters.simulated import (
    SimulatedAccess,
    SimulatedConditionalAccess,
    SimulatedNotices,
    SimulatedSystem,
    SimulatedVoice,
    SimulatedWorkOrders,
)
from fleet_server.adapters.usp_client import open_client
from fleet_server.adapters.x509_files import write_private
from fleet_server.config import Config
from fleet_server.domain.operations import System
from fleet_server.errors import OperatorError
from fleet_server.services import accounts, allow_list_versions
from fleet_server.services import tables as t
from fleet_server.services.fleet import Fleet
from fleet_server.services.operator_ports import OperatorSystem
from fleet_server.services.policy import read_policy

_PASSWORD_BYTES = 9


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


def migrate_all(fleet: Fleet) -> None:
    """Bring both databases to the schema of this version."""
    migrate(fleet.engine)
    if fleet.people is not None:
        migrate_people(fleet.people)


def close(fleet: Fleet) -> None:
    """Give back the connections."""
    fleet.engine.dispose()
    if fleet.people is not None:
        fleet.people.dispose()


def first_sign_in_path(config: Config) -> Path:
    """Where the passwords of the first accounts stand until someone deletes the file."""
    return config.state / "first-sign-in.txt"


def initialise(config: Config, now: datetime) -> None:
    """Make PKI, database and first accounts; what is there already stays as it is.

    Raises OperatorError when the state folder cannot be used.
    """
    try:
        config.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OperatorError(
            f"The state folder {config.state} cannot be made: {error.strerror}.",
            "Choose another with --state.",
        ) from error
    pki = Pki(config.pki)
    certificates.make_pki(pki, config.broker_host, config.controller_id, now)
    fleet = build(config)
    migrate_all(fleet)
    for kept in config.state.glob("*.db"):
        kept.chmod(0o600)
    _make_accounts(fleet, config, now)
    with fleet.writing() as connection:
        allow_list_versions.keep(connection, lists_in(config.state / "allow-lists"))
    close(fleet)


def operator_systems(
    config: Config, fleet: Fleet, now: Callable[[], datetime]
) -> dict[System, OperatorSystem]:
    """The adapters of this installation: simulations of the operator's systems, real devices."""
    address, pki = broker.address(config), Pki(config.pki)
    return {
        **simulated_systems(config, fleet, now),
        System.DEVICE: DeviceCommands(
            fleet, lambda: open_client(address, pki, config.controller_id), now
        ),
    }


def simulated_systems(
    config: Config, fleet: Fleet, now: Callable[[], datetime]
) -> dict[System, SimulatedSystem]:
    """What stands in for the operator's systems, each with a file under the state folder."""
    folder = config.state / "operator-systems"
    with fleet.reading() as connection:
        numbers = read_policy(connection).emergency_numbers
    return {
        System.ACCESS: SimulatedAccess(folder / "access.db", now),
        System.VOICE: SimulatedVoice(folder / "voice.db", now, permanent_numbers=numbers),
        System.CONDITIONAL_ACCESS: SimulatedConditionalAccess(
            folder / "conditional_access.db", now
        ),
        System.NOTICES: SimulatedNotices(folder / "notices.db", now),
        System.WORK_ORDERS: SimulatedWorkOrders(folder / "work_orders.db", now),
    }


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


def _make_accounts(fleet: Fleet, config: Config, now: datetime) -> None:
    with fleet.writing() as connection:
        made = accounts.create_first_accounts(
            connection,
            passwords.Argon2Hasher(),
            lambda: secrets.token_urlsafe(_PASSWORD_BYTES),
            now,
        )
        if made:
            lines = "".join(f"{one.username} {one.password}\n" for one in made)
            write_private(first_sign_in_path(config), lines.encode())
