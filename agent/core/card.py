"""The monitor of the smart card: what is in the slot, since when, and what it may open.

- A change at the slot's switch counts once it has lasted: a card that is wiggled is read anew, and
  nothing is told unless it is another one.
- Putting in and taking out are told at once; what the card is follows when it was read.
- A card is read when it was put in, when the box saw an entitlement message for it, and again
  after an interval that depends on its state. It is left alone while it serves to descramble
  (`descrambling` of the board's facts): that it runs is proven by that.
- What was read is taken over by `look`, so that nothing changes while an answer is being written.
- The card that first ran in this box is the one it is paired with, until `X_IPKO-COM_Pair()` says
  otherwise; any other is told as another card.
"""

import asyncio
import json

from agent.compat import const, sleep_ms
from agent.core.parts import part
from agent.errors import StorageError
from agent.wire.codes import (
    CARD_ABSENT,
    CARD_INSERTED_EVENT,
    CARD_MUTE,
    CARD_NOT_ENTITLED,
    CARD_READER,
    CARD_READING,
    CARD_REMOVED_EVENT,
    CARD_RUNNING,
    CARD_STATE_EVENT,
    CARD_UNKNOWN,
    CARD_WRONG_PAIRING,
    GRADE_INFERRED,
)

_BLOB = "card"
_STEADY_MS = const(200)  # less than a poll: a change is told with the second look
_OTHER = "card-other"
_TOLD_MS = const(2000)  # between two looks at what another program tells of the card

# (state, its alarm, ms until a card in it is read again; 0 for not before it is put in anew)
_STATES = (
    (CARD_ABSENT, "card-absent", 0),
    (CARD_MUTE, "card-mute", 60000),
    (CARD_UNKNOWN, "card-unknown", 0),
    (CARD_WRONG_PAIRING, "card-pairing", 15000),
    (CARD_NOT_ENTITLED, "card-entitlement", 15000),
    (CARD_RUNNING, "", 600000),
)


