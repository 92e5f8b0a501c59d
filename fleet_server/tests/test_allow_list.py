"""The allow-list as a person writes it, and as devices get it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from typer.testing import CliRunner

from agent.wire.allow_list import MAX_BYTES, claims_of, split_document
from fleet_server.adapters.allow_lists import lists_in
from fleet_server.adapters.certificates import DeviceAuthority, FileSigningKey, Pki
from fleet_server.adapters.database import open_database
from fleet_server.adapters.migration import migrate
from fleet_server.adapters.x509_files import new_key, write_key
from fleet_server.cli import app
from fleet_server.domain.errors import (
    InvalidAllowListError,
    OlderAllowListError,
    UnknownAllowListError,
)
from fleet_server.services import allow_list_versions
from fleet_server.services.allow_list import read_allow_list, sign_allow_list
from fleet_server.services.audit import Actor
from fleet_server.services.fleet import Fleet

CLERK = Actor.account(7)
NOW = datetime(2026, 12, 15, 12, 0, tzinfo=UTC)
LIST = """
version = 7
expires = 2027-06-30
numbers = ["0800 11-222"]

[[hosts]]
names = ["Mesimi.example", "*.school.example"]
from = 2026-12-01
to = 2027-03-28
"""


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    engine = open_database(f"sqlite:///{tmp_path / 'fleet.db'}")
    pki = Pki(tmp_path)
    write_key(pki.key("command"), new_key())
    key = FileSigningKey(pki.key("command"))
    yield Fleet(engine, DeviceAuthority(pki), key, key, "fqdn::fleet.test", "localhost", 8883)
    engine.dispose()


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def test_days_are_whole_local_days_and_the_document_is_signed(fleet: Fleet) -> None:
    document = sign_allow_list(fleet, read_allow_list(LIST), {}, NOW)
    signed, signature = split_document(document)
    point = b"\x04" + fleet.command_key.public_point()
    r, s = (int.from_bytes(signature[each : each + 32], "big") for each in (0, 32))
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point).verify(
        utils.encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256())
    )
    assert claims_of(signed) == {
        "aud": "fqdn::fleet.test",
        "ver": 7,
        "iat": int(NOW.timestamp()),
        "exp": at("2027-06-30T23:59:59+02:00"),
        "numbers": ["080011222"],
        "hosts": [
            [
                at("2026-12-01T00:00:00+01:00"),
                at("2027-03-28T23:59:59+02:00"),
                ["mesimi.example", "*.school.example"],
            ]
        ],
    }


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("version = 7", "version = seven", "not TOML"),
        ("version = 7", "", "exactly"),
        ("version = 7", "version = 7\ncolour = 1", "see colour"),
        ("version = 7", 'version = "7"', "whole number"),
        ("version = 7", "version = true", "whole number"),
        ("version = 7", "version = 0", "ver"),
        ("2027-06-30", '"soon"', "not a day"),
        ("2027-06-30", "2026-12-14", "is over"),
        ('["0800 11-222"]', '"112"', "list of texts"),
        ("0800 11-222", "ambulance", "bad number"),
        ('["Mesimi.example", "*.school.example"]', '["*.example"]', "bad host"),
        ('["Mesimi.example", "*.school.example"]', '["https://a.example"]', "bad host"),
        ("from = 2026-12-01", "from = 2027-12-01", "end before they begin"),
        ("to = 2027-03-28", "until = 2027-03-28", "see to, until"),
        ("[[hosts]]", "[hosts]", "[[hosts]]"),
    ],
)
def test_what_is_wrong_is_named(fleet: Fleet, old: str, new: str, why: str) -> None:
    assert old in LIST
    with pytest.raises(InvalidAllowListError) as raised:
        sign_allow_list(fleet, read_allow_list(LIST.replace(old, new)), {}, NOW)
    assert why in str(raised.value)


def test_a_list_that_no_device_would_take_is_not_signed(fleet: Fleet) -> None:
    names = ", ".join(f'"school{number}.example"' for number in range(200))
    wanted = read_allow_list(LIST.replace('"*.school.example"', names))
    with pytest.raises(InvalidAllowListError, match=str(MAX_BYTES)):
        sign_allow_list(fleet, wanted, {}, NOW)


def test_sixty_hosts_fit(fleet: Fleet) -> None:
    names = ", ".join(f'"school{number}.example"' for number in range(60))
    wanted = read_allow_list(LIST.replace('"*.school.example"', names))
    assert len(sign_allow_list(fleet, wanted, {}, NOW)) <= MAX_BYTES


def test_a_version_means_one_list_for_ever(fleet: Fleet) -> None:
    first = sign_allow_list(fleet, read_allow_list(LIST), {}, NOW)
    later = datetime(2026, 12, 16, tzinfo=UTC)
    assert sign_allow_list(fleet, read_allow_list(LIST), {7: first}, later) == first
    with pytest.raises(OlderAllowListError, match="version 7"):
        sign_allow_list(fleet, read_allow_list(LIST.replace("11-222", "1")), {7: first}, NOW)
    older = read_allow_list(LIST.replace("version = 7", "version = 6"))
    with pytest.raises(OlderAllowListError, match="go above"):
        sign_allow_list(fleet, older, {7: first}, NOW)


def test_lists_of_before_are_taken_over(tmp_path: Path, fleet: Fleet) -> None:
    folder = tmp_path / "lists"
    assert lists_in(folder) == {}
    folder.mkdir()
    document = sign_allow_list(fleet, read_allow_list(LIST), {}, NOW)
    (folder / "7.jws").write_text(document)
    (folder / "notes.txt").write_text("x")
    migrate(fleet.engine)
    for _ in range(2):
        with fleet.writing() as connection:
            allow_list_versions.keep(connection, lists_in(folder))
    with fleet.writing() as connection:
        assert allow_list_versions.document_of(connection, 7) == document
        (found,) = allow_list_versions.list_versions(connection)
        with pytest.raises(OlderAllowListError):
            allow_list_versions.sign(connection, fleet, LIST.replace("11-222", "1"), CLERK, "", NOW)
    assert (found.version, found.signed_at, found.published_at) == (7, NOW, None)


def test_the_command_signs_keeps_and_says_how_large(tmp_path: Path) -> None:
    state = tmp_path / "state"
    run = CliRunner()
    assert run.invoke(app, ["init", "--state", str(state)]).exit_code == 0
    source, out = tmp_path / "list.toml", tmp_path / "list.jws"
    source.write_text(LIST.replace("2027-06-30", "2090-06-30"))
    words = ["sign-allow-list", str(source), "--out", str(out), "--state", str(state)]
    done = run.invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "version 7" in done.output
    document = out.read_text()
    assert claims_of(split_document(document)[0])["ver"] == 7
    assert run.invoke(app, words).exit_code == 0
    assert out.read_text() == document
    words = ["publish-allow-list", "7", "--reason", "school at home", "--state", str(state)]
    assert run.invoke(app, words).exit_code == 0
    words[1] = "8"
    assert isinstance(run.invoke(app, words).exception, UnknownAllowListError)


def test_the_command_shows_and_spoils_a_simulated_system(tmp_path: Path) -> None:
    state = tmp_path / "state"
    run = CliRunner()
    assert run.invoke(app, ["init", "--state", str(state)]).exit_code == 0
    words = ["operator-system", "access", "--state", str(state)]
    assert "fail_before=2" in run.invoke(app, [*words, "--fail", "2"]).output
    assert "fail_before=2" in run.invoke(app, words).output
    assert "fail_before=0" in run.invoke(app, [*words, "--delay-ms", "0"]).output
    words[1] = "device"
    assert "not simulated" in str(run.invoke(app, words).exception)
