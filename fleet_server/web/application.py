"""The pages as an application; the HTTP API and the health checks are added by `console.py`."""

from __future__ import annotations

from fastapi import FastAPI

from fleet_server.services.console_context import MAX_BODY_BYTES, ConsoleContext
from fleet_server.web import (
    allow_lists,
    assets,
    campaign_form,
    campaigns,
    commands,
    contract_services,
    contracts,
    credits,
    deadlines,
    devices,
    losses,
    maintenance,
    operations,
    outages,
    people,
    problems,
    repairs,
    returns,
    settings,
    sign_in,
    swap_orders,
    swaps,
    unit_record,
    units,
    voice,
)
from fleet_server.web.security import SecurityHeaders


def create_pages(context: ConsoleContext) -> FastAPI:
    pages = FastAPI(
        title="Fleet console",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        max_body_size=MAX_BODY_BYTES,
    )
    pages.state.context = context
    pages.add_middleware(SecurityHeaders)
    problems.install(pages)
    places = (devices, units, unit_record, contracts, credits, deadlines, settings, people)
    service_pages = (contract_services, allow_lists, returns, losses, operations)
    for module in (assets, sign_in, *places, *service_pages):
        pages.include_router(module.router)
    for module in (
        outages,
        voice,
        maintenance,
        repairs,
        commands,
        swap_orders,
        swaps,
        campaign_form,
        campaigns,
    ):
        pages.include_router(module.router)
    return pages
