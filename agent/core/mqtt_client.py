"""The MQTT 5 client without its socket: it turns packets into state and state into packets.

Rules. A PUBLISH of ours is QoS 1 and stays in `_inflight` until its PUBACK; after a reconnect
into a session that is still there it is sent again, with its packet identifier and DUP, in the
first order (4.4). Not more of them are on the wire at once than the server's Receive Maximum.
Packets larger than the server's Maximum Packet Size are not made. The server may send us
RECEIVE_MAXIMUM messages before an acknowledgement. mosquitto 2.0.11 sends more out of a session
it had saved: what is too much is refused with "Quota exceeded", which ends the matter for the
server, and whoever needs an answer asks again. Very many more are a protocol error.

Source: OASIS MQTT 5.0; TR-369 "MQTT Binding" for the properties.
"""

from agent.compat import const
from agent.errors import LinkError
from agent.wire import mqtt

RECEIVE_MAXIMUM = const(4)
MAX_INFLIGHT = const(4)
GASP_PACKET_ID = const(0xFFFF)  # kept for the packet that is made beforehand
_MAX_UNACKNOWLEDGED = const(64)
_SUBSCRIBE_ID = const(0xFFFE)
_CONTENT_TYPE = "usp.msg"


class ServerRefused(LinkError):
    """The server refused or ended the connection, or every subscription; args[0]: reason code."""


class PacketTooLarge(LinkError):
    """The server's Maximum Packet Size does not allow this message; args[0]: its size in bytes."""


