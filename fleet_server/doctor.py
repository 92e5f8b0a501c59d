"""Looks an installation over: what it needs, what it has, how to get the rest."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from fleet_server import bootstrap
from fleet_server.adapters.broker_install import find_mosquitto
from fleet_server.adapters.certificates import Pki
from fleet_server.adapters.database import is_current
from fleet_server.adapters.x509_files import read_certificate
from fleet_server.config import Config

_SOON = timedelta(days=30)
_OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `text` ends with what helps when it is not good."""

    good: bool
    text: str


def examine(config: Config, now: datetime) -> list[Finding]:
    """Everything that was looked at."""
    mosquitto = find_mosquitto(config.state)
    if mosquitto is None:
        broker = Finding(False, "mosquitto is missing: apt install mosquitto")
    else:
        broker = Finding(True, f"mosquitto: {mosquitto}")
    return [broker, *_certificates(Pki(config.pki), now), _database(config)]


def _certificates(pki: Pki, now: datetime) -> Iterator[Finding]:
    for name in ("root", "device-ca", "broker", "controller", "engineer"):
        path = pki.certificate(name)
        if not path.exists():
            yield Finding(False, f"certificate {name} is missing: fleet-server init")
            continue
        end = read_certificate(path).not_valid_after_utc
        good = end - now > _SOON
        yield Finding(good, f"certificate {name} is valid until {end:%Y-%m-%d}")
    for key in sorted(pki.folder.glob("*.key")):
        if _is_open(key):
            yield Finding(False, f"others may read {key}: chmod 600 {key}")


def _is_open(path: Path) -> bool:
    return bool(os.stat(path).st_mode & _OTHERS)


def _cause(error: SQLAlchemyError) -> str:
    return str(error.__cause__ or error).splitlines()[0]


def _database(config: Config) -> Finding:
    if not config.database_url and not (config.state / "fleet.db").exists():
        return Finding(False, f"there is no database in {config.state}: fleet-server init")
    engine = bootstrap.build(config).engine
    try:
        current = is_current(engine)
    except SQLAlchemyError as error:
        return Finding(False, f"database {config.database} cannot be opened: {_cause(error)}")
    finally:
        engine.dispose()
    if current:
        return Finding(True, "the database has the schema of this version")
    return Finding(False, "the database has another schema: fleet-server migrate")
