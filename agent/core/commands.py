"""What each command of the model does; loaded when one is asked for."""

from agent.compat import urandom
from agent.core.changes import remove_row
from agent.core.events import unix_ms
from agent.core.model_device import REBOOT
from agent.core.parts import part
from agent.wire.codes import INVALID_VALUE
from agent.wire.protobuf import encode
from agent.wire.usp import SUPPORTED_VERSIONS, USPError

_LOCAL_CAUSES = ("LocalReboot", "RemoteReboot")
_RESET_CAUSES = ("LocalFactoryReset", "RemoteFactoryReset")


def _reboot(operations, obj, row, args, asker, key):
    cause = _choice(args, _LOCAL_CAUSES)
    reason = args.get("Reason") or "Unknown"
    operations.device.leave_word(cause, reason, key)
    operations.device.later(operations.device.actions.reboot, cause, reason, key)
    return {}


def _factory_reset(operations, obj, row, args, asker, key):
    cause = _choice(args, _RESET_CAUSES)
    operations.device.later(
        operations.device.actions.factory_reset, cause, args.get("Reason") or "Unknown"
    )
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
    device = operations.device
    if device.header(obj, "@"):
        part("faults").remove(device.store, row[0][0])
    else:
        remove_row(device, obj, row, asker)
        device.save()
    return {}


def _remove_faults(operations, obj, row, args, asker, key):
    part("faults").remove(operations.device.store)
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


def _choice(args, allowed):
    cause = args.get("Cause") or allowed[1]
    if cause not in allowed:
        raise USPError(INVALID_VALUE, "Cause")
    return cause


def _self_test(device, args):
    results = []
    for fault in part("self_test").faults(device.store, urandom, "self_test"):
        if fault:
            results.append("%s: %s" % fault)
        yield None
    status = "Error_Internal" if results else "Complete"
    yield {"Status": status, "Results": "; ".join(results) or "storage, memory: good"}


def _force_collection(operations, obj, row, args, asker, key):
    operations.device.report_now.append(row[0][0])
    return {}


AT_ONCE = {
    "Reboot()": _reboot,
    "FactoryReset()": _factory_reset,
    "X_IPKO-COM_SetTime()": _set_time,
    "RemoveAllReboots()": _remove_reboots,
    "Remove()": _remove,
    "ForceCollection()": _force_collection,
    "RemoveAllProcessFaults()": _remove_faults,
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
