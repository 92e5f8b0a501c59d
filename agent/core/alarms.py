"""The alarms of a device: what is wrong now, and since when. A restart does not forget them.

A monitor says `put(name, on, text)` as often as it likes; only a change is written to flash. It
should say so at its first look after a start too: that takes back what is over since. What a name
means stands in live_alarms.py, which serves Device.FaultMgmt.; where a device may have several of a
kind, the name goes on with "." and the instance number of the object: "temperature.2".
"""

import json

from agent.errors import StorageError

_BLOB = "alarms"


class Alarms:
    """`raised` has a list for each: instance number, name, moment it began, text, moment the text
    changed. A moment is as in events.py, `dated`."""

    def __init__(self, device) -> None:
        self._device = device
        self.raised = []
        try:
            kept = device.store.load(_BLOB)
        except StorageError:
            return  # the monitors will say again what still is
        self.raised = json.loads(kept or b"[]")
        for alarm in self.raised:
            for slot in (2, 4):
                lasting = device.clock.lasting(alarm[slot])
                if alarm[slot][0] and not lasting[0]:
                    alarm[slot] = lasting
                    self._keep()

    def find(self, name: str):
        """The alarm of this name, None while it is not raised."""
        for alarm in self.raised:
            if alarm[1] == name:
                return alarm
        return None

    def put(self, name: str, on, text: str = "", at_ms: int = -1) -> bool:
        """Raise it, or its new text, or clear it; tell whether that changed anything. What stays
        raised keeps its beginning: now, or the up time `at_ms`. A text has no figures that move:
        each new one is written."""
        alarm = self.find(name)
        device = self._device
        now = [device.clock.boot_count, device.now_ms if at_ms < 0 else at_ms]
        if alarm and on and alarm[3] != text:
            alarm[3] = text
            alarm[4] = now
        elif bool(on) == bool(alarm):
            return False
        elif alarm:
            self.raised.remove(alarm)
        else:
            number = max([raised[0] for raised in self.raised] or [0]) + 1
            self.raised.append([number, name, now, text, now])
        self._keep()
        return True

    def _keep(self):
        try:
            self._device.store.save(_BLOB, json.dumps(self.raised).encode())
        except StorageError:
            return  # it is right until the next start
