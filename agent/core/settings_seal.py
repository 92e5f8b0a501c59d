"""Sealing and opening the customer's settings with the keys of the curve.

Loaded for Prepare() and Adopt() alone: the curve's code is the most a board ever holds.
"""

from agent.compat import aes_blocks
from agent.core.p256_keys import new_private_key, public_key, shared_secret
from agent.core.parts import forget
from agent.errors import PeerError
from agent.wire import sealed


def seal(random, point: bytes, plain: bytes) -> bytes:
    """`plain` for the server, whose point this is, with a key made for this once.

    Raises PeerError when `point` is none of the curve, ImportError without AES.
    """
    key = new_private_key(random)
    try:
        return sealed.seal(public_key(key), _agree(key, point), sealed.SERVER, plain, aes_blocks)
    finally:
        _forget()


def unseal(private_key: bytes, endpoint_id: str, data: bytes) -> bytes:
    """What was sealed for this device. Raises PeerError, ImportError without AES."""
    try:
        return sealed.unseal(
            data, lambda point: _agree(private_key, point), endpoint_id, aes_blocks
        )
    finally:
        _forget()


def _agree(key, point):
    try:
        return shared_secret(key, point)
    except ValueError as error:
        raise PeerError("sealed settings", str(error)) from error


def _forget():
    forget("agent.core.p256_keys", "agent.core.p256", "agent.wire.sealed", "agent.wire.hkdf")
