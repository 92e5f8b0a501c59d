"""Just enough DER to write a certificate request and to read what a certificate says.

Source: X.690 (definite lengths only), RFC 5280, RFC 5480.
"""

from agent.errors import PeerError

INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
OBJECT_IDENTIFIER = 0x06
UTF8_STRING = 0x0C
SEQUENCE = 0x30
SET = 0x31

OID_COMMON_NAME = b"\x55\x04\x03"
OID_SUBJECT_ALT_NAME = b"\x55\x1d\x11"
OID_EXTENSION_REQUEST = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e"
OID_EC_PUBLIC_KEY = b"\x2a\x86\x48\xce\x3d\x02\x01"
OID_P256 = b"\x2a\x86\x48\xce\x3d\x03\x01\x07"
OID_ECDSA_SHA256 = b"\x2a\x86\x48\xce\x3d\x04\x03\x02"

_EXPLICIT_EXTENSIONS = 0xA3
_EXPLICIT_VERSION = 0xA0
_URI = 0x86


def encode(tag: int, *parts: bytes) -> bytes:
    """One element around the joined parts, of less than 64 KiB."""
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        head = bytes((tag, size))
    elif size < 0x100:
        head = bytes((tag, 0x81, size))
    else:
        head = bytes((tag, 0x82, size >> 8, size & 0xFF))
    return head + body


def elements(data: bytes) -> list[tuple[int, bytes]]:
    """(tag, content) of each element of `data`. Raises PeerError where it is not whole DER."""
    found = []
    at = 0
    while at < len(data):
        tag, start, end = _head(data, at)
        found.append((tag, data[start:end]))
        at = end
    return found


def one(data: bytes, tag: int) -> bytes:
    """The content when `data` is exactly one element of that tag. Raises PeerError."""
    found = elements(data)
    if len(found) != 1 or found[0][0] != tag:
        raise PeerError("DER", tag)
    return found[0][1]


class Certificate:
    """What a certificate says; its signature is not checked here.

    `common_name`, `uris` (of the subject alternative name), `public_point` (64 bytes, b"" when the
    key is not on P-256), `not_before` and `not_after` (texts as in the certificate, UTC).
    Raises PeerError when `der` is not a certificate.
    """

    def __init__(self, der: bytes) -> None:
        try:
            self._read(der)
        except (IndexError, ValueError) as error:
            raise PeerError("certificate") from error

    def _read(self, der):
        parts = elements(one(der, SEQUENCE))
        if len(parts) != 3 or parts[0][0] != SEQUENCE:
            raise PeerError("certificate")
        fields = elements(parts[0][1])
        if fields[0][0] == _EXPLICIT_VERSION:
            fields = fields[1:]
        validity = elements(fields[3][1])
        self.not_before, self.not_after = validity[0][1].decode(), validity[1][1].decode()
        self.common_name = _common_name(fields[4][1])
        self.public_point = _public_point(fields[5][1])
        self.uris = ()
        for tag, content in fields[6:]:
            if tag == _EXPLICIT_EXTENSIONS:
                self.uris = _uris(one(content, SEQUENCE))


def _head(data, at):
    """(tag, start, end) of the element at `at`."""
    if at + 2 > len(data):
        raise PeerError("DER cut short", at)
    tag, size = data[at], data[at + 1]
    start = at + 2
    if size >= 0x80:
        count = size & 0x7F
        if not 1 <= count <= 2 or start + count > len(data):
            raise PeerError("DER length", at)
        size = int.from_bytes(data[start : start + count], "big")
        start += count
        if size < (0x80 if count == 1 else 0x100):
            raise PeerError("DER length", at)
    if start + size > len(data):
        raise PeerError("DER cut short", at)
    return tag, start, start + size


def _common_name(name):
    found = ""
    for _, names in elements(name):
        for _, attribute in elements(names):
            kind, value = elements(attribute)[:2]
            if kind[1] == OID_COMMON_NAME:
                found = value[1].decode()
    return found


def _public_point(key_info):
    algorithm, key = elements(key_info)[:2]
    kinds = [content for _, content in elements(algorithm[1])]
    if kinds != [OID_EC_PUBLIC_KEY, OID_P256] or len(key[1]) != 66 or key[1][:2] != b"\x00\x04":
        return b""
    return key[1][2:]


def _uris(extensions):
    found = []
    for _, extension in elements(extensions):
        parts = elements(extension)
        if parts[0][1] == OID_SUBJECT_ALT_NAME:
            for tag, content in elements(one(parts[-1][1], SEQUENCE)):
                if tag == _URI:
                    found.append(content.decode())
    return tuple(found)
