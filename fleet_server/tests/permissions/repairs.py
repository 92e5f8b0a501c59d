"""Repairs, spare parts, prices, warranty."""

from __future__ import annotations

from fleet_server.tests.permissions.common import (
    EVERYBODY,
    ON_SITE,
    SEES_PRICES,
    SEES_REPAIRS,
    Call,
    Form,
    Page,
)

# Of a case that is not there: who may ask is told so, everybody else is refused before.
CASE = "/repairs/RMA-999999"
NOTE = {"words": "a test of the roles"}
FOUND = {"defect": "none", "cause": "no_fault_found", "usable_again": True, "term": "unknown"}
DECIDED = {"subject": "replacement", "choice": "replace_free", "reason": "a test of the roles"}
REPORTED = {"serial_number": "00000003", "symptom": "other", "reported_on": "2026-03-28"}
CHECKED = {
    "checked_on": "2026-03-28",
    "earthing_milliohm": 4200,
    "instrument": "made up",
    "method": "3-pole",
}
PRICED = {
    "product_class": "STB",
    "valid_from_on": "2030-01-01",
    "amount_cents": 6000,
    "reason": "a test of the roles",
}

PAGES: list[Page] = [
    ("GET", "/repairs", "/repairs", 200, SEES_REPAIRS),
    ("GET", "/repairs/{number}", CASE, 404, SEES_REPAIRS),
]
FORMS: list[Form] = [
    ("/repairs", "/repairs", {"serial": "nothing", "symptom": "other"}, 422, "contractor"),
    ("/repairs/{number}/receipt", f"{CASE}/receipt", {}, 404, "contractor"),
    ("/repairs/{number}/log", f"{CASE}/log", NOTE, 404, "contractor"),
    (
        "/repairs/{number}/finding",
        f"{CASE}/finding",
        {"defect": "none", "cause": "no_fault_found", "usable_again": "yes", "term": "unknown"},
        404,
        "contractor",
    ),
    ("/repairs/{number}/parts", f"{CASE}/parts", {"code": "PSU-12"}, 404, "contractor"),
    ("/repairs/{number}/outcome", f"{CASE}/outcome", {"outcome": "repaired"}, 404, "contractor"),
    ("/repairs/{number}/withdrawal", f"{CASE}/withdrawal", NOTE, 404, "contractor"),
    (
        "/repairs/{number}/decisions",
        f"{CASE}/decisions",
        {"choice": "replacement:replace_free", **NOTE},
        404,
        "fleet_ops",
    ),
]
CALLS: list[Call] = [
    ("GET", "/units/{serial}/warranty", "/units/00000003/warranty", None, 200, EVERYBODY),
    ("GET", "/units/{serial}/replacements", "/units/00000003/replacements", None, 200, EVERYBODY),
    ("POST", "/units/{serial}/site-checks", "/units/00000003/site-checks", CHECKED, 204, ON_SITE),
    ("GET", "/repairs", "/repairs", None, 200, SEES_REPAIRS),
    ("GET", "/repairs/{number}", CASE, None, 404, SEES_REPAIRS),
    ("POST", "/repairs", "/repairs", REPORTED, 201, "contractor"),
    ("POST", "/repairs/{number}/receipt", f"{CASE}/receipt", {}, 404, "contractor"),
    ("POST", "/repairs/{number}/log", f"{CASE}/log", NOTE, 404, "contractor"),
    ("POST", "/repairs/{number}/finding", f"{CASE}/finding", FOUND, 404, "contractor"),
    (
        "POST",
        "/repairs/{number}/parts",
        f"{CASE}/parts",
        {"code": "PSU-12", "quantity": 1},
        404,
        "contractor",
    ),
    (
        "POST",
        "/repairs/{number}/outcome",
        f"{CASE}/outcome",
        {"outcome": "repaired"},
        404,
        "contractor",
    ),
    ("POST", "/repairs/{number}/withdrawal", f"{CASE}/withdrawal", NOTE, 404, "contractor"),
    ("POST", "/repairs/{number}/decisions", f"{CASE}/decisions", DECIDED, 404, "fleet_ops"),
    ("GET", "/spare-parts", "/spare-parts", None, 200, SEES_REPAIRS),
    (
        "POST",
        "/spare-parts",
        "/spare-parts",
        {"code": "PSU-12", "name": "Supply 12 V", "quantity": 1},
        201,
        "contractor",
    ),
    ("GET", "/prices", "/prices", None, 200, SEES_PRICES),
    ("POST", "/prices", "/prices", PRICED, 201, "administrator"),
]
