"""The paper that is handed over with a new unit: its value, and what it replaces [7.1.1, 7.2.6].

A compact JWS (ES256) of the document key, like the receipt of a return. It names a contract and
units, and nobody.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from agent.wire.authorisation import decode_base64url, encode_base64url, token_text
from fleet_server.services.ports import SigningKey
from fleet_server.services.return_receipts import key_id

_TYPE = "hand-over"


@dataclass(frozen=True, slots=True)
class Paper:
    """`value_cents` is None where neither the order nor the price list names a value."""

    number: str
    contract: str
    position: str
    serial_number: str
    product_class: str
    model_name: str
    value_cents: int | None
    handed_over_on: date
    replaces: str


def sign_paper(key: SigningKey, paper: Paper) -> str:
    header = {"alg": "ES256", "typ": _TYPE, "kid": key_id(key.public_point())}
    claims = {
        "no": paper.number,
        "ct": paper.contract,
        "po": paper.position,
        "sn": paper.serial_number,
        "pc": paper.product_class,
        "mo": paper.model_name,
        "eur_cents": paper.value_cents,
        "on": paper.handed_over_on.isoformat(),
        "re": paper.replaces,
    }
    signed = b".".join(encode_base64url(_json(each)) for each in (header, claims))
    return token_text(signed, key.sign(signed))


def read_paper(text: str) -> Paper:
    """What a paper of ours says; its signature is for others to check."""
    claims = json.loads(decode_base64url(text.encode().split(b".")[1]))
    return Paper(
        claims["no"],
        claims["ct"],
        claims["po"],
        claims["sn"],
        claims["pc"],
        claims["mo"],
        claims["eur_cents"],
        date.fromisoformat(claims["on"]),
        claims["re"],
    )


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
