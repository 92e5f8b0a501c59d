"""Records and Messages from outside, taken apart and checked without building trees.

Every length is bounded by the bytes there are, nesting by the table below, and a Message is checked
whole before any of it is carried out. Unknown fields are skipped. Source: TR-369 R-ENC.0 to 6.
What is given back is of classes of usp.py, so that this code need not stay in memory with it.
"""

from agent.compat import const
from agent.wire.codes import INVALID_ARGUMENTS, MESSAGE_NOT_SUPPORTED
from agent.wire.protobuf import WireError, fields, text
from agent.wire.usp import NO_SESSION_CONTEXT, REQUEST, RESPONSE, USPError
from agent.wire.usp import Message as Message
from agent.wire.usp import Record as Record

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
