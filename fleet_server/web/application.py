"""The pages as an application; the HTTP API and the health checks are added by `console.py`."""

from __future__ import annotations

from fastapi import FastAPI

from fleet_server.services.console_context import ConsoleContext
from fleet_server.web import assets, devices, problems, sign_in, units
from fleet_server.web.security import Guard


def create_pages(context: ConsoleContext) -> FastAPI:
    pages = FastAPI(title="Fleet console", openapi_url=None, docs_url=None, redoc_url=None)
    pages.state.context = context
    pages.add_middleware(Guard)
    problems.install(pages)
    for module in (assets, sign_in, devices, units):
        pages.include_router(module.router)
    return pages
