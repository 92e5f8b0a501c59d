"""MQTT 5 packets: written by hand from the standard, not made with the code under test."""

from agent.wire import mqtt

CONNACK = (
    b"\x01\x00\x19\x13\x00\x1e\x21\x00\x0a\x27\x00\x00\x10\x00"
    b"\x26\x00\x01a\x00\x01b\x12\x00\x04auto"
)
PUBLISH = b"\x00\x03a/b\x00\x07\x0c\x08\x00\x05reply\x03\x00\x01xhello"


def raises_protocol_error(function, *args):
    try:
        function(*args)
    except mqtt.ProtocolError as error:
        return error.args[0]
    return None


def test_variable_byte_integers_of_the_standard():
    for value, data in (
        (0, b"\x00"),
        (127, b"\x7f"),
        (128, b"\x80\x01"),
        (16383, b"\xff\x7f"),
        (16384, b"\x80\x80\x01"),
        (268435455, b"\xff\xff\xff\x7f"),
    ):
        assert bytes(mqtt.variable_integer(value)) == data
        assert mqtt.read_variable_integer(data, 0, len(data)) == (value, len(data))
        for cut in range(len(data)):
            assert mqtt.read_variable_integer(data, 0, cut) is None


def test_a_variable_byte_integer_of_five_bytes_is_malformed():
    data = b"\xff\xff\xff\xff\x7f"
    assert raises_protocol_error(mqtt.read_variable_integer, data, 0, 5) == 0x81


def test_connect_with_will_and_properties_byte_for_byte():
    packet = mqtt.connect(
        "id",
        60,
        ((0x11, 3600), (0x21, 4), (0x26, ("usp-endpoint-id", "os::1")), (0x08, None)),
        ("w", ((0x03, "usp.msg"),), b"bye"),
        "user",
        "word",
    )
    body = (
        b"\x00\x04MQTT\x05\xcc\x00\x3c"
        b"\x21\x11\x00\x00\x0e\x10\x21\x00\x04\x26\x00\x0fusp-endpoint-id\x00\x05os::1"
        b"\x00\x02id\x0a\x03\x00\x07usp.msg\x00\x01w\x00\x03bye\x00\x04user\x00\x04word"
    )
    assert packet == b"\x10" + bytes((len(body),)) + body


def test_connect_without_will_asks_for_nothing_more():
    assert mqtt.connect("", 0, ()) == b"\x10\x0d\x00\x04MQTT\x05\x00\x00\x00\x00\x00\x00"


def test_subscribe_names_every_topic_filter_with_its_qos():
    packet = mqtt.subscribe(9, ("a", "b/#"), 1)
    assert packet == b"\x82\x0d\x00\x09\x00\x00\x01a\x01\x00\x03b/#\x01"


def test_publish_up_to_its_payload_counts_the_payload():
    head = mqtt.publish("a/b", 7, ((0x03, "x"),), 300)
    assert head == b"\x32\xb8\x02\x00\x03a/b\x00\x07\x04\x03\x00\x01x"
    assert mqtt.publish("a", 7, (), 0, True) == b"\x3a\x06\x00\x01a\x00\x07\x00"
    assert mqtt.publish("a", 0, (), 0) == b"\x30\x04\x00\x01a\x00"


def test_puback_and_disconnect():
    assert mqtt.puback(0x1234) == b"\x40\x02\x12\x34"
    assert mqtt.disconnect(0x95) == b"\xe0\x01\x95"


def test_connack_gives_session_reason_and_properties():
    assert mqtt.read_connack(CONNACK) == (
        True,
        0,
        {0x13: 30, 0x21: 10, 0x27: 4096, 0x26: [("a", "b")], 0x12: "auto"},
    )


def test_publish_is_taken_apart():
    topic_name, packet_id, values, payload = mqtt.read_publish(2, memoryview(PUBLISH))
    assert (topic_name, packet_id, bytes(payload)) == ("a/b", 7, b"hello")
    assert values == {0x08: "reply", 0x03: "x"}


def test_acknowledgements_in_short_and_long_form():
    assert mqtt.read_puback(b"\x00\x05") == (5, 0)
    assert mqtt.read_puback(b"\x00\x05\x97") == (5, 0x97)
    assert mqtt.read_puback(b"\x00\x05\x97\x04\x1f\x00\x01x") == (5, 0x97)
    assert mqtt.read_suback(b"\x00\x05\x00\x01\x87") == (5, b"\x01\x87")
    assert mqtt.read_disconnect(b"") == 0
    assert mqtt.read_disconnect(b"\x8e") == 0x8E
    assert mqtt.read_disconnect(b"\x9c\x07\x1c\x00\x04host") == 0x9C


def test_every_truncation_is_refused_or_a_shorter_packet_that_means_the_same():
    for cut in range(len(CONNACK)):
        assert raises_protocol_error(mqtt.read_connack, CONNACK[:cut]) == 0x81, cut
    payload_at = len(PUBLISH) - 5
    for cut in range(payload_at):
        assert raises_protocol_error(mqtt.read_publish, 2, memoryview(PUBLISH)[:cut]), cut


def test_no_flipped_bit_does_more_than_a_protocol_error():
    for reader, data in (
        (mqtt.read_connack, CONNACK),
        (lambda view: mqtt.read_publish(2, view), PUBLISH),
        (mqtt.read_suback, b"\x00\x05\x04\x1f\x00\x01x\x01"),
        (mqtt.read_puback, b"\x00\x05\x97\x04\x1f\x00\x01x"),
        (mqtt.read_disconnect, b"\x9c\x07\x1c\x00\x04host"),
    ):
        for index in range(len(data)):
            for bit in range(8):
                flipped = bytearray(data)
                flipped[index] ^= 1 << bit
                raises_protocol_error(reader, memoryview(flipped))


def test_what_may_not_stand_in_a_publish_is_refused():
    for flags, body, reason_code in (
        (6, PUBLISH, 0x81),  # QoS 3
        (4, PUBLISH, 0x82),  # QoS 2, never granted
        (8, PUBLISH, 0x81),  # DUP with QoS 0
        (2, b"\x00\x01a\x00\x00\x00", 0x82),  # packet identifier 0
        (0, b"\x00\x01#\x00", 0x82),  # wildcard in a topic name
        (0, b"\x00\x00\x00", 0x82),  # no topic name
        (0, b"\x00\x01a\x03\x23\x00\x01", 0x94),  # topic alias, none was allowed
        (0, b"\x00\x01a\x04\x01\x00\x01\x00", 0x82),  # property twice
        (0, b"\x00\x01a\x03\x13\x00\x01", 0x82),  # property of another packet
        (0, b"\x00\x02\xff\xfe\x00", 0x81),  # not UTF-8
        (0, b"\x00\x02a\x00\x00", 0x81),  # U+0000
    ):
        assert raises_protocol_error(mqtt.read_publish, flags, body) == reason_code, body


def test_user_properties_beyond_the_limit_are_not_kept():
    many = b"\x26\x00\x01a\x00\x01b" * 40
    body = b"\x00\x00" + bytes(mqtt.variable_integer(len(many))) + many
    assert len(mqtt.read_connack(body)[2][0x26]) == 16
