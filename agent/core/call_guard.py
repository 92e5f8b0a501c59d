"""Emergency calls: which numbers they go to, how long somebody may call back, what must wait.

What is kept is [milliseconds left, Unix time of the end or None]; never a number that was dialled.
"""

import json

from agent.core.events import date_time
from agent.core.parts import part
from agent.errors import StorageError

_BLOB = "call_back"
_SETTING = "Device.Services.X_IPKO-COM_EmergencyCalls.CallBackTime"
# Commands that can harm and yet leave the line alone.
_HARMLESS = (
    "SetAllowList()",
    "SetEmergencyNumbers()",
    "SetHomeNetworks()",
    "X_IPKO-COM_Overtake()",
    "Prepare()",
)


def is_emergency(device, dialled: str) -> bool:
    """Whether a number is an emergency number: a permanent one, or one of the allow-list."""
    service = part("service")
    plain = service.plain_number
    allowed = service.numbers(service.load(device.store), service.load_list(device.store))
    return plain(dialled) in [plain(number) for number in allowed]


def begin(monitor, device) -> None:
    """An emergency call began; what follows it is kept already."""
    monitor.emergency_call = True
    monitor.window_ms, monitor.until_ms = 0, None
    _save(device, _length_ms(device), None)


def end(monitor, device, now_ms: int) -> None:
    """It ended, and was an emergency call whether or not anybody answered: wait for a call back."""
    monitor.emergency_call = monitor.restored = False
    monitor.window_ms = now_ms + _length_ms(device)
    keep(monitor, device, now_ms)


def load(monitor, device) -> None:
    """Go on with a call-back time that a restart cut: as if no time had passed meanwhile."""
    try:
        kept = device.store.load(_BLOB)
    except StorageError:
        monitor.window_ms = _length_ms(device)  # something was kept: take it for the longest
        return
    if kept:
        monitor.window_ms, monitor.until_ms = json.loads(kept)
        monitor.restored = True


def keep(monitor, device, now_ms: int) -> None:
    """Date the end where the time is known by now, end what is over, keep what is left. Up time
    alone counts within one boot: a clock that is put right does not move the end."""
    if device.clock.trusted and device.offset_ms is not None:  # a forged time must not end it
        if monitor.until_ms is not None and monitor.restored:
            # never early: as late as the clock may be slow
            latest = monitor.until_ms - device.offset_ms + (device.clock.error_ms() or 0)
            monitor.window_ms = min(monitor.window_ms, max(latest, 1))
        monitor.restored = False
        monitor.until_ms = device.offset_ms + monitor.window_ms
    if now_ms < monitor.window_ms:
        _save(device, monitor.window_ms - now_ms, monitor.until_ms)
        return
    monitor.window_ms, monitor.until_ms = 0, None
    device.store.remove(_BLOB)


def refusal(device, name: str, args: dict, busy: str) -> str:
    """Why a command that can harm must wait; "" for one that leaves the line alone."""
    if name in _HARMLESS:
        return ""
    if name == "X_IPKO-COM_Apply()" and not args.get("Path", "").startswith("Device.MQTT."):
        return ""
    if name == "SetState()" and args.get("State") == "active":
        return ""
    return why(device, busy)


def why(device, busy: str) -> str:
    """The reason in words, with the time when it will be possible as far as that is known."""
    if busy == "EmergencyCall":
        return "busy: emergency call, then call-back for %d s" % (_length_ms(device) // 1000)
    if busy != "CallBack":
        return "busy: call" if busy == "Call" else "busy: telephone off the hook"
    guard = device.guard
    if device.offset_ms is None:
        return "busy: emergency call-back for %d s" % left_s(guard, device)
    return "busy: emergency call-back until " + date_time(device.offset_ms + guard.window_ms)


def left_s(guard, device) -> int:
    """Seconds left of the call-back time, rounded up."""
    return max(0, guard.window_ms - device.now_ms + 999) // 1000


def _length_ms(device):
    return int(device.text(_SETTING)) * 1000


def _save(device, left_ms, until_ms):
    try:
        device.store.save(_BLOB, json.dumps((left_ms, until_ms)).encode())
    except StorageError:
        return  # it holds until the next start
