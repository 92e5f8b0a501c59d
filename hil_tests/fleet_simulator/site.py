"""What simulated units are given by an installation: its addresses, and certificates of its CA.

Keys and certificates are made here, with the key of the device CA that lies in the state folder;
units keep them in memory alone. The fleet server keeps no record of certificates made so: a unit
whose certificate it must be able to revoke is enrolled over its HTTP interface instead
(enrolment.py).
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from agent.core.enrolment import packed
from hil_tests.errors import BenchError
from hil_tests.fleet_simulator.enrolment import enrolled, private_parts
from hil_tests.fleet_simulator.office import Office
from hil_tests.fleet_simulator.plan import Row, UnitPlan, registry_rows

_YEAR = timedelta(days=366)
_MOST_ROWS = 200


@dataclass(frozen=True, slots=True)
class Site:
    """One installation: where its broker and console listen, and its keys."""

    state: Path
    http_port: int
    mqtt_port: int
    controller: str
    root_der: bytes
    command_key: bytes
    issuer: x509.Name
    issuer_key: ec.EllipticCurvePrivateKey

    @classmethod
    def of(cls, state: Path) -> Self:
        """The installation under this folder. Raises BenchError when none was served there."""
        pki = state / "pki"
        try:
            ports = json.loads((state / "ports.json").read_text())
            authority = _certificate(pki / "device-ca.pem")
            return cls(
                state,
                int(ports["http"]),
                int(ports["mqtt"]),
                _common_name(_certificate(pki / "controller.pem")),
                _certificate(pki / "root.pem").public_bytes(Encoding.DER),
                _point(_key(pki / "command.key")),
                authority.subject,
                _key(pki / "device-ca.key"),
            )
        except (OSError, ValueError, KeyError) as error:
            raise BenchError(
                f"{state} is not the state folder of a fleet server that ran: {error}"
            ) from error

    def provisionings(self, units: Iterable[UnitPlan]) -> Iterator[bytes]:
        """What `commit` leaves on each unit: a key of its own, its certificate, and addresses.

        Raises BenchError when the server refuses to enrol one.
        """
        with self.office("technician") as technician:
            for unit in units:
                yield enrolled(technician, unit) if unit.is_enrolled else self._made(unit)

    def office(self, role: str) -> Office:
        """The desk of the first account of a role. Raises BenchError."""
        return Office(self.http_port, role, self._password(role))

    def _made(self, unit: UnitPlan) -> bytes:
        key = ec.generate_private_key(ec.SECP256R1())
        values = {
            "certificate": self._issue(unit.endpoint_id, key.public_key()),
            **private_parts(key),
            "ca": self.root_der,
            "command_key": self.command_key,
            "broker_host": b"localhost",
            "broker_port": b"%d" % self.mqtt_port,
            "controller": self.controller.encode(),
            "position": unit.position.encode(),
        }
        return packed(values)

    def register(self, units: list[UnitPlan]) -> None:
        """Enter the units, their contracts and places in the registry, by its ordinary import.

        What is there already stays. Raises BenchError when a row is refused.
        """
        day = datetime.now(UTC).date().isoformat()
        with self.office("fleet_ops") as office:
            for subject, rows in registry_rows(units, day):
                for part in _parts(rows):
                    body = {"rows": part, "reason": "simulated fleet"}
                    answer = office.call("POST", f"/registry/{subject}", body)
                    if answer["refused"]:
                        raise BenchError(
                            f"the registry refuses {subject}: {answer['refusals'][:3]}"
                        )

    def _password(self, role: str) -> str:
        lines = (self.state / "first-sign-in.txt").read_text().splitlines()
        return dict(line.split(maxsplit=1) for line in lines)[role]

    def _issue(self, endpoint_id: str, key: ec.EllipticCurvePublicKey) -> bytes:
        now = datetime.now(UTC)
        identity = x509.UniformResourceIdentifier(f"urn:bbf:usp:id:{endpoint_id}")
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, endpoint_id)]))
            .issuer_name(self.issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _YEAR)
            .not_valid_after(now + _YEAR)
            .add_extension(x509.SubjectAlternativeName([identity]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=False)
            .sign(self.issuer_key, hashes.SHA256())
        )
        return certificate.public_bytes(Encoding.DER)


def _parts(rows: list[Row]) -> Iterator[list[Row]]:
    for at in range(0, len(rows), _MOST_ROWS):
        yield rows[at : at + _MOST_ROWS]


def _certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{path} holds no elliptic curve key")
    return key


def _point(key: ec.EllipticCurvePrivateKey) -> bytes:
    numbers = key.public_key().public_numbers()
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def _common_name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
