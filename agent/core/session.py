"""The agent's connection to its controller: one MQTT session, kept up for ever.

Rules. Connect, subscribe, send the connect Record, then what an earlier connection left
unacknowledged, then whatever the endpoint has. One task works for the endpoint, so its calls
never overlap. A message is acknowledged to the broker after it was handled and its answers are on
the wire. Reader, worker and keep-alive are watched: when one ends, the link is closed and the
session connects again by the rule of core/backoff.py. A peer that says nothing is given up.

Source: TR-369 "MQTT Binding"; MQTT 5.0, 3.1.2.10 (keep alive), 4.4 (delivery retry).
"""

import asyncio

from agent.compat import TimeoutError as TimedOut
from agent.compat import const, monotonic_ms, sleep_ms, wait_for_event
from agent.core.backoff import connect_retry_wait_ms
from agent.core.mqtt_client import MqttClient, PacketTooLarge, ServerRefused
from agent.errors import LinkError, StorageError, StreamError
from agent.wire import mqtt

_CONNECT_S = const(30)
_PEER_MS = const(10000)  # an answer to PINGREQ, or progress of a write, takes less
_ACKNOWLEDGE_S = const(60)
_HOLD_MS = const(5000)
_STABLE_MS = const(30000)  # a connection that lasted this long was no failure
_MAX_QUEUED = const(4)
_TIMED_OUT = const(110)


class Settings:
    """What a connection needs; read anew for each. `certificate`, `key` and `ca` are DER."""

    host = ""
    port = 8883
    client_id = ""
    username: str | None = None
    password = None
    keep_alive_s = 60
    # mosquitto 2.0.11 that reads a revocation list dies some time later of sessions that were away
    # and expire: ours do not.
    session_expiry_interval_s = mqtt.NEVER_EXPIRES
    connect_retry_time_s = 5
    connect_retry_interval_multiplier = 2000
    connect_retry_max_interval_s = 300
    topics: tuple = ()
    reply_topic = ""
    will_topic = ""
    certificate = key = ca = b""

    def remember_client_id(self, client_id):
        """Keep the identifier the server assigned, for every later connection."""
        self.client_id = client_id


