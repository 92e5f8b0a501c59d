"""Every role against every route: the table is written by hand."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import Mount

from fleet_server.domain.roles import Permission, Role, allows
from fleet_server.services import tables as t
from fleet_server.tests.console_site import BLANK, CSR, START, VOICE_MODEM, Site, add_unit

EVERYBODY = "fleet_ops technician dispatcher call_centre warehouse contractor auditor administrator"
SEES_DEVICES = "fleet_ops technician dispatcher call_centre auditor administrator"
ON_SITE = "fleet_ops technician"
SEES_SETTINGS = "fleet_ops dispatcher call_centre auditor administrator"
NEW_ACCOUNT = {"username": "van-7", "role": "technician", "password": "a made-up sentence"}
NEW_TOKEN = {"name": "a tool", "scopes": ["look_up_unit"], "days": 30}
PERSON = {"name": "Shembull", "surname": "Prova"}
RECORDS_DEFECTS = "fleet_ops dispatcher call_centre"
PLANS_SWAPS = "fleet_ops dispatcher"
SWAP = {"position": "internet", "ground": "operator", "reason": "a test of the roles"}
SERVES = "fleet_ops call_centre"
AT_THE_COUNTER = "fleet_ops technician warehouse"
SEES_RETURNS = "fleet_ops technician dispatcher call_centre warehouse auditor administrator"
SEES_OPERATIONS = "fleet_ops auditor administrator"
DECISION = {"state": "suspended", "ground": "debt", "reason": "a test of the roles"}
RETURN = {"serial_number": "99999999", "place": "STORE-1", "condition": "complete"}
REPORT = {"reference": "2026/11-4711", "reported_on": "2026-03-01"}
REASON = {"reason": "a test of the roles"}
BY_TECHNICIAN = {
    "contract": "C-9999",
    "position": "internet",
    "new_serial": "99999999",
    "trigger": "technician",
    "reason": "a test of the roles",
}
REMOTE = {**BY_TECHNICIAN, "trigger": "remote"}
SEES_SWAPS = "fleet_ops technician dispatcher call_centre auditor administrator"
ORDERS_SWAPS = "fleet_ops technician"
WATCHES = "fleet_ops dispatcher"
SETTLES = "fleet_ops dispatcher call_centre"
LIABILITY = {"cause": "access network", "liability": "operator", "counts": True, **REASON}
MOMENT = "2026-03-28T11:00:00Z"
WORK_FORM = {"element": "N-9", "kind": "upgrade", "starts": "2026-04-09T03:00"}
WORK = {"element": "N-9", "kind": "upgrade", "starts_at": MOMENT, "ends_at": MOMENT}
NOTICE = {"channel": "sms", "sent_at": MOMENT, "starts_at": MOMENT, "ends_at": MOMENT}
NOTICE_FORM = {"channel": "sms", "sent": "2026-03-01T03:00", "starts": "2026-04-09T03:00"}
CAUSE_REPORT = {
    "cause": "plant power",
    "element": "N-9",
    "from_at": MOMENT,
    "source": "cmts",
    **REASON,
}
SIGHTING = {"serial": "00000002", "element": "N-9", "source": "cmts", "seen_at": MOMENT}
HISTORY = f"?from_at={MOMENT}&until_at=2026-03-28T12:00:00Z"
LINE = {"liability": "operator", "counts": True, "reason": "a test of the roles"}
RELEASE = {"form": "top_up", "reason": "a test of the roles"}
SETTING = {"value": "6", "reason": "a test of the roles"}
SEES_REGISTRY = "fleet_ops technician warehouse auditor administrator"
HANDLES_CARDS = "fleet_ops technician warehouse"
OLD_ROW = {"rows": [{"code": "?"}], "reason": "a test of the roles"}
SEES_REPAIRS = "fleet_ops call_centre warehouse contractor auditor administrator"
SEES_CAMPAIGNS = "fleet_ops dispatcher call_centre auditor administrator"
CAMPAIGN = {
    "name": "Restart",
    "selection": {"field": "product_class", "is": "MODEM"},
    "plan": {"action": {"kind": "command"}},
    "reason": "a test of the roles",
}
SEES_COMMANDS = "fleet_ops technician auditor administrator"
SEES_PRICES = "fleet_ops call_centre auditor administrator"
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
ENROLMENT = {"csr": base64.b64encode(CSR).decode(), "contract": "C-1004", "position": "voice"}

# (method, route as declared, address asked for, body, status when allowed, roles allowed)
PAGES: list[tuple[str, str, str, int, str]] = [
    ("GET", "/", "/", 303, EVERYBODY),
    ("GET", "/devices", "/devices", 200, SEES_DEVICES),
    ("GET", "/devices/rows", "/devices/rows", 200, SEES_DEVICES),
    ("GET", "/devices/{endpoint_id}", f"/devices/{VOICE_MODEM}", 200, SEES_DEVICES),
    ("GET", "/devices/{endpoint_id}/live", f"/devices/{VOICE_MODEM}/live", 200, SEES_DEVICES),
    ("GET", "/devices/{endpoint_id}/values", f"/devices/{VOICE_MODEM}/values", 200, SEES_DEVICES),
    ("GET", "/units", "/units?serial=00000002", 200, EVERYBODY),
    ("GET", "/units/{serial}", "/units/00000002", 200, SEES_REGISTRY),
    ("GET", "/contracts", "/contracts", 200, SEES_DEVICES),
    ("GET", "/contracts/{number}", "/contracts/C-1001", 200, SEES_DEVICES),
    ("GET", "/repairs", "/repairs", 200, SEES_REPAIRS),
    ("GET", "/repairs/{number}", CASE, 404, SEES_REPAIRS),
    ("GET", "/settings", "/settings", 200, SEES_SETTINGS),
    (
        "GET",
        "/contracts/{number}/person",
        "/contracts/C-1001/person",
        200,
        "technician dispatcher call_centre administrator",
    ),
    ("GET", "/settings/{name}", "/settings/return_days", 200, SEES_SETTINGS),
    ("GET", "/outages", "/outages", 200, SEES_DEVICES),
    ("GET", "/outages/{outage_id}", "/outages/99", 404, SEES_DEVICES),
    ("GET", "/maintenance", "/maintenance", 200, SEES_DEVICES),
    ("GET", "/maintenance/{work_id}", "/maintenance/99", 404, SEES_DEVICES),
    ("GET", "/voice-risk", "/voice-risk", 200, SEES_DEVICES),
    ("GET", "/deadlines", "/deadlines", 200, SEES_SETTINGS),
    ("GET", "/credits", "/credits", 200, SEES_SETTINGS),
    ("GET", "/credits/{credit_id}", "/credits/99", 404, SEES_SETTINGS),
    ("GET", "/deadlines/{number}", "/deadlines/C-1001", 200, SEES_SETTINGS),
    ("GET", "/services", "/services", 200, SEES_SETTINGS),
    ("GET", "/services/{number}", "/services/C-1001", 200, SEES_SETTINGS),
    ("GET", "/allow-lists", "/allow-lists", 200, SEES_SETTINGS),
    ("GET", "/returns", "/returns", 200, SEES_RETURNS),
    ("GET", "/returns/{number}", "/returns/R-00000099", 404, SEES_RETURNS),
    ("GET", "/owed", "/owed", 200, SEES_SETTINGS),
    ("GET", "/losses", "/losses", 200, SEES_SETTINGS),
    ("GET", "/operations", "/operations", 200, SEES_OPERATIONS),
    ("GET", "/operations/{number}", "/operations/99", 404, SEES_OPERATIONS),
    ("GET", "/swaps", "/swaps", 200, SEES_DEVICES),
    ("GET", "/swaps/rows", "/swaps/rows", 200, SEES_DEVICES),
    ("GET", "/swaps/new", "/swaps/new", 200, ORDERS_SWAPS),
    ("GET", "/swaps/{number}", "/swaps/99", 404, SEES_DEVICES),
    ("GET", "/swaps/{number}/live", "/swaps/99/live", 404, SEES_DEVICES),
    ("GET", "/campaigns", "/campaigns", 200, SEES_CAMPAIGNS),
    ("GET", "/campaigns/new", "/campaigns/new", 200, "fleet_ops"),
    ("GET", "/campaigns/{number}", "/campaigns/99", 404, SEES_CAMPAIGNS),
    ("GET", "/campaigns/{number}/live", "/campaigns/99/live", 404, SEES_CAMPAIGNS),
    ("GET", "/campaigns/{number}/units", "/campaigns/99/units", 404, SEES_CAMPAIGNS),
    ("GET", "/commands", "/commands", 200, SEES_COMMANDS),
    ("GET", "/commands/rows", "/commands/rows", 200, SEES_COMMANDS),
    ("GET", "/commands/{number}", "/commands/99", 404, SEES_COMMANDS),
    ("GET", "/commands/{number}/live", "/commands/99/live", 404, SEES_COMMANDS),
]
# (route as declared, address sent to, fields, status when allowed, roles allowed)
FORMS: list[tuple[str, str, dict[str, str], int, str]] = [
    ("/swaps/new", "/swaps/new", {"contract": "nothing", "trigger": "remote"}, 422, ORDERS_SWAPS),
    ("/swaps/{number}/{action}", "/swaps/99/approval", {}, 404, "fleet_ops"),
    ("/swaps/{number}/{action}", "/swaps/99/abort", REASON, 404, "fleet_ops technician"),
    ("/swaps/{number}/{action}", "/swaps/99/waiver", REASON, 404, "fleet_ops technician"),
    ("/swaps/{number}/{action}", "/swaps/99/resumption", REASON, 404, "fleet_ops technician"),
    ("/campaigns/new", "/campaigns/new", {"selection": "nothing", **REASON}, 422, "fleet_ops"),
    (
        "/campaigns/{number}/{action}",
        "/campaigns/99/notice",
        {"planned_at": "2031-01-31T04:00", **REASON},
        404,
        "fleet_ops dispatcher",
    ),
    ("/campaigns/{number}/{action}", "/campaigns/99/plan", {}, 404, "fleet_ops"),
    ("/campaigns/{number}/{action}", "/campaigns/99/approval", REASON, 404, "fleet_ops"),
    ("/campaigns/{number}/{action}", "/campaigns/99/start", {}, 404, "fleet_ops"),
    ("/campaigns/{number}/{action}", "/campaigns/99/pause", REASON, 404, "fleet_ops"),
    ("/campaigns/{number}/{action}", "/campaigns/99/resumption", REASON, 404, "fleet_ops"),
    ("/campaigns/{number}/{action}", "/campaigns/99/abort", REASON, 404, "fleet_ops"),
    ("/commands", "/commands", {"endpoint": "nobody", **REASON}, 422, "fleet_ops"),
    (
        "/commands/{number}/cancellation",
        "/commands/99/cancellation",
        REASON,
        404,
        "fleet_ops",
    ),
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
    ("/credits/{credit_id}/releases", "/credits/99/releases", RELEASE, 404, "fleet_ops"),
    (
        "/credits/{credit_id}/lines/{number}",
        "/credits/99/lines/1",
        {"word": "operator", "reason": "a test of the roles"},
        404,
        "fleet_ops",
    ),
    ("/settings/{name}", "/settings/return_days", SETTING, 303, "administrator"),
    (
        "/contracts/{number}/person",
        "/contracts/C-1001/person",
        PERSON,
        303,
        "call_centre administrator",
    ),
    (
        "/contracts/{number}/person-erasure",
        "/contracts/C-1001/person-erasure",
        {"ground": "request"},
        303,
        "administrator",
    ),
    ("/deadlines/{number}/defects", "/deadlines/C-1001/defects", {}, 303, RECORDS_DEFECTS),
    ("/defects/{defect_id}", "/defects/99", {"action": "clearing"}, 404, RECORDS_DEFECTS),
    (
        "/deadlines/{number}/swaps",
        "/deadlines/C-1001/swaps",
        {**SWAP, "planned": "2026-04-09T03:00"},
        303,
        PLANS_SWAPS,
    ),
    ("/planned-swaps/{swap_id}", "/planned-swaps/99", {"action": "notice"}, 404, PLANS_SWAPS),
    (
        "/outages/{outage_id}",
        "/outages/99",
        {**REASON, "cause": "access network", "liability": "operator", "counts": "yes"},
        404,
        WATCHES,
    ),
    ("/maintenance", "/maintenance", {**WORK_FORM, "ends": "2026-04-09T05:00"}, 422, WATCHES),
    (
        "/maintenance/{work_id}/notices",
        "/maintenance/99/notices",
        {**NOTICE_FORM, "ends": "2026-04-09T05:00"},
        404,
        WATCHES,
    ),
    ("/maintenance/{work_id}/cancellation", "/maintenance/99/cancellation", REASON, 404, WATCHES),
    (
        "/voice-risk/findings/{finding_id}",
        "/voice-risk/findings/99",
        {**REASON, "outcome": "sighting_wrong"},
        404,
        SETTLES,
    ),
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
CALLS: list[tuple[str, str, str, Any, int, str]] = [
    ("GET", "/commands", "/commands", None, 200, SEES_COMMANDS),
    ("GET", "/command-counts", "/command-counts", None, 200, SEES_COMMANDS),
    ("GET", "/commands/{number}", "/commands/99", None, 404, SEES_COMMANDS),
    (
        "POST",
        "/commands",
        "/commands",
        {"endpoint_id": "nobody", "command": "Device.Reboot()", **REASON},
        404,
        "fleet_ops",
    ),
    (
        "POST",
        "/commands/{number}/cancellation",
        "/commands/99/cancellation",
        REASON,
        404,
        "fleet_ops",
    ),
    ("DELETE", "/session", "/session", None, 204, EVERYBODY),
    ("GET", "/units/{serial}", "/units/00000002", None, 200, EVERYBODY),
    ("GET", "/units/{serial}/presence", "/units/00000002/presence", None, 200, SEES_DEVICES),
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
    ("POST", "/units/{serial}/enrolment", "/units/00000004/enrolment", ENROLMENT, 201, ON_SITE),
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
    ("GET", "/policy", "/policy", None, 200, SEES_SETTINGS),
    ("GET", "/policy/{name}", "/policy/return_days", None, 200, SEES_SETTINGS),
    ("PUT", "/policy/{name}", "/policy/return_days", SETTING, 200, "administrator"),
    ("GET", "/outages", "/outages", None, 200, SEES_DEVICES),
    ("GET", "/outages/{outage_id}", "/outages/99", None, 404, SEES_DEVICES),
    (
        "GET",
        "/outages/{outage_id}/interruptions",
        "/outages/99/interruptions",
        None,
        404,
        SEES_DEVICES,
    ),
    (
        "POST",
        "/outages/{outage_id}/liability",
        "/outages/99/liability",
        LIABILITY,
        404,
        WATCHES,
    ),
    (
        "POST",
        "/interruptions/{interruption_id}/liability",
        "/interruptions/99/liability",
        LIABILITY,
        404,
        WATCHES,
    ),
    ("GET", "/cause-reports", "/cause-reports", None, 200, SEES_DEVICES),
    ("POST", "/cause-reports", "/cause-reports", CAUSE_REPORT, 404, WATCHES),
    (
        "POST",
        "/cause-reports/{report_id}/end",
        "/cause-reports/99/end",
        {"until_at": MOMENT},
        404,
        WATCHES,
    ),
    (
        "POST",
        "/cause-reports/{report_id}/withdrawal",
        "/cause-reports/99/withdrawal",
        REASON,
        404,
        WATCHES,
    ),
    ("GET", "/maintenance", "/maintenance", None, 200, SEES_DEVICES),
    ("GET", "/maintenance/{work_id}", "/maintenance/99", None, 404, SEES_DEVICES),
    ("POST", "/maintenance", "/maintenance", {**WORK, "voice_down": True, **REASON}, 404, WATCHES),
    (
        "POST",
        "/maintenance/{work_id}/notices",
        "/maintenance/99/notices",
        NOTICE,
        404,
        WATCHES,
    ),
    (
        "POST",
        "/maintenance/{work_id}/cancellation",
        "/maintenance/99/cancellation",
        REASON,
        404,
        WATCHES,
    ),
    ("GET", "/voice-risk", "/voice-risk", None, 200, SEES_DEVICES),
    ("GET", "/voice-risk/nodes", "/voice-risk/nodes", None, 200, SEES_DEVICES),
    ("GET", "/voice-risk/history", f"/voice-risk/history{HISTORY}", None, 200, SEES_DEVICES),
    (
        "GET",
        "/voice-risk/history.csv",
        f"/voice-risk/history.csv{HISTORY}",
        None,
        200,
        SEES_DEVICES,
    ),
    ("POST", "/sightings", "/sightings", SIGHTING, 404, WATCHES),
    ("GET", "/misplaced-units", "/misplaced-units", None, 200, SEES_DEVICES),
    (
        "POST",
        "/misplaced-units/{finding_id}/outcome",
        "/misplaced-units/99/outcome",
        {"outcome": "sighting_wrong", **REASON},
        404,
        SETTLES,
    ),
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
    ("GET", "/contracts/{number}/swaps", "/contracts/C-1001/swaps", None, 200, SEES_SETTINGS),
    (
        "POST",
        "/contracts/{number}/swaps",
        "/contracts/C-1001/swaps",
        {**SWAP, "planned_at": "2026-04-09T01:00:00Z"},
        201,
        PLANS_SWAPS,
    ),
    ("GET", "/campaigns", "/campaigns", None, 200, SEES_CAMPAIGNS),
    ("POST", "/campaigns", "/campaigns", CAMPAIGN, 201, "fleet_ops"),
    ("GET", "/campaigns/{campaign_id}", "/campaigns/99", None, 404, SEES_CAMPAIGNS),
    ("PUT", "/campaigns/{campaign_id}", "/campaigns/99", CAMPAIGN, 404, "fleet_ops"),
    ("POST", "/campaigns/{campaign_id}/plan", "/campaigns/99/plan", None, 404, "fleet_ops"),
    (
        "POST",
        "/campaigns/{campaign_id}/notices",
        "/campaigns/99/notices",
        {"planned_at": "2026-04-09T01:00:00Z", **REASON},
        404,
        PLANS_SWAPS,
    ),
    (
        "POST",
        "/campaigns/{campaign_id}/approval",
        "/campaigns/99/approval",
        {"revision": 1, **REASON},
        404,
        "fleet_ops",
    ),
    ("POST", "/campaigns/{campaign_id}/start", "/campaigns/99/start", None, 404, "fleet_ops"),
    ("POST", "/campaigns/{campaign_id}/pause", "/campaigns/99/pause", REASON, 404, "fleet_ops"),
    (
        "POST",
        "/campaigns/{campaign_id}/resumption",
        "/campaigns/99/resumption",
        REASON,
        404,
        "fleet_ops",
    ),
    ("POST", "/campaigns/{campaign_id}/abort", "/campaigns/99/abort", REASON, 404, "fleet_ops"),
    ("GET", "/campaigns/{campaign_id}/items", "/campaigns/99/items", None, 404, SEES_CAMPAIGNS),
    ("GET", "/protected-contracts", "/protected-contracts", None, 200, SEES_CAMPAIGNS),
    (
        "PUT",
        "/contracts/{number}/protection",
        "/contracts/C-1001/protection",
        REASON,
        204,
        PLANS_SWAPS,
    ),
    (
        "DELETE",
        "/contracts/{number}/protection",
        "/contracts/C-1001/protection?reason=made+up",
        None,
        204,
        PLANS_SWAPS,
    ),
    ("GET", "/replacements", "/replacements", None, 200, SEES_SWAPS),
    ("GET", "/replacements/{number}", "/replacements/99", None, 404, SEES_SWAPS),
    ("GET", "/replacements/{number}/paper", "/replacements/99/paper", None, 404, SEES_SWAPS),
    ("POST", "/replacements", "/replacements", BY_TECHNICIAN, 404, ORDERS_SWAPS),
    ("POST", "/replacements", "/replacements", REMOTE, 404, "fleet_ops"),
    (
        "POST",
        "/replacements/{number}/approval",
        "/replacements/99/approval",
        None,
        404,
        "fleet_ops",
    ),
    (
        "POST",
        "/replacements/{number}/abort",
        "/replacements/99/abort",
        REASON,
        404,
        ORDERS_SWAPS,
    ),
    (
        "POST",
        "/replacements/{number}/waiver",
        "/replacements/99/waiver",
        REASON,
        404,
        ORDERS_SWAPS,
    ),
    (
        "POST",
        "/replacements/{number}/resumption",
        "/replacements/99/resumption",
        REASON,
        404,
        ORDERS_SWAPS,
    ),
    ("GET", "/swaps/{swap_id}", "/swaps/99", None, 404, SEES_SETTINGS),
    ("PUT", "/swaps/{swap_id}/notice", "/swaps/99/notice", None, 404, PLANS_SWAPS),
    ("PUT", "/swaps/{swap_id}/consent", "/swaps/99/consent", None, 404, PLANS_SWAPS),
    (
        "PUT",
        "/swaps/{swap_id}/cancellation",
        "/swaps/99/cancellation",
        {"reason": "a test of the roles"},
        404,
        PLANS_SWAPS,
    ),
    (
        "PUT",
        "/contracts/{number}/person",
        "/contracts/C-1001/person",
        PERSON,
        204,
        "call_centre administrator",
    ),
    (
        "GET",
        "/contracts/{number}/person",
        "/contracts/C-1001/person?purpose=contract_data",
        None,
        200,
        "call_centre administrator",
    ),
    (
        "DELETE",
        "/contracts/{number}/person",
        "/contracts/C-1001/person?ground=request",
        None,
        200,
        "administrator",
    ),
    ("GET", "/accounts", "/accounts", None, 200, "administrator"),
    ("POST", "/accounts", "/accounts", NEW_ACCOUNT, 201, "administrator"),
    ("GET", "/accounts/{account_id}", "/accounts/1", None, 200, "administrator"),
    ("PATCH", "/accounts/{account_id}", "/accounts/1", {}, 200, "administrator"),
    (
        "PUT",
        "/accounts/{account_id}/password",
        "/accounts/1/password",
        {"password": "a made-up sentence"},
        204,
        "administrator",
    ),
    ("GET", "/tokens", "/tokens", None, 200, EVERYBODY),
    ("POST", "/tokens", "/tokens", NEW_TOKEN, 201, EVERYBODY),
    ("DELETE", "/tokens/{token_id}", "/tokens/999", None, 404, EVERYBODY),
    ("GET", "/person-looks", "/person-looks", None, 200, "auditor administrator"),
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
    (
        "POST",
        "/units/{serial}/console-token",
        "/units/00000002/console-token",
        {"nonce": "00112233445566778899aabbccddeeff"},
        201,
        ON_SITE,
    ),
]
# For anybody, signed in or not; each has tests of its own.
OPEN = {
    "GET /sign-in",
    "POST /sign-in",
    "POST /sign-out",
    "POST /language",
    "GET /static/{digest}/{name}",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "POST /api/v1/session",
}

# Who may what of persons, accounts and settings: by hand, because no route shows it whole.
GUARDED = {
    Permission.LOOK_AT_PERSON: "technician dispatcher call_centre administrator",
    Permission.KEEP_PERSON: "call_centre administrator",
    Permission.ERASE_PERSON: "administrator",
    Permission.SEE_LOOKS: "auditor administrator",
    Permission.MANAGE_ACCOUNTS: "administrator",
    Permission.CHANGE_SETTINGS: "administrator",
    Permission.OPEN_CONSOLE: "fleet_ops technician",
}


def routes(app: FastAPI, prefix: str = "") -> set[str]:
    """Every route there is, as `METHOD /path`."""
    found: set[str] = set()
    for route in iter_route_contexts(app.routes):
        mounted = route.original_route
        if isinstance(mounted, Mount) and isinstance(mounted.app, FastAPI):
            found |= routes(mounted.app, prefix + mounted.path)
        elif isinstance(mounted, APIRoute):
            found |= {f"{method} {prefix}{route.path}" for method in route.methods or ()}
    return found


@pytest.mark.parametrize(("permission", "roles"), GUARDED.items())
def test_what_is_guarded_is_granted_to_exactly_these(permission: Permission, roles: str) -> None:
    assert {role.value for role in Role if allows(role, permission)} == set(roles.split())


def test_no_route_is_missing_from_the_table(site: Site) -> None:
    listed = {f"{method} {route}" for method, route, *_ in PAGES}
    listed |= {f"POST {route}" for route, *_ in FORMS}
    listed |= {f"{method} /api/v1{route}" for method, route, *_ in CALLS}
    assert routes(site.app) == listed | OPEN


@pytest.mark.parametrize("role", Role)
def test_a_role_gets_exactly_its_pages(site: Site, role: Role) -> None:
    browser = site.signed_in(role)
    for method, _route, url, allowed, roles in PAGES:
        status = browser.request(method, url).status_code
        assert status == (allowed if role in roles.split() else 403), f"{role} {method} {url}"


@pytest.mark.parametrize("role", Role)
def test_a_role_may_send_exactly_its_forms(site: Site, role: Role) -> None:
    browser = site.signed_in(role)
    for _route, url, fields, allowed, roles in FORMS:
        assert browser.post(url, data=fields).status_code == 403, f"{role} {url} without its token"
        status = browser.submit(url, **fields).status_code
        assert status == (allowed if role in roles.split() else 403), f"{role} {url}"


def add_spare_units(site: Site) -> None:
    """What the calls of the table put on contracts, move and pair."""
    for endpoint_id in ("VOICEMODEM-00000086", "STB-00000087", "MODEM-00000088"):
        add_unit(site, f"ops::00256D-{endpoint_id}")
    site.insert(
        t.unit,
        serial_number="CARD0088",
        manufacturer_oui="00256D",
        product_class="CARD",
        received_at=START,
    )
    contract_id = site.insert(t.contract, number="C-1088", created_at=START)
    site.insert(t.service_position, contract_id=contract_id, name="tv-1", product_classes="STB")


@pytest.mark.parametrize("role", Role)
def test_a_role_may_make_exactly_its_calls(site: Site, role: Role) -> None:
    add_spare_units(site)
    for method, _route, url, body, allowed, roles in CALLS:
        headers = site.bearer(role)
        answer = site.browser().request(method, f"/api/v1{url}", json=body, headers=headers)
        expected = allowed if role in roles.split() else 403
        assert answer.status_code == expected, f"{role} {method} {url}: {answer.text}"


def test_nobody_gets_anything_without_signing_in(site: Site) -> None:
    browser = site.browser()
    for method, _route, url, _allowed, _roles in PAGES:
        assert browser.request(method, url).status_code == 303, url
    for _route, url, fields, _allowed, _roles in FORMS:
        assert browser.post(url, data=fields).status_code == 303, url
    for method, _route, url, body, _status, _roles in CALLS:
        answer = browser.request(method, f"/api/v1{url}", json=body)
        assert answer.status_code == 401, url
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("role", "first_page"),
    [(role, "/devices" if role in SEES_DEVICES.split() else "/units") for role in Role],
)
def test_the_start_page_is_one_the_role_may_see(site: Site, role: Role, first_page: str) -> None:
    assert site.signed_in(role).get("/").headers["location"] == first_page


@pytest.mark.parametrize("role", [Role.CONTRACTOR, Role.WAREHOUSE])
def test_who_handles_units_learns_nothing_of_the_contract(site: Site, role: Role) -> None:
    call = site.browser().get("/api/v1/units/00000002", headers=site.bearer(role)).json()
    assert (call["status"], call["contract"], call["position"]) == ("in_service", None, None)
    page = site.signed_in(role).get("/units?serial=00000002").text
    assert "C-1001" not in page
    assert "internet+voice" not in page
    assert f"/devices/{VOICE_MODEM}" not in page
    assert 'href="/devices"' not in page


def test_enrolment_is_refused_before_anything_is_looked_up(site: Site) -> None:
    headers = site.bearer(Role.CONTRACTOR)
    answer = site.browser().post("/api/v1/units/unknown/enrolment", json=ENROLMENT, headers=headers)
    assert answer.status_code == 403
    assert BLANK not in answer.text
