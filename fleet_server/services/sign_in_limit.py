"""How often a sign-in may fail before the next try has to wait.

Failures are counted per account and caller address, and per address alone, within a sliding
window; a success clears the account's count but not the address's. Counting both keeps one
address from trying many names, and keeps a stranger from locking a person out from elsewhere.
A try counts as failed while its password is checked, or many at once would all be let through.
Kept in memory: a restart of the console forgets it, which an attacker cannot cause.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from threading import Lock

_WINDOW = timedelta(minutes=15)
_PER_ACCOUNT = 5
_PER_ADDRESS = 30
_MAX_KEYS = 20_000


class SignInLimit:
    """Counts failed sign-ins; safe to use from several threads."""

    def __init__(self) -> None:
        self._failures: dict[tuple[str, str], deque[datetime]] = {}
        self._lock = Lock()

    def begin(self, username: str, address: str, now: datetime) -> int:
        """Whole seconds until the next try is allowed; 0 when this one is, which then counts as
        failed until `succeeded` is called."""
        with self._lock:
            waits = (
                self._wait((address, username.lower()), _PER_ACCOUNT, now),
                self._wait((address, ""), _PER_ADDRESS, now),
            )
            if not any(waits):
                self._count(username, address, now)
        return max(waits)

    def succeeded(self, username: str, address: str) -> None:
        """The try begun last was none that failed."""
        with self._lock:
            self._failures.pop((address, username.lower()), None)
            tries = self._failures.get((address, ""))
            if tries is not None and len(tries) > 1:
                tries.pop()
            else:
                self._failures.pop((address, ""), None)

    def _count(self, username: str, address: str, now: datetime) -> None:
        if len(self._failures) >= _MAX_KEYS:
            self._forget_old(now)
        for key, kept in (
            ((address, username.lower()), _PER_ACCOUNT),
            ((address, ""), _PER_ADDRESS),
        ):
            self._failures.setdefault(key, deque(maxlen=kept)).append(now)

    def _wait(self, key: tuple[str, str], allowed: int, now: datetime) -> int:
        times = self._failures.get(key)
        if times is None or len(times) < allowed:
            return 0
        left = times[0] + _WINDOW - now
        return max(0, -(-left // timedelta(seconds=1)))

    def _forget_old(self, now: datetime) -> None:
        """Make room for a quarter of the keys at least, so that this stays rare."""
        old = [key for key, times in self._failures.items() if times[-1] + _WINDOW <= now]
        for key in old or list(self._failures)[: _MAX_KEYS // 4]:
            del self._failures[key]
