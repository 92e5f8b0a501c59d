"""USP Records and Messages: what they are made of, and how they are written through a Sink.

A Record carries one Message as bytes; usp_decode.py reads them. Source: TR-369, "Record" and
"Messages"; FORMATS.md.
"""

from agent.compat import const
from agent.errors import AgentError
from agent.wire.protobuf import Sink, encode, fields, text

VERSION = "1.3"
SUPPORTED_VERSIONS = "1.3,1.4"

# Members of the Record's oneof, by field number.
NO_SESSION_CONTEXT = 7
SESSION_CONTEXT = 8
MQTT_CONNECT = 10
DISCONNECT = 12

# Members of the request's and the response's oneof, by field number.
GET = 1
GET_SUPPORTED_DM = 2
GET_INSTANCES = 3
SET = 4
ADD = 5
DELETE = 6
OPERATE = 7
NOTIFY = 8
GET_SUPPORTED_PROTOCOL = 9

REQUEST = 1
RESPONSE = 2
ERROR = 3

# header.msg_type of an answer, by the request's field number.
_ANSWER_TYPES = bytes((0, 2, 13, 15, 5, 9, 11, 7, 16, 18))
_NOTIFY_TYPE = const(3)


class USPError(AgentError):
    """A request, or one part of it, fails: an error code of TR-369 and a text for people, "" where
    the code says it all. `param_errs` has (path, code, text) when a whole Message is refused."""

    def __init__(self, code, text="", param_errs: tuple | list = ()):
        super().__init__(code, text)
        self.code = code
        self.text = text
        self.param_errs = param_errs


class Record:
    """What the envelope says. `kind` is the member of the oneof, `payload` its Message or None."""

    version = to_id = from_id = ""
    payload_security: object = 0
    kind = 0
    payload: object = None


class Message:
    """A Message as far as it was understood: `body` REQUEST, RESPONSE or ERROR, `member` the field
    number in its oneof, `view` the bytes of that member. `fault` is a USPError or None."""

    msg_id = ""
    body = member = 0
    view: object = None
    fault: USPError | None = None


def texts(view, tag: int):
    """Yield each text of a repeated field."""
    for found, value in fields(view):
        if found == tag:
            yield text(value)


def first(view, tag: int, default):
    """The last value given for a field that may be given once, as protobuf has it; else default."""
    for found, value in fields(view):
        if found == tag:
            default = value
    return default


def first_text(view, tag: int) -> str:
    """The same for a text, "" when absent."""
    value = first(view, tag, None)
    return text(value) if value is not None else ""


def text_map(view, tag: int) -> dict:
    """A map<string,string> as a dict."""
    return {first_text(entry, 0x0A): first_text(entry, 0x12) for entry in views(view, tag)}


def views(view, tag: int):
    """Yield each submessage of a repeated field."""
    for found, value in fields(view):
        if found == tag:
            yield value


def record_producer(from_id: str, to_id: str, msg_id: str, msg_type: int, body):
    """A producer of the Record that carries a Message; `body(sink)` is the producer of its body."""

    def produce(sink: Sink):
        sink.put(0x0A, VERSION)
        sink.put(0x12, to_id)
        sink.put(0x1A, from_id)
        sink.open(0x3A)
        sink.open(0x12)
        sink.pairs(0x0A, 0x0A, msg_id, 0x10, msg_type)
        sink.open(0x12)
        yield from body(sink)
        sink.close()
        sink.close()
        sink.close()

    return produce


def answer_producer(from_id: str, to_id: str, msg_id: str, member: int, content):
    """A producer of the answer to request `member`; `content(sink)` puts the fields of it."""

    def body(sink: Sink):
        sink.open(0x12)
        sink.open(member << 3 | 2)
        yield from content(sink)
        sink.close()
        sink.close()

    return record_producer(from_id, to_id, msg_id, _ANSWER_TYPES[member], body)


def error_producer(from_id: str, to_id: str, msg_id: str, code: int, reason: str, param_errs=()):
    """A producer of an Error; `param_errs` are (path, code, text)."""

    def body(sink: Sink):
        sink.open(0x1A)
        sink.put(0x0D, code)
        sink.put(0x12, reason)
        for path, param_code, param_text in param_errs:
            sink.pairs(0x1A, 0x0A, path, 0x15, param_code, 0x1A, param_text)
            yield
        sink.close()
        yield

    return record_producer(from_id, to_id, msg_id, 0, body)


def notify_producer(from_id: str, to_id: str, msg_id: str, content):
    """A producer of a Notify request; `content(sink)` puts the fields of the notify message."""

    def body(sink: Sink):
        sink.open(0x0A)
        sink.open(0x42)
        yield from content(sink)
        sink.close()
        sink.close()

    return record_producer(from_id, to_id, msg_id, _NOTIFY_TYPE, body)


def connect_record(from_id: str, to_id: str, topic: str) -> bytes:
    """The Record that goes out first on a connection: MQTT 5, and the topic we read."""
    return encode(0x0A, VERSION, 0x12, to_id, 0x1A, from_id, 0x52, encode(0x08, 1, 0x12, topic))


def disconnect_record(from_id: str, to_id: str, code: int, reason: str) -> bytes:
    """The Record that says why the endpoint will not go on."""
    detail = encode(0x0A, reason, 0x15, code)
    return encode(0x0A, VERSION, 0x12, to_id, 0x1A, from_id, 0x62, detail)