class Monitor:
    """`seen` is what live_card.py shows; `paired` the serial number of the card of this box."""

    def __init__(self, device, endpoint) -> None:
        self._device = device
        self._endpoint = endpoint
        self.seen = {"State": CARD_READING}
        self.paired = ""
        self.other = False
        self.reset_at = None  # (moment, counters then) of the latest Reset()
        self._told = None  # [state, serial number] as last told, None on a new box
        board = device.board
        self._asks = board.card_line is not None or board.card_port is not None
        self._present = None
        self._changing_ms = None
        self._due_ms = 0
        self._turn = 0
        self._emm = None
        self._found = None  # what run() has read
        self._wanted = asyncio.Event()
        try:
            kept = device.store.load(_BLOB)
        except StorageError:
            kept = None  # told anew, as on a new box
        if kept:
            self.paired, self._told = json.loads(kept)
        device.card = self

    def look(self, now_ms: int) -> None:
        """Follow the switch; have the card read when it is due, and take over what was read."""
        present = self._device.board.card_present()
        if present == self._present:
            if self._changing_ms is not None:
                self._changing_ms = None
                self._anew(now_ms)  # it lost its power, and may be another
        elif self._changing_ms is None and self._present is not None:
            self._changing_ms = now_ms
        elif self._present is None or now_ms - self._changing_ms >= _STEADY_MS:
            self._changed(present, now_ms)
        if self._present and self._changing_ms is None:
            found, self._found = self._found, None
            if found:
                self._take(found)
            self._consider(now_ms)

    async def run(self) -> None:
        """Read whenever it is wanted; ends only by an error."""
        board = self._device.board
        follow = None
        if board.card_changed is not None:
            follow = asyncio.create_task(self._follow(board.card_changed))
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                turn = self._turn
                found = await part("card_read").read(self._device)
                if turn == self._turn:
                    self._found = found
                    self._endpoint.wake()
        finally:
            if follow:
                follow.cancel()

    def restart(self, counters) -> None:
        """Reset reader and card: read it with the next look, count what fails from here on."""
        self.reset_at = ([self._device.clock.boot_count, self._device.now_ms], counters)
        if self._present:
            self._anew(0)
            self.seen = {"State": CARD_READING}

    def pair(self, serial_number: str) -> None:
        """This is the card of this box from now on. Raises StorageError."""
        self.paired = serial_number
        self._keep()
        self._tell()

    async def _follow(self, changed):
        """Look at once, and again when the change has lasted."""
        while True:
            await changed.wait()
            self._endpoint.wake()
            await sleep_ms(_STEADY_MS + 1)
            self._endpoint.wake()

    def _changed(self, present, now_ms):
        first = self._present is None
        self._present = present
        self._changing_ms = None
        self._anew(now_ms)
        was_there = self._told and self._told[0] != CARD_ABSENT
        if first and (not self._told or bool(present) == bool(was_there)):
            if not present:
                self._take({"State": CARD_ABSENT})
            return
        args = {"Grade": GRADE_INFERRED} if first else {}
        if self._told and self._told[1]:
            args["SerialNumber"] = self._told[1]
        state = CARD_READING if present else CARD_ABSENT
        self.seen = {"State": state}
        self._told = [state, "", False]
        self._event(CARD_INSERTED_EVENT if present else CARD_REMOVED_EVENT, args)
        if not present:
            self._tell()

    def _anew(self, due_ms):
        """Whatever was or is being read is of another card, perhaps."""
        self._turn += 1
        self._found = None
        self._due_ms = due_ms

    def _consider(self, now_ms):
        card = self._device.facts("card") or {}
        emm = card.get("last_emm")
        if emm != self._emm:
            self._emm = emm
            self._due_ms = now_ms
        if now_ms < self._due_ms:
            return
        if not self._asks:
            self._due_ms = now_ms + _TOLD_MS
        elif card.get("descrambling"):
            if self.seen["State"] == CARD_READING:
                self._take({"State": CARD_RUNNING})
            return
        else:
            self._due_ms = now_ms + self._interval_ms()
        self._wanted.set()

    def _interval_ms(self):
        for state, _, interval_ms in _STATES:
            if state == self.seen["State"] and interval_ms:
                return interval_ms
        return 0x3FFFFFFFFFFF

    def _take(self, found):
        """What was read, or is known without reading."""
        self.seen = found
        if self._asks:
            self._due_ms = self._device.now_ms + self._interval_ms()
        serial = found.get("SerialNumber", "")
        if found["State"] == CARD_RUNNING and serial and not self.paired:
            self.paired = serial
            self._keep()
        self._tell()

    def _tell(self):
        """Alarms and the event, as far as what is known now is news."""
        state = self.seen["State"]
        serial = self.seen.get("SerialNumber", "")
        put = self._device.alarms.put
        for each, alarm, _ in _STATES:
            if alarm:
                put(alarm, each == state, serial)
        known = self._told
        if not serial and known and known[0] == state:
            return  # no news, or it runs and could not be asked
        self.other = bool(serial and self.paired and serial != self.paired)
        put(_OTHER, self.other, serial)
        told = [state, serial, self.other]
        if told == known:
            return
        args = {"State": state, "Other": "true" if self.other else "false"}
        for name in ("SerialNumber", "ATR", "Application"):
            if self.seen.get(name):
                args[name] = self.seen[name]
        if self.other:
            args["PairedSerialNumber"] = self.paired
        self._told = told
        self._event(CARD_STATE_EVENT, args)

    def _event(self, name, args):
        self._endpoint.event(CARD_READER, name, args, self._device.now_ms, True)
        self._keep()
        self._endpoint.wake()

    def _keep(self):
        try:
            self._device.store.save(_BLOB, json.dumps([self.paired, self._told]).encode())
        except StorageError:
            return  # right until the next start, when it is told again
