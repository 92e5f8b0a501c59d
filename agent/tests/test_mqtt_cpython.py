"""Whatever a server sends, the decoder of MQTT packets either understands it or says what broke."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from agent.core.mqtt_client import MqttClient, ServerRefused
from agent.core.session import Settings
from agent.wire import mqtt

EID = "ops::00256D-MODEM-00000001"
READERS = (mqtt.read_connack, mqtt.read_puback, mqtt.read_suback, mqtt.read_disconnect)


@given(st.binary(max_size=200), st.sampled_from(READERS))
def test_a_decoder_gives_a_value_or_a_protocol_error(body, reader):
    with contextlib.suppress(mqtt.ProtocolError):
        reader(memoryview(body))


@given(st.integers(0, 15), st.binary(max_size=200))
def test_a_publish_is_understood_or_a_protocol_error(flags, body):
    with contextlib.suppress(mqtt.ProtocolError):
        topic_name, packet_id, _, payload = mqtt.read_publish(flags, memoryview(body))
        assert topic_name
        assert bool(packet_id) == bool(flags & 2)
        assert len(payload) < len(body)


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=60)), max_size=12))
def test_no_row_of_packets_breaks_the_client(packets):
    client = MqttClient(EID, 4096)
    client.begin(Settings(), ("will", b"bye"))
    client.connected(b"\x00\x00\x00")
    for first, body in packets:
        with contextlib.suppress(mqtt.ProtocolError, ServerRefused):
            client.handle(first, memoryview(body))
    assert len(client.unacknowledged) <= 4


@given(
    st.text(
        st.characters(exclude_characters="#+\0", exclude_categories=["Cs"]),
        min_size=1,
        max_size=60,
    ),
    st.integers(0, 65535),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60),
    st.binary(max_size=400),
)
def test_a_publish_of_ours_reads_back_the_same(topic_name, packet_id, response_topic, payload):
    pairs = ((mqtt.RESPONSE_TOPIC, response_topic),)
    packet = mqtt.publish(topic_name, packet_id, pairs, len(payload)) + payload
    size, at = mqtt.read_variable_integer(packet, 1, len(packet))
    assert size == len(packet) - at
    found = mqtt.read_publish(packet[0] & 15, memoryview(packet)[at:])
    assert found[:3] == (topic_name, packet_id, {mqtt.RESPONSE_TOPIC: response_topic})
    assert bytes(found[3]) == payload
