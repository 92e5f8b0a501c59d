"""The commands of the model, at once or in the background.

A background command is a generator, advanced by each poll, that yields None until it yields its
outputs. While it runs it has a row in Device.LocalAgent.Request. Source: TR-369, "Operate".
"""

import gc
import json

from agent.compat import const, urandom
from agent.core.messages_write import (
    Asker,
    Refused,
    add,
    delete,
    remove_row,
    set_values,
)
from agent.errors import StorageError
from agent.wire.codes import (
    COMMAND_CANCELLED,
    INVALID_COMMAND_ARGUMENTS,
    INVALID_VALUE,
    RESOURCES_EXCEEDED,
)
from agent.wire.protobuf import encode
from agent.wire.usp import USPError

_REQUEST = "Device.LocalAgent.Request.{i}."
_MAX_RUNNING = const(4)
_LOCAL_CAUSES = ("LocalReboot", "RemoteReboot")
_RESET_CAUSES = ("LocalFactoryReset", "RemoteFactoryReset")
_TEST_FREE_BYTES = const(4096)


class Operations:
    """Runs commands on a Device.

    `on_board(number)` queues an OnBoardRequest, `finished(path, name, key, outputs or USPError)`
    tells the subscribers, `changed(asker)` hears what was written.
    """

    def __init__(self, device, on_board, finished, changed) -> None:
        self._device = device
        self._on_board = on_board
        self._finished = finished
        self._changed = changed
        self._running = []  # [request row, object path, command, key, generator]

    def run(self, name: str, obj: int, row: list, args: dict, asker, key: str) -> dict:
        """Carry out a command that answers at once; return its outputs. Raises USPError."""
        return _COMMANDS[name](self, obj, row, args, asker, key)

    def start(self, path: str, name: str, args: dict, originator: str, key: str) -> str:
        """Begin a background command; return the path of its request. Raises USPError 7005."""
        if len(self._running) >= _MAX_RUNNING:
            raise USPError(RESOURCES_EXCEEDED, "too many commands are running")
        device = self._device
        obj = device.find(_REQUEST)
        row = device.add_row(obj, ())
        values = {
            "Originator": originator,
            "Command": path + name,
            "CommandKey": key,
            "Status": "Active",
        }
        for parameter, value in values.items():
            device.put(obj, row, parameter, value)
        self._running.append([row, path, name, key, _BACKGROUND[name](device)])
        return device.instance_path(obj, row)

    def advance(self) -> None:
        """One step of the oldest background command."""
        if self._running:
            entry = self._running[0]
            outputs = next(entry[4])
            if outputs is not None:
                self._end(entry, outputs)

    def _end(self, entry, outcome):
        self._running.remove(entry)
        obj = self._device.find(_REQUEST)
        self._device.delete_row(obj, entry[0])
        self._finished(entry[1], entry[2], entry[3], outcome)

    # --- commands

    def _reboot(self, obj, row, args, asker, key):
        cause = _choice(args, _LOCAL_CAUSES)
        reason = args.get("Reason", "")
        self._device.leave_word(cause, reason, key)
        self._device.later(self._device.actions.reboot, cause, reason, key)
        return {}

    def _factory_reset(self, obj, row, args, asker, key):
        cause = _choice(args, _RESET_CAUSES)
        self._device.later(self._device.actions.factory_reset, cause, args.get("Reason", ""))
        return {}

    def _set_time(self, obj, row, args, asker, key):
        self._device.set_time(args["Time"])
        return {}

    def _remove_reboots(self, obj, row, args, asker, key):
        self._device.remove_reboots()
        self._device.save()
        return {}

    def _remove(self, obj, row, args, asker, key):
        remove_row(self._device, obj, row, asker)
        self._device.save()
        return {}

    def _send_on_board_request(self, obj, row, args, asker, key):
        self._on_board(row[0][0])
        return {}

    def _cancel(self, obj, row, args, asker, key):
        for entry in list(self._running):
            if entry[0] is row:
                self._end(entry, USPError(COMMAND_CANCELLED, "cancelled"))
        return {}

    def _apply(self, obj, row, args, asker, key):
        """Set, Add or Delete of what is closed to the plain Messages."""
        method = args["Method"]
        if method not in ("Set", "Add", "Delete"):
            raise USPError(INVALID_COMMAND_ARGUMENTS, "Method")
        unlocked = Asker(asker.number, False, asker.now)
        try:
            if method == "Delete":
                delete(self._device, memoryview(encode(0x12, args["Path"])), unlocked)
            else:
                item = _settings(args["Path"], args.get("Parameters") or "{}")
                change = set_values if method == "Set" else add
                change(self._device, memoryview(encode(0x12, item)), unlocked)
        except Refused as refused:
            path, code, text = refused.param_errs[0]
            raise USPError(code, "%s: %s" % (path, text))  # noqa: B904
        self._changed(unlocked)
        created = [self._device.instance_path(*entry) for entry in unlocked.created]
        return {"Path": created[0]} if created else {}


def _settings(path, parameters):
    """An update or create object from a JSON object of texts, every parameter required."""
    try:
        values = json.loads(parameters)
        pairs = [0x0A, path]
        for name, value in values.items():
            if not isinstance(value, str):
                raise ValueError(name)
            pairs.append(0x12)
            pairs.append(encode(0x0A, name, 0x12, value, 0x18, 1))
    except (ValueError, AttributeError):
        raise USPError(INVALID_COMMAND_ARGUMENTS, "Parameters")  # noqa: B904
    return encode(*pairs)


def _choice(args, allowed):
    cause = args.get("Cause") or allowed[1]
    if cause not in allowed:
        raise USPError(INVALID_VALUE, "Cause")
    return cause


def _self_test(device):
    """Storage gives back what it was given, and there is memory to work with."""
    yield None
    word = urandom(8)
    results = []
    try:
        device.store.save("self_test", word)
        yield None
        if device.store.load("self_test") != word:
            results.append("storage: wrong data")
        device.store.remove("self_test")
    except StorageError:
        results.append("storage: failed")
    yield None
    gc.collect()
    device.sample(device.now_ms)
    if int(device.text("Device.DeviceInfo.MemoryStatus.Free")) * 1024 < _TEST_FREE_BYTES:
        results.append("memory: short")
    status = "Error_Internal" if results else "Complete"
    yield {"Status": status, "Results": "; ".join(results) or "storage, memory: good"}


_COMMANDS = {
    "Reboot()": Operations._reboot,
    "FactoryReset()": Operations._factory_reset,
    "X_IPKO-COM_SetTime()": Operations._set_time,
    "X_IPKO-COM_Apply()": Operations._apply,
    "RemoveAllReboots()": Operations._remove_reboots,
    "Remove()": Operations._remove,
    "SendOnBoardRequest()": Operations._send_on_board_request,
    "Cancel()": Operations._cancel,
}
_BACKGROUND = {"SelfTestDiagnostics()": _self_test}
