"""Putting units into service, and every reason not to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from sqlalchemy import Engine, select, update

from fleet_server.adapters.certificates import (
    DeviceAuthority,
    FileSigningKey,
    Pki,
    make_pki,
    point_of,
)
from fleet_server.domain import errors
from fleet_server.domain.approval import UnapprovedModelError
from fleet_server.domain.life_cycle import LifeCycleError
from fleet_server.services import tables as t
from fleet_server.services.assignments import Papers, assign
from fleet_server.services.audit import Actor, history, verify
from fleet_server.services.enrolment import Enrolment, device_point, enrol
from fleet_server.services.fleet import Fleet

NOW = datetime(2027, 1, 15, 12, 0, tzinfo=UTC)
MODEM = "ops::00256D-MODEM-00000001"
VOICEMODEM = "ops::00256D-VOICEMODEM-00000002"
DESK = Actor.system("desk")


@dataclass(frozen=True)
class Desk:
    """A fleet, and the requests that come to it."""

    fleet: Fleet

    def enrol(
        self, endpoint_id: str, contract: str, position: str, csr: bytes | None = None
    ) -> Enrolment:
        serial_number = endpoint_id.rpartition("-")[2]
        made = request(endpoint_id) if csr is None else csr
        return enrol(self.fleet, serial_number, made, contract, position, DESK, NOW)

    def mark(self, endpoint_id: str, **values: bool) -> None:
        with self.fleet.writing() as connection:
            connection.execute(
                update(t.unit).where(t.unit.c.endpoint_id == endpoint_id).values(**values)
            )


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    made = Pki(tmp_path_factory.mktemp("pki"))
    make_pki(made, "localhost", "fqdn::fleet.test", NOW)
    return made


@pytest.fixture
def desk(demo_engine: Engine, pki: Pki) -> Desk:
    key = FileSigningKey(pki.key("command"))
    authority = DeviceAuthority(pki)
    return Desk(Fleet(demo_engine, authority, key, key, "fqdn::fleet.test", "localhost", 8883))


def request(
    common_name: str, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None
) -> bytes:
    made = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(made, hashes.SHA256())
    return csr.public_bytes(serialization.Encoding.DER)


def test_a_unit_gets_a_certificate_for_its_own_key_that_the_device_ca_signed(
    desk: Desk, pki: Pki
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    made = desk.enrol(MODEM, "C-1002", "internet", request(MODEM, key))
    certificate = x509.load_der_x509_certificate(made.certificate_der)
    assert certificate.public_key() == key.public_key()
    authority = x509.load_pem_x509_certificate(pki.certificate("device-ca").read_bytes())
    certificate.verify_directly_issued_by(authority)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [f"urn:bbf:usp:id:{MODEM}"]
    assert certificate.not_valid_before_utc < NOW < certificate.not_valid_after_utc
    root = x509.load_der_x509_certificate(made.ca_der)
    authority.verify_directly_issued_by(root)
    assert len(made.command_key) == 64
    assert (made.broker_host, made.broker_port, made.position) == ("localhost", 8883, "internet")


@pytest.mark.parametrize("values", [{"model_id": None}, {"approval_reference": ""}])
def test_a_unit_whose_model_is_not_approved_gets_no_contract(
    desk: Desk, values: dict[str, str | None]
) -> None:
    table = t.unit if "model_id" in values else t.model
    with desk.fleet.writing() as connection:
        connection.execute(update(table).values(values))
    with pytest.raises(UnapprovedModelError, match=r"7\.1\.8"):
        desk.enrol(MODEM, "C-1002", "internet")
    with desk.fleet.reading() as connection:
        assert connection.execute(select(t.assignment)).all() == []


def test_a_spare_unit_has_a_certificate_and_no_contract(desk: Desk) -> None:
    first = desk.enrol(VOICEMODEM, "", "spare")
    again = desk.enrol(VOICEMODEM, "", "spare")
    assert (again.position, again.endpoint_id) == ("spare", VOICEMODEM)
    with desk.fleet.reading() as connection:
        assert connection.scalars(select(t.assignment)).all() == []
        point = device_point(connection, VOICEMODEM)
        states = connection.scalars(select(t.certificate.c.revoked_at)).all()
    certificate = x509.load_der_x509_certificate(again.certificate_der)
    assert point == point_of(certificate)
    assert point != point_of(x509.load_der_x509_certificate(first.certificate_der))
    assert sum(revoked is None for revoked in states) == 1
    with pytest.raises(errors.InvalidError, match="for no contract"):
        desk.enrol(VOICEMODEM, "C-1001", "spare")


def test_a_spare_unit_is_told_when_it_is_assigned_and_only_a_spare_one(desk: Desk) -> None:
    def told() -> list[str]:
        with desk.fleet.reading() as connection:
            rows = connection.execute(select(t.outbox)).mappings().all()
        return [str(row) for row in rows if VOICEMODEM in str(row)]

    desk.enrol(VOICEMODEM, "", "spare")
    assert told() == []
    with desk.fleet.writing() as connection:
        assign(connection, DESK, "00000002", "C-1001", "voice", Papers(None), NOW)
    assert told()
    with pytest.raises(errors.UnitInServiceError):
        desk.enrol(VOICEMODEM, "", "spare")
    before = len(told())
    desk.enrol(VOICEMODEM, "C-1001", "voice")
    assert len(told()) == before


@pytest.mark.parametrize("state", ["to_be_returned", "returned", "quarantine", "in_repair"])
def test_a_unit_that_is_not_in_stock_becomes_no_spare_one(desk: Desk, state: str) -> None:
    with desk.fleet.writing() as connection:
        connection.execute(
            update(t.unit).where(t.unit.c.endpoint_id == VOICEMODEM).values(state=state)
        )
    with pytest.raises(errors.UnitInServiceError, match=f"{state}, not in stock"):
        desk.enrol(VOICEMODEM, "", "spare")
    with desk.fleet.reading() as connection:
        assert connection.execute(select(t.certificate)).all() == []


def test_a_voice_modem_may_hold_two_positions_of_one_contract(desk: Desk) -> None:
    desk.enrol(VOICEMODEM, "C-1001", "internet+voice")
    with desk.fleet.reading() as connection:
        assert len(connection.execute(select(t.assignment)).all()) == 2


@pytest.mark.parametrize(
    ("endpoint_id", "contract", "position", "error"),
    [
        ("ops::00256D-MODEM-99999999", "C-1002", "internet", errors.UnknownUnitError),
        (MODEM, "C-9999", "internet", errors.UnknownContractError),
        (MODEM, "C-1002", "voice", errors.UnknownPositionError),
        (MODEM, "C-1001", "voice", errors.WrongProductClassError),
        (MODEM, "C-1001", "internet+voice", errors.WrongProductClassError),
    ],
)
def test_what_the_registry_does_not_hold_is_refused(
    desk: Desk, endpoint_id: str, contract: str, position: str, error: type[errors.RuleError]
) -> None:
    with pytest.raises(error):
        desk.enrol(endpoint_id, contract, position)
    with desk.fleet.reading() as connection:
        assert connection.execute(select(t.assignment)).all() == []
        assert connection.execute(select(t.certificate)).all() == []


@pytest.mark.parametrize(
    ("mark", "error"),
    [("blacklisted", errors.BlacklistedUnitError), ("lab", errors.LabUnitError)],
)
def test_a_barred_unit_is_refused(desk: Desk, mark: str, error: type[errors.RuleError]) -> None:
    desk.mark(MODEM, **{mark: True})
    with pytest.raises(error):
        desk.enrol(MODEM, "C-1002", "internet")


def test_a_position_holds_one_unit(desk: Desk) -> None:
    desk.enrol(MODEM, "C-1002", "internet")
    with pytest.raises(errors.PositionTakenError):
        desk.enrol(VOICEMODEM, "C-1002", "internet")


def test_a_provisioning_that_broke_off_can_be_repeated_until_the_unit_was_online(
    desk: Desk,
) -> None:
    desk.enrol(MODEM, "C-1002", "internet")
    desk.enrol(MODEM, "C-1002", "internet")
    with desk.fleet.reading() as connection:
        found = connection.execute(select(t.certificate).order_by(t.certificate.c.issued_at)).all()
        assert [row.revoked_at is None for row in found].count(True) == 1
        assert len(connection.execute(select(t.assignment)).all()) == 1
    with pytest.raises(errors.UnitInServiceError):
        desk.enrol(MODEM, "C-1001", "internet")
    with desk.fleet.writing() as connection:
        online = {"state": "online", "since_at": NOW, "seen_at": NOW, "evidence": "connect"}
        connection.execute(t.presence.insert().values(endpoint_id=MODEM, **online))
    with pytest.raises(errors.UnitInServiceError):
        desk.enrol(MODEM, "C-1002", "internet")


@pytest.mark.parametrize(
    "csr",
    [
        b"",
        b"no request",
        request(VOICEMODEM),
        request(MODEM)[:-3] + b"\0\0\0",
        request(MODEM, rsa.generate_private_key(65537, 2048)),
        request(MODEM, ec.generate_private_key(ec.SECP384R1())),
    ],
    ids=["empty", "noise", "another's name", "bad signature", "RSA", "P-384"],
)
def test_a_request_this_unit_cannot_have_made_is_refused_and_takes_no_position(
    desk: Desk, csr: bytes
) -> None:
    with pytest.raises(errors.InvalidCertificateRequestError):
        desk.enrol(MODEM, "C-1002", "internet", csr)
    with desk.fleet.reading() as connection:
        assert connection.execute(select(t.assignment)).all() == []


def test_the_pki_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    made = Pki(tmp_path / "pki")
    make_pki(made, "localhost", "fqdn::fleet.test", NOW)
    before = {path.name: path.read_bytes() for path in made.folder.iterdir()}
    make_pki(made, "localhost", "fqdn::fleet.test", NOW)
    assert {path.name: path.read_bytes() for path in made.folder.iterdir()} == before
    assert {path.stat().st_mode & 0o777 for path in made.folder.iterdir()} == {0o600}
    assert made.folder.stat().st_mode & 0o777 == 0o700


def test_the_brokers_certificate_is_renewed_for_a_new_name_and_before_it_ends(
    tmp_path: Path,
) -> None:
    made = Pki(tmp_path / "pki")
    make_pki(made, "localhost", "fqdn::fleet.test", NOW)
    root, broker = made.root.read_bytes(), made.certificate("broker").read_bytes()
    make_pki(made, "broker.example.org", "fqdn::fleet.test", NOW)
    renamed = made.certificate("broker").read_bytes()
    make_pki(made, "broker.example.org", "fqdn::fleet.test", NOW + timedelta(days=720))
    assert len({broker, renamed, made.certificate("broker").read_bytes()}) == 3
    assert made.root.read_bytes() == root


def test_what_was_enrolled_is_installed_handed_over_and_on_record(desk: Desk) -> None:
    desk.enrol(VOICEMODEM, "C-1001", "internet+voice")
    with desk.fleet.reading() as connection:
        unit = connection.execute(select(t.unit).where(t.unit.c.endpoint_id == VOICEMODEM)).one()
        held = connection.execute(select(t.assignment)).all()
        log = history(connection, "unit:00000002")
        assert verify(connection).broken_at is None
    assert unit.state == "installed"
    assert [row.handed_over_on for row in held] == [NOW.date(), NOW.date()]
    assert [entry.action for entry in log] == [
        "unit_assigned",
        "unit_state_changed",
        "unit_received",
    ]
    assert log[0].detail == {
        "contract": "C-1001",
        "position": "internet+voice",
        "handed_over": "2027-01-15",
        "value_cents": None,
    }
    assert log[0].actor == DESK


def test_a_scrapped_unit_and_a_smart_card_are_not_enrolled(desk: Desk) -> None:
    with desk.fleet.writing() as connection:
        connection.execute(
            update(t.unit).where(t.unit.c.endpoint_id == MODEM).values(state="scrapped")
        )
        connection.execute(
            t.unit.insert().values(
                serial_number="9000001",
                manufacturer_oui="00256D",
                product_class="CARD",
                received_at=NOW,
            )
        )
    with pytest.raises(LifeCycleError, match="only: nothing"):
        desk.enrol(MODEM, "C-1002", "internet")
    with pytest.raises(errors.NoEndpointError):
        desk.enrol("ops::00256D-CARD-9000001", "C-1003", "tv-1", b"")
