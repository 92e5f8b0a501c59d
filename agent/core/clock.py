"""The agent's time: a boot counter, milliseconds since boot, and what Unix time that is.

A board starts without a clock. Up time is certain; Unix time is up time plus an offset that is
known only within an error. Each boot's offset is kept in the journal, so that what happened then
can be dated later. A time before this software was released is refused as wrong. An earlier boot's
time binds nobody: it may have been a server's mistake, and a floor made of it would refuse every
right time for ever.

Whom to believe. The controller's time comes over a connection with certificates on both sides: it
alone is trusted, and it alone tells whether an authorisation has expired. SNTP and a machine's own
clock (which follows SNTP) are not authenticated: they date what happens while nothing better is
known, and are taken beside the controller's time only where both can be true at once. When they
cannot, the controller's time holds. So whoever forges SNTP neither ends nor prolongs an
authorisation.
"""

from agent.compat import const, monotonic_ms
from agent.core.events import date_time, dated, moment_text
from agent.errors import StorageError
from agent.wire.codes import UNKNOWN_TIME

RELEASED_MS = 1793491200000  # 2026-11-01: it was never earlier where this software runs
CONTROLLER = "Controller"
MACHINE = "Machine"
SNTP = "SNTP"
_END_MS = 4102444800000  # 2100-01-01: later than that is as wrong
_BOOT_COUNT = "boot_count"
_SKIPPED_BOOTS = const(10000)  # when the counter cannot be read
_DRIFT_PER_MILLION = const(100)  # of a crystal, with room for temperature: 100 ppm
_KEPT_WITHIN_MS = const(1000)  # flash is written when what it has is wrong by more


class Clock:
    """`up_time_ms()` gives the time since boot; `floor_ms` is the earliest credible Unix time.

    `source` says where the time came from that is told, "" while there is none.
    """

    def __init__(
        self, store, journal, up_time_ms=monotonic_ms, floor_ms: int = RELEASED_MS
    ) -> None:
        self.journal = journal
        self.up_time_ms = up_time_ms
        self.floor_ms = floor_ms
        self.boot_count = _next_boot(store, journal)
        self.source = ""
        self._known: tuple | None = None  # (offset, its error at, up time) of what is told
        self._trusted: tuple | None = None  # the same of what the controller said
        self._kept: tuple | None = None  # the first two of what is on flash

    def set_time(
        self, unix_ms: int, error_ms: int, at_ms: int | None = None, source: str = CONTROLLER
    ) -> bool:
        """Take over that it was `unix_ms`, give or take `error_ms`, at up time `at_ms` (now).

        False when the time is before the floor, after 2099, worse than what is known already, or
        not trusted and against what is.
        """
        now = self.up_time_ms()
        at_ms = now if at_ms is None else at_ms
        if not self.floor_ms <= unix_ms + error_ms < _END_MS or error_ms < 0:
            return False
        told = unix_ms - at_ms, error_ms, at_ms
        if source == CONTROLLER:
            if self._is_better(self._trusted, told, now):
                return False
            self._trusted = told
            if self._agree(self._known, told, now) and self._is_better(self._known, told, now):
                return True
        elif self._trusted and not self._agree(self._trusted, told, now):
            return False
        elif self._is_better(self._known, told, now):
            return False
        self._take(told)
        self.source = source
        return True

    @property
    def synchronized(self) -> bool:
        return self._known is not None

    @property
    def trusted(self) -> bool:
        """Whether the controller told the time."""
        return self._trusted is not None

    def unix_ms(self) -> int | None:
        """Unix time in milliseconds now, None while unknown."""
        return self._known[0] + self.up_time_ms() if self._known else None

    def trusted_unix_ms(self) -> int | None:
        """The same by what the controller said alone."""
        return self._trusted[0] + self.up_time_ms() if self._trusted else None

    def error_ms(self) -> int | None:
        """Half width of the error of `unix_ms()` now, drift since it was set included."""
        return self._error_of(self._known, self.up_time_ms()) if self._known else None

    def guess_ms(self, turn: int) -> int:
        """The time by which a board without a clock judges certificates at its try number `turn`.

        What the controller told; before that by turns what is known, what the boot before knew,
        and the floor: a wrong one of these, told or forged, must not keep it off the network.
        """
        now = self.unix_ms()
        if self._trusted and now is not None:
            return now
        guesses = [] if now is None else [now]
        earlier = [clock[1] for clock in self.journal.clocks if clock[0] != self.boot_count]
        guesses.extend(earlier[-1:])
        guesses.append(self.floor_ms)
        return guesses[turn % len(guesses)]

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

    def _take(self, told):
        self._known = told
        kept = self._kept
        near = kept and abs(kept[0] - told[0]) <= _KEPT_WITHIN_MS
        if near and kept[1] <= max(2 * told[1], _KEPT_WITHIN_MS):
            self.journal.keep_clock((self.boot_count, told[0], told[1]))
            return
        self.journal.note_clock(self.boot_count, told[0], told[1])
        self._kept = told

    def _is_better(self, known, told, now):
        return known is not None and self._error_of(known, now) < self._error_of(told, now)

    def _agree(self, known, told, now):
        if known is None:
            return False
        errors_ms = self._error_of(known, now) + self._error_of(told, now)
        return abs(known[0] - told[0]) <= errors_ms

    def _error_of(self, known, now):
        return known[1] + ((now - known[2]) * _DRIFT_PER_MILLION + 999999) // 1000000


def _next_boot(store, journal):
    try:
        last = int(store.load(_BOOT_COUNT) or 0)
    except StorageError:  # unreadable: never one that was used before
        last = _SKIPPED_BOOTS + max([clock[0] for clock in journal.clocks] or [0])
    store.save(_BOOT_COUNT, b"%d" % (last + 1))
    return last + 1
