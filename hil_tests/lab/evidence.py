"""Signs what a run showed, and checks that nothing of it was changed.

A run leaves a folder: report.html, junit.xml, console/*.log. `manifest.json` says for which
hardware and which agent they are, when they were made, how it went, and the SHA-256 of each file.
`manifest.sig` is an ECDSA P-256 signature (SHA-256, DER) over the bytes of the manifest; openssl
checks it as well: openssl dgst -sha256 -verify LAB.pem -signature manifest.sig manifest.json.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from hil_tests.errors import EvidenceError
from hil_tests.lab.lab_file import Lab

MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
PUBLIC_KEY = "manifest.pub.pem"
KEY_VARIABLE = "HIL_SIGNING_KEY"
THROW_AWAY = "throw-away key of this run: shows that nothing was changed, not who made it"
LAB_KEY = "key of the lab"
_MAKE_KEY = "openssl ecparam -name prime256v1 -genkey -noout -out lab-key.pem"


@dataclass(frozen=True, slots=True)
class SigningKey:
    key: ec.EllipticCurvePrivateKey
    kind: str


def signing_key(lab: Lab) -> SigningKey:
    """The lab's key; for simulated boards alone a new one. Raises EvidenceError."""
    named = os.environ.get(KEY_VARIABLE)
    path = Path(named) if named else lab.signing_key
    if path is None:
        if lab.simulated:
            return SigningKey(ec.generate_private_key(ec.SECP256R1()), THROW_AWAY)
        raise EvidenceError(
            f"a report on real boards is signed: name the key as signing_key under [lab] or in "
            f"{KEY_VARIABLE}; make one with `{_MAKE_KEY}`"
        )
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise EvidenceError(f"{path}: no private key in PEM without a password: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise EvidenceError(f"{path}: not a P-256 key; make one with `{_MAKE_KEY}`")
    return SigningKey(key, LAB_KEY)


def sign(folder: Path, facts: Mapping[str, Any], signer: SigningKey) -> None:
    """Write manifest, signature and public key for all that is in the folder."""
    manifest = {**facts, "key": signer.kind, "files": _digests(folder)}
    data = json.dumps(manifest, indent=2, ensure_ascii=False).encode() + b"\n"
    (folder / MANIFEST).write_bytes(data)
    (folder / SIGNATURE).write_bytes(signer.key.sign(data, ec.ECDSA(hashes.SHA256())))
    (folder / PUBLIC_KEY).write_bytes(
        signer.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )


def verify(folder: Path, public_key: Path | None) -> dict[str, Any]:
    """The manifest, once signature and every file fit it. Raises EvidenceError.

    A report signed with a lab's key is checked against the key that the reader trusts.
    """
    try:
        data = (folder / MANIFEST).read_bytes()
        signature = (folder / SIGNATURE).read_bytes()
        key = load_pem_public_key((public_key or folder / PUBLIC_KEY).read_bytes())
    except (OSError, ValueError) as error:
        raise EvidenceError(f"{folder}: not a signed report: {error}") from error
    try:
        assert isinstance(key, ec.EllipticCurvePublicKey), "not an elliptic curve"
        key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
    except (AssertionError, InvalidSignature):
        raise EvidenceError(
            f"{folder}: the signature is not by this key over this manifest"
        ) from None
    manifest: dict[str, Any] = json.loads(data)
    if public_key is None and manifest["key"] != THROW_AWAY:
        raise EvidenceError(f"{folder}: give the lab's public key by --public-key")
    _compare(folder, manifest["files"])
    return manifest


def fingerprint(folder: Path) -> str:
    """SHA-256 of the public key in the folder, hex."""
    key = load_pem_public_key((folder / PUBLIC_KEY).read_bytes())
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def _compare(folder: Path, wanted: Mapping[str, str]) -> None:
    found = _digests(folder)
    changed = [name for name in wanted if name in found and found[name] != wanted[name]]
    missing = [name for name in wanted if name not in found]
    added = [name for name in found if name not in wanted]
    for what, names in (("changed", changed), ("missing", missing), ("added", added)):
        if names:
            raise EvidenceError(f"{folder}: {what} since it was signed: {', '.join(names)}")


def _digests(folder: Path) -> dict[str, str]:
    own = {MANIFEST, SIGNATURE, PUBLIC_KEY}
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in files}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in names.items()
        if name not in own
    }
