"""Power events: the dying gasp, its record, what happened when power is back, dips and swells.

- Gasp and record are made beforehand. A msg_id is (epoch, sequence): were the gasp sent first and
  the power gone before the record, the next boot would give the same sequence to another event, and
  the server would take that for a repetition and drop it. So the record is completed first, where
  that takes less than a millisecond; where it takes longer (`board.gasp_first`) the gasp leaves
  first, and a boot that finds no record gives its sequence up.
  The record is one page of flash outside the file system; places, order and figures are in
  docs/adr/0006-power-record-outside-files.md.
- The gasp is best effort. What is certain comes after the next boot: the journal's record, and
  `PowerRestored!` with the length of the outage as soon as both boots' clocks are known.
- Power that comes back without a reset ends the outage in the same boot.
- While a battery carries the device nothing of this happens: battery.py tells of the mains. When
  the battery ends, the source of the loss is Battery.
- Where the board has a sampler, power_sampler.py watches its supply; where it can only read one
  value of a rail now and then, SupplyEvents does, every 10 ms. Thresholds are those of EN 50160:
  dip below 90 %, swell above 110 %, interruption below 5 % of nominal, with 2 % hysteresis.
- What nothing measured is inferred: a brown-out reset is a `Dip!` without magnitude and duration,
  and an outage that left no record is known by the reset alone.
"""

import asyncio
import gc

from agent.breath import on_breath
from agent.compat import MICROPYTHON, const, sleep_ms
from agent.core.events import date_time, event_record
from agent.core.journal import fixed_digits
from agent.core.parts import part
from agent.errors import StorageError
from agent.wire.codes import (
    BOOT_EVENT,
    DEVICE,
    DIP_EVENT,
    GRADE_INFERRED,
    INTERRUPTION,
    MAINS,
    POWER,
    POWER_LOSS_EVENT,
    POWER_RESTORED_EVENT,
    RESET_BROWN_OUT,
    RESET_POWER_ON,
    SWELL_EVENT,
)

_SAMPLE_MS = const(10)
_RIDE_THROUGH_MS = const(1000)  # power that is back by then never left this boot
_SLOT_DIGITS = const(13)
_TIME_BYTES = const(24)  # of a dateTime with milliseconds


