"""The customer's settings, sealed for one recipient: what device and server must agree on.

Bytes: version 1; the sender's public point (64, made for this once); ciphertext; tag (32). The
shared secret is the x of the curve P-256 that both ends find (ECDH). HKDF-SHA-256 makes a key for
AES-128 in counter mode, from block 0, and one for the tag: HMAC-SHA-256 over all before it. The
recipient's name and the sender's point are in `info`: what is for another does not open. See
FORMATS.md, "Sealed settings". Source: SEC 1, 3.3.1; RFC 5869; NIST SP 800-38A, 6.5.

Whoever calls brings the curve and the cipher: `encrypt(key, blocks)` is AES-128 of each 16 bytes by
itself (ECB).
"""

from agent.errors import PeerError
from agent.wire.hkdf import hkdf_sha256, hmac_sha256

VERSION = 1
SERVER = "server"  # the recipient that is no endpoint
POINT_BYTES = 64
MAX_BYTES = 1536
_TAG_BYTES = 32
_KEY_BYTES = 16
_BLOCK_BYTES = 16
_LABEL = b"X_IPKO-COM settings 1"


def seal(point: bytes, shared: bytes, recipient: str, plain: bytes, encrypt) -> bytes:
    """`plain` for whoever finds the same `shared` (32 bytes) with the sender's `point`."""
    key, mac_key = _keys(shared, recipient, point)
    body = bytes((VERSION,)) + point + _counted(key, plain, encrypt)
    if len(body) + _TAG_BYTES > MAX_BYTES:
        raise PeerError("sealed settings", "too long")
    return body + hmac_sha256(mac_key, body)


def unseal(data: bytes, agree, recipient: str, encrypt) -> bytes:
    """What was sealed for `recipient`; `agree(point)` gives the shared secret of a sender's point,
    or raises PeerError where it is no point of the curve.

    Raises PeerError for everything else than what `seal` gave for this recipient.
    """
    if not 1 + POINT_BYTES + _TAG_BYTES < len(data) <= MAX_BYTES:
        raise PeerError("sealed settings", "length", len(data))
    if data[0] != VERSION:
        raise PeerError("sealed settings", "version", data[0])
    point = data[1 : 1 + POINT_BYTES]
    key, mac_key = _keys(agree(point), recipient, point)
    body, tag = data[:-_TAG_BYTES], data[-_TAG_BYTES:]
    differing = 0
    for at, own in enumerate(hmac_sha256(mac_key, body)):
        differing |= own ^ tag[at]
    if differing:
        raise PeerError("sealed settings", "not for " + recipient + ", or changed")
    return _counted(key, body[1 + POINT_BYTES :], encrypt)


def _keys(shared, recipient, point):
    info = _LABEL + b"\x00" + recipient.encode() + b"\x00" + point
    made = hkdf_sha256(shared, info, _KEY_BYTES + _TAG_BYTES)
    return made[:_KEY_BYTES], made[_KEY_BYTES:]


def _counted(key, data, encrypt):
    """AES in counter mode, either way. A key is used for one message, so the count begins at 0."""
    count = (len(data) + _BLOCK_BYTES - 1) // _BLOCK_BYTES
    blocks = b"".join([number.to_bytes(_BLOCK_BYTES, "big") for number in range(count)])
    stream = encrypt(key, blocks)
    return bytes([one ^ stream[at] for at, one in enumerate(data)])
