"""The whole agent as a Linux process: console on a pseudo-terminal, then the broker."""

import base64
import os
import select
import subprocess
import sys
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import load_der_x509_csr

from agent.tests import run_micropython
from agent.tests.broker_cpython import CONTROLLER, Authority, Broker, certificate_der, mosquitto
from agent.wire.frame import decode_frame, encode_frame

EID = "ops::00256D-MODEM-00000001"
DEADLINE_S = 20

pytestmark = pytest.mark.skipif(mosquitto() is None, reason="mosquitto is not installed")


class Line:
    """The serial line of an agent in a process of its own."""

    def __init__(self, state):
        self._near, far = os.openpty()
        self._buffer = b""
        self._count = 0
        os.set_blocking(self._near, False)
        config = state.with_suffix(".toml")
        config.write_text(
            f'state = "{state}"\nconsole = "{os.ttyname(far)}"\n'
            'manufacturer_oui = "00256D"\nserial_number = "00000001"\n'
        )
        self.process = subprocess.Popen(  # noqa: S603  our own program
            [sys.executable, "-m", "agent", "--config", str(config)],
            cwd=run_micropython.REPOSITORY,
        )
        self._far = far

    def ask(self, verb, **args):
        self._count += 1
        ident = str(self._count)
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            os.write(self._near, encode_frame(ident, verb, args))
            for line in self._lines(time.monotonic() + 2):
                answer = decode_frame(line)
                if answer[0] == ident and answer[1] == "ok":
                    return answer[2]
        raise AssertionError(f"no answer to {verb}")

    def _lines(self, deadline):
        while time.monotonic() < deadline:
            if select.select([self._near], [], [], 0.1)[0]:
                self._buffer += os.read(self._near, 4096)
            while b"\n" in self._buffer:
                line, self._buffer = self._buffer.split(b"\n", 1)
                line = line.strip()
                if line.startswith(b"~") and b" ok " in line:
                    yield line

    def close(self):
        self.process.kill()
        self.process.wait(DEADLINE_S)
        os.close(self._near)
        os.close(self._far)


def test_a_blank_linux_board_is_put_into_service_and_comes_online(tmp_path):
    authority = Authority()
    command_key = ec.generate_private_key(ec.SECP256R1()).public_key()
    point = command_key.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    with Broker(tmp_path, authority) as broker:
        line = Line(tmp_path / "state")
        try:
            hello = line.ask("hello")
            assert (hello["endpoint_id"], hello["state"]) == (EID, "blank")
            request = load_der_x509_csr(base64.b64decode(line.ask("new_key")["csr"]))
            certificate = authority.certify(EID, request.public_key())
            for name, value in {
                "certificate": base64.b64encode(certificate_der(certificate)).decode(),
                "ca": base64.b64encode(certificate_der(authority.certificate)).decode(),
                "command_key": base64.b64encode(point[1:]).decode(),
                "broker_host": "localhost",
                "broker_port": str(broker.port),
                "controller": CONTROLLER,
                "position": "net",
            }.items():
                line.ask("install", name=name, value=value)
            assert line.ask("commit")["state"] == "provisioned"
            deadline = time.monotonic() + DEADLINE_S
            while line.ask("status")["link"] != "online":
                assert time.monotonic() < deadline, "not online"
                time.sleep(0.1)
        finally:
            line.close()