class PowerMonitor:
    """Watches one board's power. `session` is asked for the connection and sends the gasp."""

    def __init__(self, board, clock, journal, endpoint, session) -> None:
        self._board = board
        self._clock = clock
        self._journal = journal
        self._endpoint = endpoint
        self._session = session
        self._interrupted = asyncio.Event()
        self._prepared_for = None
        self._packet = None
        self._patches = ()
        self._packet_sequence = 0
        self._unwanted_at = None  # state of the model in which nobody had subscribed
        self._source = MAINS
        self._supply = None  # the watch of the sampler, where there is one
        self._lost_ms = None  # up time when it saw the interruption begin that goes on
        self.last_signal = (0, False)  # (up time ms, gasp was sent) of the latest signal

    def report_boot(self, boot_arguments: dict) -> None:
        """Journal `PowerRestored!` if power was away, and `Boot!`; make the gasp's record ready."""
        cause = self._board.reset_cause()
        self._journal.loss_told = self._board.gasp_first and self._journal.loss_untold
        loss = self._journal.last_loss
        if loss or (cause in (RESET_POWER_ON, RESET_BROWN_OUT) and self._clock.boot_count > 1):
            args = {"Loss": list(loss)} if loss else {"Grade": GRADE_INFERRED}
            if cause == RESET_BROWN_OUT and not loss:
                self._endpoint.event(POWER, DIP_EVENT, {"Grade": GRADE_INFERRED}, 0, True)
            self._endpoint.event(POWER, POWER_RESTORED_EVENT, args, 0, True)
        now_ms = self._clock.up_time_ms()
        self._endpoint.event(DEVICE, BOOT_EVENT, boot_arguments, now_ms, True)
        self._prepare_record()

    async def run(self) -> None:
        """Watch for ever; ends only by an error."""
        tasks = [asyncio.create_task(self._watch())]
        if self._board.power_fail is not None:
            tasks.append(asyncio.create_task(self._await_signal()))
        if self._board.sampler is not None:
            watch = part("power_sampler").SupplyWatch
            self._supply = watch(self._board.sampler, self._clock, self._report)
            tasks.append(asyncio.create_task(self._supply.run()))
        elif "supply" in self._board.sensors:
            tasks.append(asyncio.create_task(self._sample()))
        on_breath(self._look_at_pin)
        try:
            await asyncio.gather(*tasks)
        finally:
            on_breath(None)
            for task in tasks:
                task.cancel()

    # --- the gasp

    def _look_at_pin(self):
        """From inside work that takes long: what the pin tells the task, which cannot run now."""
        if not self._interrupted.is_set() and self._board.power_failing():
            self.power_failing()

    def power_failing(self) -> None:
        """The signal came: keep the record, send the gasp. Nothing here waits."""
        self._interrupted.set()
        if MICROPYTHON:
            every = gc.threshold()
            gc.threshold(-1)  # a collection takes as long as all the rest
            self._gasp()
            gc.threshold(every)
        else:
            gc.disable()
            self._gasp()
            gc.enable()

    def _gasp(self):
        up_time_ms = self._clock.up_time_ms()
        sequence = self._journal.loss_sequence
        sent = False
        if not sequence:
            pass  # no room for a record, or one is kept already
        elif self._board.gasp_first:
            sent = self._send(sequence, up_time_ms)
            self._journal.loss_told = sent and not self._keep(up_time_ms)
        elif self._keep(up_time_ms):
            sent = self._send(sequence, up_time_ms)
        if sent and not self._journal.loss_told:
            self._note_gasp()
        self.last_signal = (up_time_ms, sent)

    def _send(self, sequence, up_time_ms):
        if self._packet_sequence != sequence or self._prepared_for != self._gasp_key():
            self._prepare_packet(sequence)
        self._date_packet(up_time_ms)
        return bool(self._packet) and self._session.send_now(self._packet)

    def _keep(self, up_time_ms):
        try:
            self._journal.append_loss(up_time_ms)
        except StorageError:
            return False
        return True

    def _note_gasp(self):
        try:
            self._journal.note_gasp()
        except StorageError:
            pass  # the record is kept: only the count of gasps is one short

    def look(self, now_ms: int) -> None:
        """Make the packet anew when what it says has changed; a monitor of the endpoint."""
        if self._source != self._endpoint.power_source:
            self._source = self._endpoint.power_source
            self._prepare_record()
        if self._unwanted_at == self._endpoint.changes():
            return
        if self._gasp_key() != self._prepared_for:
            self._prepare_packet(self._journal.last_sequence + 1)

    def _gasp_key(self):
        return (
            self._session.state,
            self._session.since_ms,
            self._journal.last_sequence,
            len(str(self._clock.up_time_ms())),
            self._journal.clock_of(self._clock.boot_count),
            self._source,
        )

    def _record(self, up_time):
        args = {"Source": self._source}
        return event_record(POWER, POWER_LOSS_EVENT, args, self._clock.boot_count, up_time)

    def _prepare_record(self):
        digits = "0" * _SLOT_DIGITS
        record = self._record(digits)
        at = record.rfind(digits.encode())
        self._journal.prepare_loss(record, self._clock.boot_count, at, _SLOT_DIGITS)

    def _prepare_packet(self, sequence):
        self._prepared_for = self._gasp_key()
        self._packet_sequence = sequence
        self._packet = None
        self._patches = ()
        if self._session.state != "online":
            return
        up_time_ms = self._clock.up_time_ms()
        outgoing = self._endpoint.notification(sequence, self._record(up_time_ms))
        if outgoing is None:
            self._prepared_for = None  # ask again once something changed
            self._unwanted_at = self._endpoint.changes()
            return
        self._unwanted_at = None
        self._packet = bytearray(self._session.prepare(outgoing.topic, outgoing.payload()))
        self._patches = _patches(self._packet, up_time_ms)

    def _date_packet(self, up_time_ms):
        for at, size, is_time in self._patches:
            if is_time:
                offset_ms = self._journal.clock_of(self._clock.boot_count)[0]
                text = date_time(offset_ms + up_time_ms).encode()
            else:
                text = fixed_digits(up_time_ms, size)
            self._packet[at : at + size] = text

    async def _await_signal(self):
        while True:
            await self._board.power_fail.wait()
            if not self._interrupted.is_set():
                self.power_failing()

    async def _watch(self):
        while True:
            await self._interrupted.wait()
            failed_ms = self.last_signal[0]
            await self._until_restored()
            self._interrupted.clear()
            await self._restored(self._clock.up_time_ms(), failed_ms)

    async def _until_restored(self):
        """Come back when power is back, if this boot lives to see it."""
        await sleep_ms(_RIDE_THROUGH_MS)
        while self._supply and self._supply.is_low():
            await sleep_ms(_SAMPLE_MS)
        while self._is_low(self._board.supply_mv()):
            await sleep_ms(_SAMPLE_MS)

    def _is_low(self, supply_mv):
        return supply_mv is not None and supply_mv * 10 < self._board.supply_nominal_mv * 9

    async def _restored(self, now_ms, failed_ms):
        end_ms, error_ms = now_ms, _RIDE_THROUGH_MS
        if self._lost_ms is not None and self._supply.restored_ms > self._lost_ms:
            failed_ms, end_ms = self._lost_ms, self._supply.restored_ms
            error_ms = self._supply.resolution_ms
        self._lost_ms = None
        args = {"Duration": str(end_ms - failed_ms), "DurationError": str(error_ms)}
        self._journal.settle()
        await sleep_ms(0)  # each step takes as long as erasing flash does
        self._endpoint.event(POWER, POWER_RESTORED_EVENT, args, now_ms, True)
        await sleep_ms(0)
        self._prepare_record()
        self._session.wake()

    # --- the supply

    async def _sample(self):
        supply = SupplyEvents(self._board.supply_nominal_mv)
        while True:
            now_ms = self._clock.up_time_ms()
            supply_mv = self._board.supply_mv()
            if supply_mv is not None:
                for event in supply.feed(supply_mv, now_ms):
                    self._report(*event)
            await sleep_ms(_SAMPLE_MS)

    def _report(self, name, magnitude_mv, began_ms, duration_ms):
        if name == INTERRUPTION:
            if self._is_carried():
                return
            if not self._interrupted.is_set():
                self.power_failing()
            if self._supply and self._lost_ms is None:
                self._lost_ms = began_ms
            return
        args = {"Magnitude": str(magnitude_mv), "Duration": str(duration_ms)}
        self._endpoint.event(POWER, name, args, began_ms, True)
        self._session.wake()

    def _is_carried(self):
        """Whether a battery keeps the device alive when the supply is gone: no power loss then."""
        battery = self._board.facts("battery")
        if not battery or not battery["present"]:
            return False
        return battery["on_battery"] or battery.get("charge_percent", 0) > 0


