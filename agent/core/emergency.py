"""Whether a telephone line can reach emergency numbers, and whether it must not be disturbed.

Reachable says no more than is known: `true` means that everything up to the socket of the telephone
is ready, not that a telephone works. While the mains is away it is `unknown`, because a telephone
that hangs on the mains is dead then, until somebody is seen to lift one. Source: Subscription
terms, articles 7.3.7 and 11.3.

A loss is told at once. A return is told once it has lasted; each further loss doubles how long, so
that a line that comes and goes counts as lost. A state that began before a restart keeps its start.

Nothing may take the line down while the telephone is off the hook, during a call, and after an
emergency call for as long as somebody may call back: `busy()`. That time outlives a restart; while
the controller did not tell the time it is taken as if no time had passed.
"""

from agent.compat import const
from agent.core.parts import part

_NO = const(0)  # index of "false", "unknown", "true"
_UNKNOWN = const(1)
_YES = const(2)
_HOLD_MS = const(10000)
_LONGEST_HOLD_MS = const(640000)
_CALM_MS = const(600000)  # a line that was well for so long starts anew
_STARTING_MS = const(60000)
_KEEP_MS = const(600000)  # between two writes of what is left of a call-back time


class Monitor:
    """Loaded once on a voice modem, where it is the device's `guard` as well."""

    def __init__(self, device, endpoint) -> None:
        self._device = device
        self._endpoint = endpoint
        self.line_ready = False
        self.emergency_call = False
        self.window_ms = 0  # up time at which a call-back time ends; 0 for none
        self.until_ms = None  # the same as Unix time, where it was known
        self.restored = False  # both are of an earlier boot, and the time is not known yet
        self._keep_ms = _KEEP_MS
        self._dated = False
        self._dialled = ""
        self._phone_works = False
        self._next = ""  # the reason that waits to be told
        self._next_ms = -1  # since when
        self._hold_ms = _HOLD_MS
        self._lost_ms = -2 * _CALM_MS
        # where the outage began that a restart ended, until the first look
        self.rank, self.reason, self.since, self._away = part("emergency_events").load(
            device, endpoint
        )
        part("call_guard").load(self, device)
        device.guard = self

    def busy(self) -> str:
        """Why nothing may take the line down now, "" when it may: EmergencyCall, Call, OffHook or
        CallBack."""
        voice = self._device.facts("voice")
        if self.emergency_call:
            return "EmergencyCall"
        if voice and voice["call"] not in ("Idle", "Disconnected"):
            return "Call"
        if voice and voice["off_hook"]:
            return "OffHook"
        return "CallBack" if self.window_ms else ""

    def look(self, now_ms: int) -> None:
        voice = self._device.facts("voice")
        if voice and voice["dialled"] != self._dialled:
            self._dialled = voice["dialled"]
            self._follow_call(now_ms)
        if self.window_ms:
            self._follow_window(now_ms)
        reason = self._fault(voice, now_ms)
        self._judge(reason, _rank(reason), now_ms)
        self._away = None

    def _follow_call(self, now_ms):
        guard = part("call_guard")
        if self.emergency_call and not self._dialled:
            guard.end(self, self._device, now_ms)
        elif self._dialled and guard.is_emergency(self._device, self._dialled):
            guard.begin(self, self._device)

    def _follow_window(self, now_ms):
        dated = self._device.clock.trusted
        if dated != self._dated or now_ms >= self._keep_ms or now_ms >= self.window_ms:
            self._dated = dated
            self._keep_ms = now_ms + _KEEP_MS
            part("call_guard").keep(self, self._device, now_ms)

    def _fault(self, voice, now_ms):
        """Why the line is not ready, or a telephone may be dead; "" when neither is so."""
        self.line_ready = False
        if voice is None:
            return "NotReported"
        registration = voice["registration"]
        if voice["fxs"] != "Up":
            return "Line" + voice["fxs"]
        if registration != "Up":
            if registration == "Error_Network":
                return "NoNetwork"
            starting = registration in ("Initializing", "Registering")
            return "Starting" if starting and now_ms < _STARTING_MS else "NotRegistered"
        self.line_ready = True
        if not self._device.alarms.find("mains-lost"):
            self._phone_works = False
        elif voice["off_hook"]:
            self._phone_works = True
        elif not self._phone_works:
            return "MainsLost"
        return ""

    def _judge(self, reason, rank, now_ms):
        if reason == self.reason:
            self._next_ms = -1
            return
        if rank < self.rank:
            longer = now_ms - self._lost_ms < _CALM_MS + self._hold_ms
            self._hold_ms = min(self._hold_ms * 2, _LONGEST_HOLD_MS) if longer else _HOLD_MS
            self._lost_ms = now_ms
        elif self._next_ms < 0 or reason != self._next:
            self._next = reason
            self._next_ms = now_ms
            return
        elif now_ms - self._next_ms < self._hold_ms:
            return
        self._next_ms = -1
        tell = part("emergency_events").tell
        tell(self, self._device, self._endpoint, (rank, reason), self._away, now_ms)


def _rank(reason):
    if not reason:
        return _YES
    return _UNKNOWN if reason in ("MainsLost", "NotReported") else _NO
