"""What the services need from the world; adapters and fakes give it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A client certificate as it goes to the device; `public_point` is x and y of its key."""

    certificate_der: bytes
    certificate_serial_number: str
    not_before: datetime
    not_after: datetime
    public_point: bytes


class CertificateAuthority(Protocol):
    """Issues device certificates; holds the device CA's key."""

    def issue(self, csr_der: bytes, endpoint_id: str, now: datetime) -> IssuedCertificate:
        """Raises InvalidCertificateRequestError when the request is not by `endpoint_id`."""

    def root_der(self) -> bytes:
        """The certificate that devices check the broker against."""


class SigningKey(Protocol):
    """A P-256 key of the fleet: the command key, or the key of documents for people."""

    def sign(self, signing_input: bytes) -> bytes:
        """ECDSA with SHA-256: r and s, 32 bytes each."""

    def public_point(self) -> bytes:
        """x and y, 32 bytes each."""


class SettingsKey(Protocol):
    """Opens what old units seal for the server, and seals it for new ones."""

    def public_point(self) -> bytes:
        """x and y, 32 bytes each: the argument SettingsKey of Prepare()."""

    def unseal(self, data: bytes) -> bytes:
        """The customer's settings as JSON. Raises InvalidSealedSettingsError."""

    def seal(self, point: bytes, endpoint_id: str, plain: bytes) -> bytes:
        """For the device with this certificate key. Raises InvalidSealedSettingsError."""
