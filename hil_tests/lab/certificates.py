"""A certification authority for boards that no fleet server looks after; made anew for each run.

What it installs leads nowhere: a board of the lab journals its events and connects to nobody.
"""

import base64
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from firmware_tools.device_console import DeviceConsole

_DAYS = 365
_NOWHERE = {
    "broker_host": "127.0.0.1",
    "broker_port": "8883",
    "controller": "fqdn::bench.invalid",
    "position": "bench",
}


class LabAuthority:
    """Issues certificates for keys that boards make."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._command_key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("Hardware bench, worth nothing elsewhere")
        self._certificate = self._issue(self._name, self._key.public_key())

    def settings_for(self, endpoint_id: str, csr: str) -> dict[str, str]:
        """All settings of a board, for its certificate request (DER, base64)."""
        key = x509.load_der_x509_csr(base64.b64decode(csr)).public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey), "boards make P-256 keys"
        return self._settings(endpoint_id, key)

    def foreign_settings(self, endpoint_id: str) -> dict[str, str]:
        """The same, with a certificate for a key that the board does not have."""
        return self._settings(endpoint_id, ec.generate_private_key(ec.SECP256R1()).public_key())

    def _settings(self, endpoint_id: str, key: ec.EllipticCurvePublicKey) -> dict[str, str]:
        point = self._command_key.public_key().public_bytes(
            Encoding.X962, PublicFormat.UncompressedPoint
        )
        return {
            "certificate": _der(self._issue(_name(endpoint_id), key)),
            "ca": _der(self._certificate),
            "command_key": base64.b64encode(point[1:]).decode(),
            **_NOWHERE,
        }

    def _issue(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=_DAYS))
        )
        return builder.sign(self._key, hashes.SHA256())


def install(device: DeviceConsole, settings: dict[str, str]) -> None:
    """Stage all settings; nothing takes effect before a commit."""
    for name, value in settings.items():
        device.install(name, value)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _der(certificate: x509.Certificate) -> str:
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
