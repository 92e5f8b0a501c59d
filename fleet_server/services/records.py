"""Records of TR-369 as values: reading what agents send, writing what the controller sends.

A Record that breaks the rules raises BadRecordError, whose `reason` is a counter's name; its
content is never put into a log. Nothing is answered to it. Source: TR-369 R-MTP.5, R-E2E.1.
"""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import DecodeError

from agent.wire.topics import sender_of
from fleet_server.errors import PeerError
from fleet_server.protocol import usp_pb2 as usp

CONNECT = "connect"
DISCONNECT = "disconnect"
NOTIFY = "notify"
ANSWER = "answer"

RECORD_VERSION = "1.3"
CONTENT_TYPE = "usp.msg"
# What our agents' Will says; any other reason is a disconnect on purpose.
WILL_REASON = "connection lost"
_LONGEST_ID = 128

# The header's msg_type by the name of the member of `Request`. Source: TR-369, "Message Types".
_REQUEST_TYPES = {
    "get": 1,
    "notify": 3,
    "set": 4,
    "operate": 6,
    "add": 8,
    "delete": 10,
    "get_supported_dm": 12,
    "get_instances": 14,
    "get_supported_protocol": 17,
}
_NOTIFY_RESP = 16


class BadRecordError(PeerError):
    """A Record or Message that is not taken in; `reason` names the counter."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Publication:
    """One PUBLISH as it came from the broker; `duplicate` is its DUP flag."""

    topic: str
    payload: bytes
    response_topic: str = ""
    packet_id: int | None = None
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Incoming:
    """What an agent said: its kind is one of the four above."""

    endpoint_id: str
    kind: str
    msg_id: str = ""
    message: usp.Msg | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One Record to publish to an agent. `answers` tells a NotifyResp from a request.

    A request is not kept for an agent that is away for longer than `expiry_s`.
    """

    topic: str
    payload: bytes
    answers: bool = False
    expiry_s: int | None = None


def read(publication: Publication, controller_id: str) -> Incoming:
    """The Record of one PUBLISH, sender checked against the topic.

    Raises BadRecordError.
    """
    endpoint_id = sender_of(publication.topic, controller_id)
    if endpoint_id is None:
        raise BadRecordError("topic")
    try:
        record = usp.Record.FromString(publication.payload)
    except DecodeError as error:
        raise BadRecordError("undecodable_record") from error
    if record.from_id != endpoint_id:
        raise BadRecordError("sender")
    if record.to_id != controller_id:
        raise BadRecordError("addressee")
    if record.payload_security:
        raise BadRecordError("payload_security")
    kind = record.WhichOneof("record_type")
    if kind == "no_session_context":
        return _read_message(endpoint_id, record.no_session_context.payload)
    if kind == "mqtt_connect":
        return Incoming(endpoint_id, CONNECT)
    if kind == "disconnect":
        return Incoming(endpoint_id, DISCONNECT, reason=record.disconnect.reason)
    raise BadRecordError("session_context" if kind == "session_context" else "record_type")


def _read_message(endpoint_id: str, payload: bytes) -> Incoming:
    try:
        message = usp.Msg.FromString(payload)
    except DecodeError as error:
        raise BadRecordError("undecodable_message") from error
    msg_id = message.header.msg_id
    if not msg_id or len(msg_id) > _LONGEST_ID or "\0" in msg_id:
        raise BadRecordError("msg_id")
    body = message.body
    kind = body.WhichOneof("msg_body")
    if kind == "request":
        if body.request.WhichOneof("req_type") != "notify":
            raise BadRecordError("request")
        return Incoming(endpoint_id, NOTIFY, msg_id, message)
    if kind is None:
        raise BadRecordError("empty_message")
    return Incoming(endpoint_id, ANSWER, msg_id, message)


def request(msg_id: str, **member: object) -> usp.Msg:
    """A request message; `member` is exactly one member of `Request`, such as `get=usp.Get(...)`.

    The header's type always fits the body: there are agents that end on any other.
    """
    (name,) = member
    message = usp.Msg(header=usp.Header(msg_id=msg_id, msg_type=_REQUEST_TYPES[name]))
    getattr(message.body.request, name).CopyFrom(member[name])
    return message


def notify_response(msg_id: str, subscription_id: str) -> usp.Msg:
    """The answer that lets an agent forget a notification."""
    return usp.Msg(
        header=usp.Header(msg_id=msg_id, msg_type=_NOTIFY_RESP),
        body=usp.Body(
            response=usp.Response(notify_resp=usp.NotifyResp(subscription_id=subscription_id))
        ),
    )


def wrap(message: usp.Msg, controller_id: str, endpoint_id: str) -> bytes:
    """The Record that carries `message` from the controller to the agent."""
    return usp.Record(
        version=RECORD_VERSION,
        to_id=endpoint_id,
        from_id=controller_id,
        no_session_context=usp.NoSessionContext(payload=message.SerializeToString()),
    ).SerializeToString()
