"""What the controller's link gives out, and when, against a broker played packet by packet."""

from __future__ import annotations

import ssl
from collections import deque
from typing import cast

import mqtt5
import pytest

from fleet_server.adapters.broker_link import BrokerLink
from fleet_server.adapters.mqtt_packets import PacketStream, Unreadable
from fleet_server.errors import LinkError
from fleet_server.services.records import Outgoing

WILL = b"\x0a\x031.3 disconnect: connection lost"
EVENT = b"a record that tells something"
PONG = mqtt5.PingRespPacket().write()


class PlayedSocket:
    """What the broker sends, one piece for each `recv`, and what it was sent."""

    def __init__(self) -> None:
        self.pieces: deque[bytes] = deque()
        self.sent: list[mqtt5.Packet | Unreadable] = []
        self._stream = PacketStream(1 << 20)

    def settimeout(self, seconds: float) -> None:
        """Nothing here waits."""

    def recv(self, size: int) -> bytes:
        if not self.pieces:
            raise TimeoutError
        return self.pieces.popleft()

    def sendall(self, data: bytes) -> None:
        self.sent += self._stream.feed(data)

    def pings(self) -> int:
        return sum(isinstance(packet, mqtt5.PingReqPacket) for packet in self.sent)


class Played:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.socket = PlayedSocket()
        self.link = BrokerLink(cast(ssl.SSLSocket, self.socket), "usp/c/fqdn::x")
        monkeypatch.setattr(BrokerLink, "_more", lambda link: False)
        self._next_id = 0

    def receive(self, *pieces: bytes) -> list[bytes]:
        """The payloads given out once the broker sent this."""
        self.socket.pieces.append(b"".join(pieces))
        return [one.payload for one in self.link.receive(0, 1).publications]

    def publish(self, payload: bytes) -> bytes:
        self._next_id += 1
        topic = "usp/c/fqdn::x/ops::A-MODEM-1"
        return mqtt5.PublishPacket(
            topic, payload, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=self._next_id
        ).write()


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Played:
    return Played(monkeypatch)


def test_what_is_no_will_is_given_out_at_once(broker: Played) -> None:
    assert broker.receive(broker.publish(EVENT)) == [EVENT]
    assert broker.socket.pings() == 0


def test_a_will_counts_once_the_broker_has_lived_on(broker: Played) -> None:
    assert broker.receive(broker.publish(EVENT), broker.publish(WILL)) == [EVENT]
    assert broker.socket.pings() == 1
    assert broker.receive(PONG) == [WILL]
    assert broker.receive(broker.publish(EVENT)) == [EVENT]
    assert broker.socket.pings() == 1


def test_nothing_overtakes_a_will(broker: Played) -> None:
    assert broker.receive(broker.publish(WILL)) == []
    assert broker.receive(broker.publish(EVENT)) == []
    assert broker.receive(PONG) == [WILL, EVENT]


def test_a_will_that_came_after_the_question_is_asked_about_anew(broker: Played) -> None:
    assert broker.receive(broker.publish(WILL)) == []
    assert broker.receive(broker.publish(EVENT), broker.publish(WILL)) == []
    assert broker.receive(PONG) == [WILL, EVENT]
    assert broker.socket.pings() == 2
    assert broker.receive(PONG) == [WILL]


def test_the_wills_of_a_broker_that_ends_are_never_given_out(broker: Played) -> None:
    assert broker.receive(*(broker.publish(WILL) for _ in range(50))) == []
    with pytest.raises(LinkError, match="closed"):
        broker.receive(b"")


def test_answers_to_events_leave_before_requests_that_waited_longer(broker: Played) -> None:
    broker.link.receive_maximum = 0
    requests = [Outgoing(f"usp/a/r{number}", b"") for number in range(3)]
    answers = [Outgoing(f"usp/a/e{number}", b"", answers=True) for number in range(2)]
    broker.link.publish(requests)
    broker.link.publish(answers)
    broker.link.receive_maximum = 10
    broker.link.publish([])
    sent = [one.topic for one in broker.socket.sent if isinstance(one, mqtt5.PublishPacket)]
    assert sent == ["usp/a/e0", "usp/a/e1", "usp/a/r0", "usp/a/r1", "usp/a/r2"]
