"""Units that are enrolled as a technician does it: over HTTP, with a key made here."""

from base64 import b64decode, b64encode

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from agent.core.enrolment import packed
from agent.wire.replacement import SPARE_POSITION
from hil_tests.fleet_simulator.office import Office
from hil_tests.fleet_simulator.plan import UnitPlan

_DER_VALUES = ("certificate", "ca", "command_key")
_TEXTS = ("broker_host", "broker_port", "controller", "position")


def enrolled(technician: Office, unit: UnitPlan) -> bytes:
    """What `commit` leaves on a unit that the server has given a certificate. Raises BenchError."""
    key = ec.generate_private_key(ec.SECP256R1())
    where = {"contract": unit.contract, "position": unit.position}
    if unit.spare:
        where = {"contract": "", "position": SPARE_POSITION}
    body = {"csr": b64encode(_request(key, unit.endpoint_id)).decode(), **where}
    issued = technician.call("POST", f"/units/{unit.serial_number}/enrolment", body)
    values = {name: b64decode(issued[name]) for name in _DER_VALUES}
    values |= {name: str(issued[name]).encode() for name in _TEXTS}
    return packed(values | private_parts(key))


def private_parts(key: ec.EllipticCurvePrivateKey) -> dict[str, bytes]:
    """The key as a unit keeps it: for the agent, and for its TLS."""
    return {
        "key": key.private_numbers().private_value.to_bytes(32, "big"),
        "key_der": key.private_bytes(
            Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()
        ),
    }


def _request(key: ec.EllipticCurvePrivateKey, endpoint_id: str) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, endpoint_id)])
    identity = x509.UniformResourceIdentifier(f"urn:bbf:usp:id:{endpoint_id}")
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(name)
        .add_extension(x509.SubjectAlternativeName([identity]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return request.public_bytes(Encoding.DER)
