"""A restart runs only with the fleet's own authorisation, and each authorisation once.

The board is simulated, its agent and the broker are the real ones. The test does what whoever holds
the broker can do: it publishes any Record, with any authorisation but a rightly signed one.
"""

from __future__ import annotations

import queue
import secrets
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import paho.mqtt.client as paho
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import NameOID
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent.wire import usp
from agent.wire.authorisation import signing_input, token_text
from agent.wire.codes import AUTHORIZATION_ARGUMENT, PERMISSION_DENIED
from agent.wire.protobuf import encode
from agent.wire.topics import agent_topic, controller_topic
from agent.wire.usp_decode import decode_message, decode_record
from hil_tests.demo_fleet import STB, VOICEMODEM
from hil_tests.errors import BenchError, BoardRefusedError
from hil_tests.instance import Instance
from hil_tests.waiting import wait_until

REBOOT = "Device.Reboot()"
COMMAND_KEY = "work-order-17"
ARGS = {"Cause": "RemoteReboot", "Reason": "test"}
ANSWER_S = 10.0
RESTART_S = 30.0
QUIET_S = 5.0  # a board that was told to restart has done so by then
_OPERATE_TYPE = 6
_COORDINATE_BYTES = 32
_DATED_BOOTS = (
    "SELECT id FROM event WHERE endpoint_id = ? AND name = 'Boot!' AND device_at IS NOT NULL"
)

Key = ec.EllipticCurvePrivateKey


class Answer(NamedTuple):
    """Of a command: 0 and an empty text when it was done."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Order:
    """What an authorisation is for; a `lifetime_s` below 0 makes one that has expired."""

    endpoint_id: str
    counter: int = 1
    command: str = REBOOT
    command_key: str = COMMAND_KEY
    lifetime_s: int = 300

    def signed(self, key: Key) -> str:
        """The token for ARGS."""
        now = int(time.time())
        text = signing_input(
            self.endpoint_id,
            self.command,
            self.command_key,
            ARGS,
            self.counter,
            now - 600,
            now + self.lifetime_s,
        )
        r, s = utils.decode_dss_signature(key.sign(text, ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(_COORDINATE_BYTES, "big") + s.to_bytes(_COORDINATE_BYTES, "big")
        return token_text(text, signature)


class Engineer:
    """A connection with the engineer's certificate, which may publish to any agent."""

    def __init__(self, instance: Instance, endpoint_id: str) -> None:
        pki = instance.state / "pki"
        self._endpoint_id = endpoint_id
        self._controller_id = _common_name(pki / "controller.pem")
        topic = controller_topic(self._controller_id, endpoint_id)
        self._reply_topic = f"{topic}/cli-{secrets.token_hex(4)}"
        self._answers: queue.Queue[bytes] = queue.Queue()
        ready: queue.Queue[None] = queue.Queue()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        context = ssl.create_default_context(cafile=str(pki / "root.pem"))
        context.load_cert_chain(pki / "engineer.pem", pki / "engineer.key")
        self._client.tls_set_context(context)
        self._client.on_subscribe = lambda *_: ready.put(None)
        self._client.on_message = lambda _c, _d, message: self._answers.put(bytes(message.payload))
        self._client.connect("localhost", instance.server.mqtt_port)
        self._client.subscribe(self._reply_topic, qos=1)
        self._client.loop_start()
        ready.get(timeout=ANSWER_S)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def reboot(self, token: str | None, args: Mapping[str, str] = ARGS) -> Answer:
        """Ask for the restart. Raises BenchError when nothing is answered."""
        message_id = secrets.token_hex(4)
        given = dict(args) if token is None else {**args, AUTHORIZATION_ARGUMENT: token}
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ResponseTopic = self._reply_topic
        properties.MessageExpiryInterval = round(ANSWER_S)
        record = _operate_record(self._endpoint_id, self._controller_id, message_id, given)
        self._client.publish(agent_topic(self._endpoint_id), record, qos=1, properties=properties)
        try:
            return _answer(self._answers.get(timeout=ANSWER_S), message_id)
        except queue.Empty:
            raise BenchError(f"{self._endpoint_id} does not answer") from None


