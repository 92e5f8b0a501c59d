"""The answer to reset of a smart card: real shapes, every cut, every wrong byte."""

from agent.compat import from_hex
from agent.core.atr import parse
from agent.errors import CardError

# Shapes after the examples of ISO/IEC 7816-3; the bytes are made up.


def with_check(text):
    """The bytes of the hex digits, with TCK behind them."""
    data = from_hex(text)
    total = 0
    for byte in data[1:]:
        total ^= byte
    return data + bytes((total,))


PLAIN = from_hex("3B021450")
WAITING = from_hex("3F82401EAABB")  # T=0 with its waiting integer
TWO_PROTOCOLS = with_check("3BDB960080B1FE451F83" + "0031C064C30801000F9000")


def refused(data):
    """Why an answer is no answer to reset, or what parse() gave."""
    try:
        return parse(data)
    except CardError as error:
        assert error.args[0] == "malformed"
        return error.args[1]


def test_the_shortest_has_t0_and_historical_bytes():
    atr = parse(PLAIN)
    assert atr.protocols == [0] and atr.specific is None
    assert atr.historical == b"\x14\x50"
    assert (atr.clocks, atr.bits, atr.extra_guard, atr.wait) == (372, 1, 0, 10)
    assert atr.text() == "3B021450"


def test_every_group_of_interface_bytes_is_taken_in():
    atr = parse(TWO_PROTOCOLS)
    assert atr.protocols == [0, 1, 15]
    assert (atr.clocks, atr.bits) == (512, 32)
    assert len(atr.historical) == 11
    atr = parse(WAITING)
    assert (atr.protocols, atr.wait, atr.historical) == ([0], 30, b"\xaa\xbb")
    atr = parse(from_hex("3B76940005" + "010203040506"))
    assert (atr.clocks, atr.bits, atr.extra_guard) == (512, 8, 5)


def test_a_reserved_rate_is_known_as_unknown():
    assert parse(from_hex("3B1071")).clocks == 0
    assert parse(from_hex("3B1010")).bits == 0


def test_a_card_that_does_not_negotiate_says_what_it_speaks():
    assert parse(PLAIN).specific is None
    atr = parse(from_hex("3B90111000"))
    assert (atr.specific, atr.clocks, atr.bits) == (0, 372, 1)
    atr = parse(from_hex("3B90181010"))
    assert (atr.specific, atr.clocks) == (0, 0), "the rates are agreed on elsewhere"


def test_global_bytes_are_no_protocol_but_demand_the_check_byte():
    atr = parse(with_check("3B80801F03"))
    assert atr.protocols == [0, 15]


def test_it_is_incomplete_until_its_last_byte():
    for data in (PLAIN, TWO_PROTOCOLS, WAITING):
        for cut in range(len(data)):
            assert parse(data[:cut]) is None
        assert parse(data).data == data


def test_what_the_standard_forbids_is_refused():
    assert refused(b"\x3a\x00") == "TS"
    assert refused(b"\xff") == "TS"
    assert refused(PLAIN + b"\x00") == "more bytes than announced"
    assert refused(TWO_PROTOCOLS[:-1] + b"\x00") == "TCK"
    assert refused(from_hex("3B800F")) == "T=15 first"
    assert refused(from_hex("3B808100")) == "order of protocols"
    assert refused(from_hex("3B824000AABB")) == "WI is 0"
    assert refused(b"\x3b\xff" + b"\xf0" * 31) == "length"


def test_a_flipped_bit_never_passes_the_check_byte():
    for at in range(1, len(TWO_PROTOCOLS)):
        for bit in range(8):
            data = bytearray(TWO_PROTOCOLS)
            data[at] ^= 1 << bit
            atr = refused(bytes(data))
            assert atr is None or isinstance(atr, str), (at, bit)
