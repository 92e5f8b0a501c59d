from agent.core import csr, der, p256, p256_keys
from agent.errors import PeerError
from agent.tests.certificates import certificate

EID = "ops::00256D-STB-00000003"
KEY = bytes(range(1, 33))
POINT = p256_keys.public_key(KEY)


def refused(function, *args):
    try:
        function(*args)
    except PeerError:
        return True
    return False


def test_lengths_take_the_short_form_where_they_can():
    assert der.encode(4, b"x" * 127)[:2] == b"\x04\x7f"
    assert der.encode(4, b"x" * 128)[:3] == b"\x04\x81\x80"
    assert der.encode(4, b"x" * 256)[:4] == b"\x04\x82\x01\x00"
    for size in (0, 1, 127, 128, 255, 256, 70, 3000):
        assert der.elements(der.encode(4, b"x" * size)) == [(4, b"x" * size)]


def test_what_is_not_whole_der_is_refused():
    for bad in (
        b"\x30",
        b"\x30\x05abc",
        b"\x30\x80\x00\x00",
        b"\x30\x81\x05abcde",
        b"\x30\x82\x00\x85" + b"x" * 0x85,
        b"\x30\x83\x00\x00\x01x",
        b"\x30\x81",
    ):
        assert refused(der.elements, bad), bad


def test_a_certificate_tells_its_owner_and_key():
    facts = der.Certificate(certificate(POINT, EID, "urn:bbf:usp:id:" + EID))
    assert facts.common_name == EID
    assert facts.uris == ("urn:bbf:usp:id:" + EID,)
    assert facts.public_point == POINT
    assert (facts.not_before, facts.not_after) == ("260101000000Z", "460101000000Z")


def test_a_key_on_another_curve_counts_as_none():
    facts = der.Certificate(certificate(POINT, EID, curve=b"\x2b\x81\x04\x00\x0a"))
    assert facts.public_point == b""


def test_every_truncation_of_a_certificate_is_refused():
    whole = certificate(POINT, EID)
    for cut in range(len(whole)):
        assert refused(der.Certificate, whole[:cut])


def test_no_flipped_bit_breaks_the_reader():
    whole = certificate(POINT, EID)
    for bit in range(len(whole) * 8):
        bad = bytearray(whole)
        bad[bit // 8] ^= 1 << bit % 8
        try:
            der.Certificate(bytes(bad))
        except PeerError:
            pass


def test_the_request_and_the_key_carry_the_public_point():
    request = csr.certificate_request(KEY, EID)
    info, algorithm, signature = der.elements(der.one(request, der.SEQUENCE))
    assert POINT in info[1]
    assert ("urn:bbf:usp:id:" + EID).encode() in info[1]
    assert algorithm[1] == der.encode(der.OBJECT_IDENTIFIER, der.OID_ECDSA_SHA256)
    r, s = der.elements(der.one(signature[1][1:], der.SEQUENCE))
    fixed = b"".join((b"\x00" * 32 + number[1])[-32:] for number in (r, s))
    assert p256.verify(POINT, der.encode(der.SEQUENCE, info[1]), fixed)
    assert POINT in csr.private_key_der(KEY)


def test_the_tls_of_this_python_takes_the_private_key():
    try:
        import tls
    except ImportError:
        return  # CPython: see test_p256_cpython.py
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.load_cert_chain(certificate(POINT, EID), csr.private_key_der(KEY))
