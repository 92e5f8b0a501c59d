"""Puts one device into service: key and certificate, addresses, service position, online.

Nothing on the device takes effect before `commit`, and the server gives a new certificate for the
same position until the device was online. So provisioning may be killed anywhere and run again:
a device that is committed already only has to come online.
"""

import base64
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agent.wire.replacement import SPARE_POSITION
from firmware_tools.device_console import DeviceConsole, DeviceIdentity
from firmware_tools.errors import (
    BlacklistedError,
    CertificateRefusedError,
    DeviceRefusedError,
    NoAnswerError,
    NotOnlineError,
    UnitNotFreeError,
    UnknownSerialError,
)
from firmware_tools.registry import Registry

ONLINE_S = 60.0
_LOOK_S = 0.25
_SETTINGS = (
    "certificate",
    "ca",
    "command_key",
    "broker_host",
    "broker_port",
    "controller",
    "position",
)


_FORGOTTEN = ("offset", "missing")
"""What a device says that lacks what it was given before."""


class Progress(Protocol):
    """Shows what is being done."""

    def step(self, text: str) -> AbstractContextManager[None]:
        """Show `text` as being done, then as done (or as failed, when it raises)."""


class Quiet:
    """Shows nothing."""

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        yield


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the device goes: contract number, and position such as `voice` or `tv-1`; a spare one
    to no contract."""

    contract: str
    position: str

    def __str__(self) -> str:
        return f"{self.contract} {self.position}".lstrip()


SPARE = Placement("", SPARE_POSITION)


def provision(
    device: DeviceConsole,
    registry: Registry,
    place: Placement,
    progress: Progress,
    online_s: float = ONLINE_S,
) -> DeviceIdentity:
    """Put the device into service and return it; quick when it is there already.

    Returns only when device and server both say that it is online. Raises the ToolError of what
    is in the way.
    """
    with progress.step("device answers"):
        identity = device.hello()
    with progress.step(f"{identity.endpoint_id} is known to the server"):
        unit = _known(registry, identity)
    if identity.state == "provisioned" and _is_at(unit, place):
        with progress.step(f"in service at {place} already"):
            pass
    else:
        _put_into_service(device, registry, place, progress, identity, unit)
    with progress.step("device says it is online"):
        _wait_for_device(device, online_s)
    with progress.step("server says it is online"):
        _wait_for_server(registry, identity.serial_number, online_s)
    return identity


def _known(registry: Registry, identity: DeviceIdentity) -> dict[str, Any]:
    if identity.lab:  # its console is open and its commands need no authorisation
        raise UnitNotFreeError(
            f"{identity.endpoint_id} is a lab board and may not serve a contract",
            "Use a production unit.",
        )
    unit = registry.unit(identity.serial_number)
    if unit["endpoint_id"] != identity.endpoint_id:
        raise UnknownSerialError(
            f"serial number {identity.serial_number} belongs to {unit['endpoint_id']} at the "
            f"server, but the device is {identity.endpoint_id}"
        )
    if unit["status"] == "blacklisted":
        raise BlacklistedError(f"{identity.endpoint_id} is blacklisted")
    return unit


def _is_at(unit: dict[str, Any], place: Placement) -> bool:
    held = (unit.get("contract"), unit.get("position"))
    return unit["status"] == "in_service" and held == (place.contract, place.position)


def _put_into_service(
    device: DeviceConsole,
    registry: Registry,
    place: Placement,
    progress: Progress,
    identity: DeviceIdentity,
    unit: dict[str, Any],
) -> None:
    if unit["status"] == "in_service" and not _is_at(unit, place):
        raise UnitNotFreeError(
            f"{identity.endpoint_id} is in service already, at "
            f"{unit.get('contract') or 'another contract'} {unit.get('position') or ''}".rstrip()
        )
    if identity.state == "provisioned":
        with progress.step("console opened with the server's token"):
            device.open(registry.console_token(identity.serial_number, identity.nonce))
    with progress.step("device made its key"):
        csr = device.new_key()
    with progress.step(f"server issued its certificate for {place}"):
        issued = registry.enrol(identity.serial_number, csr, place.contract, place.position)
        _check(identity.endpoint_id, csr, issued["certificate"])
    try:
        _install(device, progress, identity, issued)
    except DeviceRefusedError as error:
        if error.code not in _FORGOTTEN:
            raise
        _install(device, progress, identity, issued)


def _install(
    device: DeviceConsole, progress: Progress, identity: DeviceIdentity, issued: dict[str, Any]
) -> None:
    """Raises DeviceRefusedError, with one of _FORGOTTEN when the device restarted meanwhile: what
    it was given and had not yet taken into use is gone then, its key is not."""
    with progress.step("certificate, broker and position installed"):
        for name in _SETTINGS:
            device.install(name, issued[name])
    with progress.step("device took them into use"):
        _commit(device, identity)


def _check(endpoint_id: str, csr: str, certificate: str) -> None:
    """Raises CertificateRefusedError unless the certificate is for this device's key and name."""
    request = x509.load_der_x509_csr(base64.b64decode(csr))
    issued = x509.load_der_x509_certificate(base64.b64decode(certificate))
    if _public(request) != _public(issued):
        raise CertificateRefusedError("the certificate is for another key than the device's")
    names = [str(each.value) for each in issued.subject.get_attributes_for_oid(_COMMON_NAME)]
    if names != [endpoint_id]:
        raise CertificateRefusedError(f"the certificate is for {names}, not for {endpoint_id}")


_COMMON_NAME = x509.NameOID.COMMON_NAME


def _public(holder: x509.Certificate | x509.CertificateSigningRequest) -> bytes:
    return holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _commit(device: DeviceConsole, identity: DeviceIdentity) -> None:
    """Raises CertificateRefusedError when the device finds that what it got does not fit.

    A device that is closed now has taken everything into use: the answer to an earlier attempt
    was lost.
    """
    try:
        device.commit()
    except DeviceRefusedError as error:
        if error.code == "closed" and identity.state != "provisioned":
            return
        if error.code in _FORGOTTEN:
            raise
        raise CertificateRefusedError(str(error), error.next_step) from error


def _wait_for_device(device: DeviceConsole, online_s: float) -> None:
    deadline = time.monotonic() + online_s
    said: dict[str, Any] = {}
    while time.monotonic() < deadline:
        try:
            said = device.status()
        except NoAnswerError:
            said = {"link": "silent"}
        if said.get("link") == "online":
            return
        time.sleep(_LOOK_S)
    reason = f" ({said['error']})" if said.get("error") else ""
    raise NotOnlineError(f"after {online_s:.0f} s the device says {said.get('link')}{reason}")


def _wait_for_server(registry: Registry, serial_number: str, online_s: float) -> None:
    deadline = time.monotonic() + online_s
    presence = "never"
    while time.monotonic() < deadline:
        presence = registry.presence(serial_number)
        if presence == "online":
            return
        time.sleep(_LOOK_S)
    raise NotOnlineError(
        f"the device is connected, but after {online_s:.0f} s the server says {presence}",
        "Tell fleet operations the serial number: the controller does not take the device in.",
    )
