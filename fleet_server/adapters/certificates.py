"""The fleet's own PKI: a root, a device CA below it, and what each end shows the other.

All keys are P-256. The root signs the device CA, the broker's certificate and that of documents for
people; devices are given the root to check the broker by. The device CA signs the certificates of
devices, of the controller and of engineers. The broker trusts the device CA directly, so that a
device needs to show one certificate only. Certificates of the installation are dated back by a
year, because a board without a clock starts at the date of its software.
Source: RFC 5280; TR-369 R-SEC.10.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fleet_server.adapters.x509_files import (
    Key,
    key_usage,
    new_key,
    read_certificate,
    read_key,
    sign,
    write_certificate,
    write_key,
    write_private,
)
from fleet_server.domain.errors import InvalidCertificateRequestError
from fleet_server.services.ports import IssuedCertificate

ENGINEER = "engineer"
SETTINGS = "settings"
DOCUMENT = "document"
_YEAR = timedelta(days=366)
_CA_LIFE = 20 * _YEAR
_SERVER_LIFE = 2 * _YEAR
_CLIENT_LIFE = 10 * _YEAR
_RENEW_BEFORE = timedelta(days=30)
_CRL_LIFE = 10 * _YEAR
_COORDINATE_BYTES = 32
_P256_BITS = 256


@dataclass(frozen=True, slots=True)
class Pki:
    """The files under `folder`; nothing is read before it is asked for."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "root.pem"

    @property
    def trust(self) -> Path:
        """What the broker checks clients against: device CA and root."""
        return self.folder / "trust.pem"

    @property
    def revoked(self) -> Path:
        return self.folder / "revoked.crl"

    def certificate(self, name: str) -> Path:
        return self.folder / f"{name}.pem"

    def key(self, name: str) -> Path:
        return self.folder / f"{name}.key"

    def issuer(self, name: str) -> tuple[x509.Name, Key]:
        """Subject and key of a CA, to sign with."""
        return read_certificate(self.certificate(name)).subject, read_key(self.key(name))


@dataclass(frozen=True, slots=True)
class DeviceAuthority:
    """Issues client certificates; the port `CertificateAuthority` on files."""

    pki: Pki

    def issue(self, csr_der: bytes, endpoint_id: str, now: datetime) -> IssuedCertificate:
        """A certificate for the key and name of the request.

        Raises InvalidCertificateRequestError when it is not a self-signed request for exactly this
        endpoint id with a P-256 key.
        """
        public_key = _checked_request(csr_der, endpoint_id)
        validity = (now - timedelta(days=1), now + _CLIENT_LIFE)
        certificate = sign(_client(endpoint_id), public_key, validity, self.pki.issuer("device-ca"))
        return IssuedCertificate(
            certificate.public_bytes(serialization.Encoding.DER),
            f"{certificate.serial_number:x}",
            *validity,
            point_of_key(public_key),
        )

    def root_der(self) -> bytes:
        """The root certificate."""
        return read_certificate(self.pki.root).public_bytes(serialization.Encoding.DER)


@dataclass(frozen=True, slots=True)
class FileSigningKey:
    """A P-256 key in a file; the port `SigningKey`."""

    path: Path

    def sign(self, signing_input: bytes) -> bytes:
        """r and s, 32 bytes each. Source: RFC 7518, 3.4."""
        der = read_key(self.path).sign(signing_input, ec.ECDSA(hashes.SHA256()))
        r, s = utils.decode_dss_signature(der)
        return r.to_bytes(_COORDINATE_BYTES, "big") + s.to_bytes(_COORDINATE_BYTES, "big")

    def public_point(self) -> bytes:
        """x and y, 32 bytes each."""
        return point_of_key(read_key(self.path).public_key())


def make_pki(pki: Pki, broker_host: str, controller_id: str, now: datetime) -> None:
    """Make what is missing; what is there stays, except a broker certificate that must be renewed.

    Every file is readable by its owner only.
    """
    pki.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not pki.root.exists():
        _make_authority(pki, "root", None, now)
    if not pki.certificate("device-ca").exists():
        _make_authority(pki, "device-ca", "root", now)
        both = pki.certificate("device-ca").read_bytes() + pki.root.read_bytes()
        write_private(pki.trust, both)
    if _must_renew(pki.certificate("broker"), broker_host, now):
        _make_broker(pki, broker_host, now)
    if not pki.certificate("controller").exists():
        make_client(pki, pki.folder / "controller", controller_id, now)
    if not pki.certificate(ENGINEER).exists():
        make_client(pki, pki.folder / ENGINEER, ENGINEER, now)
    if not pki.certificate(DOCUMENT).exists():
        _make_document_signer(pki, now)
    for name in ("command", SETTINGS):
        if not pki.key(name).exists():
            write_key(pki.key(name), new_key())
    if not pki.revoked.exists():
        write_revocations(pki, [], now)


def point_of(certificate: x509.Certificate) -> bytes:
    """x and y of a certificate's P-256 key, 32 bytes each. Raises ValueError for another key."""
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.key_size != _P256_BITS:
        raise ValueError("not a P-256 key")
    return point_of_key(key)


def point_of_key(key: ec.EllipticCurvePublicKey) -> bytes:
    """x and y of a P-256 key, 32 bytes each."""
    encoding = serialization.Encoding.X962
    return key.public_bytes(encoding, serialization.PublicFormat.UncompressedPoint)[1:]


