"""When which BulkData profile is due; a part, loaded when one may be."""

from agent.compat import const
from agent.core.events import unix_ms
from agent.core.parts import part
from agent.wire.codes import BULK_DATA, PUSH_EVENT

PROFILE = "Device.BulkData.Profile.{i}."
_WATCH_MS = const(10000)  # between two looks at the values that have a limit
_NEVER = const(1 << 60)

_NUMBER = const(0)
_INTERVAL_S = const(1)
_PHASED = const(2)
_DUE_MS = const(3)
_EXCEPTION_MS = const(4)
_TOLD = const(5)


def work(monitor, now_ms: int):
    """Collect and tell what is due; settle when to look again. A chore: it yields None between two
    values, because a report of all of them takes longer than the power lasts once it fails."""
    monitor.busy = True
    try:
        yield from _work(monitor, now_ms)
    finally:
        monitor.busy = False


def _work(monitor, now_ms):
    device = monitor.device
    yield None
    if device.changed != monitor.changed:
        monitor.changed = device.changed
        _plan(monitor, now_ms)
    forced, device.report_now = device.report_now, []
    next_ms = _NEVER
    for profile in monitor.profiles:
        dated = device.offset_ms is not None
        if dated and not profile[_PHASED]:
            profile[_PHASED] = True
            profile[_DUE_MS] = _due_ms(device, profile, now_ms)
        if now_ms >= profile[_DUE_MS] or profile[_NUMBER] in forced:
            yield from _tell(monitor, profile, now_ms, False)
            if now_ms >= profile[_DUE_MS]:
                profile[_DUE_MS] = _due_ms(device, profile, now_ms)
        elif profile[_TOLD] is not None and now_ms >= profile[_EXCEPTION_MS]:
            wait_s = yield from _tell(monitor, profile, now_ms, True)
            profile[_EXCEPTION_MS] = now_ms + wait_s * 1000
        next_ms = min(next_ms, profile[_DUE_MS])
        if profile[_TOLD] is not None:
            next_ms = min(next_ms, max(profile[_EXCEPTION_MS], now_ms + _WATCH_MS))
        elif not profile[_PHASED]:
            next_ms = min(next_ms, now_ms + _WATCH_MS)
    monitor.due_ms = next_ms


def _plan(monitor, now_ms):
    """The enabled profiles as they are now; one that was known goes on where it was."""
    device = monitor.device
    before = monitor.profiles
    monitor.profiles = []
    obj = device.find(PROFILE)
    on = device.text(BULK_DATA + "Enable") == "true"
    for row in device.rows(obj) if on else ():
        if device.get(obj, row, "Enable") != "true":
            continue
        interval_s = int(device.get(obj, row, "ReportingInterval"))
        profile = [row[0][0], interval_s, device.offset_ms is not None, 0, 0, None]
        profile[_DUE_MS] = _due_ms(device, profile, now_ms)
        for known in before:
            if known[:2] == profile[:2]:
                known[_DUE_MS] = min(known[_DUE_MS], profile[_DUE_MS])
                profile = known
        watched = part("bulk_report").is_watched(device, row)
        if not watched:
            profile[_TOLD] = None
        elif profile[_TOLD] is None:
            profile[_TOLD] = {}
        monitor.profiles.append(profile)


def _due_ms(device, profile, now_ms):
    """When the next report is due: an interval from now, or the next moment in phase."""
    interval_ms = profile[_INTERVAL_S] * 1000
    phase = unix_ms(device.text("%sProfile.%d.TimeReference" % (BULK_DATA, profile[_NUMBER])))
    if phase is None or device.offset_ms is None:
        return now_ms + interval_ms
    return now_ms + interval_ms - (now_ms + device.offset_ms - phase) % interval_ms


def _tell(monitor, profile, now_ms, exceptions):
    """Send a report, whole or of exceptions alone; return after how many seconds to look for an
    exception again."""
    device = monitor.device
    yield None
    module = part("bulk_report")
    yield None
    row = device.row(device.find(PROFILE), (profile[_NUMBER],))
    try:
        data = yield from module.collect(device, row, profile[_TOLD], exceptions)
        if not data:
            return 0
        path = device.instance_path(device.find(PROFILE), row)
        monitor.endpoint.event(path, PUSH_EVENT, {"Data": data}, now_ms)
    except MemoryError:
        return 0  # a report that does not fit is given up, the agent is not
    return int(device.get(device.find(PROFILE), row, "X_IPKO-COM_ExceptionInterval"))
