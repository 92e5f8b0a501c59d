"""The courier process: carries decisions to the operator's systems and devices, until SIGTERM.

`fleet-server run` starts it with its settings in the environment. A process of its own, because a
system of the operator that is slow must not hold up what devices report. Commands to devices leave
from a thread beside (adapters/dispatcher.py); when either ends, the process does.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from fleet_server import bootstrap
from fleet_server.adapters import broker
from fleet_server.adapters.certificates import Pki
from fleet_server.adapters.clock import utc_now
from fleet_server.adapters.dispatcher import Dispatcher
from fleet_server.adapters.line_looks import LineLooks
from fleet_server.adapters.session_end import end_session
from fleet_server.config import Config, from_environment
from fleet_server.errors import LinkError
from fleet_server.services import (
    allow_list_versions,
    campaign_engine,
    command_desk,
    service_state,
    sessions,
    swaps,
)
from fleet_server.services.delivery import THREADS, Delivery
from fleet_server.services.fleet import Fleet
from fleet_server.services.fleet_actions import FleetActions
from fleet_server.services.policy import read_policy

logger = logging.getLogger(__name__)

_IDLE_S = 1.0
_BUSY_S = 0.1
_STEP_EVERY_S = 5.0
_ROLL_OUT_EVERY_S = 60.0
_CAMPAIGNS_EVERY_S = 1.0


def main() -> int:
    """Run until asked to stop; gives the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    stop = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stop.set())
    config = from_environment()
    try:
        fleet = bootstrap.build(config)
        with _beside(bootstrap.dispatcher(config, fleet, utc_now), stop):
            work(config, fleet, stop.is_set, stop.wait)
    except Exception:  # the outermost loop: the supervisor starts a fresh process
        logger.exception("The courier ends.")
        return 1
    return 0


@contextmanager
def _beside(dispatcher: Dispatcher, stop: threading.Event) -> Iterator[None]:
    """Runs the dispatcher meanwhile; what ended it ends the block, and is raised at its end."""
    with ThreadPoolExecutor(1, "dispatcher") as pool:
        ran = pool.submit(dispatcher.run, stop.is_set)
        ran.add_done_callback(lambda _: stop.set())
        try:
            yield
        finally:
            stop.set()
        ran.result()


def work(
    config: Config,
    fleet: Fleet,
    stopping: Callable[[], bool],
    wait: Callable[[float], object],
) -> None:
    """Deliver what is due; between, look at what time alone brings."""
    systems = bootstrap.called_systems(config, fleet, utc_now)
    with ThreadPoolExecutor(THREADS, "call") as pool:
        delivery = Delivery(fleet, systems, utc_now, pool)
        line_of = LineLooks(bootstrap.voice_system(config, fleet, utc_now).line, pool, utc_now)
        _deliver(config, fleet, delivery, line_of, stopping, wait)


def _deliver(
    config: Config,
    fleet: Fleet,
    delivery: Delivery,
    line_of: LineLooks,
    stopping: Callable[[], bool],
    wait: Callable[[float], object],
) -> None:
    step, roll_out, campaigns = (
        Every(every_s) for every_s in (_STEP_EVERY_S, _ROLL_OUT_EVERY_S, _CAMPAIGNS_EVERY_S)
    )
    revocations = sessions.Revocations(
        fleet, partial(bootstrap.write_revocations, config), partial(_end_session, config, fleet)
    )
    while not stopping():
        now = utc_now()
        if step.is_due():
            with fleet.writing() as connection:
                service_state.step(connection, read_policy(connection), now)
            revocations.follow(now)
        if roll_out.is_due():
            _roll_out(fleet)
            swaps.tidy(fleet, now)
        if campaigns.is_due():
            _work_on_campaigns(fleet, now)
        taken_in = swaps.advance(fleet, now, line_of)
        if not delivery.work_off() and not taken_in:
            wait(_BUSY_S if delivery.is_busy or _is_under_way(fleet) else _IDLE_S)


@dataclass(slots=True)
class Every:
    """True once in so many seconds, however the wall clock is put right meanwhile."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    _next_s: float = float("-inf")

    def is_due(self) -> bool:
        now_s = self.clock()
        if now_s < self._next_s:
            return False
        self._next_s = now_s + self.seconds
        return True


def _is_under_way(fleet: Fleet) -> bool:
    now = utc_now()
    with fleet.reading() as connection:
        return command_desk.is_under_way(connection, now) or swaps.is_under_way(connection, now)


def _work_on_campaigns(fleet: Fleet, now: datetime) -> None:
    with fleet.reading() as connection:
        if not campaign_engine.is_any_worked_on(connection):
            return
    with fleet.writing() as connection:
        campaign_engine.step(connection, FleetActions(), read_policy(connection), now)


def _roll_out(fleet: Fleet) -> None:
    with fleet.writing() as connection:
        queued = allow_list_versions.roll_out(connection, utc_now())
    if queued:
        logger.info("The allow-list goes to %d more devices.", queued)


def _end_session(config: Config, fleet: Fleet, endpoint_id: str) -> None:
    try:
        end_session(broker.address(config), Pki(config.pki), endpoint_id)
    except LinkError as error:
        logger.warning("%s: its session is not ended yet: %s", endpoint_id, error)
        return
    with fleet.writing() as connection:
        sessions.ended(connection, endpoint_id, utc_now())
    logger.info("%s: its session is ended.", endpoint_id)


if __name__ == "__main__":
    sys.exit(main())
