"""The controller process: takes in what agents publish, until SIGTERM.

`fleet-server run` starts it with its settings in the environment.
"""

from __future__ import annotations

import logging
import secrets
import signal
import ssl
import sys
import time
from collections.abc import Callable

from fleet_server import bootstrap
from fleet_server.adapters import broker, failpoint
from fleet_server.adapters.broker_link import connect
from fleet_server.adapters.certificates import Pki, session_client_id
from fleet_server.adapters.clock import utc_now
from fleet_server.adapters.ingest import Ingest
from fleet_server.config import Config, from_environment
from fleet_server.errors import LinkError
from fleet_server.services import model_cache, readiness
from fleet_server.services.intake import Intake
from fleet_server.services.telemetry import HealthPolicy

logger = logging.getLogger(__name__)

_FIRST_RETRY_S = 0.1
_LONGEST_RETRY_S = 2.0


class _Stop:
    """Set by SIGTERM or SIGINT."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self, *_: object) -> None:
        self.asked = True


def main() -> int:
    """Run until asked to stop; gives the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    stop = _Stop()
    signal.signal(signal.SIGTERM, stop.ask)
    signal.signal(signal.SIGINT, stop.ask)
    config = from_environment()
    try:
        _work(config, lambda: stop.asked)
    except Exception:  # the outermost loop: the supervisor starts a fresh process
        logger.exception("The controller ends.")
        return 1
    return 0


def _work(config: Config, stopping: Callable[[], bool]) -> None:
    ingest = _build(config)
    pki = Pki(config.pki)
    context = _tls(pki)
    retry_s = _FIRST_RETRY_S
    while not stopping():
        try:
            link = connect(
                broker.address(config), context, config.controller_id, session_client_id(pki)
            )
            retry_s = _FIRST_RETRY_S
            ingest.report(readiness.CONNECTED)
            try:
                ingest.run(link, stopping)
            finally:
                link.close()
        except LinkError as error:
            logger.warning("%s", error)
            ingest.report(readiness.CONNECTING)
            time.sleep(retry_s)
            retry_s = min(2 * retry_s, _LONGEST_RETRY_S)


def _build(config: Config) -> Ingest:
    fleet = bootstrap.build(config)
    with fleet.reading() as connection:
        known_models = model_cache.known_models(connection)
    prefix = f"c-{secrets.token_hex(6)}-"
    numbers = iter(range(1, sys.maxsize))
    intake = Intake(
        controller_id=config.controller_id,
        periodic_interval_s=config.periodic_interval_s,
        new_id=lambda: f"{prefix}{next(numbers)}",
        started_at=utc_now(),
        known_models=known_models,
        health=HealthPolicy(config.health_interval_s, config.health_days),
    )
    return Ingest(fleet.engine, intake, utc_now, failpoint.from_environment())


def _tls(pki: Pki) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(pki.root))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(pki.certificate("controller"), pki.key("controller"))
    return context


if __name__ == "__main__":
    sys.exit(main())
