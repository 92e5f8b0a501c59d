"""Asks the softswitch about lines in a thread beside, so that a slow one holds nothing else up."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fleet_server.services.operator_ports import PENDING, Line, SystemUnavailableError

_GOOD_FOR = timedelta(seconds=5)


@dataclass(slots=True)
class LineLooks:
    """Called with the name of a line: what the softswitch said of it in the last seconds.

    Raises SystemUnavailableError("pending") while it has not answered yet.
    """

    line_of: Callable[[str], Line | None]
    pool: Executor
    now: Callable[[], datetime]
    _looks: dict[str, tuple[datetime, Future[Line | None]]] = field(default_factory=dict)

    def __call__(self, name: str) -> Line | None:
        asked_at, look = self._looks.pop(name, (None, None))
        if look is None or asked_at is None or (look.done() and self._is_old(asked_at)):
            self._looks[name] = (self.now(), self.pool.submit(self.line_of, name))
            raise SystemUnavailableError(PENDING)
        if not look.done():
            self._looks[name] = (asked_at, look)
            raise SystemUnavailableError(PENDING)
        return look.result()

    def _is_old(self, asked_at: datetime) -> bool:
        return self.now() - asked_at > _GOOD_FOR
