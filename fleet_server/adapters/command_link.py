"""The dispatcher's MQTT 5 connection: one that lasts, for commands out and devices' answers in.

The session stays at the broker when the process ends, so that an answer on its way is not lost; it
is acknowledged once what it says is in the database. Nothing is sent while the connection is away:
what was written as sent before is sent again by the dispatcher, under the same token.
"""

from __future__ import annotations

import logging
import queue
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import paho.mqtt.client as paho
from google.protobuf.message import DecodeError
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from agent.wire.mqtt import NEVER_EXPIRES
from agent.wire.topics import controller_topic, sender_of
from fleet_server.adapters.broker import COMMAND_ANSWERS
from fleet_server.adapters.broker_link import RECEIVE_MAXIMUM, Address
from fleet_server.adapters.certificates import Pki, commands_client_id
from fleet_server.protocol import usp_pb2 as usp
from fleet_server.services.command_answers import Heard
from fleet_server.services.records import CONTENT_TYPE, Outgoing

logger = logging.getLogger(__name__)

_KEEP_ALIVE_S = 30
_LONGEST_RETRY_S = 30
_MOST_ANSWERS = 500
_QOS = 1


@dataclass(frozen=True, slots=True)
class Arrived:
    """An answer and what its PUBACK needs; `heard` is None for one that nobody can read."""

    heard: Heard | None
    mid: int
    connection: int


class CommandLink:
    """Connects by itself, again and again; `receive` and `publish` are the dispatcher's."""

    def __init__(self, address: Address, pki: Pki, controller_id: str) -> None:
        self._controller_id = controller_id
        self._address = address
        self._arrived: queue.Queue[Arrived | None] = queue.Queue()
        self._ready = threading.Event()
        self._connection = 0
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            commands_client_id(pki),
            protocol=paho.MQTTv5,
            manual_ack=True,
        )
        self._client.tls_set_context(_tls(pki))
        self._client.max_inflight_messages_set(RECEIVE_MAXIMUM)
        self._client.reconnect_delay_set(1, _LONGEST_RETRY_S)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message

    def open(self) -> None:
        """Begin to connect; returns at once."""
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval = NEVER_EXPIRES
        session.ReceiveMaximum = RECEIVE_MAXIMUM
        self._client.connect_async(
            self._address.server_name,
            self._address.port,
            keepalive=_KEEP_ALIVE_S,
            clean_start=False,
            properties=session,
        )
        self._client.loop_start()

    def close(self) -> None:
        """Leave in order; the session stays at the broker."""
        leaving = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]
        leaving.SessionExpiryInterval = NEVER_EXPIRES
        self._client.disconnect(properties=leaving)
        self._client.loop_stop()

    @property
    def is_ready(self) -> bool:
        """Whether answers to what is sent now would come in."""
        return self._ready.is_set()

    @property
    def connection(self) -> int:
        """Counts the connections, from 1."""
        return self._connection

    def receive(self, timeout_s: float) -> list[Arrived]:
        """What has arrived, waiting at most so long for the first; also ends when the connection
        comes back."""
        found: list[Arrived] = []
        try:
            first = self._arrived.get(timeout=timeout_s)
            found += [first] if first is not None else []
            while len(found) < _MOST_ANSWERS:
                more = self._arrived.get_nowait()
                found += [more] if more is not None else []
        except queue.Empty:
            pass
        return found

    def acknowledge(self, arrived: Sequence[Arrived]) -> None:
        """Let the broker forget answers, as far as it is still the connection they came by."""
        for one in arrived:
            if one.connection == self._connection:
                self._client.ack(one.mid, _QOS)

    def publish(self, outgoing: Sequence[Outgoing]) -> None:
        """Send Records to devices, which answer on the dispatcher's own topic."""
        for one in outgoing:
            endpoint_id = one.topic.split("/")[2]
            reply = f"{controller_topic(self._controller_id, endpoint_id)}/{COMMAND_ANSWERS}"
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.ContentType = CONTENT_TYPE
            properties.ResponseTopic = reply
            if one.expiry_s is not None:
                properties.MessageExpiryInterval = one.expiry_s
            self._client.publish(one.topic, one.payload, qos=_QOS, properties=properties)

    def _on_connect(
        self, client: paho.Client, _data: object, _flags: object, code: ReasonCode, _: object
    ) -> None:
        if code.is_failure:
            logger.warning("The broker refuses the dispatcher: %s.", code)
            return
        self._connection += 1
        client.subscribe(controller_topic(self._controller_id, f"+/{COMMAND_ANSWERS}"), qos=_QOS)

    def _on_subscribe(
        self, _client: object, _data: object, _mid: int, codes: list[ReasonCode], _: object
    ) -> None:
        if any(code.is_failure for code in codes):
            logger.warning("The broker refuses the dispatcher's subscription: %s.", codes)
            return
        self._ready.set()
        self._arrived.put(None)

    def _on_disconnect(
        self, _client: object, _data: object, _flags: object, code: ReasonCode, _: object
    ) -> None:
        self._ready.clear()
        logger.info("The dispatcher's connection ended: %s.", code)

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        heard = read_answer(self._controller_id, message.topic, bytes(message.payload))
        self._arrived.put(Arrived(heard, message.mid, self._connection))


def read_answer(controller_id: str, topic: str, payload: bytes) -> Heard | None:
    """The answer in a Record, None unless it is by whom the topic proves."""
    endpoint_id = sender_of(topic, controller_id)
    try:
        record = usp.Record.FromString(payload)
        message = usp.Msg.FromString(record.no_session_context.payload)
    except DecodeError:
        return None
    if endpoint_id is None or record.from_id != endpoint_id:
        return None
    return Heard(endpoint_id, message)


def _tls(pki: Pki) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(pki.root))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(pki.certificate("controller"), pki.key("controller"))
    return context
