"""Keys of the curve P-256, and signing with them; signatures are checked by p256.py.

Private key 32 bytes, public point 64 (x, y), signature 64 (r, s). Signing is deterministic
(RFC 6979). It takes a time that depends on the key: sign on the device only what the device itself
makes (its certificate request), never what a peer chooses and times.

Needed rarely: import it inside the function that uses it. Source: FIPS 186-5, SEC 1, RFC 6979.
"""

from agent.compat import sha256
from agent.core.p256 import G, N, affine, multiply, number_of, on_curve
from agent.wire.hkdf import hmac_sha256


def new_private_key(random) -> bytes:
    """`random(n)` gives n bytes fit for keys; draws again until the number is in range."""
    while True:
        key = random(32)
        if 0 < number_of(key) < N:
            return key


def public_key(private_key: bytes) -> bytes:
    """The public point. Raises ValueError when the key is out of range."""
    x, y = affine(multiply(_secret(private_key), G, 0, G))
    return _bytes(x) + _bytes(y)


def shared_secret(private_key: bytes, point: bytes) -> bytes:
    """What this key and the key of `point` have in common: x, 32 bytes. Raises ValueError when
    the key is out of range or `point` is none of the curve.

    It takes a time that depends on the key: only for a point that came authorised.
    Source: SEC 1, 3.3.1.
    """
    if not on_curve(point):
        raise ValueError("not a point of P-256")
    whole = (number_of(point[:32]), number_of(point[32:]), 1)
    return _bytes(affine(multiply(_secret(private_key), whole, 0, G))[0])


def sign(private_key: bytes, message: bytes) -> bytes:
    """r and s over SHA-256 of `message`. Raises ValueError when the key is out of range."""
    secret = _secret(private_key)
    digest = sha256(message).digest()
    number = number_of(digest)
    for k in _nonces(private_key, digest):
        r = affine(multiply(k, G, 0, G))[0] % N
        s = pow(k, N - 2, N) * (number + r * secret) % N
        if r and s:
            return _bytes(r) + _bytes(s)
    raise AssertionError("nonces never end")


def _secret(private_key):
    secret = number_of(private_key)
    if len(private_key) != 32 or not 0 < secret < N:
        raise ValueError("private key out of range")
    return secret


def _nonces(private_key, digest):
    """The candidates for k of RFC 6979, 3.2."""
    seed = private_key + _bytes(number_of(digest) % N)
    v, key = b"\x01" * 32, bytes(32)
    for mark in (b"\x00", b"\x01"):
        key = hmac_sha256(key, v + mark + seed)
        v = hmac_sha256(key, v)
    while True:
        v = hmac_sha256(key, v)
        k = number_of(v)
        if 0 < k < N:
            yield k
        key = hmac_sha256(key, v + b"\x00")
        v = hmac_sha256(key, v)


def _bytes(number):
    return number.to_bytes(32, "big")
