"""Makes an installation, or brings one to this version: keys, databases, first accounts."""

from __future__ import annotations

import secrets
from datetime import datetime
from pathlib import Path

from fleet_server import bootstrap
from fleet_server.adapters import certificates, passwords
from fleet_server.adapters.allow_lists import lists_in
from fleet_server.adapters.certificates import Pki
from fleet_server.adapters.migration import migrate, migrate_people
from fleet_server.adapters.x509_files import write_private
from fleet_server.config import Config
from fleet_server.errors import OperatorError
from fleet_server.services import accounts, allow_list_versions
from fleet_server.services.fleet import Fleet

_PASSWORD_BYTES = 9


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
    fleet = bootstrap.build(config)
    migrate_all(fleet)
    for kept in config.state.glob("*.db"):
        kept.chmod(0o600)
    _make_accounts(fleet, config, now)
    with fleet.writing() as connection:
        allow_list_versions.keep(connection, lists_in(config.state / "allow-lists"))
    bootstrap.close(fleet)


def first_sign_in_path(config: Config) -> Path:
    """Where the passwords of the first accounts stand until someone deletes the file."""
    return config.state / "first-sign-in.txt"


def migrate_all(fleet: Fleet) -> None:
    """Bring both databases to the schema of this version."""
    migrate(fleet.engine)
    if fleet.people is not None:
        migrate_people(fleet.people)


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
