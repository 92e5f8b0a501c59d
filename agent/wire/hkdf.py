"""HMAC with SHA-256 and the keys that are drawn out of one secret. Source: RFC 2104, RFC 5869."""

from hashlib import sha256

_BLOCK_BYTES = 64
_DIGEST_BYTES = 32


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """The tag of a message, 32 bytes; a key has at most 64."""
    padded = key + bytes(_BLOCK_BYTES - len(key))
    inner = sha256(bytes([byte ^ 0x36 for byte in padded]) + message).digest()
    return sha256(bytes([byte ^ 0x5C for byte in padded]) + inner).digest()


def hkdf_sha256(secret: bytes, info: bytes, size: int) -> bytes:
    """`size` bytes out of `secret`, without a salt, for the use that `info` says."""
    key = hmac_sha256(bytes(_DIGEST_BYTES), secret)
    made = block = b""
    while len(made) < size:
        block = hmac_sha256(key, block + info + bytes((len(made) // _DIGEST_BYTES + 1,)))
        made += block
    return made[:size]
