"""Returns, what is owed or lost, operations of the operator's systems."""

from __future__ import annotations

from fleet_server.tests.permissions.common import (
    AT_THE_COUNTER,
    REASON,
    SEES_OPERATIONS,
    SEES_RETURNS,
    SEES_SETTINGS,
    SERVES,
    Call,
    Form,
    Page,
)

RETURN = {"serial_number": "99999999", "place": "STORE-1", "condition": "complete"}
REPORT = {"reference": "2026/11-4711", "reported_on": "2026-03-01"}

PAGES: list[Page] = [
    ("GET", "/returns", "/returns", 200, SEES_RETURNS),
    ("GET", "/returns/{number}", "/returns/R-00000099", 404, SEES_RETURNS),
    ("GET", "/owed", "/owed", 200, SEES_SETTINGS),
    ("GET", "/losses", "/losses", 200, SEES_SETTINGS),
    ("GET", "/operations", "/operations", 200, SEES_OPERATIONS),
    ("GET", "/operations/{number}", "/operations/99", 404, SEES_OPERATIONS),
]
FORMS: list[Form] = [
    (
        "/returns",
        "/returns",
        {"serial": "99999999", "place": "STORE-1", "condition": "complete"},
        409,
        AT_THE_COUNTER,
    ),
    ("/owed/{serial}", "/owed/99999999", {"decision": "waive", **REASON}, 409, "fleet_ops"),
    ("/losses", "/losses", {"serial": "99999999", "cause": "stolen", **REASON}, 409, SERVES),
    (
        "/losses/{serial}/police-report",
        "/losses/99999999/police-report",
        REPORT,
        409,
        SERVES,
    ),
    (
        "/losses/{serial}/lifting",
        "/losses/99999999/lifting",
        {"place": "STORE-1", **REASON},
        409,
        "fleet_ops",
    ),
    ("/operations/{number}", "/operations/99", {"action": "drop", **REASON}, 404, "fleet_ops"),
]
CALLS: list[Call] = [
    ("GET", "/returns", "/returns", None, 200, SEES_RETURNS),
    ("POST", "/returns", "/returns", RETURN, 404, AT_THE_COUNTER),
    ("GET", "/returns/{number}", "/returns/R-00000099", None, 404, SEES_RETURNS),
    ("GET", "/owed-units", "/owed-units", None, 200, SEES_SETTINGS),
    (
        "PUT",
        "/units/{serial}/charge-decision",
        "/units/99999999/charge-decision",
        {"decision": "waive", **REASON},
        404,
        "fleet_ops",
    ),
    (
        "POST",
        "/units/{serial}/blacklisting",
        "/units/99999999/blacklisting",
        {"cause": "stolen", **REASON},
        404,
        SERVES,
    ),
    (
        "PUT",
        "/units/{serial}/blacklisting/police-report",
        "/units/99999999/blacklisting/police-report",
        REPORT,
        404,
        SERVES,
    ),
    (
        "POST",
        "/units/{serial}/blacklisting/lifting",
        "/units/99999999/blacklisting/lifting",
        {"place": "STORE-1", **REASON},
        404,
        "fleet_ops",
    ),
    ("GET", "/operations", "/operations", None, 200, SEES_OPERATIONS),
    ("GET", "/operations/{number}", "/operations/99", None, 404, SEES_OPERATIONS),
    ("POST", "/operations/{number}/retry", "/operations/99/retry", REASON, 404, "fleet_ops"),
    ("POST", "/operations/{number}/drop", "/operations/99/drop", REASON, 404, "fleet_ops"),
]
