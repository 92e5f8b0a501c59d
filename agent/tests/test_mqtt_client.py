from agent.core.mqtt_client import MqttClient, PacketTooLarge, ServerRefused
from agent.core.session import Settings
from agent.tests.fakes import FakeOutgoing
from agent.wire import mqtt

EID = "ops::00256D-MODEM-00000001"


def settings():
    made = Settings()
    made.client_id = EID
    made.topics = ("usp/a/" + EID,)
    made.reply_topic = "usp/a/" + EID
    return made


def connected(client=None, flags=0, properties=b""):
    client = client or MqttClient(EID, 4096)
    client.begin(settings(), ("will", b"bye"))
    client.connected(bytes((flags, 0, len(properties))) + properties)
    return client


def error_of(kind, function, *args):
    try:
        function(*args)
    except kind as error:
        return error.args[0]
    return None


def test_connect_says_who_we_are_and_what_we_take():
    packet = MqttClient(EID, 4096).begin(settings(), ("will", b"bye"))
    assert packet[0] == mqtt.CONNECT
    for part in (
        b"usp-endpoint-id\x00\x1a" + EID.encode(),
        b"\x11\xff\xff\xff\xff",  # the session never expires
        b"\x21\x00\x04",  # receive maximum 4
        b"\x27\x00\x00\x10\x00",  # maximum packet size 4096
        b"\x19\x01",  # request response information
        b"\x03\x00\x07usp.msg",  # content type of the Will
        b"\x00\x04will\x00\x03bye",
    ):
        assert part in packet, part


def test_a_refused_connection_carries_its_reason_code():
    client = MqttClient(EID, 4096)
    client.begin(settings(), ("will", b"bye"))
    for reason_code in (0x87, 0x97, 0x9C):
        assert error_of(ServerRefused, client.connected, bytes((0, reason_code, 0))) == reason_code


def test_the_server_may_set_keep_alive_and_client_identifier():
    client = connected(properties=b"\x13\x00\x0a\x12\x00\x04auto")
    assert client.keep_alive_s == 10
    assert client.assigned_client_id == "auto"


def test_topics_named_by_the_server_are_subscribed_too_each_once():
    client = connected(
        properties=b"\x26\x00\x0fsubscribe-topic\x00\x03x/y\x1a\x00\x05reply",
    )
    assert list(client.topics) == ["usp/a/" + EID, "x/y", "reply"]
    assert client.reply_topic == "reply"
    assert client.subscription().count(b"reply") == 1


def test_subscribed_only_when_at_least_one_topic_is_granted():
    client = connected()
    assert error_of(ServerRefused, client.handle, mqtt.SUBACK, b"\xff\xfe\x00\x87") == 0x87
    assert not client.subscribed
    client.handle(mqtt.SUBACK, b"\xff\xfe\x00\x01")
    assert client.subscribed


def test_a_suback_for_something_else_is_a_protocol_error():
    for body in (b"\x00\x01\x00\x01", b"\xff\xfe\x00\x01\x01", b"\xff\xfe\x00"):
        assert error_of(mqtt.ProtocolError, connected().handle, mqtt.SUBACK, body)


def test_publish_carries_content_type_and_response_topic():
    head = connected().publish(FakeOutgoing(b"hello", "usp/c/x"))
    assert b"\x03\x00\x07usp.msg\x08\x00\x20usp/a/" + EID.encode() in head
    assert head[0] == 0x32


def test_no_more_messages_on_the_wire_than_the_server_receives():
    client = connected(properties=b"\x21\x00\x02")
    client.publish(FakeOutgoing(b"1"))
    assert client.has_quota()
    client.publish(FakeOutgoing(b"2"))
    assert not client.has_quota()
    client.handle(mqtt.PUBACK, b"\x00\x01")
    assert client.has_quota()
    assert not client.idle()


def test_a_message_too_large_for_the_server_is_refused_to_the_caller_and_forgotten():
    client = connected(properties=b"\x27\x00\x00\x00\x80")
    assert error_of(PacketTooLarge, client.publish, FakeOutgoing(b"x" * 128)) > 128
    assert client.idle()
    client.publish(FakeOutgoing(b"x" * 8))


