"""The battery of a voice modem: on it and back, low, worn out, missing.

While the battery carries the device, the mains is lost and the device lives: that is `MainsLost!`,
and no interruption of the service. `PowerLoss!` keeps its meaning, the device itself loses its
power; its Source then says Battery. What lasts is an alarm too, and the alarm remembers over
restarts when it began.

What flickers is told once it has lasted; the battery is low below 20 % or 10 minutes, and no longer
above 30 % and 15 minutes.
"""

from agent.compat import const
from agent.core.parts import part
from agent.wire.codes import MAINS, ON_BATTERY, POWER

_LOW_PERCENT = const(20)
_LOW_S = const(600)
_STEADY_MS = const(2000)
_ABSENT = const(1)  # the bits of what is wrong; their alarms stand in battery_events.py
_REPLACE = const(2)
_LOW = const(4)


class Monitor:
    """Loaded once, where there may be a battery."""

    def __init__(self, device, endpoint) -> None:
        self._device = device
        self._endpoint = endpoint
        self._on, self._wrong = part("battery_events").told(device)
        self._on_since = self._wrong_since = -1  # up time of a difference that may yet pass

    def look(self, now_ms: int) -> None:
        battery = self._device.facts("battery")
        on = bool(battery) and battery["on_battery"]
        source = ON_BATTERY if on else MAINS
        if battery and source != self._endpoint.power_source:
            self._endpoint.power_source = source
            device = self._device
            device.put(device.find(POWER), device.power_row, "Source", source)
        if on == self._on:
            self._on_since = -1
        elif self._on_since < 0:
            self._on_since = now_ms
        elif now_ms - self._on_since >= _STEADY_MS:
            self._on = on
            part("battery_events").tell_mains(self._device, self._endpoint, on, self._on_since)
        wrong = _wrong(battery, self._wrong & _LOW) if battery else 0
        if wrong == self._wrong:
            self._wrong_since = -1
        elif self._wrong_since < 0:
            self._wrong_since = now_ms
        elif now_ms - self._wrong_since >= _STEADY_MS:
            self._wrong = wrong
            part("battery_events").tell_battery(self._device, self._endpoint, wrong, now_ms)


def _wrong(battery, low) -> int:
    """The bits of what is wrong with it; `low` when it was low before."""
    if not battery["present"]:
        return _ABSENT
    wrong = _REPLACE if battery.get("replace") else 0
    percent, left_s = battery.get("charge_percent", 100), battery.get("runtime_s", 86400)
    if low and (percent <= _LOW_PERCENT * 3 // 2 or left_s <= _LOW_S * 3 // 2):
        return wrong | _LOW
    return wrong | _LOW if percent < _LOW_PERCENT or left_s < _LOW_S else wrong
