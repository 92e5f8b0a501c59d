"""MQTT 5 control packets: functions from values to bytes and from bytes to values.

A packet is a first byte (type and flags), a remaining length and a body. Decoders get the body
alone. Every length from outside is checked against the body; whatever cannot be is a
ProtocolError that carries the reason code for our DISCONNECT.

Source: OASIS MQTT Version 5.0; clauses as noted.
"""

import struct

from agent.compat import const
from agent.errors import PeerError

# First bytes: type in the high half, flags fixed by 2.1.3 in the low half.
CONNECT = 0x10
CONNACK = 0x20
PUBLISH = 0x30
PUBACK = 0x40
SUBSCRIBE = 0x82
SUBACK = 0x90
PINGRESP = 0xD0
DISCONNECT = 0xE0
PINGREQ_PACKET = b"\xc0\x00"

# Properties, 2.2.2.2.
CONTENT_TYPE = 0x03
RESPONSE_TOPIC = 0x08
SESSION_EXPIRY_INTERVAL = 0x11
ASSIGNED_CLIENT_IDENTIFIER = 0x12
SERVER_KEEP_ALIVE = 0x13
REQUEST_RESPONSE_INFORMATION = 0x19
RESPONSE_INFORMATION = 0x1A
RECEIVE_MAXIMUM = 0x21
MAXIMUM_QOS = 0x24
USER_PROPERTY = 0x26
MAXIMUM_PACKET_SIZE = 0x27

NEVER_EXPIRES = 0xFFFFFFFF  # a session expiry interval, 3.1.2.11.2

# Reason codes, 2.4.
WITH_WILL_MESSAGE = 0x04
MALFORMED_PACKET = 0x81
PROTOCOL_ERROR = 0x82
RECEIVE_MAXIMUM_EXCEEDED = 0x93
TOPIC_ALIAS_INVALID = 0x94
PACKET_TOO_LARGE = 0x95
QUOTA_EXCEEDED = 0x97

# Kind of each property by its identifier: 1, 2, 4 byte integer, v variable byte integer,
# s UTF-8 string, b binary data, p pair of strings, a dot where there is none.
_KINDS = ".14s....sb.v.....4s2.sb141s.s..s.22211p4111"
# Properties that may stand in each packet a server sends, by identifier.
_IN_CONNACK = b"\x11\x12\x13\x15\x16\x1a\x1c\x1f\x21\x22\x24\x25\x26\x27\x28\x29\x2a"
_IN_PUBLISH = b"\x01\x02\x03\x08\x09\x0b\x23\x26"
_IN_ACK = b"\x1f\x26"
_IN_DISCONNECT = b"\x11\x1c\x1f\x26"
_MAX_USER_PROPERTIES = const(16)


class ProtocolError(PeerError):
    """The peer sent what MQTT 5 does not allow; args are (reason code, what)."""


