"""The customer's settings, sealed for one recipient: the server's end, on the library's curve.

The format is agent/wire/sealed.py, "Sealed settings" in FORMATS.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from agent.errors import PeerError
from agent.wire import sealed
from fleet_server.adapters.certificates import point_of_key
from fleet_server.adapters.x509_files import Key, new_key, read_key
from fleet_server.domain.errors import InvalidSealedSettingsError


@dataclass(frozen=True, slots=True)
class FileSettingsKey:
    """A P-256 key in a file; the port `SettingsKey`."""

    path: Path

    def public_point(self) -> bytes:
        """x and y, 32 bytes each: what a device seals for."""
        return point_of_key(read_key(self.path).public_key())

    def unseal(self, data: bytes) -> bytes:
        """What a device sealed for the server: JSON.

        Raises InvalidSealedSettingsError when it was sealed for another, or changed.
        """
        key = read_key(self.path)
        try:
            return sealed.unseal(data, lambda point: _agree(key, point), sealed.SERVER, _encrypt)
        except PeerError as error:
            raise InvalidSealedSettingsError(
                f"The settings cannot be opened: {' '.join(map(str, error.args))}."
            ) from error

    def seal(self, point: bytes, endpoint_id: str, plain: bytes) -> bytes:
        """`plain` for the device whose certificate has the key of `point`.

        Raises InvalidSealedSettingsError when `point` is none of the curve, or `plain` too long.
        """
        key = new_key()
        try:
            shared = _agree(key, point)
            return sealed.seal(point_of_key(key.public_key()), shared, endpoint_id, plain, _encrypt)
        except PeerError as error:
            raise InvalidSealedSettingsError(
                f"The settings cannot be sealed: {' '.join(map(str, error.args))}."
            ) from error


def _agree(key: Key, point: bytes) -> bytes:
    """Source: SEC 1, 3.3.1. Raises PeerError for what is no point of the curve."""
    try:
        peer = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + point)
    except ValueError as error:
        raise PeerError("sealed settings", "not a point of P-256") from error
    return key.exchange(ec.ECDH(), peer)


def _encrypt(key: bytes, blocks: bytes) -> bytes:
    """AES-128 of each block by itself: the counter is in agent/wire/sealed.py."""
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - see above
    return encryptor.update(blocks) + encryptor.finalize()
