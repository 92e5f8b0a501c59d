"""The session against a link whose other side is played by the test."""

import asyncio

from agent.core.session import Session, Settings
from agent.errors import StorageError, StreamError
from agent.tests.fakes import FakeLink, FakeOutgoing, FakeRandom
from agent.wire import mqtt

EID = "ops::00256D-MODEM-00000001"
CONNACK = b"\x20\x03\x00\x00\x00"
CONNACK_PRESENT = b"\x20\x03\x01\x00\x00"
SUBACK = b"\x90\x04\xff\xfe\x00\x01"


class Endpoint:
    """Says what it is told to, and notes what it was asked."""

    def __init__(self):
        self.due = []
        self.received = []
        self.answers = []
        self.disconnections = 0
        self.urgent = False

    def is_urgent(self):
        return self.urgent

    def will(self):
        return b"will"

    def connected(self, now_ms):
        return FakeOutgoing(b"connected")

    def disconnected(self):
        self.disconnections += 1

    def poll(self, now_ms):
        while self.due:
            yield self.due.pop(0)

    def too_large(self, outgoing):
        return FakeOutgoing(b"7005")

    def receive(self, payload, topic, response_topic, now_ms):
        self.received.append((payload, topic, response_topic))
        return self.answers


class Desk:
    """A session with its endpoint and every link it has opened."""

    def __init__(self, connack=CONNACK):
        self.endpoint = Endpoint()
        self.links = []
        self.connack = connack
        self.settings = Settings()
        self.settings.client_id = EID
        self.settings.topics = (self.settings.reply_topic,) = ("usp/a/x",)
        self.settings.will_topic = "usp/c/x"
        self.settings.connect_retry_time_s = 0
        self.session = Session(
            self.endpoint, EID, bytearray(4096), self._open, lambda: self.settings, FakeRandom()
        )

    async def _open(self, settings):
        link = FakeLink()
        link.feed(self.connack + SUBACK)
        self.links.append(link)
        return link

    @property
    def link(self):
        return self.links[-1]

    async def until(self, condition, what):
        for _ in range(3000):
            if condition():
                return
            await asyncio.sleep(0.001)
        raise AssertionError(what)

    async def online(self):
        await self.until(lambda: self.session.state == "online", "online")

    async def wrote(self, data):
        await self.until(lambda: data in self.link.written, data)


def play(scene, **options):
    """Run the scene with a desk whose session is running."""

    async def run():
        desk = Desk(**options)
        task = asyncio.create_task(desk.session.run())
        try:
            await scene(desk)
        finally:
            task.cancel()
            await asyncio.sleep(0)

    asyncio.run(run())


def puback(packet_id):
    return b"\x40\x02\x00" + bytes((packet_id,))


def test_connect_record_is_the_first_publish_and_only_then_is_it_online():
    async def scene(desk):
        await desk.online()
        written = bytes(desk.link.written)
        assert written[0] == mqtt.CONNECT
        assert written.find(b"\x00\x07usp/a/x\x01") > 0
        assert written.endswith(b"connected")

    play(scene)


def test_a_message_is_acknowledged_after_its_answer_is_on_the_wire():
    async def scene(desk):
        desk.endpoint.answers = [FakeOutgoing(b"answer", "reply/to")]
        await desk.online()
        desk.link.feed(b"\x32\x13\x00\x07usp/a/x\x00\x05\x04\x08\x00\x01rask")
        await desk.wrote(b"\x40\x02\x00\x05")
        assert desk.endpoint.received == [(b"ask", "usp/a/x", "r")]
        written = bytes(desk.link.written)
        assert written.index(b"reply/to") < written.index(b"answer") < written.index(puback(5))

    play(scene)


def test_a_backlog_beyond_what_we_receive_is_refused_and_the_connection_kept():
    async def scene(desk):
        backlog = [b"\x32\x0c\x00\x07usp/a/x\x00" + bytes((each, 0)) for each in range(1, 7)]
        await desk.online()
        desk.link.feed(b"".join(backlog))
        await desk.wrote(b"\x40\x03\x00\x06\x97")
        assert len(desk.endpoint.received) == 4
        assert bytes(desk.link.written).endswith(
            b"".join([puback(each) for each in range(1, 5)])
            + b"\x40\x03\x00\x05\x97\x40\x03\x00\x06\x97"
        )
        assert desk.session.state == "online"
        assert len(desk.links) == 1

    play(scene)


