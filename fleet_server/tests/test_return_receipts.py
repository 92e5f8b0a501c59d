"""Receipts of returned equipment: signed by the server, checked without it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from cryptography import x509
from typer.testing import CliRunner

from agent.wire.authorisation import decode_base64url, encode_base64url
from fleet_server.adapters.certificates import (
    DOCUMENT,
    FileSigningKey,
    Pki,
    is_signed,
    make_pki,
    point_of,
)
from fleet_server.adapters.x509_files import read_certificate
from fleet_server.cli import app
from fleet_server.domain.errors import InvalidReceiptError
from fleet_server.services.return_receipts import ReturnReceipt, check_receipt, sign_receipt
from fleet_server.web.qr import qr_svg

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
RECEIPT = ReturnReceipt(
    "R-00000001", "00000002", "VOICEMODEM", date(2026, 11, 26), "STORE-1", "complete"
)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    made = Pki(tmp_path_factory.mktemp("receipts") / "pki")
    make_pki(made, "localhost", "fqdn::fleet.test", NOW)
    return made


@pytest.fixture(scope="module")
def text(pki: Pki) -> str:
    return sign_receipt(FileSigningKey(pki.key(DOCUMENT)), RECEIPT)


def point(pki: Pki) -> bytes:
    return point_of(read_certificate(pki.certificate(DOCUMENT)))


def test_what_was_signed_is_read_back(pki: Pki, text: str) -> None:
    assert check_receipt(text, point(pki), is_signed) == RECEIPT
    assert check_receipt(f" {text}\n", point(pki), is_signed) == RECEIPT


def test_the_format_is_the_one_that_is_documented(text: str) -> None:
    header, claims, signature = (decode_base64url(part.encode()) for part in text.split("."))
    assert header.startswith(b'{"alg":"ES256","typ":"return-receipt","kid":"')
    assert claims == (
        b'{"no":"R-00000001","sn":"00000002","pc":"VOICEMODEM","on":"2026-11-26",'
        b'"at":"STORE-1","st":"complete"}'
    )
    assert len(signature) == 64


def test_every_changed_character_is_noticed(pki: Pki, text: str) -> None:
    for at in range(len(text)):
        other = "A" if text[at] != "A" else "B"
        with pytest.raises(InvalidReceiptError):
            check_receipt(text[:at] + other + text[at + 1 :], point(pki), is_signed)


def test_every_missing_end_is_noticed(pki: Pki, text: str) -> None:
    for cut in range(len(text)):
        with pytest.raises(InvalidReceiptError):
            check_receipt(text[:cut], point(pki), is_signed)


def test_another_installations_receipt_names_its_key(pki: Pki, tmp_path: Path) -> None:
    other = Pki(tmp_path / "pki")
    make_pki(other, "localhost", "fqdn::fleet.test", NOW)
    foreign = sign_receipt(FileSigningKey(other.key(DOCUMENT)), RECEIPT)
    with pytest.raises(InvalidReceiptError, match="names key"):
        check_receipt(foreign, point(pki), is_signed)


def test_what_else_the_key_signs_is_no_receipt(pki: Pki, text: str) -> None:
    key = FileSigningKey(pki.key(DOCUMENT))
    parts = text.encode().split(b".")
    parts[0] = encode_base64url(decode_base64url(parts[0]).replace(b"return", b"xxxxxx"))
    signed = b".".join(parts[:2])
    made = b".".join([signed, encode_base64url(key.sign(signed))]).decode()
    with pytest.raises(InvalidReceiptError, match="no return receipt"):
        check_receipt(made, point(pki), is_signed)


def test_the_certificate_of_documents_comes_from_the_root_and_signs_nothing_else(pki: Pki) -> None:
    certificate = read_certificate(pki.certificate(DOCUMENT))
    certificate.verify_directly_issued_by(read_certificate(pki.root))
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.key_cert_sign) == (True, False)
    assert point(pki) == FileSigningKey(pki.key(DOCUMENT)).public_point()
    assert pki.key(DOCUMENT).read_bytes() != pki.key("command").read_bytes()


def test_a_receipt_fits_a_code_that_a_telephone_reads(text: str) -> None:
    svg = str(qr_svg(text))
    assert svg.startswith("<svg ")
    assert 'class="qr"' in svg
    assert "style" not in svg
    assert "script" not in svg
    side = int(svg.split('viewBox="0 0 ', 1)[1].split(" ", 1)[0])
    assert side <= 8 + 4 * 17 + 17  # version 17 with its quiet zone


def test_the_command_checks_with_the_certificate_alone(pki: Pki, text: str, tmp_path: Path) -> None:
    words = ["check-receipt", text, "--certificate", str(pki.certificate(DOCUMENT))]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "R-00000001, VOICEMODEM 00000002, handed in on 2026-11-26 at STORE-1" in done.output
    words[1] = text.replace(".", "", 1)
    assert isinstance(CliRunner().invoke(app, words).exception, InvalidReceiptError)
    words[3] = str(tmp_path / "missing.pem")
    assert "--certificate" in str(CliRunner().invoke(app, words).exception)
