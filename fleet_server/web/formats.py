"""Moments, lengths and numbers as a person of one language reads them, in Belgrade time.

An abbreviated zone name (CET, CEST) stands beside every moment, because one hour of October
happens twice.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, format_percent, get_decimal_symbol
from babel.units import format_unit

from fleet_server.domain.event import whole
from fleet_server.domain.local_time import ZONE_NAME

_ZONE = ZoneInfo(ZONE_NAME)
_LOCALES = {"sq": "sq", "sr": "sr_Latn", "en": "en_GB"}
# Symbols of the SI and its companions: the same in all three languages.
_STEPS = ((3_600, "h"), (60, "min"), (1, "s"))
_DAY_S = 86_400
_DASH = "\N{EN DASH}"
_NO_BREAK = "\N{NO-BREAK SPACE}"


class Formats:
    """Formatting functions of one language; a value of None becomes a dash."""

    def __init__(self, language: str) -> None:
        self._locale = Locale.parse(_LOCALES[language])

    def moment(self, at: datetime | None, milliseconds: bool = False) -> str:
        """Such as `22 Nov 2026 19:05:31 CET`."""
        if at is None:
            return _DASH
        local = at.astimezone(_ZONE)
        fraction = f"'{get_decimal_symbol(self._locale)}'SSS" if milliseconds else ""
        pattern = f"d MMM y HH:mm:ss{fraction}"
        text = format_datetime(local, pattern, locale=self._locale)
        return f"{text} {local.tzname()}"

    def day(self, day: date) -> str:
        """Such as `22 Nov 2026`."""
        return format_date(day, "d MMM y", locale=self._locale)

    def iso(self, at: datetime) -> str:
        """For the `datetime` attribute of `<time>`."""
        return at.astimezone(UTC).isoformat(timespec="milliseconds")

    def since(self, at: datetime, now: datetime) -> str:
        """How long ago `at` was; never negative."""
        return self.length(max(0, int((now - at).total_seconds() * 1000)), whole_seconds=True)

    def length(self, milliseconds: int | None, whole_seconds: bool = False) -> str:
        """A length in at most two units, the seconds of a short one with their fraction."""
        if milliseconds is None:
            return _DASH
        if not whole_seconds and milliseconds < 1000:
            return _with(str(milliseconds), "ms")
        if not whole_seconds and milliseconds < 60_000:
            return _with(self.number(round(milliseconds / 1000, 2)), "s")
        return self._two_units(milliseconds // 1000)

    def number(self, value: float) -> str:
        return format_decimal(value, locale=self._locale)

    def share(self, part: int, whole_: int) -> str:
        """Such as `3 / 4 (75.0%)`; a dash where there is nothing to have a share in."""
        if not whole_:
            return _DASH
        percent = format_percent(part / whole_, "#,##0.0%", locale=self._locale)
        return f"{self.number(part)} / {self.number(whole_)} ({percent})"

    def euros(self, cents: int) -> str:
        """An amount in euro cents."""
        return _with(format_decimal(cents / 100, "#,##0.00", locale=self._locale), "€")

    def volts(self, millivolts: int) -> str:
        text = format_decimal(millivolts / 1000, format="0.00", locale=self._locale)
        return _with(text, "V")

    def tenths(self, value: str) -> str:
        """A level that was reported in tenths; any other text as it is."""
        number = whole(value)
        return value if number is None else format_decimal(number / 10, "0.0", locale=self._locale)

    def _two_units(self, seconds: int) -> str:
        days, rest = divmod(seconds, _DAY_S)
        parts = [self._days(days)] if days else []
        for size, symbol in _STEPS:
            count, rest = divmod(rest, size)
            if count:
                parts.append(_with(str(count), symbol))
        return _NO_BREAK.join(parts[:2]) or _with("0", "s")

    def _days(self, count: int) -> str:
        return format_unit(count, "duration-day", length="short", locale=self._locale).replace(
            " ", _NO_BREAK
        )


def _with(number: str, symbol: str) -> str:
    return f"{number}{_NO_BREAK}{symbol}"
