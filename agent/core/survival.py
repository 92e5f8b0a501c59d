"""What the agent goes on after: a medium that failed, or memory that did not suffice.

One piece of work ends of it, and is tried again when it is due again; what it held is free by then.
It is counted, and told by an event for the first, second, fourth, eighth ... time: a medium that
fails for good must not fill the journal. When it happens again and again within some minutes,
something is wrong that only a new start puts right: then the error ends the agent, which keeps it
and has the board reset.
"""

import gc

from agent.compat import const

_MOST = const(16)
_WINDOW_MS = const(600000)


class Survival:
    """`tell(error, count)` journals it, if that is possible."""

    def __init__(self, tell) -> None:
        self.count = 0  # since this boot
        self._tell = tell
        self._since_ms = 0
        self._recent = 0

    def met(self, error, now_ms: int) -> None:
        """Count an error and go on. Raises it when there were too many lately."""
        if now_ms - self._since_ms > _WINDOW_MS:
            self._since_ms = now_ms
            self._recent = 0
        self._recent += 1
        self.count += 1
        if self._recent > _MOST:
            raise error
        gc.collect()
        if not self.count & self.count - 1:
            self._tell(error, self.count)
