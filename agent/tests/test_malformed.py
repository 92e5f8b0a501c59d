from agent.compat import MICROPYTHON
from agent.tests import corpus
from agent.tests.usp_bench import CONTROLLER, answer_of, record
from agent.wire import usp, usp_decode
from agent.wire.protobuf import encode

_STEP = 5 if MICROPYTHON else 1  # the machine is slow: there every fifth byte, here each


def test_every_valid_record_of_the_corpus_is_taken():
    bench = corpus.bench()
    silent = ("notify_resp", "connect", "disconnect")
    for name, payload in corpus.records(bench.endpoint_id):
        assert len(corpus.check_answers(bench, payload)) == (name not in silent), name


def test_no_truncation_is_answered_but_by_silence_or_an_error():
    bench = corpus.bench()
    for name, payload in corpus.records(bench.endpoint_id):
        for cut in range(0, len(payload), _STEP):
            out = corpus.check_answers(bench, payload[:cut])
            assert out == [], (name, cut)


def test_every_truncated_message_in_a_whole_record_gets_an_error_or_silence():
    bench = corpus.bench()
    for name, payload in corpus.records(bench.endpoint_id):
        found = usp_decode.decode_record(payload)
        if found.kind != usp.NO_SESSION_CONTEXT or name == "notify_resp":
            continue
        message = bytes(found.payload)
        for cut in range(0, len(message), _STEP):
            broken = record(message[:cut], CONTROLLER, bench.endpoint_id)
            assert corpus.check_answers(bench, broken) == [], (name, cut)


def test_every_request_whose_content_breaks_off_gets_7004():
    bench = corpus.bench()
    header = encode(0x0A, encode(0x0A, "cut", 0x10, 1))
    contents = (
        (usp.SET, encode(0x12, encode(0x0A, "Device.X.", 0x12, encode(0x0A, "a", 0x12, "b")))),
        (usp.OPERATE, encode(0x0A, "Device.Reboot()", 0x22, encode(0x0A, "a"))),
    )
    for member, content in contents:
        for cut in range(1, len(content)):
            claimed = encode(member << 3 | 2, content)
            body = claimed[: len(claimed) - cut]
            message = header + encode(0x12, encode(0x0A, body))
            out = bench.exchange(record(message, CONTROLLER, bench.endpoint_id))
            assert answer_of(out[0].payload(), "cut").code == 7004


def test_every_flipped_byte_is_survived():
    bench = corpus.bench()
    for _, payload in corpus.records(bench.endpoint_id):
        for at in range(0, len(payload), _STEP):
            broken = bytearray(payload)
            for change in (0xFF, 0x01, 0x80):
                broken[at] = payload[at] ^ change
                corpus.check_answers(bench, bytes(broken))
    assert bench.value("Device.LocalAgent.EndpointID") == bench.endpoint_id


def test_deep_nesting_and_long_claims_cost_nothing():
    bench = corpus.bench()
    nested = b""
    for _ in range(200):
        nested = encode(0x0A, nested)
    corpus.check_answers(bench, record(nested, CONTROLLER, bench.endpoint_id))
    claim = b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"
    corpus.check_answers(bench, claim)
    corpus.check_answers(bench, record(claim, CONTROLLER, bench.endpoint_id))
