from agent.errors import StreamError
from agent.wire.protobuf import WireError, chunks, encode, fields, measure, text


def rejects(data):
    try:
        list(fields(memoryview(data)))
    except WireError:
        return True
    return False


def test_fields_of_every_kind_are_read():
    data = b"\x08\x96\x01" + b"\x12\x03abc" + b"\x1d\x01\x00\x00\x00" + b"\x21" + bytes(8)
    found = [
        (tag, value if tag != 0x12 else bytes(value)) for tag, value in fields(memoryview(data))
    ]
    assert found == [(0x08, 150), (0x12, b"abc"), (0x1D, 1), (0x21, 0)]


def test_groups_reserved_kinds_and_field_zero_are_rejected():
    for first in (0x0B, 0x0C, 0x0E, 0x0F, 0x02, 0x00):
        assert rejects(bytes((first, 1, 65)))


def test_a_length_beyond_the_end_is_rejected():
    assert rejects(b"\x12\x04abc")
    assert rejects(b"\x12\xff\xff\xff\xff\x7f")
    assert rejects(b"\x1d\x00\x00\x00")


def test_a_varint_that_does_not_end_is_rejected():
    assert rejects(b"\x08" + b"\x80" * 3)
    assert rejects(b"\x08" + b"\xff" * 11)


def test_text_must_be_utf_8():
    assert text(memoryview("Prishtinë".encode())) == "Prishtinë"
    try:
        text(memoryview(b"\xff\xfe"))
    except WireError:
        return
    raise AssertionError


def test_defaults_are_left_out_but_empty_submessages_are_not():
    assert encode(0x0A, "", 0x10, 0, 0x18, False, 0x25, 0) == b""
    assert encode(0x0A, b"") == b"\x0a\x00"


def test_numbers_and_texts_are_encoded():
    assert (
        encode(0x0A, "é", 0x10, 300, 0x1D, 7026)
        == b"\x0a\x02\xc3\xa9\x10\xac\x02\x1d\x72\x1b\x00\x00"
    )


def big_message(sink):
    sink.open(0x0A)
    for number in range(200):
        sink.open(0x12)
        sink.put(0x0A, "parameter %d" % number)
        sink.pairs(0x12, 0x08, number)
        sink.close()
        yield
    sink.close()


def test_a_streamed_message_has_the_measured_size_in_chunks_of_at_most_512():
    sink = measure(big_message)
    pieces = [bytes(chunk) for chunk in chunks(big_message, sink.sizes, sink.size)]
    assert max([len(piece) for piece in pieces]) <= 512
    data = b"".join(pieces)
    assert len(data) == sink.size
    outer = list(fields(memoryview(data)))
    assert len(outer) == 1 and outer[0][0] == 0x0A
    assert len(list(fields(outer[0][1]))) == 200


def test_one_value_larger_than_a_chunk_is_cut():
    def produce(sink):
        sink.put(0x0A, "x" * 1500)
        yield

    sink = measure(produce)
    assert [len(chunk) for chunk in chunks(produce, sink.sizes, sink.size)] == [512, 512, 479]


def test_a_message_that_changes_between_the_passes_is_noticed():
    words = ["short"]

    def produce(sink):
        sink.open(0x0A)
        sink.put(0x0A, words[0])
        yield
        sink.close()

    sink = measure(produce)
    words[0] = "longer than before"
    try:
        list(chunks(produce, sink.sizes, sink.size))
    except StreamError:
        return
    raise AssertionError
