"""The work of the monitor of temperatures, and what TR-181 tells of a sensor beside its value."""

from agent.compat import const

HIGH_C = const(95)  # as LowAlarmValue and HighAlarmValue of the table
LOW_C = const(-10)
_CALM_C = const(3)  # so much less and it is over

_MIN = const(0)
_MIN_MS = const(1)
_MAX = const(2)
_MAX_MS = const(3)
_LOW_MS = const(4)
_HIGH_MS = const(5)


def look(device, monitor, now_ms: int) -> None:
    """Take what the sensors say now into account, and raise or clear their alarms."""
    found = device.facts("temperatures")
    number = 0
    for name, celsius in found["sensors"] if found else ():
        number += 1
        seen = monitor.seen.get(name)
        if seen is None:
            seen = monitor.seen[name] = [celsius, now_ms, celsius, now_ms, -1, -1]
        if celsius < seen[_MIN]:
            seen[_MIN], seen[_MIN_MS] = celsius, now_ms
        if celsius > seen[_MAX]:
            seen[_MAX], seen[_MAX_MS] = celsius, now_ms
        _judge(device, seen, _HIGH_MS, "too-hot.%d" % number, celsius - HIGH_C, now_ms)
        _judge(device, seen, _LOW_MS, "too-cold.%d" % number, LOW_C - celsius, now_ms)


def texts(device, monitor, name: str) -> list:
    """MinValue, MinTime, MaxValue, MaxTime, LowAlarmValue, LowAlarmTime, HighAlarmValue,
    HighAlarmTime, PollingInterval, ResetTime of a sensor; None for a default."""
    boot = device.clock.boot_count
    seen = monitor.seen.get(name)
    told: list = [None] * 10
    told[9] = device.clock.moment_text([boot, 0])
    if seen:
        for place, value in ((0, _MIN), (2, _MAX)):
            told[place] = str(seen[value])
            told[place + 1] = device.clock.moment_text([boot, seen[value + 1]])
        for place, slot in ((5, _LOW_MS), (7, _HIGH_MS)):
            if seen[slot] >= 0:
                told[place] = device.clock.moment_text([boot, seen[slot]])
    return told


def _judge(device, seen, slot, alarm, past, now_ms):
    """`past` is by how many degrees the limit is passed, 0 where it is just reached."""
    raised = device.alarms.find(alarm) is not None
    if past >= 0 or (raised and past > -_CALM_C):
        if not raised or seen[slot] < 0:
            seen[slot] = now_ms
        device.alarms.put(alarm, True)
    elif raised:
        device.alarms.put(alarm, False)
