"""What is read of the messages of DNS: everything may come from outside."""

import random
import struct

from agent.ports.linux_dns_messages import (
    REFUSED,
    TYPE_A,
    TYPE_AAAA,
    addresses_in,
    error_answer,
    question_of,
)


def encoded(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def query(name="Video.School.example", kind=TYPE_A, number=7, flags=0x0100, net=1, questions=1):
    header = struct.pack(">HHHHHH", number, flags, questions, 0, 0, 0)
    return header + encoded(name) + struct.pack(">HH", kind, net)


def record(owner, kind, data, ttl_s=60, net=1):
    return owner + struct.pack(">HHIH", kind, net, ttl_s, len(data)) + data


HERE = b"\xc0\x0c"  # a pointer to the name that was asked


def answer(*records, flags=0x8180, **more):
    asked = query(flags=flags, **more)
    return asked[:6] + struct.pack(">H", len(records)) + asked[8:] + b"".join(records)


def found(message, kind=TYPE_A, number=7):
    return addresses_in(message, question_of(query(kind=kind)), number)


def test_a_question_is_read_in_lower_case():
    question = question_of(query())
    assert (question.number, question.name, question.kind) == (7, "video.school.example", TYPE_A)
    assert question.end == len(query())


def test_what_is_no_plain_question_is_none():
    for message in (
        b"",
        query()[:11],
        query(flags=0x8100),
        query(flags=0x2900),
        query(questions=0),
        query(questions=2),
        query(net=3),
        query() + b"x" * 5000,
        query("a" * 64 + ".example"),
        query(".".join(["a" * 60] * 5)),
    ):
        assert question_of(message) is None, message


def test_addresses_are_those_the_aliases_lead_to():
    edge = encoded("edge.cdn.example")
    message = answer(
        record(HERE, 5, edge, ttl_s=20),
        record(edge, TYPE_A, b"\xcb\x00\x71\x0a", ttl_s=300),
        record(edge, TYPE_A, b"\xcb\x00\x71\x14", ttl_s=10),
        record(encoded("stranger.example"), TYPE_A, b"\xcb\x00\x71\x1e"),
    )
    assert found(message) == [("203.0.113.10", 20), ("203.0.113.20", 10)]


def test_addresses_of_the_other_family_are_read_too():
    data = bytes.fromhex("20010db8000f00000000000000000010")
    message = answer(record(HERE, TYPE_AAAA, data), kind=TYPE_AAAA)
    assert found(message, TYPE_AAAA) == [("2001:db8:f::10", 60)]
    mapped = bytes(10) + b"\xff\xff\x7f\x00\x00\x01"
    assert found(answer(record(HERE, TYPE_AAAA, mapped), kind=TYPE_AAAA), TYPE_AAAA) == []


def test_what_does_not_answer_the_question_is_none():
    good = record(HERE, TYPE_A, b"\xcb\x00\x71\x0a")
    assert found(answer(good)) == [("203.0.113.10", 60)]
    for message in (
        answer(good, number=8),
        answer(good, name="other.example"),
        answer(good, kind=TYPE_AAAA),
        answer(good, flags=0x0100),
        answer(good)[:-1],
        answer(record(b"\xc0\xff", TYPE_A, b"\xcb\x00\x71\x0a")),
        answer(*[good] * 129),
        b"",
    ):
        assert found(message) is None, message


def test_a_failure_and_another_type_have_no_addresses():
    assert found(answer(flags=0x8183)) == []
    text = answer(record(HERE, 16, b"\x01x"), kind=16)
    assert found(text, 16) == []


def test_aliases_that_lead_round_end():
    here, there = encoded("video.school.example"), encoded("edge.example")
    assert found(answer(record(here, 5, there), record(there, 5, here))) == []


def test_pointers_that_lead_round_end():
    for pointer in (b"\xc0\x26", b"\xc0\x27\xc0\x26", b"\xc0\x00"):
        assert found(answer(record(pointer, TYPE_A, b"\xcb\x00\x71\x0a"))) is None


def test_addresses_that_are_nobodys_host_are_left_out():
    for address in (b"\x7f\0\0\1", b"\0\0\0\0", b"\xe0\0\0\1", b"\xa9\xfe\1\1"):
        assert found(answer(record(HERE, TYPE_A, address))) == []


def test_a_refusal_repeats_the_question():
    message = error_answer(query(), question_of(query()), REFUSED)
    assert message[:2] == query()[:2] and message[3] & 15 == REFUSED
    assert message[12:] == query()[12:]


def test_every_truncation_and_flipped_bit_is_survived():
    edge = encoded("edge.cdn.example")
    whole = answer(record(HERE, 5, edge), record(edge, TYPE_A, b"\xcb\x00\x71\x0a"))
    for end in range(len(whole)):
        assert found(whole[:end]) is None
        question_of(whole[:end])
    for bit in range(len(whole) * 8):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        found(bytes(changed))
        question_of(bytes(changed))
    chance = random.Random(5)  # noqa: S311  repeatable, guards nothing
    for _ in range(2000):
        noise = answer() + chance.randbytes(chance.randrange(60))
        found(noise[:6] + b"\0\5" + noise[8:])