class Session:
    """`buffer` takes one incoming packet and so limits it, `open_link(settings)` gives a link,
    `load_settings()` a new Settings, whose credentials are dropped once the link is there,
    `random(n)` n bytes.
    """

    def __init__(self, endpoint, endpoint_id, buffer, open_link, load_settings, random):
        self.state = "down"
        self.since_ms = monotonic_ms()
        self.error = ""
        self.first_wait_ms = 0  # before the first connection
        self.poll_ms = 250  # between two polls of the endpoint, when nothing wakes it before
        self._endpoint = endpoint
        self._open_link = open_link
        self._load_settings = load_settings
        self._random = random
        self._buffer = memoryview(buffer)
        self._client = MqttClient(endpoint_id, len(buffer))
        self._link = self._chunks = None
        self._failure: Exception = OSError("a task ended")
        self._incoming = []
        self._wake = asyncio.Event()
        self._acknowledged = asyncio.Event()
        self._hurry = asyncio.Event()
        self._ended = asyncio.Event()
        self._offline = asyncio.Event()
        self._offline.set()
        self._polling = False  # while offline

    async def run(self):
        """Keep the session up; ends only by an error that nobody expected."""
        failures = 0
        if self.first_wait_ms:
            await wait_for_event(self._hurry, self.first_wait_ms)
        while True:
            try:
                await self._connection()
            except (OSError, TimedOut, mqtt.ProtocolError, LinkError, StreamError) as error:
                self.error = _text(error)
            except (StorageError, MemoryError) as error:
                self.error = "the agent: " + type(error).__name__
                self._endpoint.failed(error)
            if self.state == "online" and monotonic_ms() - self.since_ms > _STABLE_MS:
                failures = 0
            failures += 1
            self._enter("down")
            await self._wait_to_retry(failures)

    async def poll_offline(self):
        """Keep the endpoint's timers and samples going while nothing can be sent."""
        while True:
            await self._offline.wait()
            await sleep_ms(self.poll_ms)
            if self._link is None:
                self._polling = True
                for outgoing in self._endpoint.poll(monotonic_ms()):
                    if outgoing is not None:
                        break
                    await sleep_ms(0)
                self._polling = False

    def wake(self):
        """The endpoint has something new to send."""
        self._wake.set()

    def reconnect(self):
        """Drop the connection, if any, and connect at once with fresh settings."""
        self._hurry.set()
        self._end(OSError(0, "connecting anew"))

    def is_idle(self):
        """Whether everything sent is acknowledged and everything received is handled."""
        return not self._incoming and self._client.idle()

    async def close(self):
        """Leave in order: the broker publishes the Will, a disconnect Record."""
        if self._link is not None and self._chunks is None:
            self._link.write_now(mqtt.disconnect(mqtt.WITH_WILL_MESSAGE))
            await sleep_ms(100)

    def prepare(self, topic_name, payload):
        """Return a whole PUBLISH for send_now()."""
        return self._client.prepare(topic_name, payload)

    def send_now(self, packet):
        """Write a prepared packet without waiting; True when the TLS layer took it.

        A PUBLISH that is half-way on the wire is completed first, or the broker would see nonsense.
        """
        if self.state != "online" or self._link is None:
            return False
        if self._chunks is not None:
            for chunk in self._chunks:
                if not self._link.write_now(chunk):
                    return False
        return self._link.write_now(packet)

    async def _connection(self):
        settings = self._load_settings()
        if not settings.client_id and self._client.assigned_client_id:
            settings.client_id = self._client.assigned_client_id
        self._enter("connecting")
        self._hurry.clear()
        self._ended.clear()
        link = await asyncio.wait_for(self._open_link(settings), _CONNECT_S)
        settings.certificate = settings.key = settings.ca = b""  # 2 KB for as long as it lasts
        tasks = []
        try:
            await asyncio.wait_for(self._greet(link, settings), _CONNECT_S)
            for part in (self._read, self._work, self._keep_alive):
                tasks.append(asyncio.create_task(self._watch(part, link)))
            await self._ended.wait()
            raise self._failure
        finally:
            for task in tasks:
                task.cancel()
            self._link = self._chunks = None
            self._offline.set()
            link.close()
            self._endpoint.disconnected()

    async def _greet(self, link, settings):
        client = self._client
        self._incoming = []
        will = (settings.will_topic, self._endpoint.will())
        await link.write(client.begin(settings, will))
        first, view = await self._packet(link)
        if first != mqtt.CONNACK:
            raise mqtt.ProtocolError(mqtt.PROTOCOL_ERROR, "CONNACK", first)
        client.connected(view)
        if client.assigned_client_id:
            settings.remember_client_id(client.assigned_client_id)
        await link.write(client.subscription())
        while not client.subscribed:
            await self._take(link)

    async def _watch(self, part, link):
        try:
            await part(link)
        except Exception as error:  # noqa: BLE001  run() knows which are expected, and raises
            self._end(error)

    def _end(self, error):
        if not self._ended.is_set():
            self._failure = error
            self._ended.set()

    # --- reader

    async def _read(self, link):
        while True:
            try:
                await self._take(link)
            except mqtt.ProtocolError as error:
                if self._chunks is None:
                    link.write_now(mqtt.disconnect(error.args[0]))
                raise

    async def _packet(self, link):
        """Return (first byte, body); the body is valid until the next call."""
        view = self._buffer
        await link.fill(view[:2])
        end = 2
        size = mqtt.read_variable_integer(view, 1, end)
        while size is None:
            await link.fill(view[end : end + 1])
            end += 1
            size = mqtt.read_variable_integer(view, 1, end)
        first = view[0]
        if size[0] + end > len(view):
            raise mqtt.ProtocolError(mqtt.PACKET_TOO_LARGE, "packet", size[0])
        body = view[: size[0]]
        await link.fill(body)
        return first, body

    async def _take(self, link):
        first, view = await self._packet(link)
        self._heard_ms = monotonic_ms()
        message = self._client.handle(first, view)
        self._acknowledged.set()
        if message is None or (not message[2] and len(self._incoming) >= _MAX_QUEUED):
            return  # QoS 0 beyond what fits is lost, as QoS 0 may be
        topic_name, response_topic, packet_id, payload = message
        if payload is not None:
            try:
                payload = bytes(payload)
            except MemoryError:
                payload = None  # refused, as what is too much
        self._incoming.append((payload, topic_name, response_topic, packet_id))
        self._wake.set()

    # --- worker

    async def _work(self, link):
        self._link = link
        self._offline.clear()
        while self._polling:  # one task at a time works for the endpoint
            await sleep_ms(1)
        await self._send(self._endpoint.connected(monotonic_ms()))
        self.error = ""
        self._enter("online")
        while True:
            await self._send_again()
            while self._incoming:
                await self._answer(*self._incoming[0])
                self._incoming.pop(0)
            for outgoing in self._endpoint.poll(monotonic_ms()):
                if outgoing is None:
                    await sleep_ms(0)
                else:
                    await self._send(outgoing)
            if not self._incoming:
                await wait_for_event(self._wake, self.poll_ms)
            self._wake.clear()

    async def _answer(self, payload, topic_name, response_topic, packet_id):
        if payload is None:
            refusal = self._client.acknowledge(packet_id, mqtt.QUOTA_EXCEEDED)
            await self._link.write(refusal)
            return
        now_ms = monotonic_ms()
        for outgoing in self._endpoint.receive(payload, topic_name, response_topic, now_ms):
            await self._send(outgoing)
        if packet_id:
            await self._link.write(self._client.acknowledge(packet_id))

    async def _send_again(self):
        if self._client.held:
            await sleep_ms(_HOLD_MS)
            self._client.held = False
        entry = self._client.unsent()
        while entry is not None:
            await self._await_quota()
            await self._transmit(self._client.republish(entry), entry[1])
            entry = self._client.unsent()

    async def _send(self, outgoing):
        await self._await_quota()
        try:
            head = self._client.publish(outgoing)
        except PacketTooLarge:
            outgoing = self._endpoint.too_large(outgoing)
            if outgoing is None:
                return
            head = self._client.publish(outgoing)
        await self._transmit(head, outgoing)

    async def _transmit(self, head, outgoing):
        self._chunks = outgoing.chunks()
        try:
            for chunk in self._chunks:
                self._written_ms = monotonic_ms()
                if head is not None:
                    chunk = head + chunk
                    head = None
                await self._link.write(chunk)
        except StreamError:
            self._client.forget(outgoing)
            raise
        self._chunks = None

    async def _await_quota(self):
        while not self._client.has_quota():
            self._acknowledged.clear()
            if not await wait_for_event(self._acknowledged, _ACKNOWLEDGE_S * 1000):
                raise OSError(_TIMED_OUT, "no PUBACK")

    # --- time

    async def _keep_alive(self, link):
        self._heard_ms = self._written_ms = monotonic_ms()
        asked_ms = self._heard_ms
        interval_ms = self._client.keep_alive_s * 750
        patience_ms = min(_PEER_MS, interval_ms or _PEER_MS)
        while True:
            await sleep_ms(patience_ms // 4)
            now_ms = monotonic_ms()
            if self._chunks is not None:
                if now_ms - self._written_ms > patience_ms:
                    raise OSError(_TIMED_OUT, "write stuck")
            elif interval_ms and asked_ms > self._heard_ms:
                if now_ms - asked_ms > patience_ms:
                    raise OSError(_TIMED_OUT, "no PINGRESP")
            elif interval_ms and now_ms - asked_ms >= interval_ms:
                asked_ms = now_ms
                link.write_now(mqtt.PINGREQ_PACKET)

    async def _wait_to_retry(self, failures):
        try:
            settings = self._load_settings()
        except (StorageError, MemoryError):
            settings = Settings()  # the connection will tell
        wait_ms = connect_retry_wait_ms(
            failures,
            settings.connect_retry_time_s,
            settings.connect_retry_interval_multiplier,
            settings.connect_retry_max_interval_s,
            self._random,
            self._endpoint.is_urgent(),
        )
        await wait_for_event(self._hurry, wait_ms)

    def _enter(self, state):
        self.state = state
        self.since_ms = monotonic_ms()


def _text(error):
    """One line for a technician."""
    if isinstance(error, TimedOut):
        return "no answer from the server"
    if isinstance(error, ServerRefused):
        return "refused by the server, reason code 0x%02x" % error.args[0]
    if isinstance(error, mqtt.ProtocolError):
        return "the server broke MQTT 5: " + " ".join([str(arg) for arg in error.args[1:]])
    return "link: " + " ".join([str(arg) for arg in error.args])
