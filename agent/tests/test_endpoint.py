from agent.tests.usp_bench import CONTROLLER, REPLY_TOPIC, Bench, Tree, answer_of, record, request
from agent.wire import usp
from agent.wire.protobuf import encode

GET = encode(0x0A, "Device.DeviceInfo.SerialNumber")


def test_the_first_record_of_a_connection_names_our_topic():  # R-MTP.6, TP-469 11.17
    bench = Bench(connect=False)
    outgoing = bench.endpoint.connected(500)
    tree = Tree(outgoing.payload())
    assert outgoing.topic == "usp/c/" + CONTROLLER + "/" + bench.endpoint_id
    assert (tree.text(2), tree.text(3)) == (CONTROLLER, bench.endpoint_id)
    assert tree.one(10).text(2) == "usp/a/" + bench.endpoint_id


def test_the_will_is_a_disconnect_record():
    tree = Tree(Bench().endpoint.will())
    assert tree.text(2) == CONTROLLER and tree.one(12).text(1) == "connection lost"


def test_a_request_is_answered_on_its_response_topic_with_its_id():  # R-MQTT.26, R-MSG.9
    bench = Bench()
    out = bench.exchange(request(usp.GET, GET, "id-7", target=bench.endpoint_id))
    assert [(one.topic, one.response_topic) for one in out] == [
        (REPLY_TOPIC, "usp/a/" + bench.endpoint_id)
    ]
    assert answer_of(out[0].payload(), "id-7").one(1).text(1) == "Device.DeviceInfo.SerialNumber"


def test_without_response_topic_the_controllers_topic_is_used():
    bench = Bench()
    out = bench.exchange(request(usp.GET, GET, target=bench.endpoint_id), None)
    assert out[0].topic == "usp/c/" + CONTROLLER + "/" + bench.endpoint_id


def test_a_record_for_someone_else_is_ignored():  # TP-469 2.2, R-E2E.1
    bench = Bench()
    assert bench.exchange(request(usp.GET, GET, target="ops::00256D-STB-1")) == []
    assert bench.exchange(request(usp.GET, GET)) == []


def test_our_own_id_as_sender_is_ignored():  # TP-469 2.1
    bench = Bench()
    me = bench.endpoint_id
    assert bench.exchange(request(usp.GET, GET, "m", me, me)) == []


def test_an_unknown_or_disabled_controller_is_ignored():
    bench = Bench()
    assert bench.ask(usp.GET, GET, sender="fqdn::stranger") is None
    bench.added("Device.LocalAgent.Controller.", {"EndpointID": "fqdn::two"})
    assert bench.ask(usp.GET, GET, sender="fqdn::two") is None
    bench.set("Device.LocalAgent.Controller.2.", {"Enable": "true"})
    assert bench.ask(usp.GET, GET, sender="fqdn::two") is not None


def test_garbage_is_ignored():  # TP-469 3.1
    bench = Bench()
    for data in (
        b"",
        b"\x00",
        b"hello",
        b"\xff" * 40,
        record(b"\xff\xff", target=bench.endpoint_id),
    ):
        assert bench.exchange(data) == []


def test_a_malformed_request_with_a_readable_id_gets_an_error():  # R-MTP.5
    bench = Bench()
    out = bench.exchange(request(usp.SET, b"\x12\x02\x0a\x09", "bad-1", target=bench.endpoint_id))
    assert answer_of(out[0].payload(), "bad-1").code == 7004


def test_a_session_context_is_answered_by_disconnect_7106():  # R-E2E.6a
    bench = Bench()
    head = encode(0x0A, "1.3", 0x12, bench.endpoint_id, 0x1A, CONTROLLER)
    out = bench.exchange(head + encode(0x42, encode(0x08, 1, 0x10, 1, 0x18, 1)))
    assert Tree(out[0].payload()).one(12).number(2) == 7106


def test_a_secured_payload_is_answered_by_disconnect_7104():
    bench = Bench()
    for security in (1, 9):
        out = bench.exchange(record(b"", target=bench.endpoint_id, security=security))
        assert Tree(out[0].payload()).one(12).number(2) == 7104


