"""USP Records and Messages: read and checked without building trees, written through a Sink.

A Record carries one Message as bytes. Both come from outside: every length is bounded by the
bytes there are, nesting by the table below, and a Message is checked whole before any of it is
carried out. Unknown fields are skipped. Source: TR-369, "Record" and "Messages"; FORMATS.md.
"""

from agent.compat import const
from agent.errors import AgentError
from agent.wire.codes import INVALID_ARGUMENTS, MESSAGE_NOT_SUPPORTED
from agent.wire.protobuf import Sink, WireError, encode, fields, text

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
_LAST_TYPE = const(22)

# What the known fields of a message hold, by field number from 1: s text, n varint, f four bytes,
# a capital letter another message of this table.
_LAYOUTS = {
    "H": "sn",  # header
    "G": "sf",  # get
    "Q": "snnnnn",  # get_supported_dm
    "I": "sn",  # get_instances
    "S": "nU",  # set and add
    "U": "sP",
    "P": "ssn",
    "D": "ns",  # delete
    "O": "ssnM",  # operate
    "M": "ss",
    "V": "s",  # get_supported_protocol, notify_resp
}
_REQUEST_LAYOUTS = "?GQISSDO?V"
_KINDS = {"s": 2, "n": 0, "f": 5}


class USPError(AgentError):
    """A request, or one part of it, fails: an error code of TR-369 and a text for people, "" where
    the code says it all. `param_errs` has (path, code, text) when a whole Message is refused."""

    param_errs = ()

    def __init__(self, code, text=""):
        super().__init__(code, text)
        self.code = code
        self.text = text


class Record:
    """What the envelope says. `kind` is the member of the oneof, `payload` its Message or None."""

    version = to_id = from_id = ""
    payload_security = 0
    kind = 0
    payload = None


def decode_record(data) -> Record:
    """Raises WireError where the Record must be dropped: undecodable, no or two payloads, or an
    unknown version. Source: TR-369 R-ENC.3, R-ENC.4."""
    record = Record()
    for tag, value in fields(memoryview(data)):
        if tag == 0x0A:
            record.version = text(value)
        elif tag == 0x12:
            record.to_id = text(value)
        elif tag == 0x1A:
            record.from_id = text(value)
        elif tag == 0x20:
            record.payload_security = value
        elif 7 <= tag >> 3 <= 13:
            if record.kind or tag & 7 != 2:
                raise WireError("oneof", tag)
            record.kind = tag >> 3
            record.payload = _payload(record.kind, value)
    if not record.kind or not record.version.startswith("1."):
        raise WireError("record", record.kind)
    return record


def _payload(kind, view):
    payload = None
    for tag, value in fields(view):
        if kind == NO_SESSION_CONTEXT and tag == 0x12:
            payload = value
    return payload


class Message:
    """A Message as far as it was understood: `body` REQUEST, RESPONSE or ERROR, `member` the field
    number in its oneof, `view` the bytes of that member. `fault` is a USPError or None."""

    msg_id = ""
    body = member = 0
    view = None
    fault = None


def decode_message(data) -> Message:
    """The Message, with `fault` set where it is not one that can be carried out.

    Raises WireError when not even msg_id and the kind of body can be told: then nobody gets an
    answer (R-MTP.5).
    """
    message = Message()
    body = None
    for tag, value in fields(memoryview(data)):
        if tag == 0x0A:
            _header(message, value)
        elif tag == 0x12:
            body = value
    if not message.msg_id or body is None:
        raise WireError("message", len(data))
    try:
        _body(message, body)
        if message.body == REQUEST:
            _member(message, message.view)
            _check(message.view, _layout(message.member))
        elif message.body == RESPONSE:
            _member(message, message.view)
    except WireError:
        if message.body > REQUEST:
            raise
        message.fault = message.fault or USPError(INVALID_ARGUMENTS)
    except USPError as error:
        message.fault = error
    return message


def _header(message, view):
    for tag, value in fields(view):
        if tag == 0x0A:
            message.msg_id = text(value)
        elif tag == 0x10 and value > _LAST_TYPE:
            message.fault = USPError(INVALID_ARGUMENTS)


def _body(message, view):
    for tag, value in fields(view):
        if 1 <= tag >> 3 <= 3:
            if message.body or tag & 7 != 2:
                message.body = REQUEST
                raise WireError("body")
            message.body = tag >> 3
            message.view = value
    if not message.body:
        message.body = REQUEST
        raise WireError("empty body")


def _member(message, view):
    for tag, value in fields(view):
        if tag >> 3 <= 11:
            if message.member or tag & 7 != 2:
                raise WireError("oneof")
            message.member = tag >> 3
            message.view = value
    if not message.member:
        raise WireError("empty")


def _layout(member):
    layout = _REQUEST_LAYOUTS[member] if member < len(_REQUEST_LAYOUTS) else "?"
    if layout == "?":
        raise USPError(MESSAGE_NOT_SUPPORTED)
    return layout


def _check(view, layout):
    """Raises WireError unless every known field is of its kind, all the way down."""
    kinds = _LAYOUTS[layout]
    for tag, value in fields(view):
        number = tag >> 3
        if number <= len(kinds):
            kind = kinds[number - 1]
            if tag & 7 != _KINDS.get(kind, 2):
                raise WireError("kind of field", number)
            if kind == "s":
                text(value)
            elif kind not in _KINDS:
                _check(value, kind)


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
