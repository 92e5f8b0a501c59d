"""Outages, maintenance, what causes them, telephony at risk."""

from __future__ import annotations

from fleet_server.tests.permissions.common import (
    REASON,
    SEES_DEVICES,
    SETTLES,
    WATCHES,
    Call,
    Form,
    Page,
)

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

PAGES: list[Page] = [
    ("GET", "/outages", "/outages", 200, SEES_DEVICES),
    ("GET", "/outages/{outage_id}", "/outages/99", 404, SEES_DEVICES),
    ("GET", "/maintenance", "/maintenance", 200, SEES_DEVICES),
    ("GET", "/maintenance/{work_id}", "/maintenance/99", 404, SEES_DEVICES),
    ("GET", "/voice-risk", "/voice-risk", 200, SEES_DEVICES),
]
FORMS: list[Form] = [
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
]
CALLS: list[Call] = [
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
]
