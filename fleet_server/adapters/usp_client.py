"""Asks one agent one thing, as the controller, with an engineer's certificate.

Answers come to a topic of this client's own, so that the controller process does not see them.
"""

from __future__ import annotations

import queue
import secrets
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import paho.mqtt.client as paho
from google.protobuf.message import DecodeError
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from agent.wire.topics import agent_topic, controller_topic
from fleet_server.adapters.broker_link import Address
from fleet_server.adapters.certificates import ENGINEER, Pki
from fleet_server.errors import LinkError, OperatorError
from fleet_server.protocol import usp_pb2 as usp
from fleet_server.services.records import CONTENT_TYPE, request, wrap

_CONNECT_TIMEOUT_S = 10.0
_QOS = 1


class NoAnswerError(LinkError):
    """The agent did not answer in time."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One PUBLISH as it passed by."""

    topic: str
    payload: bytes


class USPClient:
    """A connection to the broker; made by `open_client`."""

    def __init__(self, client: paho.Client, controller_id: str) -> None:
        self._client = client
        self._controller_id = controller_id
        self._messages: queue.Queue[Seen] = queue.Queue()
        self._granted: queue.Queue[bool] = queue.Queue()
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe

    def ask(self, endpoint_id: str, timeout_s: float, **member: object) -> usp.Msg:
        """The answer to one request, such as `get=usp.Get(...)`.

        Raises NoAnswerError after `timeout_s`.
        """
        token = secrets.token_hex(6)
        topic = f"{controller_topic(self._controller_id, endpoint_id)}/cli-{token}"
        self._subscribe(topic)
        message = request(f"cli-{token}", **member)
        payload = wrap(message, self._controller_id, endpoint_id)
        self._publish(endpoint_id, payload, topic, max(1, round(timeout_s)))
        while True:
            try:
                seen = self._messages.get(timeout=timeout_s)
            except queue.Empty:
                raise NoAnswerError(f"No answer in {timeout_s:g} s.") from None
            answer = _answer_in(seen, endpoint_id, message.header.msg_id)
            if answer is not None:
                return answer

    def watch(self, topic_filter: str) -> Iterator[Seen]:
        """Everything that passes by, for ever."""
        self._subscribe(topic_filter)
        while True:
            yield self._messages.get()

    def _subscribe(self, topic_filter: str) -> None:
        self._client.subscribe(topic_filter, qos=_QOS)
        try:
            granted = self._granted.get(timeout=_CONNECT_TIMEOUT_S)
        except queue.Empty:
            raise LinkError("The broker does not answer.") from None
        if not granted:
            raise LinkError(f"The broker refuses {topic_filter}.")

    def _publish(
        self, endpoint_id: str, payload: bytes, response_topic: str, expiry_s: int
    ) -> None:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ContentType = CONTENT_TYPE
        properties.ResponseTopic = response_topic
        properties.MessageExpiryInterval = expiry_s
        self._client.publish(agent_topic(endpoint_id), payload, qos=_QOS, properties=properties)

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        self._messages.put(Seen(message.topic, bytes(message.payload)))

    def _on_subscribe(
        self, _client: object, _data: object, _mid: int, codes: list[ReasonCode], _: object
    ) -> None:
        self._granted.put(not any(code.is_failure for code in codes))


@contextmanager
def open_client(address: Address, pki: Pki, controller_id: str) -> Iterator[USPClient]:
    """A connected client; the connection ends with the block.

    Raises LinkError when the broker cannot be reached or refuses.
    """
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.tls_set_context(client_tls(pki))
    answers: queue.Queue[bool] = queue.Queue()
    client.on_connect = _reporting_to(answers)
    usp_client = USPClient(client, controller_id)
    try:
        client.connect(address.server_name, address.port)
    except OSError as error:
        raise LinkError(
            f"The broker cannot be reached on port {address.port} ({error.strerror or error}). "
            "Is the server running? Name its folder with --state, or its port with --mqtt-port."
        ) from error
    client.loop_start()
    try:
        if not answers.get(timeout=_CONNECT_TIMEOUT_S):
            raise LinkError("The broker refuses the engineer's certificate.")
        yield usp_client
    except queue.Empty:
        raise LinkError("The broker does not answer.") from None
    finally:
        client.disconnect()
        client.loop_stop()


def _reporting_to(answers: queue.Queue[bool]) -> Callable[..., None]:
    def on_connect(
        _client: object, _data: object, _flags: object, code: ReasonCode, _: object
    ) -> None:
        answers.put(not code.is_failure)

    return on_connect


def _answer_in(seen: Seen, endpoint_id: str, msg_id: str) -> usp.Msg | None:
    try:
        record = usp.Record.FromString(seen.payload)
        message = usp.Msg.FromString(record.no_session_context.payload)
    except DecodeError:
        return None
    if record.from_id != endpoint_id or message.header.msg_id != msg_id:
        return None
    return message


def client_tls(pki: Pki) -> ssl.SSLContext:
    """With the engineer's certificate, for the broker of this installation."""
    if not pki.key(ENGINEER).exists():
        raise OperatorError(
            f"There is no engineer's key in {pki.folder}.", "Name the installation with --state."
        )
    context = ssl.create_default_context(cafile=str(pki.root))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(pki.certificate(ENGINEER), pki.key(ENGINEER))
    return context
