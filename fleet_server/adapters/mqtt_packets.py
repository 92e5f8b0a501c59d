"""Cuts a byte stream into MQTT 5 packets; one packet that cannot be read does not stop the stream.

A broker passes on what a device put into a PUBLISH. Where our codec refuses such a packet it is
skipped and, for QoS 1, its packet id is given so that it can be acknowledged: otherwise the broker
would deliver it again for ever. Source: MQTT 5.0, 2.1 and 3.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import mqtt5

from fleet_server.errors import LinkError

_PUBLISH = 3
_LONGEST_LENGTH_BYTES = 4


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A PUBLISH the codec refuses; `packet_id` is None for QoS 0."""

    packet_id: int | None


class PacketStream:
    """Bytes in, packets out. `longest` bounds what is kept of an incomplete packet, in bytes."""

    def __init__(self, longest: int) -> None:
        self._buffer = bytearray()
        self._longest = longest

    def feed(self, data: bytes) -> list[mqtt5.Packet | Unreadable]:
        """The packets that `data` completes.

        Raises LinkError when the stream makes no sense any more.
        """
        self._buffer += data
        packets = []
        with memoryview(self._buffer) as view:
            used = 0
            for packet, size in self._packets(view):
                packets.append(packet)
                used += size
        del self._buffer[:used]
        return packets

    def _packets(self, view: memoryview) -> Iterator[tuple[mqtt5.Packet | Unreadable, int]]:
        offset = 0
        while (size := self._size(view[offset:])) is not None:
            packet = view[offset : offset + size]
            try:
                yield mqtt5.read(packet)[0], size
            except (ValueError, IndexError) as error:
                yield _unreadable(packet, error), size
            offset += size

    def _size(self, view: memoryview) -> int | None:
        """Bytes of the packet at the start of `view`, None while it is incomplete."""
        length = shift = 0
        for index, byte in enumerate(view[1 : 1 + _LONGEST_LENGTH_BYTES]):
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                size = 2 + index + length
                if size > self._longest:
                    raise LinkError(f"The broker sent a packet of {size} bytes.")
                return size if size <= len(view) else None
        if len(view) > _LONGEST_LENGTH_BYTES:
            raise LinkError("The broker sent a packet without a length.")
        return None


def _unreadable(packet: memoryview, error: Exception) -> Unreadable:
    if packet[0] >> 4 != _PUBLISH:
        raise LinkError(f"The broker sent a packet that cannot be read: {error}") from error
    if not packet[0] >> 1 & 3:
        return Unreadable(None)
    start = 1
    while packet[start] & 0x80:
        start += 1
    start += 1
    topic_bytes = int.from_bytes(packet[start : start + 2], "big")
    at = start + 2 + topic_bytes
    packet_id = int.from_bytes(packet[at : at + 2], "big")
    if not packet_id:
        raise LinkError("The broker sent a PUBLISH without a packet id.") from error
    return Unreadable(packet_id)
