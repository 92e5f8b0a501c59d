"""The HTTP API as an application of its own, mounted at /api/v1."""

from __future__ import annotations

from fastapi import FastAPI

from fleet_server.api import (
    accounts,
    allow_lists,
    blacklist,
    campaigns,
    clocks,
    commands,
    contract_services,
    contracts,
    credits,
    defects,
    errors,
    maintenance,
    openapi,
    operations,
    outages,
    people,
    policy,
    registry,
    repair_stock,
    repairs,
    returns,
    session,
    stock,
    swap_orders,
    swaps,
    units,
    voice,
    warranty,
)
from fleet_server.api.idempotency import IdempotencyKeys
from fleet_server.services.console_context import MAX_BODY_BYTES, ConsoleContext

PREFIX = "/api/v1"


def create_api(context: ConsoleContext) -> FastAPI:
    api = FastAPI(
        title="Fleet server",
        version="1",
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        max_body_size=MAX_BODY_BYTES,
    )
    api.state.context = context
    api.add_middleware(IdempotencyKeys, context=context)
    errors.install(api)
    api.include_router(session.router)
    api.include_router(units.router)
    api.include_router(stock.router)
    api.include_router(contracts.router)
    api.include_router(registry.router)
    api.include_router(warranty.router)
    api.include_router(repairs.router)
    api.include_router(repair_stock.router)
    api.include_router(policy.router)
    api.include_router(people.router)
    api.include_router(clocks.router)
    api.include_router(credits.router)
    api.include_router(defects.router)
    api.include_router(swaps.router)
    api.include_router(campaigns.router)
    api.include_router(swap_orders.router)
    for module in (contract_services, allow_lists, returns, blacklist, operations):
        api.include_router(module.router)
    api.include_router(commands.router)
    api.include_router(accounts.router)
    openapi.install(api)
    for module in (outages, maintenance, voice):
        api.include_router(module.router)
    return api