def test_what_is_due_leaves_and_waits_for_the_quota():
    async def scene(desk):
        await desk.online()
        desk.link.feed(puback(1))
        for number in range(6):
            desk.endpoint.due.append(FakeOutgoing(b"event-%d" % number))
        desk.session.wake()
        await desk.wrote(b"event-3")
        await asyncio.sleep(0.05)
        assert b"event-4" not in desk.link.written
        desk.link.feed(puback(2))
        await desk.wrote(b"event-4")
        assert b"event-5" not in desk.link.written
        desk.link.feed(puback(3))
        await desk.wrote(b"event-5")

    play(scene)


def test_what_was_not_acknowledged_follows_the_connect_record_with_dup():
    async def scene(desk):
        await desk.online()
        desk.link.feed(puback(1))
        desk.endpoint.due.append(FakeOutgoing(b"precious"))
        desk.session.wake()
        await desk.wrote(b"precious")
        desk.link.closed = True
        await desk.until(lambda: len(desk.links) == 2, "second link")
        await desk.wrote(b"precious")
        written = bytes(desk.link.written)
        assert written.index(b"connected") < written.index(b"precious")
        assert written[written.index(b"precious") - 48 :].find(b"\x3a") >= 0
        assert desk.endpoint.disconnections == 1

    play(scene, connack=CONNACK_PRESENT)


def test_an_answer_the_server_does_not_take_is_replaced():
    async def scene(desk):
        desk.endpoint.answers = [FakeOutgoing(b"x" * 300)]
        await desk.online()
        desk.link.feed(b"\x30\x0d\x00\x07usp/a/x\x00ask")
        await desk.wrote(b"7005")
        assert b"xxx" not in desk.link.written

    play(scene, connack=b"\x20\x08\x00\x00\x05\x27\x00\x00\x00\xc8")


def test_a_packet_larger_than_we_said_is_answered_with_disconnect_0x95():
    async def scene(desk):
        await desk.online()
        desk.settings.connect_retry_time_s = 300
        first = desk.link
        first.feed(b"\x30\x80\x80\x02")
        await desk.until(lambda: desk.session.state == "down", "down")
        assert first.closed
        assert first.written.endswith(b"\xe0\x01\x95")
        assert "MQTT 5" in desk.session.error

    play(scene)


def test_garbage_ends_the_connection_and_a_new_one_follows():
    async def scene(desk):
        for count, garbage in enumerate((b"\x00\x00", b"\xff\xff\xff\xff\xff", b"\x32\x01\x00"), 1):
            await desk.online()
            desk.link.feed(garbage)
            await desk.until(lambda count=count: len(desk.links) == count + 1, "next link")
        await desk.online()

    play(scene)


def test_a_refusal_is_told_in_words_and_tried_again():
    async def scene(desk):
        await desk.until(lambda: len(desk.links) > 2, "third try")
        assert desk.session.error == "refused by the server, reason code 0x87"
        desk.connack = CONNACK
        await desk.online()
        assert desk.session.error == ""

    play(scene, connack=b"\x20\x03\x00\x87\x00")


def test_a_session_taken_over_connects_again():
    async def scene(desk):
        await desk.online()
        desk.link.feed(b"\xe0\x02\x8e\x00")
        await desk.until(lambda: len(desk.links) == 2, "second link")
        await desk.online()

    play(scene)


def test_a_peer_that_does_not_answer_pings_is_given_up():
    async def scene(desk):
        desk.settings.keep_alive_s = 1
        await desk.online()
        await desk.wrote(mqtt.PINGREQ_PACKET)
        await desk.until(lambda: len(desk.links) == 2, "second link")
        assert desk.links[0].closed

    play(scene)


def test_a_peer_that_answers_pings_is_kept():
    async def scene(desk):
        desk.settings.keep_alive_s = 1
        await desk.online()
        for _ in range(2):
            await desk.wrote(mqtt.PINGREQ_PACKET)
            desk.link.written[:] = b""
            desk.link.feed(b"\xd0\x00")
        assert len(desk.links) == 1

    play(scene)


def test_a_write_that_never_ends_is_given_up():
    async def scene(desk):
        desk.settings.keep_alive_s = 1
        await desk.online()
        desk.link.stuck = True
        desk.endpoint.due.append(FakeOutgoing(b"lost"))
        desk.session.wake()
        await desk.until(lambda: len(desk.links) == 2, "second link")

    play(scene)


