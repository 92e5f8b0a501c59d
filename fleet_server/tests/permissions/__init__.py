"""Who may what, by hand: every route, by subject."""

from __future__ import annotations

from fleet_server.tests.permissions import (
    accounts,
    deadlines,
    devices,
    outages,
    registry,
    repairs,
    returns,
    services,
    swaps,
)
from fleet_server.tests.permissions.common import Call, Form, Page

PAGES: list[Page] = [
    *devices.PAGES,
    *registry.PAGES,
    *repairs.PAGES,
    *outages.PAGES,
    *deadlines.PAGES,
    *services.PAGES,
    *returns.PAGES,
    *swaps.PAGES,
    *accounts.PAGES,
]
FORMS: list[Form] = [
    *devices.FORMS,
    *repairs.FORMS,
    *outages.FORMS,
    *deadlines.FORMS,
    *services.FORMS,
    *returns.FORMS,
    *swaps.FORMS,
    *accounts.FORMS,
]
CALLS: list[Call] = [
    *devices.CALLS,
    *registry.CALLS,
    *repairs.CALLS,
    *outages.CALLS,
    *deadlines.CALLS,
    *services.CALLS,
    *returns.CALLS,
    *swaps.CALLS,
    *accounts.CALLS,
]
