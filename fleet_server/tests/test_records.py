"""Records from outside: good ones are read, bad ones are named, none does harm."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.protocol import usp_pb2 as usp
from fleet_server.services import records
from fleet_server.services.records import (
    BadRecordError,
    Publication,
    notify_response,
    read,
    request,
    wrap,
)

CONTROLLER = "fqdn::fleet.test"
AGENT = "ops::00256D-STB-00000003"
TOPIC = f"usp/c/{CONTROLLER}/{AGENT}"


def record(**member: object) -> usp.Record:
    made = usp.Record(version="1.3", to_id=CONTROLLER, from_id=AGENT)
    for name, value in member.items():
        if isinstance(value, bytes):
            made.no_session_context.payload = value
        else:
            getattr(made, name).CopyFrom(value)
    return made


def notify() -> bytes:
    message = request("n-1", notify=usp.Notify(subscription_id="s", send_resp=True))
    message.body.request.notify.event.CopyFrom(
        usp.Notify.Event(obj_path="Device.", event_name="Boot!", params={"Cause": "LocalReboot"})
    )
    return message.SerializeToString()


GOOD = (
    record(mqtt_connect=usp.MQTTConnect(version=1, subscribed_topic=f"usp/a/{AGENT}")),
    record(disconnect=usp.Disconnect(reason="connection lost")),
    record(no_session_context=notify()),
)


def refusal(publication: Publication) -> str:
    with pytest.raises(BadRecordError) as caught:
        read(publication, CONTROLLER)
    return caught.value.reason


def test_each_kind_of_record_is_told_apart() -> None:
    found = [read(Publication(TOPIC, good.SerializeToString()), CONTROLLER) for good in GOOD]
    assert [one.kind for one in found] == ["connect", "disconnect", "notify"]
    assert {one.endpoint_id for one in found} == {AGENT}
    assert found[2].msg_id == "n-1"


def test_a_record_under_anothers_name_is_refused() -> None:
    topic = f"usp/c/{CONTROLLER}/ops::00256D-STB-00000004"
    assert refusal(Publication(topic, GOOD[0].SerializeToString())) == "sender"


def test_a_record_for_another_controller_is_refused() -> None:
    other = record(mqtt_connect=usp.MQTTConnect())
    other.to_id = "fqdn::other.test"
    assert refusal(Publication(TOPIC, other.SerializeToString())) == "addressee"


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (record(), "record_type"),
        (record(session_context=usp.SessionContext(session_id=1)), "session_context"),
        (record(no_session_context=b"\xff"), "undecodable_message"),
        (record(no_session_context=b""), "msg_id"),
        (record(no_session_context=request("c-1", get=usp.Get()).SerializeToString()), "request"),
        (
            record(no_session_context=usp.Msg(header=usp.Header(msg_id="1")).SerializeToString()),
            "empty_message",
        ),
    ],
)
def test_what_is_refused_is_counted_under_its_reason(made: usp.Record, reason: str) -> None:
    assert refusal(Publication(TOPIC, made.SerializeToString())) == reason


def test_a_topic_that_is_not_an_agents_is_refused() -> None:
    assert refusal(Publication("usp/c/elsewhere", GOOD[0].SerializeToString())) == "topic"


def test_every_truncation_and_every_flipped_byte_is_read_or_refused() -> None:
    for good in GOOD:
        payload = good.SerializeToString()
        for place in range(len(payload)):
            flipped = bytearray(payload)
            flipped[place] ^= 0xFF
            for damaged in (payload[:place], bytes(flipped)):
                with contextlib.suppress(BadRecordError):
                    read(Publication(TOPIC, damaged), CONTROLLER)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(payload: bytes) -> None:
    with contextlib.suppress(BadRecordError):
        read(Publication(TOPIC, payload), CONTROLLER)


def test_an_answer_repeats_msg_id_and_subscription() -> None:
    payload = wrap(notify_response("j-0a1b2c3d-1", "fleet-boot"), CONTROLLER, AGENT)
    made = usp.Record.FromString(payload)
    assert (made.from_id, made.to_id, made.version) == (CONTROLLER, AGENT, "1.3")
    message = usp.Msg.FromString(made.no_session_context.payload)
    assert (message.header.msg_id, message.header.msg_type) == ("j-0a1b2c3d-1", 16)
    assert message.body.response.notify_resp.subscription_id == "fleet-boot"


@pytest.mark.parametrize(
    ("name", "number"),
    # Source: TR-369, "Message Types".
    [
        ("get", 1),
        ("notify", 3),
        ("set", 4),
        ("operate", 6),
        ("add", 8),
        ("delete", 10),
        ("get_supported_dm", 12),
        ("get_instances", 14),
        ("get_supported_protocol", 17),
    ],
)
def test_the_header_names_the_type_that_the_body_has(name: str, number: int) -> None:
    body = getattr(usp.Request(), name)
    made = request("c-1", **{name: body})
    assert made.header.msg_type == number
    assert made.body.request.WhichOneof("req_type") == name
    assert records.RECORD_VERSION == "1.3"
