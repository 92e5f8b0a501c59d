"""Units in stock and in service, contracts, what is where."""

from __future__ import annotations

from fleet_server.tests.permissions.common import (
    EVERYBODY,
    HANDLES_CARDS,
    ON_SITE,
    SEES_DEVICES,
    SEES_REGISTRY,
    Call,
    Page,
)

OLD_ROW = {"rows": [{"code": "?"}], "reason": "a test of the roles"}

PAGES: list[Page] = [
    ("GET", "/units", "/units?serial=00000002", 200, EVERYBODY),
    ("GET", "/units/{serial}", "/units/00000002", 200, SEES_REGISTRY),
    ("GET", "/contracts", "/contracts", 200, SEES_DEVICES),
    ("GET", "/contracts/{number}", "/contracts/C-1001", 200, SEES_DEVICES),
]
CALLS: list[Call] = [
    ("GET", "/units/{serial}", "/units/00000002", None, 200, EVERYBODY),
    ("GET", "/units", "/units?state=in_stock", None, 200, SEES_REGISTRY),
    ("GET", "/units/{serial}/history", "/units/00000002/history", None, 200, SEES_REGISTRY),
    (
        "POST",
        "/units/{serial}/move",
        "/units/00000088/move",
        {"state": "reserved", "reason": "a test of the roles"},
        204,
        "fleet_ops warehouse",
    ),
    (
        "PUT",
        "/units/{serial}/pairing",
        "/units/CARD0088/pairing",
        {"box": "00000003", "reason": "a test of the roles"},
        204,
        HANDLES_CARDS,
    ),
    (
        "POST",
        "/units/{serial}/unpairing",
        "/units/CARD0088/unpairing",
        {"reason": "a test of the roles"},
        204,
        HANDLES_CARDS,
    ),
    ("GET", "/contracts/{number}", "/contracts/C-1001", None, 200, SEES_DEVICES),
    ("GET", "/contracts/{number}/history", "/contracts/C-1001/history", None, 200, SEES_DEVICES),
    (
        "POST",
        "/contracts/{number}/assignments",
        "/contracts/C-1088/assignments",
        {"serial_number": "00000087", "position": "tv-1", "reason": "a test of the roles"},
        201,
        ON_SITE,
    ),
    (
        "POST",
        "/contracts/{number}/replacements",
        "/contracts/C-1001/replacements",
        {"before": "00000002", "successor": "00000086", "reason": "a test of the roles"},
        201,
        ON_SITE,
    ),
    (
        "POST",
        "/assignments/{assignment_id}/correction",
        "/assignments/1/correction",
        {
            "since_on": "2026-03-27",
            "handed_over_on": None,
            "value_cents": None,
            "reason": "a test of the roles",
        },
        201,
        "fleet_ops",
    ),
    (
        "POST",
        "/assignments/{assignment_id}/withdrawal",
        "/assignments/4/withdrawal",
        {"reason": "a test of the roles"},
        204,
        "fleet_ops",
    ),
    ("GET", "/registry/{subject}", "/registry/models", None, 200, SEES_REGISTRY),
    ("GET", "/registry/{subject}", "/registry/contracts", None, 200, SEES_DEVICES),
    ("POST", "/registry/{subject}", "/registry/places", OLD_ROW, 200, "fleet_ops"),
    ("POST", "/registry/{subject}", "/registry/units", OLD_ROW, 200, "fleet_ops warehouse"),
    ("POST", "/registry/{subject}", "/registry/contracts", OLD_ROW, 200, "fleet_ops call_centre"),
    ("POST", "/registry/{subject}", "/registry/assignments", OLD_ROW, 200, "fleet_ops"),
    ("POST", "/registry/{subject}", "/registry/pairings", OLD_ROW, 200, HANDLES_CARDS),
    (
        "POST",
        "/models/{model_id}/approval",
        "/models/1/approval",
        {"approval_reference": "EXAMPLE-2", "reason": "a test of the roles"},
        204,
        "fleet_ops",
    ),
]
