"""Just enough of an MQTT 5 server for one agent, with what brokers do wrong on purpose.

It keeps the session and its unacknowledged messages over a reconnect, sends them again with DUP,
and can lose all that (as a broker that was killed), or hang up before it acknowledges.
Source: OASIS MQTT 5.0, 3.1, 3.3, 4.4.
"""

from collections.abc import Callable

from agent.wire import mqtt
from hil_tests.accelerated.network import Link

_NORMAL_DISCONNECT = 0x00


class Broker:
    """`on_publish(topic, response_topic, payload)` hears what the agent publishes, its Will too."""

    def __init__(self, on_publish: Callable[[str, str | None, bytes], None]) -> None:
        self.drop_before_puback = 0
        self._on_publish = on_publish
        self._link: Link | None = None
        self._buffer = bytearray()
        self._session = False
        self._unacknowledged: dict[int, bytes] = {}
        self._waiting: list[tuple[str, str, bytes]] = []
        self._receive_maximum = 65535
        self._last_id = 0
        self._will: tuple[str, bytes] | None = None
        self._subscribed = False

    def serve(self, link: Link) -> None:
        """Take a new connection; an older one of the same client ends."""
        if self._link is not None:
            self._link.on_close = lambda: None
            self._link.close()
        self._link = link
        self._buffer.clear()
        self._subscribed = False
        link.on_bytes = lambda data: self._feed(link, data)
        link.on_close = lambda: self._gone(link)

    def publish(self, topic: str, response_topic: str, payload: bytes) -> None:
        """To the agent, now or when it is there again."""
        self._waiting.append((topic, response_topic, payload))
        self._send_waiting()

    def forget(self) -> None:
        """A broker that was killed: sessions and queues are gone, connections break."""
        self._session = False
        self._waiting.clear()
        self._unacknowledged.clear()
        self._will = None
        if self._link is not None:
            self._link.close()

    def _gone(self, link: Link) -> None:
        if link is self._link:
            self._link = None
            self._publish_will()

    def _publish_will(self) -> None:
        will, self._will = self._will, None
        if will is not None:
            self._on_publish(will[0], None, will[1])

    def _feed(self, link: Link, data: bytes) -> None:
        if link is not self._link:
            return
        self._buffer += data
        while packet := self._next_packet():
            self._take(link, *packet)

    def _next_packet(self) -> tuple[int, memoryview] | None:
        view = memoryview(bytes(self._buffer))
        found = mqtt.read_variable_integer(view, 1, len(view))
        if found is None or len(view) < found[0] + found[1]:
            return None
        size, at = found
        del self._buffer[: at + size]
        return view[0], view[at : at + size]

    def _take(self, link: Link, first: int, view: memoryview) -> None:
        match first & 0xF0:
            case mqtt.CONNECT:
                self._connect(link, view)
            case mqtt.PUBLISH:
                self._published(link, first & 0x0F, view)
            case mqtt.PUBACK:
                self._unacknowledged.pop(mqtt.read_puback(view)[0], None)
                self._send_waiting()
            case 0x80:
                link.send(bytes((mqtt.SUBACK, 4, view[0], view[1], 0, 1)))
                self._subscribed = True
                self._send_again(link)
                self._send_waiting()
            case 0xC0:
                link.send(bytes((mqtt.PINGRESP, 0)))
            case mqtt.DISCONNECT:
                if not len(view) or view[0] == _NORMAL_DISCONNECT:
                    self._will = None
                link.close()

    def _connect(self, link: Link, view: memoryview) -> None:
        flags = view[7]
        size, at = mqtt.read_variable_integer(view, 10, len(view))
        properties, _ = mqtt.read_properties(view, 10, bytes(range(256)))
        self._receive_maximum = properties.get(mqtt.RECEIVE_MAXIMUM, 65535)
        _, at = _binary(view, at + size)  # client identifier
        if flags & 4:
            size, at = mqtt.read_variable_integer(view, at, len(view))
            topic, at = _binary(view, at + size)
            payload, at = _binary(view, at)
            self._will = (bytes(topic).decode(), bytes(payload))
        link.send(bytes((mqtt.CONNACK, 3, int(self._session), 0, 0)))
        self._session = True

    def _published(self, link: Link, flags: int, view: memoryview) -> None:
        topic, packet_id, properties, payload = mqtt.read_publish(flags, view)
        if self.drop_before_puback:
            self.drop_before_puback -= 1
            link.close()
            return
        self._on_publish(topic, properties.get(mqtt.RESPONSE_TOPIC), bytes(payload))
        if packet_id:
            link.send(mqtt.puback(packet_id))

    def _send_again(self, link: Link) -> None:
        for packet_id, packet in self._unacknowledged.items():
            link.send(bytes((packet[0] | 8,)) + packet[1:])
            self._unacknowledged[packet_id] = packet

    def _send_waiting(self) -> None:
        while (
            self._link is not None
            and self._subscribed
            and self._waiting
            and len(self._unacknowledged) < self._receive_maximum
        ):
            topic, response_topic, payload = self._waiting.pop(0)
            self._last_id = self._last_id % 65535 + 1
            pairs = ((mqtt.CONTENT_TYPE, "usp.msg"), (mqtt.RESPONSE_TOPIC, response_topic))
            packet = mqtt.publish(topic, self._last_id, pairs, len(payload)) + payload
            self._unacknowledged[self._last_id] = packet
            self._link.send(packet)


def _binary(view: memoryview, at: int) -> tuple[memoryview, int]:
    size = view[at] << 8 | view[at + 1]
    return view[at + 2 : at + 2 + size], at + 2 + size
