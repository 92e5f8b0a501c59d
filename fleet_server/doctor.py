"""Looks an installation over: what it needs, what it has, how to get the rest.

Nothing is changed. What a check cannot find out is a finding that is not good.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from fleet_server import doctor_data, doctor_service
from fleet_server.adapters.certificates import Pki
from fleet_server.adapters.x509_files import read_certificate
from fleet_server.config import Config
from fleet_server.installation import first_sign_in_path

_SOON = timedelta(days=30)
_HAND_OUT = timedelta(days=7)
_OTHERS = 0o077
_LEAST_FREE_BYTES = 1 << 30
_LEAST_FREE_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `text` ends with what helps when it is not good."""

    good: bool
    text: str


def examine(config: Config, now: datetime) -> list[Finding]:
    """Everything that was looked at."""
    found = [*_disk(config), *_modes(config, now), *_certificates(Pki(config.pki), now)]
    for good, text in (
        *doctor_service.examine(config),
        *doctor_data.examine(config, now),
    ):
        found.append(Finding(good, text))
    return found


def _disk(config: Config) -> Iterator[Finding]:
    folder = config.state if config.state.is_dir() else config.state.parent
    if not folder.is_dir():
        yield Finding(False, f"{folder} does not exist: name another folder with --state")
        return
    usage = shutil.disk_usage(folder)
    enough = usage.free >= max(_LEAST_FREE_BYTES, usage.total * _LEAST_FREE_SHARE)
    text = f"{usage.free / 1e9:.1f} GB are free for {config.state}"
    yield Finding(enough, text if enough else f"{text}: make room, or run fleet-server forget")


def _modes(config: Config, now: datetime) -> Iterator[Finding]:
    private = [config.state, *config.state.glob("*.db*"), *config.pki.glob("*.key")]
    for path in sorted(path for path in private if path.exists() and _is_open(path)):
        mode = "700" if path.is_dir() else "600"
        yield Finding(False, f"others may read {path}: chmod {mode} {path}")
    sign_in = first_sign_in_path(config)
    if sign_in.exists():
        age_s = now.timestamp() - sign_in.stat().st_mtime
        if age_s > _HAND_OUT.total_seconds():
            yield Finding(False, f"{sign_in} holds passwords: hand them out and delete it")


def _certificates(pki: Pki, now: datetime) -> Iterator[Finding]:
    for name in ("root", "device-ca", "broker", "controller", "engineer"):
        path = pki.certificate(name)
        if not path.exists():
            yield Finding(False, f"certificate {name} is missing: fleet-server init")
            continue
        certificate = read_certificate(path)
        end = certificate.not_valid_after_utc
        if now < certificate.not_valid_before_utc:
            yield Finding(False, f"certificate {name} is not valid yet: set the clock of this host")
            continue
        good = end - now > _SOON
        yield Finding(good, f"certificate {name} is valid until {end:%Y-%m-%d}")
        if not pki.key(name).exists() and name != "engineer":
            yield Finding(False, f"{pki.key(name)} is missing: restore it from the keys' backup")


def _is_open(path: Path) -> bool:
    return bool(os.stat(path).st_mode & _OTHERS)
