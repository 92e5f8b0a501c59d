"""Authorisations: what is signed, with which counter, and when one is needed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from sqlalchemy import Engine

from agent.wire.authorisation import arguments_hash, split_token
from fleet_server.adapters.certificates import DeviceAuthority, FileSigningKey, Pki
from fleet_server.adapters.x509_files import new_key, write_key
from fleet_server.services.authorisation import authorise_command, needs_authorisation
from fleet_server.services.fleet import Fleet

NOW = datetime(2027, 1, 15, 12, 0, tzinfo=UTC)
MODEM = "ops::00256D-MODEM-00000001"
STB = "ops::00256D-STB-00000003"


@pytest.fixture
def fleet(tmp_path: Path, engine: Engine) -> Fleet:
    pki = Pki(tmp_path)
    write_key(pki.key("command"), new_key())
    key = FileSigningKey(pki.key("command"))
    return Fleet(engine, DeviceAuthority(pki), key, key, "fqdn::fleet.test", "localhost", 8883)


def verify(fleet: Fleet, signed: bytes, signature: bytes) -> None:
    point = b"\x04" + fleet.command_key.public_point()
    public_key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    r, s = (int.from_bytes(signature[at : at + 32], "big") for at in (0, 32))
    public_key.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))


def test_a_token_names_endpoint_command_arguments_and_lifetime(fleet: Fleet) -> None:
    args = {"Cause": "RemoteReboot"}
    token = authorise_command(fleet, MODEM, "Device.Reboot()", "key-1", args, NOW)
    signed, signature, claims = split_token(token)
    verify(fleet, signed, signature)
    issued_at = int(NOW.timestamp())
    assert claims == {
        "eid": MODEM,
        "cmd": "Device.Reboot()",
        "key": "key-1",
        "args": arguments_hash(args),
        "ctr": 1,
        "iat": issued_at,
        "exp": issued_at + 300,
    }
    with pytest.raises(InvalidSignature):
        verify(fleet, signed + b"x", signature)


def test_each_endpoint_has_a_counter_that_only_goes_up(fleet: Fleet) -> None:
    def counter(endpoint_id: str) -> object:
        token = authorise_command(fleet, endpoint_id, "Device.Reboot()", "", {}, NOW)
        return split_token(token)[2]["ctr"]

    assert [counter(MODEM), counter(MODEM), counter(STB), counter(MODEM)] == [1, 2, 1, 3]


@pytest.mark.parametrize(
    ("command", "needed"),
    # Source: docs/developer/architecture.md, "Authorisation of commands that can harm".
    [
        ("Device.Reboot()", True),
        ("Device.FactoryReset()", True),
        ("Device.X_IPKO-COM_Replacement.Prepare()", True),
        ("Device.X_IPKO-COM_Service.Apply()", True),
        ("Device.DeviceInfo.FirmwareImage.1.Download()", True),
        ("Device.DeviceInfo.FirmwareImage.2.Activate()", True),
        ("Device.LocalAgent.X_IPKO-COM_Apply()", True),
        ("Device.LocalAgent.X_IPKO-COM_Overtake()", True),
        ("Device.X_IPKO-COM_Replacement.Prepare()", True),
        ("Device.X_IPKO-COM_Replacement.Adopt()", True),
        ("Device.X_IPKO-COM_Replacement.Fence()", True),
        ("Device.X_IPKO-COM_Replacement.Rollback()", True),
        ("Device.Time.X_IPKO-COM_SetTime()", False),
        ("Device.IP.Diagnostics.IPPing()", False),
        ("Device.SelfTestDiagnostics()", False),
    ],
)
def test_harmful_commands_need_an_authorisation(command: str, needed: bool) -> None:
    assert needs_authorisation(command) is needed
