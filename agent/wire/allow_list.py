"""The signed allow-list of a restricted service: what signer and device must agree on.

A compact JWS (ES256) of the fleet's command key with a header of its own, so that neither a list
nor a command's authorisation can pass for the other. Numbers have no end; hosts have one, in
groups that share their first and last second. The format stands in FORMATS.md, "Allow-list".
Source: RFC 7515, compact serialization; RFC 7518, ES256.
"""

import json

from agent.errors import PeerError
from agent.wire.authorisation import decode_base64url, encode_base64url

HEADER = b'{"alg":"ES256","typ":"allow-list"}'
MAX_BYTES = 2048  # of the document: an Operate with it must fit into what a board takes in
CLAIMS = ("aud", "ver", "iat", "exp", "numbers", "hosts")
MAX_VERSION = 2147483647
_SIGNATURE_BYTES = 64
_MAX_NAME = 253
_MAX_LABEL = 63
_NAME = b"abcdefghijklmnopqrstuvwxyz0123456789-"
_NUMBER = "0123456789+*#"


def signing_input(
    audience: str,
    version: int,
    issued_at: int,
    expires_at: int,
    numbers: list[str],
    hosts: list[tuple[int, int, list[str]]],
) -> bytes:
    """The bytes to sign; times in Unix seconds. Hosts: (first, last second, names) of each group.

    `authorisation.token_text` makes the document of them.
    """
    claims = {
        "aud": audience,
        "ver": version,
        "iat": issued_at,
        "exp": expires_at,
        "numbers": numbers,
        "hosts": hosts,
    }
    text = json.dumps(claims, separators=(",", ":")).encode()
    return encode_base64url(HEADER) + b"." + encode_base64url(text)


def split_document(document: str) -> tuple[bytes, bytes]:
    """Return (signed bytes, signature); nothing of it is verified yet. Raises PeerError."""
    if len(document) > MAX_BYTES:
        raise PeerError("is too large: %d bytes" % len(document))
    parts = document.encode().split(b".")
    if len(parts) != 3 or parts[0] != encode_base64url(HEADER):
        raise PeerError("is not signed as an allow-list")
    signature = decode_base64url(parts[2])
    if len(signature) != _SIGNATURE_BYTES:
        raise PeerError("is not signed as an allow-list")
    return parts[0] + b"." + parts[1], signature


def claims_of(signed: bytes) -> dict:
    """The claims of signed bytes. Raises PeerError unless they are exactly those of a list."""
    try:
        claims = json.loads(decode_base64url(signed[signed.find(b".") + 1 :]).decode())
    except (ValueError, RuntimeError) as error:  # RuntimeError: nested too deep
        raise PeerError("is not JSON") from error
    if not isinstance(claims, dict) or sorted(claims) != sorted(CLAIMS):
        raise PeerError("has other claims than a list has")
    for name in ("ver", "iat", "exp"):
        if type(claims[name]) is not int or claims[name] < 1:
            raise PeerError("has a bad claim: " + name)
    if claims["ver"] > MAX_VERSION or not isinstance(claims["aud"], str):
        raise PeerError("has a bad claim: ver or aud")
    if not isinstance(claims["numbers"], list) or not isinstance(claims["hosts"], list):
        raise PeerError("has a bad claim: numbers or hosts")
    for number in claims["numbers"]:
        if not is_number(number):
            raise PeerError("has a bad number: %s" % number)
    for group in claims["hosts"]:
        _check_group(group)
    return claims


def _check_group(group):
    if not isinstance(group, list) or len(group) != 3 or not isinstance(group[2], list):
        raise PeerError("has a bad group of hosts")
    if type(group[0]) is not int or type(group[1]) is not int or group[0] > group[1]:
        raise PeerError("has hosts that end before they begin")
    for name in group[2]:
        if not is_host(name):
            raise PeerError("has a bad host: %s" % name)


def is_number(number) -> bool:
    """Whether it is a number as it is dialled, without spaces or dashes."""
    return isinstance(number, str) and 0 < len(number) < 32 and not number.strip(_NUMBER)


def is_host(name) -> bool:
    """Whether it is a host name in lower case, or `*.` and one: every name below it.

    One label alone would open a whole top-level domain.
    """
    if not isinstance(name, str):
        return False
    labels = name[2:].split(".") if name.startswith("*.") else name.split(".")
    if not 0 < len(name) <= _MAX_NAME or len(labels) < 2:
        return False
    for label in labels:
        if not 0 < len(label) <= _MAX_LABEL or label[0] == "-" or label[-1] == "-":
            return False
        for byte in label.encode():
            if byte not in _NAME:
                return False
    return True


def covers(names, name: str) -> bool:
    """Whether one of the names is this host, or `*.` and a name that it is below."""
    name = name.lower().rstrip(".")
    while name:
        if name in names:
            return True
        at = name.find(".", 2 if name.startswith("*.") else 0)
        name = "*" + name[at:] if at > 0 else ""
    return False
