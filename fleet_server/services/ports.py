"""What the services need from the world; adapters and fakes give it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A client certificate as it goes to the device."""

    certificate_der: bytes
    certificate_serial_number: str
    not_before: datetime
    not_after: datetime


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
