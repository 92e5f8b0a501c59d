"""Device.X_IPKO-COM_Power.Battery.{i}.: the battery, where the device has a place for one."""

from agent.core.parts import part

_KEYS = ("charge_percent", "voltage_mv", "temperature_c", "runtime_s", "cycles")


def rows(device, path):
    """The one battery; what nothing measures keeps its default."""
    battery = device.facts("battery")
    if battery is None:
        return
    events = part("battery_events")
    row = [(1,), events.status(battery, events.told(device)[1])]
    present = battery["present"]
    row.extend([str(battery[key]) if present and key in battery else None for key in _KEYS])
    yield row
