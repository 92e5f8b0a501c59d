"""Signing certificates and keeping them in files. Source: RFC 5280, 4.1 and 4.2."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

Key = ec.EllipticCurvePrivateKey
Validity = tuple[datetime, datetime]


def new_key() -> Key:
    """A P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def sign(
    builder: x509.CertificateBuilder,
    public_key: ec.EllipticCurvePublicKey,
    validity: Validity,
    issuer: tuple[x509.Name, Key],
) -> x509.Certificate:
    """The certificate that `builder` describes, with a serial number and key identifiers."""
    name, key = issuer
    subject_id = x509.SubjectKeyIdentifier.from_public_key(public_key)
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    return (
        builder.public_key(public_key)
        .issuer_name(name)
        .not_valid_before(validity[0])
        .not_valid_after(validity[1])
        .serial_number(x509.random_serial_number())
        .add_extension(subject_id, critical=False)
        .add_extension(issuer_id, critical=False)
        .sign(key, hashes.SHA256())
    )


def key_usage(*, authority: bool) -> x509.KeyUsage:
    """What the key of a CA, or of an end, may be used for."""
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def read_key(path: Path) -> Key:
    """The P-256 key in a PEM file."""
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path} does not hold an elliptic curve key")
    return key


def read_certificate(path: Path) -> x509.Certificate:
    """The certificate in a PEM file."""
    return x509.load_pem_x509_certificate(path.read_bytes())


def write_key(path: Path, key: Key) -> None:
    """Write the key as PEM, without a password."""
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_private(path, pem)


def write_certificate(path: Path, certificate: x509.Certificate) -> None:
    """Write the certificate as PEM."""
    write_private(path, certificate.public_bytes(serialization.Encoding.PEM))


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    unfinished = path.with_suffix(path.suffix + ".new")
    unfinished.unlink(missing_ok=True)
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