def _common_name(certificate: Path) -> str:
    subject = x509.load_pem_x509_certificate(certificate.read_bytes()).subject
    return str(subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _operate_record(
    endpoint_id: str, controller_id: str, message_id: str, args: Mapping[str, str]
) -> bytes:
    pairs: list[object] = [0x0A, REBOOT, 0x12, COMMAND_KEY, 0x18, 1]
    for name, value in args.items():
        pairs += (0x22, encode(0x0A, name, 0x12, value))
    header = encode(0x0A, message_id, 0x10, _OPERATE_TYPE)
    body = encode(0x0A, encode(usp.OPERATE << 3 | 2, encode(*pairs)))
    context = encode(0x12, encode(0x0A, header, 0x12, body))
    return encode(0x0A, usp.VERSION, 0x12, endpoint_id, 0x1A, controller_id, 0x3A, context)


def _answer(record: bytes, message_id: str) -> Answer:
    """What an OperateResp says of the one command it answers."""
    message = decode_message(decode_record(record).payload)
    assert (message.msg_id, message.member) == (message_id, usp.OPERATE)
    result = usp.first(message.view, 0x0A, b"")
    assert result, "no result"
    failure = memoryview(usp.first(result, 0x22, b""))
    return Answer(usp.first(failure, 0x0D, 0), usp.first_text(failure, 0x12))


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with Instance(tmp_path_factory.mktemp("authorisation") / "state", [STB]) as started:
        wait_until(
            lambda: started.query(_DATED_BOOTS, STB.spec.endpoint_id),
            ANSWER_S,
            "the board knows the time",
        )
        yield started


@pytest.fixture(scope="module")
def engineer(instance: Instance) -> Iterator[Engineer]:
    client = Engineer(instance, STB.spec.endpoint_id)
    yield client
    client.close()


@pytest.fixture(scope="module")
def fleet_key(instance: Instance) -> Key:
    pem = (instance.state / "pki" / "command.key").read_bytes()
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, Key)
    return key


def check_stays_up(instance: Instance, boots: int) -> None:
    board = instance.boards[STB.name]
    with pytest.raises(BoardRefusedError):
        board.wait_for_boots(boots + 1, QUIET_S)
    assert board.state()["boots"] == boots


@pytest.mark.timeout(120)
def test_no_other_authorisation_restarts_a_board(
    instance: Instance, engineer: Engineer, fleet_key: Key
) -> None:
    boots = instance.boards[STB.name].state()["boots"]
    right = Order(STB.spec.endpoint_id)
    foreign = replace(right, endpoint_id=VOICEMODEM.spec.endpoint_id)
    forged = right.signed(ec.generate_private_key(ec.SECP256R1()))
    refused = {
        "missing": engineer.reboot(None),
        "malformed": engineer.reboot("x"),
        "not signed by the command key": engineer.reboot(forged),
        "for another endpoint": engineer.reboot(foreign.signed(fleet_key)),
        "for another command": engineer.reboot(
            replace(right, command="Device.FactoryReset()").signed(fleet_key)
        ),
        "for another command key": engineer.reboot(
            replace(right, command_key="work-order-16").signed(fleet_key)
        ),
        "for other arguments": engineer.reboot(right.signed(fleet_key), {**ARGS, "Reason": "x"}),
        "expired": engineer.reboot(replace(right, lifetime_s=-60).signed(fleet_key)),
    }
    for why, answer in refused.items():
        assert answer.code == PERMISSION_DENIED, why
        assert answer.text.startswith(f"authorisation {why}"), why
    check_stays_up(instance, boots)


@pytest.mark.timeout(120)
def test_the_right_authorisation_restarts_a_board_once(
    instance: Instance, engineer: Engineer, fleet_key: Key
) -> None:
    board = instance.boards[STB.name]
    boots = board.state()["boots"]
    told = len(instance.query(_DATED_BOOTS, STB.spec.endpoint_id))
    token = Order(STB.spec.endpoint_id, counter=7).signed(fleet_key)
    assert engineer.reboot(token) == Answer(0, "")
    board.wait_for_boots(boots + 1, RESTART_S)
    wait_until(
        lambda: len(instance.query(_DATED_BOOTS, STB.spec.endpoint_id)) > told,
        RESTART_S,
        "the board is back",
    )
    used = (token, Order(STB.spec.endpoint_id, counter=6).signed(fleet_key))
    for authorisation in used:
        answer = engineer.reboot(authorisation)
        assert answer.code == PERMISSION_DENIED
        assert answer.text.startswith("authorisation was used before")
    check_stays_up(instance, boots + 1)
