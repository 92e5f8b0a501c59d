"""Device.Services.VoiceService.: the line as the voice processor tells it, and what is known of
emergency calls. Source: TR-104 Issue 2.

There is no DirectoryNumber and no user name of the registration: a directory number is personal
data, whoever manages the device does not need it, and so it is neither kept nor reported. Of calls
only their number and length in all are told.
"""

from agent.core.events import date_time
from agent.core.parts import part

_BASE = len("Device.Services.VoiceService.{i}.")


def rows(device, path):
    """The rows of one object; none without a voice processor."""
    voice = device.facts("voice")
    if voice is not None:
        yield from _OBJECTS[path[_BASE:]](device, voice)


def _service(device, voice):
    yield [(1,), None, None]


def _holder(device, voice):
    yield [(1,), None]


def _sip(device, voice):
    yield [(1,), None, None]


def _port(device, voice):
    yield [
        (1, 1),
        None,
        None,
        voice["fxs"],
        None,
        "true" if voice["off_hook"] else "false",
        None,
        None,
        None,
    ]


def _tests(device, voice):
    number = 0
    for selector, result, moment in part("line_tests").kept(device):
        number += 1
        yield [(1, 1, number), selector, result, device.clock.moment_text(moment)]


def _client(device, voice):
    yield [(1, 1), None, None, voice["registration"], None]


def _network(device, voice):
    lost = voice["registration"] == "Error_Network"
    yield [(1, 1), None, None, "Error_Other" if lost else "Up"]


def _line(device, voice):
    guard = device.guard
    status = "Up" if guard and guard.line_ready else "Error"
    if voice["fxs"] == "Testing":
        status = "Testing"
    yield [(1, 1), None, None, status, voice["call"]]


def _incoming(device, voice):
    yield _calls(voice["incoming"])


def _outgoing(device, voice):
    yield _calls(voice["outgoing"])


def _calls(counts):
    row = [(1, 1)]
    row.extend([str(count) for count in counts])
    return row


def _emergency(device, voice):
    guard = device.guard
    if not guard:
        return
    until = None
    if guard.window_ms and device.offset_ms is not None:
        until = date_time(device.offset_ms + guard.window_ms)
    left_s = part("call_guard").left_s(guard, device) if guard.window_ms else 0
    yield [
        (1,),
        part("emergency_events").WORDS[guard.rank],
        guard.reason,
        device.clock.moment_text(guard.since),
        "true" if guard.line_ready else "false",
        guard.busy(),
        until,
        str(left_s),
    ]


_OBJECTS = {
    "": _service,
    "POTS.": _holder,
    "POTS.FXS.{i}.": _port,
    "POTS.FXS.{i}.X_IPKO-COM_Test.{i}.": _tests,
    "SIP.": _sip,
    "SIP.Client.{i}.": _client,
    "SIP.Network.{i}.": _network,
    "CallControl.": _holder,
    "CallControl.Line.{i}.": _line,
    "CallControl.Line.{i}.Stats.IncomingCalls.": _incoming,
    "CallControl.Line.{i}.Stats.OutgoingCalls.": _outgoing,
    "X_IPKO-COM_Emergency.": _emergency,
}