def test_connect_and_disconnect_records_of_a_controller_are_silent():
    bench = Bench()
    head = encode(0x0A, "1.3", 0x12, bench.endpoint_id, 0x1A, CONTROLLER)
    for tag in (0x4A, 0x52, 0x5A, 0x62, 0x6A):
        assert bench.exchange(head + encode(tag, b"")) == []


def test_requests_for_controllers_are_not_supported():  # R-MSG.1
    bench = Bench()
    for member in (usp.NOTIFY, 10, 11):
        assert bench.ask(member, b"").code == 7001


def test_responses_and_errors_are_not_answered():
    bench = Bench()
    header = encode(0x0A, encode(0x0A, "x", 0x10, 0))
    for body in (encode(0x1A, encode(0x0D, 7000)), encode(0x12, encode(0x0A, b""))):
        payload = record(header + encode(0x12, body), target=bench.endpoint_id)
        assert bench.exchange(payload) == []


def test_a_repeated_id_is_ignored_until_the_first_is_answered():  # R-MSG.4
    bench = Bench()
    payload = request(usp.GET, GET, "twice", target=bench.endpoint_id)
    first = iter(bench.endpoint.receive(payload, "", REPLY_TOPIC, 1000))
    assert next(first)
    assert bench.exchange(payload) == []
    assert list(first) == []
    assert len(bench.exchange(payload)) == 1


def test_a_large_answer_leaves_in_small_pieces_of_the_promised_size():
    bench = Bench()
    content = encode(0x0A, "Device.", 0x18, 1, 0x20, 1, 0x28, 1, 0x30, 1)
    payload = request(usp.GET_SUPPORTED_DM, content, target=bench.endpoint_id)
    outgoing = bench.exchange(payload)[0]
    for _ in range(2):  # an unacknowledged PUBLISH is sent again
        sizes = [len(chunk) for chunk in outgoing.chunks()]
        assert sum(sizes) == outgoing.size > 4000 and max(sizes) <= 512


def test_values_do_not_change_while_an_answer_leaves():
    bench = Bench()
    bench.now_ms = 9999
    payload = request(usp.GET, encode(0x0A, "Device."), target=bench.endpoint_id)
    outgoing = bench.exchange(payload)[0]
    bench.board.supply = 7
    bench.now_ms = 10001
    assert len(outgoing.payload()) == outgoing.size


def test_what_the_broker_does_not_take_becomes_an_error():
    bench = Bench()
    outgoing = bench.exchange(request(usp.GET, GET, "big", target=bench.endpoint_id))[0]
    instead = bench.endpoint.too_large(outgoing)
    assert instead.topic == REPLY_TOPIC
    assert answer_of(instead.payload(), "big").code == 7005
    assert bench.endpoint.too_large(instead) is None


def test_without_memory_the_request_is_refused():
    bench = Bench()

    def broken(path):
        raise MemoryError

    bench.model.under = broken
    assert bench.ask(usp.GET_INSTANCES, encode(0x0A, "Device.")).code == 7005


def test_a_record_for_which_memory_is_short_is_dropped_and_the_agent_goes_on():
    bench = Bench()

    def short(*args):
        raise MemoryError

    model = bench.endpoint._model
    for holder, name in ((model, "sample"), (bench.endpoint._controllers, "by_endpoint_id")):
        whole = getattr(holder, name)
        setattr(holder, name, short)
        assert bench.ask(usp.GET, GET) is None
        setattr(holder, name, whole)
    assert bench.ask(usp.GET, GET) is not None


def test_an_event_about_power_or_the_emergency_line_is_urgent_until_it_was_told():
    bench = Bench()
    assert not bench.endpoint.is_urgent()
    bench.endpoint.event("Device.X_IPKO-COM_Power.", "Dip!", {}, 900, True)
    assert not bench.endpoint.is_urgent()
    sequence = bench.endpoint.event("Device.X_IPKO-COM_Power.", "PowerRestored!", {}, 950, True)
    bench.endpoint.event("Device.X_IPKO-COM_Power.", "Swell!", {}, 960, True)
    assert bench.endpoint.is_urgent()
    bench.journal.acknowledge(sequence)
    assert not bench.endpoint.is_urgent()
