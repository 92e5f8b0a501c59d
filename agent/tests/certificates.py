"""Certificates for tests on both Pythons: right in form, the signature made up."""

from agent.core import der

_TIMES = b"260101000000Z", b"460101000000Z"


def certificate(point, common_name, uri=None, curve=der.OID_P256):
    """DER of a version 3 certificate for the 64-byte public point."""
    algorithm = der.encode(der.SEQUENCE, der.encode(der.OBJECT_IDENTIFIER, der.OID_ECDSA_SHA256))
    kinds = der.encode(
        der.SEQUENCE,
        der.encode(der.OBJECT_IDENTIFIER, der.OID_EC_PUBLIC_KEY),
        der.encode(der.OBJECT_IDENTIFIER, curve),
    )
    key = der.encode(der.SEQUENCE, kinds, der.encode(der.BIT_STRING, b"\x00\x04", point))
    fields = der.encode(
        der.SEQUENCE,
        der.encode(0xA0, b"\x02\x01\x02"),
        der.encode(der.INTEGER, b"\x05"),
        algorithm,
        _name("made up CA"),
        der.encode(der.SEQUENCE, *[der.encode(0x17, time) for time in _TIMES]),
        _name(common_name),
        key,
        der.encode(0xA3, der.encode(der.SEQUENCE, _alternative(uri or "urn:x"))),
    )
    signature = der.encode(der.BIT_STRING, b"\x00", b"made up")
    return der.encode(der.SEQUENCE, fields, algorithm, signature)


def _name(common_name):
    kind = der.encode(der.OBJECT_IDENTIFIER, der.OID_COMMON_NAME)
    value = der.encode(der.UTF8_STRING, common_name.encode())
    return der.encode(der.SEQUENCE, der.encode(der.SET, der.encode(der.SEQUENCE, kind, value)))


def _alternative(uri):
    names = der.encode(der.SEQUENCE, der.encode(0x86, uri.encode()))
    kind = der.encode(der.OBJECT_IDENTIFIER, der.OID_SUBJECT_ALT_NAME)
    return der.encode(der.SEQUENCE, kind, der.encode(der.OCTET_STRING, names))
