from agent.compat import crc32
from agent.errors import FrameError
from agent.wire.frame import MAX_LINE_BYTES, LineSplitter, decode_frame, encode_frame


def refusal(line):
    """The word of the FrameError, None when the line was taken."""
    try:
        decode_frame(line)
    except FrameError as error:
        return error.args[0]
    return None


def test_a_frame_comes_back_as_it_was():
    for value in ({}, {"a": 1, "text": "two words * ~ and \u00eb"}, {"list": [1, None, True]}):
        line = encode_frame("7", "install", value)
        assert line[-1:] == b"\n"
        assert decode_frame(line) == ("7", "install", value)
        assert decode_frame(line.rstrip() + b"\r") == ("7", "install", value)


def test_the_bytes_are_those_of_the_format_page():
    assert encode_frame("1", "hello", {}) == b"~1 hello {}*a64982fb\n"


def test_a_verb_alone_has_no_arguments():
    assert decode_frame(b"~1 hello*64e62535") == ("1", "hello", {})


def test_every_truncation_is_refused():
    line = encode_frame("12", "status", {"a": "b"}).rstrip()
    for cut in range(len(line)):
        assert refusal(line[:cut]) in ("crc", "format")


def test_every_flipped_bit_is_refused():
    line = encode_frame("12", "status", {"a": "b"}).rstrip()
    for bit in range(len(line) * 8):
        bad = bytearray(line)
        bad[bit // 8] ^= 1 << bit % 8
        assert refusal(bytes(bad)) in ("crc", "format"), bad


def test_what_has_a_crc_but_no_sense_is_refused():
    from agent.compat import crc32

    for body in (
        b"",
        b"1",
        b" ",
        b"1  {}",
        b" hello {}",
        b"1 hello {",
        b"1 hello []",
        b"1 hello 5",
        b"1 hello \xff",
        b"12345678901234567 hello {}",
    ):
        assert refusal(b"~%s*%08x" % (body, crc32(body))) == "format", body


def test_a_line_longer_than_the_limit_is_neither_made_nor_taken():
    fitting = encode_frame("1", "x", {"v": "y" * (MAX_LINE_BYTES - 24)})
    assert len(fitting) == MAX_LINE_BYTES
    assert refusal(fitting) is None
    try:
        encode_frame("1", "x", {"v": "y" * (MAX_LINE_BYTES - 23)})
    except FrameError as error:
        assert error.args[0] == "too long"
    else:
        raise AssertionError("FrameError was expected")
    assert refusal(b"~" + b"x" * MAX_LINE_BYTES) == "too long"


def test_the_splitter_gives_whole_lines_whatever_the_pieces():
    stream = b"one\r\ntwo\n\n\rthree\nrest"
    for size in range(1, len(stream) + 1):
        splitter = LineSplitter()
        lines = []
        for start in range(0, len(stream), size):
            lines += splitter.feed(stream[start : start + size])
        assert lines == [b"one", b"two", b"three"]


def test_the_splitter_throws_away_too_long_a_line_and_recovers():
    splitter = LineSplitter()
    for _ in range(100):
        assert splitter.feed(b"x" * 999) == []
        assert len(splitter._line) < MAX_LINE_BYTES
    assert splitter.feed(b"\nnext\n") == [None, b"next"]
    assert splitter.feed(b"z" * (MAX_LINE_BYTES - 1) + b"\n") == [b"z" * (MAX_LINE_BYTES - 1)]


def test_json_that_is_nested_too_deep_is_no_frame():
    for inside in (b"[" * 1900, b'{"a":' * 380):
        body = b"1 open " + inside
        try:
            answer = refusal(b"~%s*%08x" % (body, crc32(body)))
        except MemoryError:
            continue  # on a small heap: the console says so
        assert answer == "format"
