"""Records that nobody thought of: Hypothesis makes them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.expressions import conditions
from agent.core.values import check
from agent.tests import corpus
from agent.tests.usp_bench import CONTROLLER, record, request, settings_of
from agent.wire import usp
from agent.wire.paths import list_items, split
from agent.wire.protobuf import Sink, WireError, encode, fields
from agent.wire.usp import USPError

_BENCH = corpus.bench()
_RECORDS = [payload for _, payload in corpus.records(_BENCH.endpoint_id)]
_PATH = st.text('Device.LocalAgentSubscription{i}*[]="&<>!~()123', max_size=60).map(
    lambda text: "Device." + text
)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_survived_as_record_message_and_request(data):
    me = _BENCH.endpoint_id
    corpus.check_answers(_BENCH, data)
    corpus.check_answers(_BENCH, record(data, CONTROLLER, me))
    for member in range(1, 12):
        corpus.check_answers(_BENCH, request(member, data, "m", CONTROLLER, me))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(_RECORDS), st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=4))))
def test_records_with_pieces_replaced_are_survived(payload, pieces):
    broken = bytearray(payload)
    for at, piece in pieces:
        broken[at : at + len(piece)] = piece
    corpus.check_answers(_BENCH, bytes(broken))


@settings(max_examples=300, deadline=None)
@given(_PATH, st.text(max_size=20), st.text(max_size=20))
def test_any_path_name_and_value_is_answered(path, name, value):
    me = _BENCH.endpoint_id
    row = encode(0x12, settings_of(path, {name: value}, True))
    for member, content in (
        (usp.GET, encode(0x0A, path)),
        (usp.GET_INSTANCES, encode(0x0A, path)),
        (usp.GET_SUPPORTED_DM, encode(0x0A, path)),
        (usp.SET, row),
        (usp.ADD, row),
        (usp.DELETE, encode(0x12, path)),
        (usp.OPERATE, encode(0x0A, path, 0x18, 1)),
    ):
        assert len(corpus.check_answers(_BENCH, request(member, content, "m", CONTROLLER, me))) == 1


@given(st.text(max_size=80))
def test_paths_lists_and_expressions_fail_only_by_code(text):
    for function in (split, lambda t: list(list_items(t)), lambda t: conditions("[" + t + "]")):
        try:
            function(text)
        except USPError as error:
            assert error.code in (7008, 7026)


@given(
    st.sampled_from(("wb", "wu", "wi:-1-16", "wd", "ws:8", "ws:A|B", "ka:8", "wl:64")), st.text()
)
def test_values_fail_only_by_code_and_what_passes_passes_again(spec, value):
    try:
        kept = check(spec, None, 1, value)
    except USPError as error:
        assert error.code in (7011, 7012)
    else:
        assert check(spec, None, 1, kept) == kept


@given(st.binary(max_size=200))
def test_fields_end_or_fail(data):
    try:
        for _, value in fields(memoryview(data)):
            assert isinstance(value, int) or len(value) <= len(data)
    except WireError:
        pass


@given(st.lists(st.tuples(st.integers(1, 1000), st.integers(0, 2**64 - 1), st.text())))
def test_what_a_sink_writes_is_read_back(values):
    sink = Sink(sizes=[])
    expected = []
    for number, integer, text in values:
        sink.put(number << 3, integer)
        sink.put(number << 3 | 2, text)
        expected.extend([(number << 3, integer)] if integer else [])
        expected.extend([(number << 3 | 2, text.encode())] if text else [])
    found = [(t, bytes(v) if t & 7 == 2 else v) for t, v in fields(memoryview(sink.buffer))]
    assert found == expected
