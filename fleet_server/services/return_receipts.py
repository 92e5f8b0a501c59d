"""The receipt a customer gets for equipment that was handed in: signed, short enough for a QR code.

A compact JWS (ES256) of the document key. The header holds the first 8 bytes of the SHA-256 of the
key's point as `kid`, so that whoever checks sees at once which key it takes. The claims name the
unit, the day and the place, and nobody: no contract, no name. Whoever has the certificate can check
a receipt without the server. Source: RFC 7515, compact serialization; RFC 7518, ES256;
docs/operations/returns.md, "The receipt".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from agent.errors import PeerError
from agent.wire.authorisation import decode_base64url, encode_base64url, token_text
from fleet_server.domain.errors import InvalidReceiptError
from fleet_server.services.ports import SigningKey

_KEY_ID_BYTES = 8
_SIGNATURE_BYTES = 64
_LONGEST = 1024
_CLAIMS = ("no", "sn", "pc", "on", "at", "st")

IsSigned = Callable[[bytes, bytes, bytes], bool]


@dataclass(frozen=True, slots=True)
class ReturnReceipt:
    """What was handed in, on which local day, at which place of the operator, in what condition."""

    number: str
    serial_number: str
    product_class: str
    returned_on: date
    place: str
    condition: str


def key_id(point: bytes) -> str:
    """How a receipt names the key that signed it; `point` is x and y, 32 bytes each."""
    return hashlib.sha256(point).digest()[:_KEY_ID_BYTES].hex()


def sign_receipt(key: SigningKey, receipt: ReturnReceipt) -> str:
    """The text of the QR code."""
    header = {"alg": "ES256", "typ": "return-receipt", "kid": key_id(key.public_point())}
    claims = {
        "no": receipt.number,
        "sn": receipt.serial_number,
        "pc": receipt.product_class,
        "on": receipt.returned_on.isoformat(),
        "at": receipt.place,
        "st": receipt.condition,
    }
    signed = b".".join(encode_base64url(_json(each)) for each in (header, claims))
    return token_text(signed, key.sign(signed))


def check_receipt(text: str, point: bytes, is_signed: IsSigned) -> ReturnReceipt:
    """The receipt, if the key with this point has signed exactly it.

    `is_signed(point, signed bytes, signature)` verifies. Raises InvalidReceiptError, which says
    what is wrong with it.
    """
    parts = text.strip().encode().split(b".") if len(text) <= _LONGEST else []
    if len(parts) != 3:
        raise InvalidReceiptError("This is no receipt: it is not three parts joined by dots.")
    header, claims, signature = (_decoded(each) for each in parts)
    found = _object(header)
    if (found.get("alg"), found.get("typ")) != ("ES256", "return-receipt"):
        raise InvalidReceiptError("This is signed, but it is no return receipt.")
    if found.get("kid") != key_id(point):
        raise InvalidReceiptError(
            "The receipt names key %(named)s, the certificate holds %(held)s. Check it "
            "against the certificate of the time when it was given.",
            named=str(found.get("kid")),
            held=key_id(point),
        )
    signed = parts[0] + b"." + parts[1]
    if len(signature) != _SIGNATURE_BYTES or not is_signed(point, signed, signature):
        raise InvalidReceiptError("The signature does not fit: the receipt was changed or made up.")
    return _receipt(_object(claims))


def _receipt(claims: dict[str, Any]) -> ReturnReceipt:
    if sorted(claims) != sorted(_CLAIMS) or not all(isinstance(v, str) for v in claims.values()):
        raise InvalidReceiptError("The receipt has other members than a receipt has.")
    try:
        returned_on = date.fromisoformat(claims["on"])
    except ValueError as error:
        raise InvalidReceiptError("The receipt names no day.") from error
    return ReturnReceipt(
        claims["no"], claims["sn"], claims["pc"], returned_on, claims["at"], claims["st"]
    )


def _json(value: dict[str, str]) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _decoded(part: bytes) -> bytes:
    try:
        return decode_base64url(part)
    except PeerError as error:
        raise InvalidReceiptError("A character of the receipt is missing or wrong.") from error


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError as error:
        raise InvalidReceiptError("The receipt cannot be read.") from error
    if not isinstance(found, dict):
        raise InvalidReceiptError("The receipt cannot be read.")
    return found
