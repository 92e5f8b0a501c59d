"""What the battery's monitor tells: events first, then the alarms that remember them."""

from agent.core.journal import RESERVED
from agent.wire.codes import BATTERY_EVENT, MAINS_LOST_EVENT, MAINS_RESTORED_EVENT, POWER

_MAINS_ALARM = "mains-lost"
_ALARMS = ("battery-absent", "battery-replace", "battery-low")  # by the bits of battery.py
_WORDS = ("Absent", "Replace", "Low")


def told(device) -> tuple[bool, int]:
    """What was told before a restart: on battery, and the bits of what is wrong."""
    wrong = 0
    for bit in (0, 1, 2):
        if device.alarms.find(_ALARMS[bit]):
            wrong |= 1 << bit
    return bool(device.alarms.find(_MAINS_ALARM)), wrong


def tell_mains(device, endpoint, on: bool, began_ms: int) -> None:
    """The battery carries the device since an up time, or the mains does again."""
    battery = device.facts("battery") or {}
    if on:
        endpoint.event(POWER, MAINS_LOST_EVENT, _charge(battery), began_ms, True, RESERVED)
    else:
        alarm = device.alarms.find(_MAINS_ALARM)
        args = {"Loss": alarm[2]} if alarm else {}
        endpoint.event(POWER, MAINS_RESTORED_EVENT, args, began_ms, True, RESERVED)
    device.alarms.put(_MAINS_ALARM, on, at_ms=began_ms)


def tell_battery(device, endpoint, wrong: int, now_ms: int) -> None:
    """What is wrong with the battery changed."""
    battery = device.facts("battery")
    if battery:
        args = {"Status": status(battery, wrong)}
        if battery["present"]:
            args.update(_charge(battery))
        endpoint.event(POWER, BATTERY_EVENT, args, now_ms, True)
    for bit in (0, 1, 2):
        device.alarms.put(_ALARMS[bit], wrong >> bit & 1)


def status(battery: dict, wrong: int) -> str:
    """One word for the battery, the worst that is true of it."""
    for bit in (0, 1, 2):
        if wrong >> bit & 1:
            return _WORDS[bit]
    return "Charging" if battery.get("charging") else "Good"


def _charge(battery):
    args = {}
    for name, key in (("ChargePercent", "charge_percent"), ("RuntimeLeft", "runtime_s")):
        if key in battery:
            args[name] = str(battery[key])
    return args