def test_the_gasp_completes_a_publish_that_is_half_way():
    async def scene(desk):
        await desk.online()
        packet = desk.session.prepare("usp/c/x", b"gasp")
        desk.link.pace_s = 0.01
        desk.endpoint.due.append(FakeOutgoing(b"a" * 1000 + b"z", piece=100))
        desk.session.wake()
        await desk.wrote(b"aaaa")
        assert b"z" not in desk.link.written
        assert desk.session.send_now(packet)
        assert bytes(desk.link.written).endswith(b"aaaz" + packet)
        await asyncio.sleep(0.02)
        assert bytes(desk.link.written).endswith(b"aaaz" + packet)

    play(scene)


def test_no_gasp_leaves_while_there_is_no_connection():
    desk = Desk()
    packet = desk.session.prepare("usp/c/x", b"gasp")
    assert desk.session.send_now(packet) is False


def test_an_answer_that_changed_under_way_breaks_the_link_and_is_not_repeated():
    class Changing(FakeOutgoing):
        def chunks(self):
            yield b"first"
            raise StreamError("size")

    async def scene(desk):
        await desk.online()
        desk.endpoint.due.append(Changing(b"first second"))
        desk.session.wake()
        await desk.until(lambda: len(desk.links) == 2, "second link")
        await desk.online()
        await asyncio.sleep(0.05)
        assert b"first" not in desk.link.written

    play(scene, connack=CONNACK_PRESENT)


def test_an_error_nobody_expected_ends_the_session_so_that_it_is_noticed():
    class Broken(Endpoint):
        def poll(self, now_ms):
            raise KeyError("bug")

    async def run():
        desk = Desk()
        desk.session._endpoint = Broken()
        try:
            await desk.session.run()
        except KeyError:
            return True
        return False

    assert asyncio.run(run())


def test_memory_that_does_not_suffice_ends_the_connection_and_not_the_session():
    failed = []

    async def scene(desk):
        desk.endpoint.failed = failed.append
        await desk.online()

        def poll(now_ms):
            del desk.endpoint.poll
            raise MemoryError

        desk.endpoint.poll = poll
        desk.session.wake()
        await desk.until(lambda: len(desk.links) == 2, "second link")
        await desk.online()
        assert [type(error) for error in failed] == [MemoryError]

    play(scene)


def test_credentials_that_cannot_be_read_are_asked_for_again():
    failed = []

    async def scene(desk):
        load = desk.session._load_settings

        def broken():
            if len(failed) < 1:
                raise StorageError("read", "certificate")
            return load()

        desk.endpoint.failed = failed.append
        desk.session._load_settings = broken
        desk.session.reconnect()
        await desk.until(lambda: failed, "the failure")
        desk.session.reconnect()
        await desk.until(lambda: len(desk.links) == 2, "second link")

    play(scene)


def test_connecting_anew_uses_fresh_settings_at_once():
    async def scene(desk):
        desk.settings.connect_retry_time_s = 300
        await desk.online()
        desk.settings.client_id = "another"
        desk.session.reconnect()
        await desk.until(lambda: len(desk.links) == 2, "second link")
        await desk.wrote(b"another")

    play(scene)


def test_leaving_in_order_lets_the_broker_publish_the_will():
    async def scene(desk):
        await desk.online()
        await desk.session.close()
        assert desk.links[0].written.endswith(b"\xe0\x01\x04")

    play(scene)


def test_while_offline_the_endpoint_still_keeps_time():
    async def run():
        desk = Desk()
        polled = []
        desk.endpoint.poll = lambda now_ms: polled.append(now_ms) or ()
        task = asyncio.create_task(desk.session.poll_offline())
        await desk.until(lambda: len(polled) > 1, "polled")
        task.cancel()

    asyncio.run(run())


def test_while_the_endpoint_takes_long_others_run_and_nobody_else_asks_it():
    async def scene(desk):
        seen = []

        def poll(now_ms):
            seen.append("begin")
            for _ in range(20):
                yield None
            seen.append("end")

        desk.endpoint.poll = poll
        ticks = []

        async def tick():
            while True:
                ticks.append(len(seen))
                await asyncio.sleep(0)

        other = asyncio.create_task(tick())
        await desk.online()
        await desk.until(lambda: seen.count("end") >= 2, "two polls")
        other.cancel()
        assert ticks.count(1) >= 15, "others ran within the first poll"
        assert seen[:4] == ["begin", "end"] * 2

    play(scene)


def test_the_first_connection_waits_as_long_as_it_is_told_unless_it_is_hurried():
    async def scene(desk):
        desk.session.first_wait_ms = 300000
        await asyncio.sleep(0.02)
        assert desk.links == []
        desk.session.reconnect()
        await desk.online()

    play(scene)
