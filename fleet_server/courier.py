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
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

from fleet_server import bootstrap
from fleet_server.adapters.clock import utc_now
from fleet_server.adapters.dispatcher import Dispatcher
from fleet_server.config import Config, from_environment
from fleet_server.services import allow_list_versions, command_desk, service_state
from fleet_server.services.delivery import THREADS, Delivery
from fleet_server.services.fleet import Fleet
from fleet_server.services.last_assignment import revoked_certificates
from fleet_server.services.policy import read_policy

logger = logging.getLogger(__name__)

_IDLE_S = 1.0
_BUSY_S = 0.1
_STEP_EVERY = timedelta(seconds=5)
_ROLL_OUT_EVERY = timedelta(minutes=1)


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
        _deliver(config, fleet, Delivery(fleet, systems, utc_now, pool), stopping, wait)


def _deliver(
    config: Config,
    fleet: Fleet,
    delivery: Delivery,
    stopping: Callable[[], bool],
    wait: Callable[[float], object],
) -> None:
    next_step = next_roll_out = utc_now()
    revoked = -1
    while not stopping():
        now = utc_now()
        if now >= next_step:
            next_step = now + _STEP_EVERY
            with fleet.writing() as connection:
                service_state.step(connection, read_policy(connection), now)
            revoked = _keep_broker_informed(config, fleet, revoked)
        if now >= next_roll_out:
            next_roll_out = now + _ROLL_OUT_EVERY
            _roll_out(fleet)
        if not delivery.work_off():
            wait(_BUSY_S if delivery.is_busy or _is_under_way(fleet) else _IDLE_S)


def _is_under_way(fleet: Fleet) -> bool:
    with fleet.reading() as connection:
        return command_desk.is_under_way(connection)


def _roll_out(fleet: Fleet) -> None:
    with fleet.writing() as connection:
        queued = allow_list_versions.roll_out(connection, utc_now())
    if queued:
        logger.info("The allow-list goes to %d more devices.", queued)


def _keep_broker_informed(config: Config, fleet: Fleet, known: int) -> int:
    """Write the revocation list when certificates were revoked; the supervisor has it read."""
    with fleet.reading() as connection:
        count = revoked_certificates(connection)
    if count != known and known >= 0:
        bootstrap.write_revocations(config, utc_now())
    return count


if __name__ == "__main__":
    sys.exit(main())
