"""The device's certificate request and private key in DER.

Source: RFC 2986 (PKCS #10), RFC 5915 (SEC 1 private key), RFC 5280 4.2.1.6.
"""

from agent.core import der, p256_keys

_VERSION_0 = b"\x02\x01\x00"
_VERSION_1 = b"\x02\x01\x01"
_POINT_HEAD = b"\x00\x04"  # no unused bits, uncompressed point


def certificate_request(private_key: bytes, endpoint_id: str) -> bytes:
    """PKCS #10 with CN = endpoint id and its URN as subject alternative name, signed."""
    common_name = der.encode(der.UTF8_STRING, endpoint_id.encode())
    identifier = der.encode(der.OBJECT_IDENTIFIER, der.OID_COMMON_NAME)
    subject = der.encode(der.SET, der.encode(der.SEQUENCE, identifier, common_name))
    info = der.encode(
        der.SEQUENCE,
        _VERSION_0,
        der.encode(der.SEQUENCE, subject),
        _key_info(p256_keys.public_key(private_key)),
        der.encode(0xA0, _extension_request(endpoint_id)),
    )
    algorithm = der.encode(der.OBJECT_IDENTIFIER, der.OID_ECDSA_SHA256)
    signature = _signature(p256_keys.sign(private_key, info))
    return der.encode(
        der.SEQUENCE,
        info,
        der.encode(der.SEQUENCE, algorithm),
        der.encode(der.BIT_STRING, b"\x00", signature),
    )


def private_key_der(private_key: bytes) -> bytes:
    """SEC 1 private key with curve and public point, as mbedtls and OpenSSL load it."""
    return der.encode(
        der.SEQUENCE,
        _VERSION_1,
        der.encode(der.OCTET_STRING, private_key),
        der.encode(0xA0, der.encode(der.OBJECT_IDENTIFIER, der.OID_P256)),
        der.encode(
            0xA1, der.encode(der.BIT_STRING, _POINT_HEAD, p256_keys.public_key(private_key))
        ),
    )


def _key_info(point):
    kinds = (
        der.encode(der.OBJECT_IDENTIFIER, der.OID_EC_PUBLIC_KEY),
        der.encode(der.OBJECT_IDENTIFIER, der.OID_P256),
    )
    algorithm = der.encode(der.SEQUENCE, *kinds)
    return der.encode(der.SEQUENCE, algorithm, der.encode(der.BIT_STRING, _POINT_HEAD, point))


def _extension_request(endpoint_id):
    uri = der.encode(0x86, ("urn:bbf:usp:id:" + endpoint_id).encode())
    names = der.encode(der.OCTET_STRING, der.encode(der.SEQUENCE, uri))
    identifier = der.encode(der.OBJECT_IDENTIFIER, der.OID_SUBJECT_ALT_NAME)
    extensions = der.encode(der.SEQUENCE, der.encode(der.SEQUENCE, identifier, names))
    request = der.encode(der.OBJECT_IDENTIFIER, der.OID_EXTENSION_REQUEST)
    return der.encode(der.SEQUENCE, request, der.encode(der.SET, extensions))


def _signature(signature):
    """SEQUENCE of r and s, as X.509 wants it."""
    numbers = []
    for start in (0, 32):
        number = signature[start : start + 32]
        while len(number) > 1 and not number[0]:
            number = number[1:]
        if number[0] & 0x80:
            number = b"\x00" + number
        numbers.append(der.encode(der.INTEGER, number))
    return der.encode(der.SEQUENCE, *numbers)
