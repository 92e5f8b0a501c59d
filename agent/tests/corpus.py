"""One valid Record of every kind a controller may send, for tests that break them."""

from agent.tests.usp_bench import CONTROLLER, Bench, request, respond, settings_of
from agent.wire import usp, usp_decode
from agent.wire.protobuf import encode

SUBSCRIPTION = "Device.LocalAgent.Subscription."


def records(target):
    """(name, Record) pairs for the agent `target`."""
    values = {"ID": "c", "Enable": "true", "NotifType": "Event", "ReferenceList": "Device.Boot!"}
    add = encode(0x08, 1, 0x12, settings_of(SUBSCRIPTION, values, True))
    path = SUBSCRIPTION + '[ID=="c"&&TimeToLive<5].'
    change = encode(0x12, settings_of(path, {"NotifRetry": "1"}, False))
    operate = encode(
        0x0A,
        "Device.LocalAgent.Controller.*.SendOnBoardRequest()",
        0x12,
        "key",
        0x18,
        1,
        0x22,
        encode(0x0A, "a", 0x12, "b"),
    )
    whole = encode(0x0A, "Device.Time.", 0x18, 1, 0x20, 1, 0x28, 1, 0x30, 1)
    head = encode(0x0A, "1.3", 0x12, target, 0x1A, CONTROLLER)
    messages = (
        ("get", usp.GET, encode(0x0A, "Device.LocalAgent.MTP.*.", 0x15, 2)),
        ("get_supported_dm", usp.GET_SUPPORTED_DM, whole),
        ("get_instances", usp.GET_INSTANCES, encode(0x0A, "Device.LocalAgent.MTP.", 0x10, 1)),
        ("add", usp.ADD, add),
        ("set", usp.SET, change),
        ("delete", usp.DELETE, encode(0x08, 1, 0x12, SUBSCRIPTION + "*.")),
        ("operate", usp.OPERATE, operate),
        ("protocol", usp.GET_SUPPORTED_PROTOCOL, encode(0x0A, "1.3,1.4")),
    )
    out = [(name, request(kind, data, "m", CONTROLLER, target)) for name, kind, data in messages]
    out.append(("notify_resp", respond("n-1", "s", CONTROLLER, target)))
    out.append(("session", head + encode(0x42, encode(0x08, 1, 0x10, 1, 0x3A, b"x"))))
    out.append(("connect", head + encode(0x52, encode(0x08, 1, 0x12, "usp/c/x"))))
    out.append(("disconnect", head + encode(0x62, encode(0x0A, "bye", 0x15, 7105))))
    return out


def bench():
    """An agent to break them against; storage is never read back, so one serves for all."""
    return Bench()


def check_answers(an_agent, payload):
    """Whatever the bytes are, what comes back is nothing or one well-formed Record."""
    out = an_agent.exchange(payload)
    assert len(out) <= 1
    for outgoing in out:
        sent = outgoing.payload()
        assert len(sent) == outgoing.size
        record = usp_decode.decode_record(sent)
        if record.kind == usp.NO_SESSION_CONTEXT:
            message = usp_decode.decode_message(record.payload)
            assert message.msg_id and message.body in (usp.RESPONSE, usp.ERROR)
        else:
            assert record.kind == usp.DISCONNECT
    return out