class MqttClient:
    """One client's session state; `begin()` starts each new network connection."""

    def __init__(self, endpoint_id, max_incoming_bytes):
        self.endpoint_id = endpoint_id
        self.reply_topic = None  # set by begin(), replaced by the server's Response Information
        self.topics = ()
        self.max_incoming_bytes = max_incoming_bytes
        self.assigned_client_id = None
        self._last_id = 0
        self.held = False  # the server's quota is used up: wait before sending again
        self._inflight = []  # [packet id, Outgoing, on the wire in this connection, was sent]

    def begin(self, settings, will):
        """Return CONNECT. `will` is (topic name, payload); `settings` as in core/session.py."""
        self.reply_topic = settings.reply_topic
        self.topics = settings.topics
        self.keep_alive_s = settings.keep_alive_s
        self.receive_maximum = 65535
        self.max_outgoing_bytes = 268435460
        self.qos = 1
        self.session_present = self.subscribed = False
        self.held = False
        self.unacknowledged = []
        for entry in self._inflight:
            entry[2] = False
        return mqtt.connect(
            settings.client_id,
            settings.keep_alive_s,
            (
                (mqtt.SESSION_EXPIRY_INTERVAL, settings.session_expiry_interval_s),
                (mqtt.RECEIVE_MAXIMUM, RECEIVE_MAXIMUM),
                (mqtt.MAXIMUM_PACKET_SIZE, self.max_incoming_bytes),
                (mqtt.REQUEST_RESPONSE_INFORMATION, 1),
                (mqtt.USER_PROPERTY, ("usp-endpoint-id", self.endpoint_id)),
            ),
            (will[0], self._publish_properties(self.reply_topic), will[1]),
            settings.username,
            settings.password,
        )

    def connected(self, view):
        """Take in CONNACK. Raises ServerRefused."""
        self.session_present, reason_code, values = mqtt.read_connack(view)
        if reason_code:
            raise ServerRefused(reason_code)
        self.keep_alive_s = values.get(mqtt.SERVER_KEEP_ALIVE, self.keep_alive_s)
        self.receive_maximum = values.get(mqtt.RECEIVE_MAXIMUM, 65535)
        self.max_outgoing_bytes = values.get(mqtt.MAXIMUM_PACKET_SIZE, 268435460)
        self.qos = values.get(mqtt.MAXIMUM_QOS, 1)
        if not self.receive_maximum or not self.max_outgoing_bytes or self.qos > 1:
            raise mqtt.ProtocolError(mqtt.PROTOCOL_ERROR, "CONNACK")
        self.assigned_client_id = values.get(mqtt.ASSIGNED_CLIENT_IDENTIFIER)
        topics = list(self.topics)
        for name, value in values.get(mqtt.USER_PROPERTY, ()):
            if name == "subscribe-topic":
                topics.append(value)
        self.reply_topic = values.get(mqtt.RESPONSE_INFORMATION, self.reply_topic)
        if self.reply_topic not in topics:
            topics.append(self.reply_topic)
        self.topics = topics
        if not self.session_present:
            self._inflight = []

    def subscription(self):
        """Return the one SUBSCRIBE with every topic. Source: R-MQTT.15."""
        return mqtt.subscribe(_SUBSCRIBE_ID, self.topics, 1)

    def publish(self, outgoing):
        """Return the PUBLISH of `outgoing` up to its payload, and keep it until it is acknowledged.

        Raises PacketTooLarge; look at has_quota() first.
        """
        entry = [self._next_id(), outgoing, False, False]
        self._inflight.append(entry)
        return self.republish(entry)

    def republish(self, entry):
        """Return the PUBLISH of an entry of unsent(), with DUP if it was on the wire before."""
        packet_id, outgoing, _, duplicate = entry
        properties = self._publish_properties(outgoing.response_topic or self.reply_topic)
        head = mqtt.publish(
            outgoing.topic, packet_id * self.qos, properties, outgoing.size, duplicate
        )
        size = len(head) + outgoing.size
        if size > self.max_outgoing_bytes or not self.qos:
            self.forget(packet_id)
        if size > self.max_outgoing_bytes:
            raise PacketTooLarge(size)
        entry[2] = entry[3] = True
        return head

    def prepare(self, topic_name, payload):
        """Return a whole QoS 1 PUBLISH that waits for no quota: for the dying gasp."""
        properties = self._publish_properties(self.reply_topic)
        return mqtt.publish(topic_name, GASP_PACKET_ID, properties, len(payload)) + payload

    def has_quota(self):
        """Whether one more PUBLISH may go on the wire now."""
        on_wire = sum(1 for entry in self._inflight if entry[2])
        return on_wire < min(self.receive_maximum, MAX_INFLIGHT)

    def unsent(self):
        """Return the oldest entry that this connection has still to send again, or None."""
        for entry in self._inflight:
            if not entry[2]:
                return entry
        return None

    def idle(self):
        """Whether everything that was sent is acknowledged."""
        return not self._inflight

    def forget(self, message):
        """Done with this packet identifier or this Outgoing, or given up."""
        self._inflight = [entry for entry in self._inflight if message not in entry[:2]]

    def handle(self, first, view):
        """Take in one packet after CONNACK.

        Return (topic name, response topic or None, packet id, payload) of a PUBLISH, else None.
        The payload is a part of `view`, or None where the message is to be refused.
        Raises ProtocolError, ServerRefused.
        """
        kind = first & 0xF0
        if kind != mqtt.PUBLISH and first & 0x0F:
            raise mqtt.ProtocolError(mqtt.MALFORMED_PACKET, "flags", first)
        if kind == mqtt.PUBLISH:
            return self._incoming(first & 0x0F, view)
        if kind == mqtt.PUBACK:
            self._acknowledged(*mqtt.read_puback(view))
        elif kind == mqtt.SUBACK:
            self._granted(view)
        elif kind == mqtt.DISCONNECT:
            raise ServerRefused(mqtt.read_disconnect(view))
        elif kind != mqtt.PINGRESP or len(view):
            raise mqtt.ProtocolError(mqtt.PROTOCOL_ERROR, "packet", first)
        return None

    def acknowledge(self, packet_id, reason_code=0):
        """Return the PUBACK of a message that has been handled, or refused."""
        self.unacknowledged.remove(packet_id)
        return mqtt.puback(packet_id, reason_code)

    def _incoming(self, flags, view):
        topic_name, packet_id, values, payload = mqtt.read_publish(flags, view)
        if packet_id in self.unacknowledged:
            raise mqtt.ProtocolError(mqtt.PROTOCOL_ERROR, "packet id in use", packet_id)
        if packet_id:
            if len(self.unacknowledged) >= _MAX_UNACKNOWLEDGED:
                raise mqtt.ProtocolError(mqtt.RECEIVE_MAXIMUM_EXCEEDED, "receive maximum")
            self.unacknowledged.append(packet_id)
            if len(self.unacknowledged) > RECEIVE_MAXIMUM:
                payload = None
        response_topic = values.get(mqtt.RESPONSE_TOPIC, "")
        if "#" in response_topic or "+" in response_topic:
            response_topic = ""  # an answer to a filter would end every connection it is sent on
        return topic_name, response_topic or None, packet_id, payload

    def _acknowledged(self, packet_id, reason_code):
        """Done with the message, also when refused: whoever needs it delivered asks end to end.

        Only where the server is out of quota it stays, to be sent as a new one after a pause.
        """
        if reason_code != mqtt.QUOTA_EXCEEDED:
            self.forget(packet_id)
            return
        self.held = True
        for entry in self._inflight:
            if entry[0] == packet_id:
                entry[0] = self._next_id()
                entry[2] = entry[3] = False

    def _granted(self, view):
        packet_id, reason_codes = mqtt.read_suback(view)
        if packet_id != _SUBSCRIBE_ID or len(reason_codes) != len(self.topics):
            raise mqtt.ProtocolError(mqtt.PROTOCOL_ERROR, "SUBACK")
        if min(reason_codes) > 2:
            raise ServerRefused(reason_codes[0])
        self.subscribed = True

    def _next_id(self):
        taken = [entry[0] for entry in self._inflight]
        while True:
            self._last_id = self._last_id % 0x7FFF + 1
            if self._last_id not in taken:
                return self._last_id

    def _publish_properties(self, reply_topic):
        return ((mqtt.CONTENT_TYPE, _CONTENT_TYPE), (mqtt.RESPONSE_TOPIC, reply_topic))
