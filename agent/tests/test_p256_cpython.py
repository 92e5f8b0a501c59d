"""Our P-256 against another implementation, and what it writes read by that one."""

import ssl
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core import csr, der, p256, p256_keys
from agent.errors import PeerError

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ECDSA = ec.ECDSA(hashes.SHA256())
EID = "ops::00256D-VOICEMODEM-00000002"
keys = st.integers(1, ORDER - 1)


@settings(max_examples=40, deadline=None)
@given(keys, st.binary(max_size=100))
def test_the_other_implementation_accepts_our_signatures(secret, message):
    other = ec.derive_private_key(secret, ec.SECP256R1()).public_key()
    signature = p256_keys.sign(secret.to_bytes(32, "big"), message)
    r, s = (int.from_bytes(signature[start : start + 32], "big") for start in (0, 32))
    other.verify(encode_dss_signature(r, s), message, ECDSA)
    with pytest.raises(InvalidSignature):
        other.verify(encode_dss_signature(r, s), message + b"x", ECDSA)


@settings(max_examples=40, deadline=None)
@given(keys, st.binary(max_size=100))
def test_we_accept_the_other_implementations_signatures(secret, message):
    other = ec.derive_private_key(secret, ec.SECP256R1())
    numbers = other.public_key().public_numbers()
    point = numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    assert p256_keys.public_key(secret.to_bytes(32, "big")) == point
    r, s = decode_dss_signature(other.sign(message, ECDSA))
    assert p256.verify(point, message, r.to_bytes(32, "big") + s.to_bytes(32, "big"))


@settings(max_examples=20, deadline=None)
@given(keys)
def test_a_certificate_request_names_the_endpoint_and_is_signed(secret):
    request = x509.load_der_x509_csr(csr.certificate_request(secret.to_bytes(32, "big"), EID))
    assert request.is_signature_valid
    assert isinstance(request.signature_hash_algorithm, hashes.SHA256)
    assert [name.value for name in request.subject] == [EID]
    assert request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == EID
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["urn:bbf:usp:id:" + EID]
    assert request.public_bytes(serialization.Encoding.DER) == csr.certificate_request(
        secret.to_bytes(32, "big"), EID
    )


@settings(max_examples=20, deadline=None)
@given(keys)
def test_the_private_key_is_loaded_as_it_was(secret):
    der = csr.private_key_der(secret.to_bytes(32, "big"))
    loaded = serialization.load_der_private_key(der, None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    assert loaded.private_numbers().private_value == secret


def issued(secret):
    """A certificate as a real CA issues it, DER."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, EID)])
    uri = x509.UniformResourceIdentifier("urn:bbf:usp:id:" + EID)
    key = ec.derive_private_key(secret, ec.SECP256R1())
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2026, 1, 2, tzinfo=UTC))
        .not_valid_after(datetime(2056, 1, 2, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(False, None), True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("x"), uri]), False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )


@settings(max_examples=20, deadline=None)
@given(keys)
def test_a_real_certificate_tells_its_owner_and_key(secret):
    facts = der.Certificate(issued(secret))
    assert facts.common_name == EID
    assert facts.uris == ("urn:bbf:usp:id:" + EID,)
    assert facts.public_point == p256_keys.public_key(secret.to_bytes(32, "big"))
    assert (facts.not_before, facts.not_after) == ("260102000000Z", "20560102000000Z")


@given(st.binary(max_size=200))
def test_random_bytes_are_no_certificate(data):
    with pytest.raises(PeerError):
        der.Certificate(data)


def test_the_tls_of_this_python_takes_certificate_and_key(tmp_path):
    secret = bytes(range(1, 33))
    key = serialization.load_der_private_key(csr.private_key_der(secret), None)
    chain = tmp_path / "chain.pem"
    chain.write_bytes(
        ssl.DER_cert_to_PEM_cert(issued(int.from_bytes(secret, "big"))).encode()
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(chain)
