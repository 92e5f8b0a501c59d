"""Finds mosquitto, or gets it: with apt as root, else unpacked under the state folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from fleet_server.errors import OperatorError

_PACKAGE = "mosquitto"
_PLACES = (Path("/usr/sbin/mosquitto"), Path("/usr/local/sbin/mosquitto"))
_APT_TIMEOUT_S = 300
_REMEDY = "Install it with: apt install mosquitto"
_INSTALL = ("apt-get", "install", "--no-install-recommends", _PACKAGE)
_INSTALLS = "Inst "


def find_mosquitto(state: Path) -> Path | None:
    """The broker's program: on the path, where Debian puts it, or unpacked under `state`."""
    found = shutil.which(_PACKAGE)
    places = ([Path(found)] if found else []) + [*_PLACES, _unpacked(state) / "usr/sbin/mosquitto"]
    return next((place for place in places if os.access(place, os.X_OK)), None)


def obtain_mosquitto(state: Path) -> Path:
    """The broker's program, installed first if need be.

    Raises OperatorError with the one command that helps.
    """
    found = find_mosquitto(state)
    if found is not None:
        return found
    if shutil.which("apt-get") is None:
        raise OperatorError("The broker mosquitto is missing.", _REMEDY)
    try:
        if os.geteuid() == 0:
            _run([*_INSTALL, "--yes"], state)
        else:
            unpack_packages(_packages_to_unpack(state), _unpacked(state))
    except (OSError, subprocess.SubprocessError) as error:
        raise OperatorError("The broker mosquitto could not be installed.", _REMEDY) from error
    found = find_mosquitto(state)
    if found is None:
        raise OperatorError("The broker mosquitto could not be installed.", _REMEDY)
    return found


def library_path(state: Path) -> dict[str, str]:
    """What the environment needs so that an unpacked broker finds its libraries."""
    folders = {path.parent for path in (_unpacked(state) / "usr/lib").rglob("*.so*")}
    folders |= {path.parent for path in (_unpacked(state) / "lib").rglob("*.so*")}
    if not folders:
        return {}
    return {"LD_LIBRARY_PATH": os.pathsep.join(sorted(str(folder) for folder in folders))}


def unpack_packages(packages: list[str], folder: Path) -> None:
    """Download Debian packages and unpack them below `folder`; needs no root.

    Raises CalledProcessError.
    """
    downloads = folder / "packages"
    downloads.mkdir(parents=True, exist_ok=True)
    _run(["apt-get", "download", *packages], downloads)
    for package in downloads.glob("*.deb"):
        _run(["dpkg", "-x", str(package), str(folder)], downloads)


def _packages_to_unpack(state: Path) -> list[str]:
    """What apt would install; asking it needs no root."""
    said = _run([*_INSTALL, "--simulate"], state)
    return [line.split()[1] for line in said.splitlines() if line.startswith(_INSTALLS)]


def _run(words: list[str], folder: Path) -> str:
    done = subprocess.run(  # noqa: S603 - fixed commands
        words, cwd=folder, check=True, capture_output=True, text=True, timeout=_APT_TIMEOUT_S
    )
    return done.stdout


def _unpacked(state: Path) -> Path:
    return state / _PACKAGE