def test_what_was_not_acknowledged_is_sent_again_with_dup_in_the_first_order():
    client = connected()
    first, second = FakeOutgoing(b"1"), FakeOutgoing(b"2")
    client.publish(first)
    client.publish(second)
    connected(client, flags=1)
    entry = client.unsent()
    assert entry[1] is first
    assert client.republish(entry)[0] == 0x3A
    assert client.unsent()[1] is second
    client.republish(client.unsent())
    assert client.unsent() is None
    client.handle(mqtt.PUBACK, b"\x00\x01")
    client.handle(mqtt.PUBACK, b"\x00\x02")
    assert client.idle()


def test_nothing_is_sent_again_when_the_server_lost_the_session():
    client = connected()
    client.publish(FakeOutgoing(b"1"))
    connected(client, flags=0)
    assert client.unsent() is None
    assert client.idle()


def test_a_packet_identifier_in_use_is_not_given_again():
    client = connected()
    client.publish(FakeOutgoing(b"1"))
    for number in range(0x7FFF - 1):
        client.publish(FakeOutgoing(b"x"))
        client.handle(mqtt.PUBACK, bytes(((number + 2) >> 8, (number + 2) & 255)))
    assert client.publish(FakeOutgoing(b"x"))[-40:].count(b"\x00\x01") <= 1
    assert client._last_id == 2


def test_out_of_quota_keeps_the_message_for_a_new_try_and_other_refusals_do_not():
    client = connected()
    kept, dropped = FakeOutgoing(b"1"), FakeOutgoing(b"2")
    client.publish(kept)
    client.publish(dropped)
    client.handle(mqtt.PUBACK, b"\x00\x01\x97")
    client.handle(mqtt.PUBACK, b"\x00\x02\x87")
    assert client.held
    entry = client.unsent()
    assert entry[1] is kept
    assert client.republish(entry)[0] == 0x32  # a new message, no duplicate


def test_with_maximum_qos_0_nothing_waits_for_an_acknowledgement():
    client = connected(properties=b"\x24\x00")
    assert client.publish(FakeOutgoing(b"1"))[0] == 0x30
    assert client.idle()


def test_an_incoming_message_is_acknowledged_once_it_was_handled():
    client = connected()
    body = b"\x00\x01a\x00\x07\x04\x08\x00\x01rhello"
    topic_name, response_topic, packet_id, payload = client.handle(0x32, memoryview(body))
    assert (topic_name, response_topic, packet_id, bytes(payload)) == ("a", "r", 7, b"hello")
    assert client.unacknowledged == [7]
    assert client.acknowledge(7) == b"\x40\x02\x00\x07"
    assert client.unacknowledged == []


def empty_message(packet_id):
    return memoryview(b"\x00\x01a\x00" + bytes((packet_id, 0)))


def test_more_unacknowledged_messages_than_we_allow_are_refused():
    client = connected()
    for number in range(1, 5):
        assert client.handle(0x32, empty_message(number))[3] is not None
    assert client.handle(0x32, empty_message(5)) == ("a", None, 5, None)
    assert client.acknowledge(5, mqtt.QUOTA_EXCEEDED) == b"\x40\x03\x00\x05\x97"
    client.acknowledge(1)
    assert client.handle(0x32, empty_message(6))[3] is not None


def test_very_many_unacknowledged_messages_break_the_protocol():
    client = connected()
    for number in range(1, 65):
        client.handle(0x32, empty_message(number))
    assert error_of(mqtt.ProtocolError, client.handle, 0x32, empty_message(65)) == 0x93


def test_the_server_may_end_the_connection_for_its_reasons():
    for body, reason_code in ((b"\x8e", 0x8E), (b"\x97\x00", 0x97), (b"", 0)):
        assert error_of(ServerRefused, connected().handle, mqtt.DISCONNECT, body) == reason_code


def test_packets_a_server_never_sends_break_the_protocol():
    for first in (0x00, 0x10, 0x20, 0x50, 0x62, 0x70, 0x82, 0xA2, 0xC0, 0xF0, 0x42, 0xD1):
        assert error_of(mqtt.ProtocolError, connected().handle, first, b"\x00\x01")


def test_a_prepared_packet_is_whole_and_needs_no_quota():
    client = connected(properties=b"\x21\x00\x01")
    client.publish(FakeOutgoing(b"1"))
    packet = client.prepare("usp/c/x", b"gasp")
    assert packet[0] == 0x32 and packet.endswith(b"gasp")
    assert packet[1] == len(packet) - 2
    client.handle(mqtt.PUBACK, b"\xff\xff")
    assert not client.idle()
