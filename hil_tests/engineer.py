"""Commands to a board as whoever holds the broker can give them, with or without authorisation."""

from __future__ import annotations

import queue
import secrets
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import paho.mqtt.client as paho
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import NameOID
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent.wire import usp
from agent.wire.authorisation import signing_input, token_text
from agent.wire.codes import AUTHORIZATION_ARGUMENT
from agent.wire.protobuf import encode
from agent.wire.topics import agent_topic, controller_topic
from agent.wire.usp_decode import decode_message, decode_record
from hil_tests.errors import BenchError
from hil_tests.instance import Instance

ANSWER_S = 10.0
COMMAND_KEY = "work-order-17"
_OPERATE_TYPE = 6
_COORDINATE_BYTES = 32

Key = ec.EllipticCurvePrivateKey


class Answer(NamedTuple):
    """Of a command: 0 and an empty text when it was done."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Order:
    """What an authorisation is for; a `lifetime_s` below 0 makes one that has expired."""

    endpoint_id: str
    command: str
    args: Mapping[str, str]
    counter: int = 1
    command_key: str = COMMAND_KEY
    lifetime_s: int = 300

    def signed(self, key: Key) -> str:
        """The token."""
        now = int(time.time())
        text = signing_input(
            self.endpoint_id,
            self.command,
            self.command_key,
            dict(self.args),
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

    def operate(self, command: str, args: Mapping[str, str], token: str | None) -> Answer:
        """Ask for a command. Raises BenchError when nothing is answered."""
        message_id = secrets.token_hex(4)
        given = dict(args) if token is None else {**args, AUTHORIZATION_ARGUMENT: token}
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ResponseTopic = self._reply_topic
        properties.MessageExpiryInterval = round(ANSWER_S)
        record = _operate_record(
            (self._endpoint_id, self._controller_id), message_id, command, given
        )
        self._client.publish(agent_topic(self._endpoint_id), record, qos=1, properties=properties)
        until_s = time.monotonic() + ANSWER_S
        try:
            while True:  # an answer may come again after the board was away
                left_s = max(0.0, until_s - time.monotonic())
                answer = _answer(self._answers.get(timeout=left_s), message_id)
                if answer:
                    return answer
        except queue.Empty:
            raise BenchError(f"{self._endpoint_id} does not answer") from None


def fleet_key_of(instance: Instance) -> Key:
    """The key that signs commands which can harm."""
    pem = (instance.state / "pki" / "command.key").read_bytes()
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, Key)
    return key


def _common_name(certificate: Path) -> str:
    subject = x509.load_pem_x509_certificate(certificate.read_bytes()).subject
    return str(subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _operate_record(
    ends: tuple[str, str], message_id: str, command: str, args: Mapping[str, str]
) -> bytes:
    endpoint_id, controller_id = ends
    pairs: list[object] = [0x0A, command, 0x12, COMMAND_KEY, 0x18, 1]
    for name, value in args.items():
        pairs += (0x22, encode(0x0A, name, 0x12, value))
    header = encode(0x0A, message_id, 0x10, _OPERATE_TYPE)
    body = encode(0x0A, encode(usp.OPERATE << 3 | 2, encode(*pairs)))
    context = encode(0x12, encode(0x0A, header, 0x12, body))
    return encode(0x0A, usp.VERSION, 0x12, endpoint_id, 0x1A, controller_id, 0x3A, context)


def _answer(record: bytes, message_id: str) -> Answer | None:
    """What an OperateResp says of the one command; None when it answers another request."""
    message = decode_message(decode_record(record).payload)
    if message.msg_id != message_id:
        return None
    assert message.member == usp.OPERATE
    result = usp.first(message.view, 0x0A, b"")
    assert result, "no result"
    failure = memoryview(usp.first(result, 0x22, b""))
    return Answer(usp.first(failure, 0x0D, 0), usp.first_text(failure, 0x12))
