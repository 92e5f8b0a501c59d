"""Cutting a stream into packets, whatever comes."""

from __future__ import annotations

import mqtt5
import pytest

from fleet_server.adapters.mqtt_packets import PacketStream, Unreadable
from fleet_server.errors import LinkError

LONGEST = 10_000


def publish(packet_id: int, payload: bytes = b"x") -> bytes:
    return mqtt5.PublishPacket(
        "usp/c/x/y", payload, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=packet_id
    ).write()


def unreadable(packet_id: int) -> bytes:
    """A PUBLISH with a property that does not exist."""
    body = b"\x00\x01t" + packet_id.to_bytes(2, "big") + b"\x01\x7f"
    return bytes((0x32, len(body))) + body


def test_packets_come_out_however_the_bytes_are_cut() -> None:
    data = publish(1) + publish(2, b"y" * 500) + mqtt5.PingRespPacket().write()
    for size in (1, 2, 3, 7, len(data)):
        stream = PacketStream(LONGEST)
        found = []
        for start in range(0, len(data), size):
            found += stream.feed(data[start : start + size])
        assert [type(packet).__name__ for packet in found] == [
            "PublishPacket",
            "PublishPacket",
            "PingRespPacket",
        ]


def test_an_unreadable_publish_gives_its_packet_id_and_stops_nothing() -> None:
    found = PacketStream(LONGEST).feed(publish(1) + unreadable(77) + publish(3))
    assert found[1] == Unreadable(77)
    assert [type(packet).__name__ for packet in found] == [
        "PublishPacket",
        "Unreadable",
        "PublishPacket",
    ]


def test_other_nonsense_ends_the_connection() -> None:
    with pytest.raises(LinkError):
        PacketStream(LONGEST).feed(b"\x20\x03\x00\xf0\x00")
    with pytest.raises(LinkError):
        PacketStream(LONGEST).feed(b"\x30\xff\xff\xff\xff\x01")
    with pytest.raises(LinkError):
        PacketStream(LONGEST).feed(b"\x30\xff\xff\x7f")
