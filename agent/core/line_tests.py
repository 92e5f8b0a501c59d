"""DiagTests() of a telephone port: the board measures, the last result of each test is kept.

A test takes the line away for a moment, so it demands an authorisation and waits like everything
that does; see call_guard.py. Source: TR-104 Issue 2, POTS.FXS.{i}.DiagTests().
"""

import json

from agent.core.parts import part
from agent.errors import StorageError
from agent.wire.codes import COMMAND_FAILURE, INVALID_VALUE
from agent.wire.usp import USPError

_BLOB = "line_tests"
_SELECTORS = ("Hazard Potential", "Foreign Voltage", "Resistive Faults", "Off-hook", "REN")


def kept(device) -> list:
    """[selector, result, moment] of each test that was ever made, in the order of the standard."""
    try:
        return json.loads(device.store.load(_BLOB) or b"[]")
    except StorageError:
        return []


def _diag_tests(device, args):
    """Raises USPError; else the work, for whoever advances it."""
    selector = args["TestSelector"]
    if selector not in _SELECTORS:
        raise USPError(INVALID_VALUE, "TestSelector")
    measuring = device.board.test_line(selector)
    if measuring is None:
        raise USPError(COMMAND_FAILURE, "this board cannot test the line")
    return _run(device, selector, measuring)


def _run(device, selector, measuring):
    """It may have waited for other commands, so the line is looked at again as it begins. A call
    that somebody makes meanwhile ends it."""
    try:
        result = None
        began = False
        while result is None:
            yield None
            busy = device.guard.busy() if device.guard else ""
            if busy and (not began or busy.endswith("Call")):
                yield USPError(COMMAND_FAILURE, part("call_guard").why(device, busy))
                return
            began = True
            result = next(measuring)
    finally:
        measuring.close()
    moment = [device.clock.boot_count, device.now_ms]
    done = {entry[0]: entry for entry in kept(device)}
    done[selector] = [selector, result, moment]
    for entry in done.values():
        entry[2] = device.clock.lasting(entry[2])
    known = [done[name] for name in _SELECTORS if name in done]
    try:
        device.store.save(_BLOB, json.dumps(known).encode())
    except StorageError:
        pass  # it is told all the same
    yield {"Status": "Complete", "TestResult": result}


BACKGROUND = {"DiagTests()": _diag_tests}
