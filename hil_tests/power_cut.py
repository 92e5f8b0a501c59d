"""One power cut as the bench causes it, and what the fleet server made of it."""

from __future__ import annotations

import html
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from hil_tests.instance import Instance
from hil_tests.waiting import wait_until

PAGE_POLL_S = 1.0  # as often as an open device page asks
_GASP_READY_S = 0.5  # the board makes its gasp anew 0.2 s after what it says has changed
_NO_POWER = "no power at the device"
_NEW_EVENTS = (
    "SELECT name FROM event WHERE endpoint_id = ? AND id > ? AND kind = 'event' ORDER BY id"
)
_OPEN_INTERRUPTION = re.compile(r'<div class="interruption">\s*<p><span class="cause">([^<]+)<')


@dataclass(frozen=True, slots=True)
class Verdict:
    """The newest interruption of a device as the database has it; times in ms since 1970."""

    cause: str
    started_ms: int
    ended_ms: int | None
    length_ms: int | None
    length_error_ms: int | None


@dataclass(frozen=True, slots=True)
class PowerCut:
    """What one cut and its restore showed; times in seconds, `None` where there was no signal.

    `stored_s` and `to_page_s` run from the power-fail signal; `events` are the names of all
    that were stored for it, in the order of their arrival.
    """

    bench_length_s: float
    stored_s: float | None
    to_page_s: float | None
    events: tuple[str, ...]
    verdict: Verdict


class PowerCutWatch:
    """Cuts the power of one board of an instance and watches database and device page."""

    def __init__(self, instance: Instance, board: str) -> None:
        self._instance = instance
        self._board = instance.boards[board]
        self._endpoint_id = self._board.spec.endpoint_id
        self._page = instance.browser("fleet_ops")
        wait_until(self._is_onboarded, 30, "onboarding")
        time.sleep(_GASP_READY_S)

    def cut(self, hold_up_ms: float, dark_s: float, page_phase_s: float = 0.5) -> PowerCut:
        """Cut the power, restore it `dark_s` later, and wait until the verdict is closed.

        The cut comes `page_phase_s` after a question of the open page.
        """
        before = self._newest_event()
        stored = to_page = None
        with ThreadPoolExecutor(2) as others:
            page = others.submit(self._when_on_page, _NO_POWER) if hold_up_ms else None
            time.sleep(page_phase_s)
            cutting = others.submit(self._board.power_cut, hold_up_ms)
            stored_at = self._when_stored("PowerLoss!", before) if hold_up_ms else None
            off = cutting.result()
            signalled = off["signalled_at"]
            if page is not None and stored_at is not None:
                stored, to_page = stored_at - signalled, page.result() - signalled
        lost_at: float = off["killed_at"] if signalled is None else signalled
        time.sleep(max(0.0, lost_at + dark_s - time.time()))
        restored_at: float = self._board.power_restore()["restored_at"]
        self._when_stored("Boot!", before)
        self._when_stored("PowerRestored!", before)
        verdict = wait_until(lambda: self._closed_verdicts(lost_at), 30, "closed interruption")[0]
        wait_until(self._is_online, 30, "presence online")
        time.sleep(_GASP_READY_S)
        return PowerCut(
            bench_length_s=restored_at - lost_at,
            stored_s=stored,
            to_page_s=to_page,
            events=self._events_after(before),
            verdict=verdict,
        )

    def _newest_event(self) -> int:
        rows = self._instance.query(
            "SELECT coalesce(max(id), 0) FROM event WHERE endpoint_id = ?", self._endpoint_id
        )
        newest: int = rows[0][0]
        return newest

    def _events_after(self, before: int) -> tuple[str, ...]:
        rows = self._instance.query(_NEW_EVENTS, self._endpoint_id, before)
        return tuple(name for (name,) in rows)

    def _when_stored(self, name: str, before: int) -> float:
        """When a committed `name` after row `before` was first seen; by the bench's clock."""
        what = f"{name} in the database"
        wait_until(lambda: name in self._events_after(before), 30, what, every_s=0.005)
        return time.time()

    def _when_on_page(self, cause: str) -> float:
        """When the open page, which asks once a second, first shows the open interruption."""

        def shown() -> bool:
            answer = self._page.get(f"/devices/{self._endpoint_id}/live").raise_for_status()
            found = _OPEN_INTERRUPTION.search(html.unescape(answer.text))
            return found is not None and found.group(1) == cause

        wait_until(shown, 20, f"{cause} on the page", every_s=PAGE_POLL_S)
        return time.time()

    def _closed_verdicts(self, lost_at: float) -> list[Verdict]:
        rows = self._instance.query(
            "SELECT cause, started_at, ended_at, length_ms, length_error_ms FROM interruption"
            " WHERE endpoint_id = ? AND withdrawn = 0 AND ended_at > ? AND length_ms IS NOT NULL"
            " ORDER BY started_at DESC LIMIT 1",
            self._endpoint_id,
            int(lost_at * 1000),
        )
        return [Verdict(*row) for row in rows]

    def _is_onboarded(self) -> bool:
        rows = self._instance.query(
            "SELECT onboarded_at FROM agent WHERE endpoint_id = ?", self._endpoint_id
        )
        return bool(rows and rows[0][0])

    def _is_online(self) -> bool:
        rows = self._instance.query(
            "SELECT state FROM presence WHERE endpoint_id = ?", self._endpoint_id
        )
        return rows == [("online",)]
