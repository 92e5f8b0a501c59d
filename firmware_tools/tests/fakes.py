"""A device at the end of a serial line, and a fleet server, both working and keeping state."""

import base64
import json
import os
import select
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from agent.errors import FrameError
from agent.wire.frame import LineSplitter, decode_frame, encode_frame

VERBS = ["hello", "open", "new_key", "install", "commit", "status", "report", "reboot"]
SETTINGS = {
    "certificate",
    "ca",
    "command_key",
    "broker_host",
    "broker_port",
    "controller",
    "position",
}


def common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


class Refusal(Exception):
    """The device answers with an error."""


class FakeDevice:
    """A device's console on a pseudo-terminal, served by a thread until `close`.

    What can be made to go wrong: `mute` answers nothing; `garble` spoils that many answers;
    `before_answer` is written ahead of each answer; `stays_offline` never gets online;
    `closes_on_commit` is what production units do; `restarts_at` are verbs at which, once each, it
    loses its power before it does them, and is back at once; `thinks_s` is what a key takes.
    """

    def __init__(self, serial_number: str = "00000004", product_class: str = "VOICEMODEM") -> None:
        self.endpoint_id = f"ops::00256D-{product_class}-{serial_number}"
        self.product_class = product_class
        self.serial_number = serial_number
        self.lab = False
        self.state = "blank"
        self.settings: dict[str, Any] = {}
        self.mute = False
        self.garble = 0
        self.before_answer = b""
        self.stays_offline = False
        self.closes_on_commit = False
        self.restarts_at: list[str] = []
        self.thinks_s = 0.0
        self.requests: list[str] = []
        self.is_open = True
        self._staged: dict[str, Any] = {}
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._opening_token = ""
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self._slave = slave
        self.port = os.ttyname(slave)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def expect_token(self, token: str) -> None:
        self._opening_token = token

    def hang_up(self) -> None:
        """Take the cable away."""
        self.close()

    def close(self) -> None:
        if not self._over.is_set():
            self._over.set()
            self._thread.join(5)
            os.close(self._master)
            os.close(self._slave)

    def say(self, data: bytes) -> None:
        os.write(self._master, data)

    def _serve(self) -> None:
        splitter = LineSplitter()
        while not self._over.is_set():
            if select.select([self._master], [], [], 0.02)[0]:
                for line in splitter.feed(os.read(self._master, 4096)):
                    if line is not None and not self.mute:
                        self._answer(line)

    def _answer(self, line: bytes) -> None:
        try:
            ident, verb, arguments = decode_frame(line)
        except FrameError:
            error = {"code": "crc", "message": "spoilt", "next": ""}
            self.say(encode_frame("0", "error", error))
            return
        self.requests.append(verb)
        if verb in self.restarts_at:
            self.restarts_at.remove(verb)
            self._staged = {}
            return
        try:
            answer = encode_frame(ident, "ok", self._do(verb, arguments))
        except Refusal as refusal:
            code, message = refusal.args
            error = {"code": code, "message": message, "next": "do something about it"}
            answer = encode_frame(ident, "error", error)
        if self.garble > 0:
            self.garble -= 1
            answer = answer[:5] + b"#" + answer[6:]
        self.say(self.before_answer + answer)

    def _do(self, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
        closed = self.state == "provisioned" and not (self.lab or self.is_open)
        if closed and verb not in ("hello", "status", "open", "report"):
            raise Refusal("closed", "open the console first")
        done: Callable[[dict[str, Any]], dict[str, Any]] = getattr(self, f"_do_{verb}")
        return done(arguments)

    def _do_hello(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "protocol": 1,
            "endpoint_id": self.endpoint_id,
            "product_class": self.product_class,
            "serial_number": self.serial_number,
            "model_name": "EMTA-31",
            "hardware_version": "A0",
            "software_version": "0.1.0",
            "lab": self.lab,
            "state": self.state,
            "nonce": "0123456789abcdef",
            "verbs": VERBS,
        }

    def _do_open(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if arguments["token"] != self._opening_token:
            raise Refusal("token", "not for this device")
        self.is_open = True
        return {}

    def _do_new_key(self, _: dict[str, Any]) -> dict[str, Any]:
        self._key = ec.generate_private_key(ec.SECP256R1())
        if self.state == "blank":
            self.state = "keyed"
        time.sleep(self.thinks_s)
        name = common_name(self.endpoint_id)
        builder = x509.CertificateSigningRequestBuilder().subject_name(name)
        request = builder.sign(self._key, hashes.SHA256())
        return {"csr": base64.b64encode(request.public_bytes(Encoding.DER)).decode()}

    def _do_install(self, arguments: dict[str, Any]) -> dict[str, Any]:
        name, value = arguments["name"], arguments["value"]
        if name not in SETTINGS:
            raise Refusal("name", f"no setting {name}")
        offset = arguments.get("offset", 0)
        if offset:
            if len(self._staged.get(name, "")) < offset:
                raise Refusal("offset", "a piece is missing")
            value = self._staged[name][:offset] + value
        self._staged[name] = value
        return {}

    def _do_commit(self, _: dict[str, Any]) -> dict[str, Any]:
        if self._staged:
            missing = SETTINGS - set(self._staged)
            if missing:
                raise Refusal("missing", f"missing {sorted(missing)}")
            der = base64.b64decode(self._staged["certificate"])
            if x509.load_der_x509_certificate(der).public_key() != self._key.public_key():
                raise Refusal("mismatch", "the certificate is for another key")
            self.settings, self._staged = self._staged, {}
        self.state = "provisioned"
        self.is_open = not self.closes_on_commit
        return {}

    def _do_status(self, _: dict[str, Any]) -> dict[str, Any]:
        online = self.state == "provisioned" and not self.stays_offline
        link = "online" if online else "down"
        error = "no route to the broker" if self.stays_offline else ""
        return {"link": link, "since_s": 1, "error": error, "journal_pending": 0, "clock": "known"}

    def _do_report(self, arguments: dict[str, Any]) -> dict[str, Any]:
        levels = [["downstream_power_dbmv", n + 1, f"{n}.5", "pass"] for n in range(20)]
        rows = {"levels": levels, "events": []}.get(arguments["name"])
        if rows is None:
            raise Refusal("name", "no such report")
        start = arguments.get("from", 0)
        answer = {"rows": rows[start : start + 16]}
        return answer | {"next": start + 16} if start + 16 < len(rows) else answer

    def _do_reboot(self, _: dict[str, Any]) -> dict[str, Any]:
        self._staged = {}
        return {}


@contextmanager
def fake_device(**settings: Any) -> Iterator[FakeDevice]:
    device = FakeDevice(**settings)
    try:
        yield device
    finally:
        device.close()


class FakeFleet:
    """The part of the fleet server that the tools use, as a transport for the HTTP client."""

    def __init__(self) -> None:
        self.units: dict[str, dict[str, Any]] = {}
        self.holders: dict[tuple[str, str], str] = {("C-1004", "voice"): "", ("C-1001", "tv"): ""}
        self.passwords = {"technician": "right"}
        self.console_tokens: dict[str, str] = {}
        self.online: set[str] = set()
        self.comes_online = True
        self.unreachable = False
        self.wrong_key = False
        self.enrolments = 0
        self._key = ec.generate_private_key(ec.SECP256R1())

    def add(self, serial_number: str = "00000004", product_class: str = "VOICEMODEM") -> None:
        self.units[serial_number] = {
            "serial_number": serial_number,
            "endpoint_id": f"ops::00256D-{product_class}-{serial_number}",
            "status": "in_stock",
            "contract": None,
            "position": None,
        }

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._handle)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        if self.unreachable:
            raise httpx.ConnectError("connection refused")
        body = json.loads(request.content or b"{}")
        path = request.url.path.removeprefix("/api/v1")
        if path == "/session":
            return self._sign_in(body)
        if request.headers.get("Authorization") != "Bearer good":
            return problem(401, "not-signed-in", "The call carries no token.")
        _, _, serial_number, *rest = path.split("/")
        unit = self.units.get(serial_number)
        if unit is None:
            return problem(404, "unknown-unit", f"No unit {serial_number} is in stock.")
        return self._about(unit, rest[0] if rest else "", body)

    def _sign_in(self, body: dict[str, str]) -> httpx.Response:
        if self.passwords.get(body["username"]) != body["password"]:
            return problem(401, "wrong-sign-in", "User name or password is wrong.")
        return httpx.Response(201, json={"token": "good"})

    def _about(self, unit: dict[str, Any], what: str, body: dict[str, str]) -> httpx.Response:
        if what == "enrolment":
            return self._enrol(unit, body)
        if what == "console-token":
            token = self.console_tokens.setdefault(body["nonce"], f"token-for-{body['nonce']}")
            return httpx.Response(201, json={"token": token})
        if what == "presence":
            presence = "online" if unit["serial_number"] in self.online else "never"
            return httpx.Response(200, json={"presence": presence, "since": None})
        return httpx.Response(200, json=unit)

    def _enrol(self, unit: dict[str, Any], body: dict[str, str]) -> httpx.Response:
        place = (body["contract"], body["position"])
        if place not in self.holders:
            return problem(404, "unknown-position", "There is no such position.")
        if self.holders[place] not in ("", unit["serial_number"]):
            return problem(409, "position-taken", f"Held by unit {self.holders[place]}.")
        self.holders[place] = unit["serial_number"]
        unit.update(status="in_service", contract=place[0], position=place[1])
        self.enrolments += 1
        if self.comes_online:
            self.online.add(unit["serial_number"])
        return httpx.Response(
            201,
            json={
                "endpoint_id": unit["endpoint_id"],
                "certificate": self._issue(base64.b64decode(body["csr"])),
                "ca": base64.b64encode(b"\x30" * 700).decode(),
                "command_key": base64.b64encode(b"\x01" * 64).decode(),
                "broker_host": "localhost",
                "broker_port": 8883,
                "controller": "fqdn::fleet.example",
                "position": body["position"],
            },
        )

    def _issue(self, csr: bytes) -> str:
        request = x509.load_der_x509_csr(csr)
        public = self._key.public_key() if self.wrong_key else request.public_key()
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(
            issuer_name=common_name("device CA"),
            subject_name=request.subject,
            public_key=public,
            serial_number=x509.random_serial_number(),
            not_valid_before=now,
            not_valid_after=now + timedelta(days=1),
        ).add_extension(x509.SubjectKeyIdentifier(b"\x07" * 900), critical=False)
        issued = builder.sign(self._key, hashes.SHA256())
        return base64.b64encode(issued.public_bytes(Encoding.DER)).decode()


def problem(status: int, code: str, detail: str) -> httpx.Response:
    content = {
        "type": f"urn:ipko-fleet:problem:{code}",
        "title": code,
        "status": status,
        "detail": detail,
        "next": f"what to do about {code}",
    }
    return httpx.Response(status, json=content)


def wait_until(condition: Callable[[], bool], timeout_s: float = 5) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)