class SupplyEvents:
    """Dips, swells and interruptions in a row of samples. Source: EN 50160, IEC 61000-4-30."""

    def __init__(self, nominal_mv: int) -> None:
        self._nominal_mv = nominal_mv
        self._kind = None
        self._extreme_mv = 0
        self._began_ms = 0

    def feed(self, supply_mv: int, now_ms: int):
        """(name, residual or maximum mV, up time it began, duration ms) of each that is over.

        An interruption is told as it begins, and nothing more of the dip it grew from.
        """
        percent = supply_mv * 100
        events = self._end(percent, supply_mv, now_ms) if self._kind else ()
        if self._kind is None:
            if percent < 90 * self._nominal_mv:
                self._begin(DIP_EVENT, supply_mv, now_ms)
            elif percent > 110 * self._nominal_mv:
                self._begin(SWELL_EVENT, supply_mv, now_ms)
        if self._kind == DIP_EVENT and percent < 5 * self._nominal_mv:
            self._kind = INTERRUPTION
            events += ((INTERRUPTION, supply_mv, self._began_ms, now_ms - self._began_ms),)
        return events

    def _end(self, percent, supply_mv, now_ms):
        """Follow what is going on; its event when this sample is the end of it."""
        if self._kind == SWELL_EVENT:
            self._extreme_mv = max(self._extreme_mv, supply_mv)
            over = percent <= 108 * self._nominal_mv
        else:
            self._extreme_mv = min(self._extreme_mv, supply_mv)
            over = percent >= 92 * self._nominal_mv
        if not over:
            return ()
        kind, self._kind = self._kind, None
        if kind == INTERRUPTION:
            return ()
        return ((kind, self._extreme_mv, self._began_ms, now_ms - self._began_ms),)

    def _begin(self, kind, supply_mv, now_ms):
        self._kind = kind
        self._extreme_mv = supply_mv
        self._began_ms = now_ms


def _patches(packet, up_time_ms):
    """Where the packet says when: (offset, bytes, whether it is the dateTime)."""
    found = []
    digits = b"%d" % up_time_ms
    for name, value, size in ((b"UpTime", digits, len(digits)), (b"Time", b"2", _TIME_BYTES)):
        # a map entry of protobuf: key as field 1, value as field 2
        start = bytes((0x0A, len(name))) + name + bytes((0x12, size))
        at = packet.find(start + value)
        if at >= 0:
            found.append((at + len(start), size, name == b"Time"))
    return found
