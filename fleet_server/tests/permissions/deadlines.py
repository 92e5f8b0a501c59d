"""Defects, their deadlines, credits."""

from __future__ import annotations

from fleet_server.tests.permissions.common import RECORDS_DEFECTS, SEES_SETTINGS, Call, Form, Page

LINE = {"liability": "operator", "counts": True, "reason": "a test of the roles"}
RELEASE = {"form": "top_up", "reason": "a test of the roles"}

PAGES: list[Page] = [
    ("GET", "/deadlines", "/deadlines", 200, SEES_SETTINGS),
    ("GET", "/credits", "/credits", 200, SEES_SETTINGS),
    ("GET", "/credits/{credit_id}", "/credits/99", 404, SEES_SETTINGS),
    ("GET", "/deadlines/{number}", "/deadlines/C-1001", 200, SEES_SETTINGS),
]
FORMS: list[Form] = [
    ("/credits/{credit_id}/releases", "/credits/99/releases", RELEASE, 404, "fleet_ops"),
    (
        "/credits/{credit_id}/lines/{number}",
        "/credits/99/lines/1",
        {"word": "operator", "reason": "a test of the roles"},
        404,
        "fleet_ops",
    ),
    ("/deadlines/{number}/defects", "/deadlines/C-1001/defects", {}, 303, RECORDS_DEFECTS),
    ("/defects/{defect_id}", "/defects/99", {"action": "clearing"}, 404, RECORDS_DEFECTS),
]
CALLS: list[Call] = [
    ("GET", "/clocks", "/clocks", None, 200, SEES_SETTINGS),
    ("GET", "/credits", "/credits", None, 200, SEES_SETTINGS),
    ("GET", "/credits/{credit_id}", "/credits/99", None, 404, SEES_SETTINGS),
    ("GET", "/contracts/{number}/credits", "/contracts/C-1001/credits", None, 200, SEES_SETTINGS),
    (
        "PUT",
        "/credits/{credit_id}/lines/{number}/decision",
        "/credits/99/lines/1/decision",
        LINE,
        404,
        "fleet_ops",
    ),
    ("POST", "/credits/{credit_id}/releases", "/credits/99/releases", RELEASE, 404, "fleet_ops"),
    ("GET", "/clock-counts", "/clock-counts", None, 200, SEES_SETTINGS),
    ("GET", "/contracts/{number}/clocks", "/contracts/C-1001/clocks", None, 200, SEES_SETTINGS),
    ("GET", "/contracts/{number}/defects", "/contracts/C-1001/defects", None, 200, SEES_SETTINGS),
    (
        "POST",
        "/contracts/{number}/defects",
        "/contracts/C-1001/defects",
        {"symptom": "slow"},
        201,
        RECORDS_DEFECTS,
    ),
    ("GET", "/defects/{defect_id}", "/defects/99", None, 404, SEES_SETTINGS),
    ("PUT", "/defects/{defect_id}/clearing", "/defects/99/clearing", None, 404, RECORDS_DEFECTS),
    (
        "PUT",
        "/defects/{defect_id}/answer",
        "/defects/99/answer",
        {"answer": "visit"},
        404,
        RECORDS_DEFECTS,
    ),
    (
        "PUT",
        "/defects/{defect_id}/compensation-request",
        "/defects/99/compensation-request",
        {},
        404,
        RECORDS_DEFECTS,
    ),
]