def is_signed(point: bytes, signing_input: bytes, signature: bytes) -> bool:
    """Whether a signature (r and s, 32 bytes each) of a P-256 key is good. Source: RFC 7518, 3.4"""
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + point)
    r, s = (int.from_bytes(signature[at : at + _COORDINATE_BYTES], "big") for at in (0, 32))
    try:
        key.verify(utils.encode_dss_signature(r, s), signing_input, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def make_client(pki: Pki, base: Path, common_name: str, now: datetime) -> tuple[Path, Path]:
    """Certificate and key `base`.pem and `base`.key for something that cannot make its own."""
    key = new_key()
    validity = (now - _YEAR, now + _CLIENT_LIFE)
    certificate = sign(_client(common_name), key.public_key(), validity, pki.issuer("device-ca"))
    base.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths = base.with_name(base.name + ".pem"), base.with_name(base.name + ".key")
    write_certificate(paths[0], certificate)
    write_key(paths[1], key)
    return paths


def session_client_id(pki: Pki) -> str:
    """The MQTT Client Identifier of the controller: always the same, and known to nobody else.

    The broker gives a session to any client that names it, so a device could else take it away.
    """
    return f"controller-{hashlib.sha256(pki.key('controller').read_bytes()).hexdigest()[:32]}"


def commands_client_id(pki: Pki) -> str:
    """The same for the dispatcher of commands."""
    return session_client_id(pki).replace("controller-", "commands-", 1)


def write_revocations(pki: Pki, serial_numbers: Iterable[str], now: datetime) -> None:
    """The list of revoked certificates, hexadecimal serial numbers, for the broker."""
    issuer_name, issuer_key = pki.issuer("device-ca")
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer_name)
        .last_update(now - timedelta(days=1))
        .next_update(now + _CRL_LIFE)
    )
    for serial_number in serial_numbers:
        revoked = x509.RevokedCertificateBuilder().serial_number(int(serial_number, 16))
        builder = builder.add_revoked_certificate(revoked.revocation_date(now).build())
    signed = builder.sign(issuer_key, hashes.SHA256())
    write_private(pki.revoked, signed.public_bytes(serialization.Encoding.PEM))


def _checked_request(csr_der: bytes, endpoint_id: str) -> ec.EllipticCurvePublicKey:
    try:
        request = x509.load_der_x509_csr(csr_der)
        signed = request.is_signature_valid
        names = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        key = request.public_key()
    except (ValueError, InvalidSignature, UnsupportedAlgorithm) as error:
        raise InvalidCertificateRequestError("The certificate request is unreadable.") from error
    if not signed:
        raise InvalidCertificateRequestError("The certificate request is not signed by its key.")
    if [name.value for name in names] != [endpoint_id]:
        raise InvalidCertificateRequestError(f"The certificate request is not for {endpoint_id}.")
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.key_size != _P256_BITS:
        raise InvalidCertificateRequestError("The key of the certificate request is not P-256.")
    return key


def _make_authority(pki: Pki, name: str, parent: str | None, now: datetime) -> None:
    key = new_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Fleet {name}")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .add_extension(x509.BasicConstraints(True, None if parent is None else 0), critical=True)
        .add_extension(key_usage(authority=True), critical=True)
    )
    issuer = (subject, key) if parent is None else pki.issuer(parent)
    certificate = sign(builder, key.public_key(), (now - _YEAR, now + _CA_LIFE), issuer)
    write_key(pki.key(name), key)
    write_certificate(pki.certificate(name), certificate)


def _make_broker(pki: Pki, broker_host: str, now: datetime) -> None:
    names: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    if broker_host not in ("localhost", "127.0.0.1"):
        names.append(_host_name(broker_host))
    builder = _end(broker_host[:64], names, ExtendedKeyUsageOID.SERVER_AUTH)
    key = new_key()
    validity = (now - _YEAR, now + _SERVER_LIFE)
    certificate = sign(builder, key.public_key(), validity, pki.issuer("root"))
    write_key(pki.key("broker"), key)
    write_certificate(pki.certificate("broker"), certificate)


def _make_document_signer(pki: Pki, now: datetime) -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Fleet documents")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .add_extension(x509.BasicConstraints(False, None), critical=True)
        .add_extension(key_usage(authority=False), critical=True)
    )
    key = new_key()
    certificate = sign(
        builder, key.public_key(), (now - _YEAR, now + _CLIENT_LIFE), pki.issuer("root")
    )
    write_key(pki.key(DOCUMENT), key)
    write_certificate(pki.certificate(DOCUMENT), certificate)


def _must_renew(path: Path, broker_host: str, now: datetime) -> bool:
    if not path.exists():
        return True
    certificate = read_certificate(path)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    held = {str(name.value) for name in names}
    return broker_host not in held or certificate.not_valid_after_utc - now < _RENEW_BEFORE


def _host_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _client(common_name: str) -> x509.CertificateBuilder:
    identity = x509.UniformResourceIdentifier(f"urn:bbf:usp:id:{common_name}")
    return _end(common_name, [identity], ExtendedKeyUsageOID.CLIENT_AUTH)


def _end(
    common_name: str, names: list[x509.GeneralName], purpose: x509.ObjectIdentifier
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(False, None), critical=True)
        .add_extension(key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    )
