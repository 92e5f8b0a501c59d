"""Sealed settings between the server's library and the format the agent has too."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from agent.wire import hkdf, sealed
from fleet_server.adapters.certificates import point_of_key
from fleet_server.adapters.settings_seal import FileSettingsKey
from fleet_server.adapters.x509_files import Key, new_key, write_key
from fleet_server.domain.errors import InvalidSealedSettingsError

REPOSITORY = Path(__file__).resolve().parents[2]
EID = "ops::00256D-MODEM-00000002"
PLAIN = json.dumps({"wifi": [{"ssid": "Shtëpia", "passphrase": "made-up-passphrase"}]}).encode()
P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF


@pytest.fixture
def fleet_key(tmp_path: Path) -> FileSettingsKey:
    write_key(tmp_path / "settings.key", new_key())
    return FileSettingsKey(tmp_path / "settings.key")


def private_bytes(key: Key) -> bytes:
    return key.private_numbers().private_value.to_bytes(32, "big")


def machines() -> list[str]:
    """Python, and the board's machine where it is here."""
    micropython = Path(sys.executable).parent / "micropython"
    return [sys.executable, *([str(micropython)] if micropython.exists() else [])]


def on_device(machine: str, script: str, *words: str) -> str:
    """What the agent's own code prints on one of the two Pythons."""
    preamble = "import sys; sys.path.insert(0, sys.argv[1]); from binascii import *\n"
    preamble += f"words = {list(words)!r}\n"  # an argument there has at most 255 characters
    done = subprocess.run(  # noqa: S603  our own interpreters and our own code
        [machine, "-c", preamble + script, str(REPOSITORY)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("machine", machines(), ids=lambda path: Path(path).name)
def test_what_a_device_seals_only_the_server_opens(
    machine: str, fleet_key: FileSettingsKey, tmp_path: Path
) -> None:
    script = (
        "from agent.core.settings_seal import seal\nfrom agent.compat import urandom\n"
        "print(hexlify(seal(urandom, unhexlify(words[0]), unhexlify(words[1]))).decode())"
    )
    point = fleet_key.public_point().hex()
    data = bytes.fromhex(on_device(machine, script, point, PLAIN.hex()))
    assert fleet_key.unseal(data) == PLAIN
    assert data != bytes.fromhex(on_device(machine, script, point, PLAIN.hex()))
    write_key(tmp_path / "other.key", new_key())
    with pytest.raises(InvalidSealedSettingsError, match="not for server, or changed"):
        FileSettingsKey(tmp_path / "other.key").unseal(data)


@pytest.mark.parametrize("machine", machines(), ids=lambda path: Path(path).name)
def test_what_the_server_seals_only_that_device_opens(
    machine: str, fleet_key: FileSettingsKey
) -> None:
    script = (
        "from agent.core.settings_seal import unseal\n"
        "from agent.errors import PeerError\n"
        "key, eid, data = words[0], words[1], words[2]\n"
        "try: print(hexlify(unseal(unhexlify(key), eid, unhexlify(data))).decode())\n"
        "except PeerError as error: print('refused', *error.args[1:])"
    )
    key = new_key()
    data = fleet_key.seal(point_of_key(key.public_key()), EID, PLAIN)

    def opened(own: Key, eid: str, given: bytes) -> str:
        return on_device(machine, script, private_bytes(own).hex(), eid, given.hex())

    assert bytes.fromhex(opened(key, EID, data)) == PLAIN
    assert opened(new_key(), EID, data).startswith("refused not for")
    assert opened(key, EID[:-1] + "3", data).startswith("refused not for")
    assert opened(key, EID, data[:-1] + bytes([data[-1] ^ 1])).startswith("refused not for")


def test_every_changed_bit_and_every_cut_is_refused(fleet_key: FileSettingsKey) -> None:
    data = _sealed_for(fleet_key, PLAIN)
    assert fleet_key.unseal(data) == PLAIN
    for at in range(len(data)):
        changed = data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
        with pytest.raises(InvalidSealedSettingsError):
            fleet_key.unseal(changed)
    for size in range(0, len(data), 7):
        with pytest.raises(InvalidSealedSettingsError):
            fleet_key.unseal(data[:size])
    with pytest.raises(InvalidSealedSettingsError, match="length"):
        fleet_key.unseal(data + bytes(sealed.MAX_BYTES))


def _sealed_for(fleet_key: FileSettingsKey, plain: bytes) -> bytes:
    """Sealed for the server by the library alone."""
    key = new_key()
    peer = ec.EllipticCurvePublicKey.from_encoded_point(
        ec.SECP256R1(), b"\x04" + fleet_key.public_point()
    )
    point, shared = point_of_key(key.public_key()), key.exchange(ec.ECDH(), peer)
    return sealed.seal(point, shared, sealed.SERVER, plain, _blocks)


def _blocks(key: bytes, blocks: bytes) -> bytes:
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(blocks)  # noqa: S305


def test_settings_that_are_too_long_are_not_sealed(fleet_key: FileSettingsKey) -> None:
    point = point_of_key(new_key().public_key())
    fleet_key.seal(point, EID, bytes(sealed.MAX_BYTES - 97))
    with pytest.raises(InvalidSealedSettingsError, match="too long"):
        fleet_key.seal(point, EID, bytes(sealed.MAX_BYTES - 96))


def _numbers(x: int, y: int) -> bytes:
    return x.to_bytes(32, "big") + y.to_bytes(32, "big")


_G = point_of_key(ec.derive_private_key(1, ec.SECP256R1()).public_key())
_GX, _GY = int.from_bytes(_G[:32], "big"), int.from_bytes(_G[32:], "big")
NO_POINTS = {
    "nothing": bytes(64),
    "x alone": _numbers(_GX, 0),
    "y alone": _numbers(0, _GY),
    "one beside": _numbers(_GX, _GY + 1),
    "exchanged": _numbers(_GY, _GX),
    "x is the prime": _numbers(P, _GY),
    "x beyond the prime": _numbers(P + 5, _GY),
    "y is the prime": _numbers(_GX, P),
    "all ones": b"\xff" * 64,
    "of another curve": _numbers(
        0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
        0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
    ),
    "of the twist": _numbers(1, 1),
    "too short": _G[:63],
}


@pytest.mark.parametrize("name", NO_POINTS)
def test_what_is_no_point_of_the_curve_is_refused(name: str, fleet_key: FileSettingsKey) -> None:
    point = NO_POINTS[name]
    with pytest.raises(InvalidSealedSettingsError, match="not a point of P-256"):
        fleet_key.seal(point, EID, PLAIN)
    if len(point) == 64:
        data = _sealed_for(fleet_key, PLAIN)
        with pytest.raises(InvalidSealedSettingsError, match="not a point of P-256"):
            fleet_key.unseal(data[:1] + point + data[65:])


@pytest.mark.parametrize("machine", machines(), ids=lambda path: Path(path).name)
def test_the_device_refuses_the_same_points(machine: str) -> None:
    script = (
        "from agent.core.settings_seal import seal\nfrom agent.compat import urandom\n"
        "from agent.errors import PeerError\n"
        "for point in words:\n"
        "    try: seal(urandom, unhexlify(point), b'x'); print('sealed')\n"
        "    except PeerError as error: print(error.args[1])"
    )
    points = [point.hex() for point in NO_POINTS.values()]
    said = on_device(machine, script, *points, _G.hex()).splitlines()
    assert said == ["not a point of P-256"] * len(points) + ["sealed"]


def test_counter_mode_and_keys_are_those_of_the_standards() -> None:
    # RFC 5869, A.3 (no salt, no info): the first 32 of 42 bytes
    made = hkdf.hkdf_sha256(b"\x0b" * 22, b"", 42)
    assert made.hex() == (
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    )
    # RFC 4231, 4.3
    tag = hkdf.hmac_sha256(b"Jefe", b"what do ya want for nothing?")
    assert tag.hex() == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    key, shared, point = new_key(), bytes(range(32)), _G
    assert key is not None
    info = b"X_IPKO-COM settings 1\x00server\x00" + point
    cipher_key = hkdf.hkdf_sha256(shared, info, 48)[:16]
    encryptor = Cipher(algorithms.AES(cipher_key), modes.CTR(bytes(16))).encryptor()
    data = sealed.seal(point, shared, sealed.SERVER, PLAIN, _blocks)
    assert data[65:-32] == encryptor.update(PLAIN)
