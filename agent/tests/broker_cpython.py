"""A real broker with TLS on both sides, and the certificates for it. CPython only."""

import contextlib
import datetime
import getpass
import shutil
import socket
import subprocess
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CONTROLLER = "fqdn::fleet.example.org"
_START_S = 10


def mosquitto() -> str | None:
    """Path of the broker's program, or None."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")


class Authority:
    """A certificate authority that lives as long as the test."""

    def __init__(self, name: str = "test CA") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._sign(self._name, self.key.public_key(), ca=True)

    def issue(self, name: str, *alternative: x509.GeneralName, days: tuple[int, int] = (-1, 30)):
        """Return (certificate, key) for `name`, good from and to these days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return self._sign(subject, key.public_key(), alternative=alternative, days=days), key

    def certify(self, name: str, public_key):
        """A certificate for somebody else's key."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return self._sign(subject, public_key)

    def _sign(self, subject, public_key, ca=False, alternative=(), days=(-1, 30)):
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if alternative:
            names = x509.SubjectAlternativeName(alternative)
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self.key, hashes.SHA256())


def certificate_der(certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def key_der(key, pkcs8: bool = False) -> bytes:
    """The key as SEC 1, the way the agent keeps its own, or as PKCS #8."""
    kind = serialization.PrivateFormat
    return key.private_bytes(
        serialization.Encoding.DER,
        kind.PKCS8 if pkcs8 else kind.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def write_pem(folder: Path, name: str, certificate, key) -> tuple[str, str]:
    """Write both as PEM; return the two paths."""
    certificate_path, key_path = folder / f"{name}.pem", folder / f"{name}.key"
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(certificate_path), str(key_path)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Broker:
    """mosquitto on 127.0.0.1 as the product configures it, as far as a device can tell.

    `extra` are further lines of configuration, `days` the dates of its own certificate, as in
    `Authority.issue`, `host` the name in it. Usable as a context manager; may be restarted.
    """

    def __init__(
        self,
        folder: Path,
        authority: Authority,
        *extra: str,
        host: str = "localhost",
        days: tuple[int, int] = (-1, 30),
    ) -> None:
        self.port = free_port()
        self.authority = authority
        self.ca_path = folder / "ca.pem"
        self.ca_path.write_bytes(
            authority.certificate.public_bytes(serialization.Encoding.PEM),
        )
        identity = authority.issue(host, x509.DNSName(host), days=days)
        certificate, key = write_pem(folder, "broker", *identity)
        self._configuration = folder / "mosquitto.conf"
        self._configuration.write_text(
            "\n".join(
                (
                    f"listener {self.port} 127.0.0.1",
                    f"user {getpass.getuser()}",
                    f"cafile {self.ca_path}",
                    f"certfile {certificate}",
                    f"keyfile {key}",
                    "require_certificate true",
                    "use_identity_as_username true",
                    "allow_anonymous false",
                    *extra,
                    "",
                )
            )
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it listens."""
        program = mosquitto()
        assert program is not None
        self._process = subprocess.Popen(  # noqa: S603  our own configuration
            [program, "-c", str(self._configuration)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.02)
        self.stop()
        raise AssertionError("mosquitto did not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def __enter__(self) -> "Broker":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
