"""How many calls may come at once, and how many in the long run: a token bucket for each caller.

Kept in memory, so that a call costs no write. A restart of the console fills every bucket.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from fleet_server.services.accounts import TooManyAttemptsError

_MOST_KEYS = 20_000


class TooManyCallsError(TooManyAttemptsError):
    """More calls than the limit; `retry_after_s` seconds have to pass."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(retry_after_s)
        self.args = (f"More calls than are allowed; wait {retry_after_s} s.",)


@dataclass(slots=True)
class RateLimit:
    """`burst` calls at once for each key, refilled by `per_minute`; safe to use from threads."""

    per_minute: int
    burst: int
    _left: dict[str, tuple[float, datetime]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def take(self, key: str, now: datetime) -> None:
        """Count one call. Raises TooManyCallsError."""
        with self._lock:
            left, at = self._left.pop(key, (float(self.burst), now))
            passed_s = max(0.0, (now - at).total_seconds())
            left = min(float(self.burst), left + passed_s * self.per_minute / 60)
            if len(self._left) >= _MOST_KEYS:
                self._forget_idle()
            self._left[key] = (left - 1 if left >= 1 else left, now)
        if left < 1:
            raise TooManyCallsError(max(1, int(-(-(1 - left) * 60 // self.per_minute))))

    def _forget_idle(self) -> None:
        """Make room: the key in use longest ago stands first."""
        for key in list(self._left)[: _MOST_KEYS // 4]:
            del self._left[key]
