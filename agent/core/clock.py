"""The agent's time: a boot counter, milliseconds since boot, and what Unix time that is.

A board starts without a clock. Up time is certain; Unix time is up time plus an offset that is
known only within an error, from the controller or the machine's own clock. Each boot's
offset is kept in the journal, so that what happened then can be dated later. A time before this
software was released is refused as wrong. An earlier boot's time binds nobody: it may have been a
server's mistake, and a floor made of it would refuse every right time for ever.
"""

from agent.compat import const, monotonic_ms
from agent.core.events import date_time, dated, moment_text
from agent.errors import StorageError
from agent.wire.codes import UNKNOWN_TIME

RELEASED_MS = 1793491200000  # 2026-11-01: it was never earlier where this software runs
_END_MS = 4102444800000  # 2100-01-01: later than that is as wrong
_BOOT_COUNT = "boot_count"
_SKIPPED_BOOTS = const(10000)  # when the counter cannot be read
_DRIFT_PER_MILLION = const(100)  # of a crystal, with room for temperature: 100 ppm


class Clock:
    """`up_time_ms()` gives the time since boot; `floor_ms` is the earliest credible Unix time."""

    def __init__(
        self, store, journal, up_time_ms=monotonic_ms, floor_ms: int = RELEASED_MS
    ) -> None:
        self.journal = journal
        self.up_time_ms = up_time_ms
        self.boot_count = _next_boot(store, journal)
        self._noted_at_ms = 0
        self._floor_ms = floor_ms

    def set_time(self, unix_ms: int, error_ms: int, at_ms: int | None = None) -> bool:
        """Take over that it was `unix_ms`, give or take `error_ms`, at up time `at_ms` (now).

        False when the time is before the floor, after 2099, or worse than what is known already.
        """
        now = self.up_time_ms()
        at_ms = now if at_ms is None else at_ms
        if not self._floor_ms <= unix_ms + error_ms < _END_MS or error_ms < 0:
            return False
        known = self.error_ms()
        if known is not None and known < error_ms + self._drift_ms(now - at_ms):
            return False
        self._noted_at_ms = at_ms
        self.journal.note_clock(self.boot_count, unix_ms - at_ms, error_ms)
        return True

    @property
    def synchronized(self) -> bool:
        return self.unix_ms() is not None

    def unix_ms(self) -> int | None:
        """Unix time in milliseconds now, None while unknown."""
        known = self.journal.clock_of(self.boot_count)
        return known[0] + self.up_time_ms() if known else None

    def error_ms(self) -> int | None:
        """Half width of the error of `unix_ms()` now, drift since it was set included."""
        known = self.journal.clock_of(self.boot_count)
        return known[1] + self._drift_ms(self.up_time_ms() - self._noted_at_ms) if known else None

    def text(self) -> str:
        """dateTime with milliseconds, or the unknown time of TR-106."""
        now = self.unix_ms()
        return UNKNOWN_TIME if now is None else date_time(now)

    def lasting(self, moment):
        """The moment (events.py, `dated`) in a form that stays known when the clock of its boot is
        forgotten; as it is while that clock is unknown."""
        known = dated(moment, self.journal.clock_of)
        return [0, known[0], known[1]] if known else moment

    def moment_text(self, moment) -> str:
        """dateTime of a moment, or the unknown time."""
        return moment_text(moment, self.journal.clock_of)

    def _drift_ms(self, elapsed_ms):
        return (elapsed_ms * _DRIFT_PER_MILLION + 999999) // 1000000


def _next_boot(store, journal):
    try:
        last = int(store.load(_BOOT_COUNT) or 0)
    except StorageError:  # unreadable: never one that was used before
        last = _SKIPPED_BOOTS + max([clock[0] for clock in journal.clocks] or [0])
    store.save(_BOOT_COUNT, b"%d" % (last + 1))
    return last + 1
