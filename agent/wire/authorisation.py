"""The compact JWS that lets a command that can harm run: what signer and device must agree on.

Header, claims and the hash of the arguments are fixed here; see docs/developer/architecture.md,
"Authorisation of commands". A signature is made and checked over the bytes as they are sent,
never over claims written anew. Source: RFC 7515, compact serialization; RFC 7518, ES256.
"""

import json
from binascii import a2b_base64, b2a_base64
from hashlib import sha256

from agent.errors import PeerError
from agent.wire.codes import AUTHORIZATION_ARGUMENT

HEADER = b'{"alg":"ES256","typ":"JWT"}'
MAX_TOKEN_BYTES = 1024
CONSOLE_COMMAND = "Console()"
CLAIMS = ("eid", "cmd", "key", "args", "ctr", "iat", "exp")
_SIGNATURE_BYTES = 64
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def arguments_hash(args: dict[str, str]) -> str:
    """base64url of SHA-256 over every input argument but the authorisation itself."""
    digest = sha256()
    for name in sorted(args, key=lambda name: name.encode()):
        if name != AUTHORIZATION_ARGUMENT:
            for text in (name.encode(), args[name].encode()):
                digest.update(len(text).to_bytes(4, "big"))
                digest.update(text)
    return encode_base64url(digest.digest()).decode()


def signing_input(
    endpoint_id: str,
    command: str,
    command_key: str,
    args: dict[str, str],
    counter: int,
    issued_at: int,
    expires_at: int,
) -> bytes:
    """The bytes to sign; times in Unix seconds."""
    claims = {
        "eid": endpoint_id,
        "cmd": command,
        "key": command_key,
        "args": arguments_hash(args),
        "ctr": counter,
        "iat": issued_at,
        "exp": expires_at,
    }
    return encode_base64url(HEADER) + b"." + encode_base64url(json.dumps(claims).encode())


def token_text(signed: bytes, signature: bytes) -> str:
    """The token of what `signing_input` gave and its 64-byte signature (r, s)."""
    return (signed + b"." + encode_base64url(signature)).decode()


def split_token(token: str) -> tuple[bytes, bytes, dict[str, str | int]]:
    """Return (signed bytes, signature, claims); nothing of it is verified yet.

    Raises PeerError unless the token has exactly the form that `token_text` gives.
    """
    if len(token) > MAX_TOKEN_BYTES:
        raise PeerError("too long", len(token))
    parts = token.encode().split(b".")
    if len(parts) != 3:
        raise PeerError("not three parts")
    if decode_base64url(parts[0]) != HEADER:
        raise PeerError("header")
    signature = decode_base64url(parts[2])
    if len(signature) != _SIGNATURE_BYTES:
        raise PeerError("signature length", len(signature))
    return parts[0] + b"." + parts[1], signature, _claims(decode_base64url(parts[1]))


def _claims(text: bytes) -> dict[str, str | int]:
    try:
        claims = json.loads(text.decode())
    except (ValueError, RuntimeError) as error:  # RuntimeError: nested too deep
        raise PeerError("claims are not JSON") from error
    if not isinstance(claims, dict) or sorted(claims) != sorted(CLAIMS):
        raise PeerError("claims")
    for name in CLAIMS:
        wanted: type = int if name in ("ctr", "iat", "exp") else str
        if type(claims[name]) is not wanted:
            raise PeerError("claim", name)
    return claims


def encode_base64url(data: bytes) -> bytes:
    """Without padding."""
    encoded = b2a_base64(data).rstrip(b"=\n")
    return encoded.replace(b"+", b"-").replace(b"/", b"_")


def decode_base64url(text: bytes) -> bytes:
    """Raises PeerError unless `text` is the one spelling of some bytes."""
    for byte in text:
        if byte not in _ALPHABET:
            raise PeerError("not base64url")
    padded = text.replace(b"-", b"+").replace(b"_", b"/") + b"=" * (-len(text) % 4)
    try:
        data = a2b_base64(padded)
    except ValueError as error:
        raise PeerError("not base64url") from error
    if encode_base64url(data) != text:
        raise PeerError("not base64url")
    return data
