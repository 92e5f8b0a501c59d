"""The controller's MQTT 5 connection: a persistent session over TLS on a blocking socket.

What a batch needs is taken as it is there: `receive` waits for the first PUBLISH only. PUBACKs are
the caller's, after its commit. Our own PUBLISHes go out within the broker's Receive Maximum; the
rest waits here, answers to events before requests, and all of it is lost with the connection: an
agent asks again for what it did not get.

A broker that ends publishes the Wills of all its clients. So a Will, with all that came after it,
is given out only once the broker has answered a PINGREQ sent after it; where it ended instead they
were never acknowledged, and come again on the next connection. Source: MQTT 5.0, 3.1 to 3.4, 4.9.
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import mqtt5

from agent.wire.mqtt import NEVER_EXPIRES
from fleet_server.adapters.mqtt_packets import PacketStream, Unreadable
from fleet_server.errors import LinkError
from fleet_server.services.records import CONTENT_TYPE, WILL_REASON, Outgoing, Publication

LONGEST_PACKET = 1_048_576
RECEIVE_MAXIMUM = 2_000
KEEP_ALIVE_S = 30
_CHUNK = 262_144
_DIAL_TIMEOUT_S = 10.0
_SEND_TIMEOUT_S = 30.0
_LAST_PACKET_ID = 65_535
_LONGEST_WILL = 512
_P = TypeVar("_P", mqtt5.ConnAckPacket, mqtt5.SubAckPacket)


@dataclass(frozen=True, slots=True)
class Address:
    """Where the broker listens, and the name its certificate must carry."""

    host: str
    port: int
    server_name: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What arrived together. `unreadable` are packet ids of PUBLISHes no codec could read."""

    publications: list[Publication]
    unreadable: list[int | None]

    @property
    def packet_ids(self) -> list[int]:
        """Everything that must be acknowledged, in the order it came."""
        ids = [p.packet_id for p in self.publications] + self.unreadable
        return [packet_id for packet_id in ids if packet_id is not None]

    def add(self, one: Publication | Unreadable) -> None:
        if isinstance(one, Publication):
            self.publications.append(one)
        else:
            self.unreadable.append(one.packet_id)


