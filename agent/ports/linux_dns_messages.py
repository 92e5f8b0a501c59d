"""What a DNS question asks, and which addresses an answer gives to it.

Only what a follower needs: one question of class IN, answers with CNAME, A and AAAA. Every length
comes from outside and is checked; whatever is not as it should be is None, never an exception.
Source: RFC 1035, section 4; RFC 3596.
"""

import ipaddress
import struct

TYPE_A = 1
TYPE_CNAME = 5
TYPE_AAAA = 28
SERVER_FAILURE = 2
REFUSED = 5
MAX_BYTES = 4096
_HEADER_BYTES = 12
_CLASS_IN = 1
_ANSWER = 0x8000
_OPCODE = 0x7800
_KEPT_FLAGS = 0x0110  # recursion desired, checking disabled
_RECURSION_AVAILABLE = 0x0080
_CODE = 0x000F
_MAX_RECORDS = 128
_MAX_HOPS = 16
_MAX_NAME = 255


class Question:
    """`name` in lower case without the last dot; `end` is where the question ends."""

    def __init__(self, number, name, kind, end):
        self.number = number
        self.name = name
        self.kind = kind
        self.end = end


def question_of(message):
    """The question a query asks; None unless it is a plain query with one question."""
    if not _HEADER_BYTES <= len(message) <= MAX_BYTES:
        return None
    flags = struct.unpack_from(">H", message, 2)[0]
    return None if flags & (_ANSWER | _OPCODE) else _question(message)


def error_answer(message, question, code):
    """The answer that says no."""
    flags = struct.unpack_from(">H", message, 2)[0] & _KEPT_FLAGS
    flags |= _ANSWER | _RECURSION_AVAILABLE | code
    header = struct.pack(">HHHHHH", question.number, flags, 1, 0, 0, 0)
    return header + message[_HEADER_BYTES : question.end]


def addresses_in(message, question, number):
    """[(address, seconds it holds)] for the name that was asked, by way of its aliases.

    None unless the message answers this very question under this number: it is then forged, late
    or broken, and must not reach anyone. A failure or another type has no addresses.
    """
    if len(message) < _HEADER_BYTES:
        return None
    flags, _, answers = struct.unpack_from(">HHH", message, 2)
    asked = _question(message)
    if not flags & _ANSWER or flags & _OPCODE or not asked or asked.number != number:
        return None
    if asked.name != question.name or asked.kind != question.kind or answers > _MAX_RECORDS:
        return None
    if flags & _CODE or question.kind not in (TYPE_A, TYPE_AAAA):
        return []
    return _followed(message, asked, answers)


def _question(message):
    number, _, questions = struct.unpack_from(">HHH", message)
    found = _name(message, _HEADER_BYTES) if questions == 1 else None
    if not found or found[1] + 4 > len(message):
        return None
    kind, net = struct.unpack_from(">HH", message, found[1])
    return Question(number, found[0], kind, found[1] + 4) if net == _CLASS_IN else None


def _followed(message, asked, answers):
    aliases, addresses = {}, {}
    at = asked.end
    for _ in range(answers):
        found = _name(message, at)
        if not found or found[1] + 10 > len(message):
            return None
        owner, at = found
        kind, net, ttl_s, size = struct.unpack_from(">HHIH", message, at)
        at += 10
        if at + size > len(message):
            return None
        if net == _CLASS_IN and kind == TYPE_CNAME:
            target = _name(message, at)
            if not target:
                return None
            aliases[owner] = target[0], ttl_s
        elif net == _CLASS_IN and kind == asked.kind and size == (4 if kind == TYPE_A else 16):
            address = ipaddress.ip_address(bytes(message[at : at + size]))
            addresses.setdefault(owner, []).append((address, ttl_s))
        at += size
    return _at_the_end(asked.name, aliases, addresses)


def _at_the_end(name, aliases, addresses):
    least_s = 0xFFFFFFFF
    for _ in range(_MAX_HOPS):
        if name not in aliases:
            break
        name, ttl_s = aliases[name]
        least_s = min(least_s, ttl_s)
    return [
        (str(address), min(ttl_s, least_s))
        for address, ttl_s in addresses.get(name, [])
        if _may_be_opened(address)
    ]


def _may_be_opened(address):
    """No list opens the customer's own machine, its link, or a group."""
    if address.version == 6 and address.ipv4_mapped:
        return False
    return not (
        address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
    )


def _name(message, at):
    """(name in lower case, where it ends), None where there is none. A pointer may only lead back,
    so that none leads round."""
    labels = []
    length = 0
    end = None
    limit = at
    while True:
        if at >= len(message):
            return None
        size = message[at]
        if size >= 0xC0:
            if at + 2 > len(message):
                return None
            end = end or at + 2
            at = (size & 0x3F) << 8 | message[at + 1]
            if at >= limit or at < _HEADER_BYTES:
                return None
            limit = at
        elif size >= 0x40 or at + 1 + size > len(message):
            return None
        elif size == 0:
            return ".".join(labels), end or at + 1
        else:
            length += size + 1
            if length > _MAX_NAME:
                return None
            label = bytes(message[at + 1 : at + 1 + size])
            if b"." in label or not label.isascii():
                return None
            labels.append(label.decode().lower())
            at += 1 + size
