"""What each command of the model does; loaded when one is asked for."""

import gc
import json

from agent.compat import const, urandom
from agent.core.changes import Asker, remove_row
from agent.core.events import unix_ms
from agent.core.model_device import REBOOT
from agent.core.parts import part
from agent.errors import StorageError
from agent.wire.codes import INVALID_COMMAND_ARGUMENTS, INVALID_VALUE
from agent.wire.protobuf import encode
from agent.wire.usp import SUPPORTED_VERSIONS, USPError

_LOCAL_CAUSES = ("LocalReboot", "RemoteReboot")
_RESET_CAUSES = ("LocalFactoryReset", "RemoteFactoryReset")
_TEST_FREE_BYTES = const(4096)


def _reboot(operations, obj, row, args, asker, key):
    cause = _choice(args, _LOCAL_CAUSES)
    reason = args.get("Reason", "")
    operations.device.leave_word(cause, reason, key)
    operations.device.later(operations.device.actions.reboot, cause, reason, key)
    return {}


def _factory_reset(operations, obj, row, args, asker, key):
    cause = _choice(args, _RESET_CAUSES)
    operations.device.later(operations.device.actions.factory_reset, cause, args.get("Reason", ""))
    return {}


def _set_time(operations, obj, row, args, asker, key):
    """It answered at some moment since the connect Record left, so half of what passed since is the
    error. The clock refuses what is worse than it has."""
    device = operations.device
    told = unix_ms(args["Time"])
    if told is None:
        raise USPError(INVALID_VALUE, "Time")
    error_ms = (device.now_ms - (device.connected_ms or 0) + 1) // 2
    device.clock.set_time(told + error_ms, error_ms, device.now_ms)
    device.sample(device.now_ms)
    return {}


def _remove_reboots(operations, obj, row, args, asker, key):
    boot = operations.device.find(REBOOT)
    for found in list(operations.device.rows(boot)):
        remove_row(operations.device, boot, found, asker)
    operations.device.save()
    return {}


def _remove(operations, obj, row, args, asker, key):
    remove_row(operations.device, obj, row, asker)
    operations.device.save()
    return {}


def _send_on_board_request(operations, obj, row, args, asker, key):
    text = operations.device.text
    data = encode(
        0x0A,
        text("Device.DeviceInfo.ManufacturerOUI"),
        0x12,
        text("Device.DeviceInfo.ProductClass"),
        0x1A,
        text("Device.DeviceInfo.SerialNumber"),
        0x22,
        SUPPORTED_VERSIONS,
    )
    operations.on_board(row[0][0], data)
    return {}


def _cancel(operations, obj, row, args, asker, key):
    operations.cancel(row)
    return {}


def _apply(operations, obj, row, args, asker, key):
    """Set, Add or Delete of what is closed to the plain Messages."""
    method = args["Method"]
    if method not in ("Set", "Add", "Delete"):
        raise USPError(INVALID_COMMAND_ARGUMENTS, "Method")
    writer = part("messages_write")
    unlocked = Asker(asker.number, False, asker.now)
    try:
        if method == "Delete":
            writer.delete(operations.device, memoryview(encode(0x12, args["Path"])), unlocked)
        else:
            item = _settings(args["Path"], args.get("Parameters") or "{}")
            change = writer.set_values if method == "Set" else writer.add
            change(operations.device, memoryview(encode(0x12, item)), unlocked)
    except USPError as error:
        for path, code, text in error.param_errs:
            raise USPError(code, "%s %s" % (path, text))  # noqa: B904
        raise
    operations.changed(unlocked)
    created = [operations.device.instance_path(*entry) for entry in unlocked.created]
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


AT_ONCE = {
    "Reboot()": _reboot,
    "FactoryReset()": _factory_reset,
    "X_IPKO-COM_SetTime()": _set_time,
    "X_IPKO-COM_Apply()": _apply,
    "RemoveAllReboots()": _remove_reboots,
    "Remove()": _remove,
    "SendOnBoardRequest()": _send_on_board_request,
    "Cancel()": _cancel,
}
BACKGROUND = {"SelfTestDiagnostics()": _self_test}


def broker_settings(device) -> dict:
    """The broker's address as the model has it now, under the names provisioning uses."""
    return {
        "broker_host": device.text("Device.MQTT.Client.1.BrokerAddress"),
        "broker_port": device.text("Device.MQTT.Client.1.BrokerPort"),
    }
