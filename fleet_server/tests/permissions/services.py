"""State of a contract's services, allow-lists."""

from __future__ import annotations

from fleet_server.tests.permissions.common import REASON, SEES_SETTINGS, SERVES, Call, Form, Page

DECISION = {"state": "suspended", "ground": "debt", "reason": "a test of the roles"}

PAGES: list[Page] = [
    ("GET", "/services", "/services", 200, SEES_SETTINGS),
    ("GET", "/services/{number}", "/services/C-1001", 200, SEES_SETTINGS),
    ("GET", "/allow-lists", "/allow-lists", 200, SEES_SETTINGS),
]
FORMS: list[Form] = [
    ("/services/{number}/decision", "/services/C-9999/decision", DECISION, 404, SERVES),
    ("/services/{number}/cancellation", "/services/C-1001/cancellation", REASON, 409, SERVES),
    ("/services/{number}/confirmation", "/services/C-1001/confirmation", REASON, 409, SERVES),
    ("/allow-lists", "/allow-lists", {"text": "x", **REASON}, 422, "fleet_ops"),
    (
        "/allow-lists/{version}/publication",
        "/allow-lists/99/publication",
        REASON,
        422,
        "fleet_ops",
    ),
]
CALLS: list[Call] = [
    ("GET", "/contracts/{number}/service", "/contracts/C-1001/service", None, 200, SEES_SETTINGS),
    (
        "POST",
        "/contracts/{number}/service-decisions",
        "/contracts/C-9999/service-decisions",
        DECISION,
        404,
        SERVES,
    ),
    (
        "POST",
        "/contracts/{number}/service-cancellation",
        "/contracts/C-1001/service-cancellation",
        REASON,
        404,
        SERVES,
    ),
    (
        "PUT",
        "/contracts/{number}/termination-confirmation",
        "/contracts/C-1001/termination-confirmation",
        {"confirmed_at": "2026-03-28T12:00:00Z", **REASON},
        404,
        SERVES,
    ),
    ("GET", "/allow-lists", "/allow-lists", None, 200, SEES_SETTINGS),
    ("POST", "/allow-lists", "/allow-lists", {"list": "x", **REASON}, 422, "fleet_ops"),
    ("GET", "/allow-lists/{version}", "/allow-lists/99", None, 404, SEES_SETTINGS),
    (
        "PUT",
        "/allow-lists/{version}/publication",
        "/allow-lists/99/publication",
        REASON,
        404,
        "fleet_ops",
    ),
]
