"""The console process: pages, HTTP API and health checks in one application.

Served by `uvicorn --factory fleet_server.console:app`; settings come from the environment.
"""

from __future__ import annotations

import logging
import secrets
from datetime import UTC, datetime

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from fleet_server import bootstrap
from fleet_server.adapters.passwords import Argon2Hasher
from fleet_server.api import health, metrics
from fleet_server.api.application import PREFIX, create_api
from fleet_server.api.request_log import RequestLog
from fleet_server.config import from_environment
from fleet_server.services.console_context import ConsoleContext
from fleet_server.services.sign_in_limit import SignInLimit
from fleet_server.web.application import create_pages


def app() -> FastAPI:
    """The application of the installation that the environment names."""
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    return create_console(
        ConsoleContext(
            fleet=bootstrap.build(from_environment()),
            hasher=Argon2Hasher(),
            limit=SignInLimit(),
            now=lambda: datetime.now(UTC),
            new_token=lambda: secrets.token_urlsafe(32),
        )
    )


def create_console(context: ConsoleContext) -> FastAPI:
    requests = CollectorRegistry()
    console = create_pages(context)
    console.add_middleware(RequestLog, registry=requests)
    console.include_router(health.router)
    console.include_router(metrics.create_router(requests))
    console.mount(PREFIX, create_api(context))
    return console
