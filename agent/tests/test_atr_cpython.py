"""The answer to reset under Hypothesis: whatever comes is an answer, unfinished, or refused."""

from hypothesis import given
from hypothesis import strategies as st

from agent.core.atr import MAX_BYTES, parse
from agent.errors import CardError

BYTES = st.integers(0, 255)


def _allowed(chain, which):
    """The values of TA, TB or TC (0 to 2) in the group that follows these protocols."""
    if chain == [0] and which == 2:
        return st.integers(1, 255)  # WI
    if len(chain) > 1 and chain[-1] == 1:
        return (st.integers(1, 254), st.integers(0, 0x9F), BYTES)[which]  # IFSC, BWI and CWI, CRC
    return BYTES


@st.composite
def answers(draw):
    """A well-formed answer to reset, with what was put into it."""
    chain = draw(st.lists(st.integers(0, 14), max_size=3).map(sorted))
    historical = draw(st.binary(max_size=15))
    body = bytearray()
    flags = draw(st.integers(0, 7))
    first = flags << 4 | (0x80 if chain else 0) | len(historical)
    for index in range(len(chain) + 1):
        announced = chain[index] if index < len(chain) else None
        for which in range(3):
            if flags >> which & 1:
                body.append(draw(_allowed(chain[:index], which)))
        if announced is not None:
            flags = draw(st.integers(0, 7))
            more = 0x80 if index + 1 < len(chain) else 0
            body.append(flags << 4 | more | announced)
    data = bytes((draw(st.sampled_from((0x3B, 0x3F))), first)) + bytes(body) + historical
    if any(chain):
        total = 0
        for byte in data[1:]:
            total ^= byte
        data += bytes((total,))
    return data, chain or [0], historical


@given(answers())
def test_a_well_formed_answer_is_taken_apart_and_every_cut_of_it_is_unfinished(answer):
    data, protocols, historical = answer
    if len(data) > MAX_BYTES:
        try:
            assert parse(data) is None
        except CardError as error:
            assert error.args == ("malformed", "length")
        return
    atr = parse(data)
    assert atr.data == data
    assert atr.historical == historical
    assert atr.protocols == sorted(set(protocols))
    for cut in range(len(data)):
        assert parse(data[:cut]) is None


@given(st.binary(max_size=64) | st.binary(max_size=64).map(lambda tail: b"\x3b" + tail))
def test_whatever_comes_never_breaks_the_reader(data):
    try:
        atr = parse(data)
    except CardError as error:
        assert error.args[0] == "malformed"
        return
    assert atr is None or (atr.data == data and len(data) <= MAX_BYTES)
