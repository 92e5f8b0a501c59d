from agent.tests.usp_bench import Tree, record, request, respond
from agent.wire import usp, usp_decode
from agent.wire.protobuf import WireError, encode

ME = "ops::00256D-VOICEMODEM-00000002"


def dropped(data):
    try:
        usp_decode.decode_record(data)
    except WireError:
        return True
    return False


def message_of(data):
    return usp_decode.decode_message(usp_decode.decode_record(data).payload)


def unreadable(data):
    try:
        usp_decode.decode_message(memoryview(data))
    except WireError:
        return True
    return False


def test_a_record_is_taken_apart():
    found = usp_decode.decode_record(record(b"abc", "fqdn::c", ME))
    assert (found.version, found.to_id, found.from_id) == ("1.3", ME, "fqdn::c")
    assert (found.kind, bytes(found.payload)) == (usp.NO_SESSION_CONTEXT, b"abc")


def test_a_record_with_two_payloads_or_none_is_dropped():  # R-ENC.4
    head = encode(0x0A, "1.3", 0x12, ME, 0x1A, "fqdn::c")
    assert dropped(head)
    assert dropped(head + encode(0x3A, b"", 0x52, b""))


def test_a_record_of_another_major_version_is_dropped():
    assert dropped(encode(0x0A, "2.0", 0x12, ME, 0x1A, "fqdn::c", 0x3A, b""))
    assert not dropped(encode(0x0A, "1.9", 0x12, ME, 0x1A, "fqdn::c", 0x3A, b""))


def test_unknown_fields_are_skipped():
    data = request(usp.GET, encode(0x0A, "Device.", 0x78, 5), target=ME) + b"\xf8\x01\x07"
    assert message_of(data).fault is None


def test_the_body_decides_not_the_header_type():  # R-MSG.10
    message = message_of(request(usp.GET, encode(0x0A, "Device."), msg_type=4))
    assert (message.member, message.fault) == (usp.GET, None)


def test_an_unknown_header_type_is_a_fault_with_the_msg_id_known():  # R-ENC.2
    message = message_of(request(usp.GET, b"", "m7", msg_type=99))
    assert (message.msg_id, message.fault.code) == ("m7", 7004)


def test_a_body_with_two_members_is_a_fault():  # R-ENC.5
    header = encode(0x0A, encode(0x0A, "m8", 0x10, 1))
    two = header + encode(0x12, encode(0x0A, b"\x0a\x00", 0x12, b""))
    assert usp_decode.decode_message(memoryview(two)).fault.code == 7004
    inside = header + encode(0x12, encode(0x0A, b"\x0a\x00\x22\x00"))
    assert usp_decode.decode_message(memoryview(inside)).fault.code == 7004


def test_a_field_of_the_wrong_kind_is_a_fault():
    message = message_of(request(usp.SET, b"\x0a\x01a"))
    assert message.fault.code == 7004


def test_text_that_is_not_utf_8_deep_inside_is_a_fault():
    bad = encode(0x12, encode(0x0A, "Device.X.", 0x12, encode(0x0A, b"\xff")))
    assert message_of(request(usp.SET, bad)).fault.code == 7004


def test_requests_an_agent_does_not_take_are_not_supported():  # R-MSG.1
    for member in (usp.NOTIFY, 10, 11):
        assert message_of(request(member, b"")).fault.code == 7001


def test_a_message_without_id_or_body_cannot_be_answered():  # R-MTP.5
    body = encode(0x12, encode(0x0A, b"\x0a\x00"))
    assert unreadable(body)
    assert unreadable(encode(0x0A, encode(0x0A, "m")))
    assert unreadable(b"")


def test_a_broken_response_or_error_is_not_answered():
    header = encode(0x0A, encode(0x0A, "m"))
    assert unreadable(header + encode(0x12, encode(0x12, b"\x0a\x05")))


def test_a_response_is_told_from_a_request():
    message = message_of(respond("m9", "s", "fqdn::c", ME))
    assert (message.body, message.member) == (usp.RESPONSE, usp.NOTIFY)


def test_a_map_may_lack_empty_keys_and_values():
    view = memoryview(encode(0x0A, encode(0x0A, "a"), 0x0A, encode(0x12, "b")))
    assert usp.text_map(view, 0x0A) == {"a": "", "": "b"}


def test_the_connect_record_names_mqtt_5_and_our_topic():  # R-MTP.6
    tree = Tree(usp.connect_record(ME, "fqdn::c", "usp/a/x"))
    assert (tree.text(2), tree.text(3)) == ("fqdn::c", ME)
    assert (tree.one(10).number(1), tree.one(10).text(2)) == (1, "usp/a/x")


def test_the_disconnect_record_gives_a_reason():  # R-MTP.9
    tree = Tree(usp.disconnect_record(ME, "fqdn::c", 7106, "no"))
    assert (tree.one(12).number(2), tree.one(12).text(1)) == (7106, "no")
