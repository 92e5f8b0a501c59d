"""What a unit makes of the settings that were sealed for it."""

from __future__ import annotations

import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from agent.wire import sealed
from fleet_server.adapters.x509_files import Key


def opened(key: Key, data: bytes, endpoint_id: str) -> dict[str, Any]:
    """What was sealed for a unit, opened with the unit's own key."""

    def agree(point: bytes) -> bytes:
        peer = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + point)
        return key.exchange(ec.ECDH(), peer)

    def encrypt(aes_key: bytes, blocks: bytes) -> bytes:
        return Cipher(algorithms.AES(aes_key), modes.ECB()).encryptor().update(blocks)  # noqa: S305

    found: dict[str, Any] = json.loads(sealed.unseal(data, agree, endpoint_id, encrypt))
    return found