@dataclass(slots=True)
class BrokerLink:
    """One connection; a new one is made after any LinkError."""

    sock: ssl.SSLSocket
    reply_topic: str
    stream: PacketStream = field(default_factory=lambda: PacketStream(LONGEST_PACKET))
    receive_maximum: int = 65_535
    session_present: bool = False
    _answers: deque[Outgoing] = field(default_factory=deque)
    _waiting: deque[Outgoing] = field(default_factory=deque)
    _unproven: deque[Publication | Unreadable] = field(default_factory=deque)
    _asked_about: int = 0
    _in_flight: set[int] = field(default_factory=set)
    _next_id: int = 1
    _heard_s: float = field(default_factory=time.monotonic)
    _pinged: bool = False
    _early: list[mqtt5.Packet | Unreadable] = field(default_factory=list)

    def open(self, controller_id: str, client_id: str) -> None:
        """Resume the session and make the one subscription. Raises LinkError when refused."""
        hello = mqtt5.ConnectPacket(
            client_id,
            clean_start=False,
            keep_alive=2 * KEEP_ALIVE_S,
            session_expiry_interval=NEVER_EXPIRES,
            receive_max=RECEIVE_MAXIMUM,
            max_packet_size=LONGEST_PACKET,
            user_properties=[("usp-endpoint-id", controller_id)],
        )
        self._write(hello.write())
        answer = self._await(mqtt5.ConnAckPacket)
        if answer.reason_code != mqtt5.ConnAckReasonCode.SUCCESS:
            raise LinkError(f"The broker refuses the controller: {answer.reason_code!r}.")
        self.receive_maximum = answer.receive_max
        self.session_present = answer.session_present
        topic = mqtt5.TopicFilter(f"{self.reply_topic}/+", max_qos=mqtt5.QoS.AT_LEAST_ONCE)
        self._write(mqtt5.SubscribePacket(self._packet_id(), [topic]).write())
        granted = self._await(mqtt5.SubAckPacket)
        self._in_flight.discard(granted.packet_id)
        code = granted.reason_codes[0]
        if code != mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE:
            raise LinkError(f"The broker refuses the subscription: {code!r}.")

    def receive(self, timeout_s: float, most: int) -> Batch:
        """What the broker has for us, waiting at most `timeout_s` for the first byte.

        Takes up to about `most` publications if they are there already. Raises LinkError.
        """
        packets, self._early = self._early, []
        if not packets:
            self._keep_alive()
            packets = self._read(timeout_s)
        while len(packets) < most and self._more():
            further = self._read(0.0)
            if not further:
                break
            packets += further
        return self._sort(packets)

    def acknowledge(self, packet_ids: Iterable[int]) -> None:
        """Send the PUBACKs."""
        self._write(b"".join(mqtt5.PubAckPacket(packet_id).write() for packet_id in packet_ids))

    def publish(self, outgoing: Iterable[Outgoing]) -> None:
        """Send Records, or queue what the broker may not get yet."""
        for one in outgoing:
            (self._answers if one.answers else self._waiting).append(one)
        self._flush()

    def close(self) -> None:
        """Leave in order; the session stays at the broker."""
        packet = mqtt5.DisconnectPacket(session_expiry_interval=NEVER_EXPIRES)
        try:
            self._write(packet.write())
        except LinkError:
            pass
        finally:
            self.sock.close()

    def _await(self, wanted: type[_P]) -> _P:
        """The first packet of this kind; what comes before it is kept for `receive`."""
        until_s = time.monotonic() + _DIAL_TIMEOUT_S
        while time.monotonic() < until_s:
            for packet in self._read(1.0):
                self._early.append(packet)
            for index, packet in enumerate(self._early):
                if isinstance(packet, wanted):
                    del self._early[index]
                    return packet
        raise LinkError("The broker does not answer.")

    def _sort(self, packets: list[mqtt5.Packet | Unreadable]) -> Batch:
        batch = Batch([], [])
        for packet in packets:
            if isinstance(packet, mqtt5.PublishPacket):
                self._give(batch, _publication(packet))
            elif isinstance(packet, Unreadable):
                self._give(batch, packet)
            elif isinstance(packet, mqtt5.PubAckPacket):
                self._in_flight.discard(packet.packet_id)
            elif isinstance(packet, mqtt5.PingRespPacket):
                self._pinged = False
                self._prove(batch)
            elif isinstance(packet, mqtt5.DisconnectPacket):
                raise LinkError(f"The broker ended the connection: {packet.reason_code!r}.")
        if self._unproven and not self._pinged:
            self._ping()
        self._flush()
        return batch

    def _give(self, batch: Batch, one: Publication | Unreadable) -> None:
        """Put it into the batch, unless it is a Will or came after one that is not proven."""
        if self._unproven or is_will(one):
            self._unproven.append(one)
        else:
            batch.add(one)

    def _prove(self, batch: Batch) -> None:
        """The broker lived when it was asked: what had come by then counts."""
        while self._unproven and (self._asked_about or not is_will(self._unproven[0])):
            self._asked_about = max(0, self._asked_about - 1)
            batch.add(self._unproven.popleft())
        self._asked_about = 0

    def _ping(self) -> None:
        self._pinged = True
        self._asked_about = len(self._unproven)
        self._write(mqtt5.PingReqPacket().write())

    def _flush(self) -> None:
        ready = []
        while len(self._in_flight) < self.receive_maximum and (self._answers or self._waiting):
            outgoing = (self._answers or self._waiting).popleft()
            packet = mqtt5.PublishPacket(
                outgoing.topic,
                outgoing.payload,
                qos=mqtt5.QoS.AT_LEAST_ONCE,
                packet_id=self._packet_id(),
                message_expiry_interval=outgoing.expiry_s,
                content_type=CONTENT_TYPE,
                response_topic=f"{self.reply_topic}/{outgoing.topic.split('/')[2]}",
            )
            ready.append(packet.write())
        self._write(b"".join(ready))

    def _packet_id(self) -> int:
        while self._next_id in self._in_flight:
            self._next_id = self._next_id % _LAST_PACKET_ID + 1
        packet_id = self._next_id
        self._in_flight.add(packet_id)
        self._next_id = self._next_id % _LAST_PACKET_ID + 1
        return packet_id

    def _keep_alive(self) -> None:
        silent_s = time.monotonic() - self._heard_s
        if silent_s > 2 * KEEP_ALIVE_S:
            raise LinkError("The broker does not answer.")
        if silent_s > KEEP_ALIVE_S / 2 and not self._pinged:
            self._ping()

    def _more(self) -> bool:
        return self.sock.pending() > 0 or bool(select.select([self.sock], [], [], 0)[0])

    def _read(self, timeout_s: float) -> list[mqtt5.Packet | Unreadable]:
        self.sock.settimeout(max(timeout_s, 0.001))
        try:
            data = self.sock.recv(_CHUNK)
        except TimeoutError:
            return []
        except OSError as error:
            raise LinkError(f"The connection to the broker broke: {error}") from error
        if not data:
            raise LinkError("The broker closed the connection.")
        self._heard_s = time.monotonic()
        return self.stream.feed(data)

    def _write(self, data: bytes) -> None:
        if not data:
            return
        self.sock.settimeout(_SEND_TIMEOUT_S)
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise LinkError(f"The connection to the broker broke: {error}") from error


def is_will(one: Publication | Unreadable) -> bool:
    """Whether it may be a Will, and no Record that the agent sent itself."""
    return (
        isinstance(one, Publication)
        and len(one.payload) < _LONGEST_WILL
        and WILL_REASON.encode() in one.payload
    )


def _publication(packet: mqtt5.PublishPacket) -> Publication:
    return Publication(
        packet.topic,
        packet.payload,
        packet.response_topic or "",
        packet.packet_id,
        packet.duplicate,
    )


def connect(
    address: Address, context: ssl.SSLContext, controller_id: str, client_id: str
) -> BrokerLink:
    """A link with its session resumed and its one subscription made.

    Whoever knows `client_id` can take the session over, whatever its certificate says.
    Raises LinkError when the broker cannot be reached or refuses.
    """
    try:
        plain = socket.create_connection((address.host, address.port), _DIAL_TIMEOUT_S)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock = context.wrap_socket(plain, server_hostname=address.server_name)
    except OSError as error:
        raise LinkError(f"The broker cannot be reached: {error}") from error
    link = BrokerLink(sock, f"usp/c/{controller_id}")
    try:
        link.open(controller_id, client_id)
    except LinkError:
        sock.close()
        raise
    return link