def variable_integer(value):
    """Encode 0 to 268,435,455. Source: 1.5.5."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return out


def read_variable_integer(view, at, end):
    """Return (value, next position), or None while bytes are missing before `end`."""
    value = shift = 0
    while at < end:
        byte = view[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 21:
            raise ProtocolError(MALFORMED_PACKET, "variable byte integer")
    return None


def _text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">H", len(data)) + data


def properties(pairs):
    """Encode (identifier, value) pairs with the length before them; a None value is left out."""
    out = b""
    for identifier, value in pairs:
        if value is None:
            continue
        kind = _KINDS[identifier]
        out += bytes((identifier,))
        if kind in "124":
            out += struct.pack(">" + "BHI"[int(kind) >> 1], value)
        elif kind == "p":
            out += _text(value[0]) + _text(value[1])
        else:
            out += _text(value)
    return variable_integer(len(out)) + out


def _packet(first, *parts):
    body = b"".join(parts)
    return bytes((first,)) + variable_integer(len(body)) + body


def connect(client_id, keep_alive_s, pairs, will=None, username=None, password=None):
    """Encode CONNECT with Clean Start 0. `will` is (topic name, pairs, payload), QoS 1."""
    flags = 0
    parts = [b"", properties(pairs), _text(client_id)]
    if will:
        flags |= 0x0C
        parts += [properties(will[1]), _text(will[0]), _text(will[2])]
    if username:
        flags |= 0x80
        parts.append(_text(username))
    if password:
        flags |= 0x40
        parts.append(_text(password))
    parts[0] = b"\x00\x04MQTT\x05" + struct.pack(">BH", flags, keep_alive_s)
    return _packet(CONNECT, *parts)


def subscribe(packet_id, topic_filters, qos):
    """Encode SUBSCRIBE with one QoS for all topic filters."""
    parts = [struct.pack(">HB", packet_id, 0)]
    for topic_filter in topic_filters:
        parts.append(_text(topic_filter) + bytes((qos,)))
    return _packet(SUBSCRIBE, *parts)


def publish(topic_name, packet_id, pairs, payload_size, duplicate=False):
    """Encode a PUBLISH up to its payload; QoS 0 when packet_id is 0, else QoS 1."""
    head = _text(topic_name)
    if packet_id:
        head += struct.pack(">H", packet_id)
    head += properties(pairs)
    first = PUBLISH | (2 if packet_id else 0) | (8 if duplicate else 0)
    return bytes((first,)) + variable_integer(len(head) + payload_size) + head


def puback(packet_id, reason_code=0):
    """Encode PUBACK; reason code Success is left out, as MQTT 5 allows."""
    packet = struct.pack(">BBHB", PUBACK, 3 if reason_code else 2, packet_id, reason_code)
    return packet if reason_code else packet[:4]


def disconnect(reason_code=0):
    """Encode DISCONNECT."""
    return bytes((DISCONNECT, 1, reason_code))


def _take(view, at, end, size):
    if at + size > end:
        raise ProtocolError(MALFORMED_PACKET, "truncated")
    return at + size


def _read_binary(view, at, end):
    start = _take(view, at, end, 2)
    stop = _take(view, start, end, view[at] << 8 | view[at + 1])
    return view[start:stop], stop


def _read_text(view, at, end):
    data, at = _read_binary(view, at, end)
    try:
        text = str(bytes(data), "utf-8")
    except ValueError:
        text = "\0"
    if "\0" in text:
        raise ProtocolError(MALFORMED_PACKET, "string")
    return text, at


def _read_value(kind, view, at, end):
    if kind == "s":
        return _read_text(view, at, end)
    if kind == "b":
        return _read_binary(view, at, end)
    if kind == "p":
        name, at = _read_text(view, at, end)
        value, at = _read_text(view, at, end)
        return (name, value), at
    if kind == "v":
        found = read_variable_integer(view, at, end)
        if found is None:
            raise ProtocolError(MALFORMED_PACKET, "truncated")
        return found
    size = int(kind)
    stop = _take(view, at, end, size)
    return int.from_bytes(bytes(view[at:stop]), "big"), stop


def read_properties(view, at, allowed):
    """Return (values by identifier, next position); user properties come as a list of pairs.

    Raises ProtocolError on one that is unknown, not `allowed` here, or there twice.
    """
    found = read_variable_integer(view, at, len(view))
    if found is None:
        raise ProtocolError(MALFORMED_PACKET, "truncated")
    size, at = found
    end = _take(view, at, len(view), size)
    values = {}
    while at < end:
        identifier = view[at]
        if identifier not in allowed or (identifier != USER_PROPERTY and identifier in values):
            raise ProtocolError(PROTOCOL_ERROR, "property", identifier)
        value, at = _read_value(_KINDS[identifier], view, at + 1, end)
        if identifier == USER_PROPERTY:
            pairs = values.setdefault(identifier, [])
            if len(pairs) < _MAX_USER_PROPERTIES:
                pairs.append(value)
        else:
            values[identifier] = value
    return values, end


def read_connack(view):
    """Return (session present, reason code, properties)."""
    if len(view) < 3 or view[0] > 1:
        raise ProtocolError(MALFORMED_PACKET, "CONNACK")
    values, end = read_properties(view, 2, _IN_CONNACK)
    _whole(view, end)
    return view[0] == 1, view[1], values


def read_publish(flags, view):
    """Return (topic name, packet id or 0, properties, payload). Only QoS 0 and 1 exist here."""
    qos = flags >> 1 & 3
    if qos > 1 or (flags & 8 and not qos):
        raise ProtocolError(MALFORMED_PACKET if qos == 3 or not qos else PROTOCOL_ERROR, "QoS", qos)
    topic_name, at = _read_text(view, 0, len(view))
    packet_id = 0
    if qos:
        start, at = at, _take(view, at, len(view), 2)
        packet_id = view[start] << 8 | view[start + 1]
        if not packet_id:
            raise ProtocolError(PROTOCOL_ERROR, "packet id")
    values, at = read_properties(view, at, _IN_PUBLISH)
    if 0x23 in values:
        raise ProtocolError(TOPIC_ALIAS_INVALID, "topic alias")
    if not topic_name or "#" in topic_name or "+" in topic_name:
        raise ProtocolError(PROTOCOL_ERROR, "topic name")
    return topic_name, packet_id, values, view[at:]


def read_puback(view):
    """Return (packet id, reason code)."""
    _take(view, 0, len(view), 2)
    if len(view) > 3:
        _whole(view, read_properties(view, 3, _IN_ACK)[1])
    return view[0] << 8 | view[1], view[2] if len(view) > 2 else 0


def read_suback(view):
    """Return (packet id, reason codes as bytes)."""
    _take(view, 0, len(view), 4)
    return view[0] << 8 | view[1], bytes(view[read_properties(view, 2, _IN_ACK)[1] :])


def read_disconnect(view):
    """Return the reason code; where a Server Reference or Reason String points is not followed."""
    if len(view) > 1:
        _whole(view, read_properties(view, 1, _IN_DISCONNECT)[1])
    return view[0] if len(view) else 0


def _whole(view, end):
    if end != len(view):
        raise ProtocolError(MALFORMED_PACKET, "length")
