"""Devices: pages, commands, what is done at the device."""

from __future__ import annotations

import base64

from fleet_server.tests.console_site import CSR, VOICE_MODEM
from fleet_server.tests.permissions.common import (
    EVERYBODY,
    ON_SITE,
    REASON,
    SEES_COMMANDS,
    SEES_DEVICES,
    Call,
    Form,
    Page,
)

ENROLMENT = {"csr": base64.b64encode(CSR).decode(), "contract": "C-1004", "position": "voice"}

PAGES: list[Page] = [
    ("GET", "/", "/", 303, EVERYBODY),
    ("GET", "/devices", "/devices", 200, SEES_DEVICES),
    ("GET", "/devices/rows", "/devices/rows", 200, SEES_DEVICES),
    ("GET", "/devices/{endpoint_id}", f"/devices/{VOICE_MODEM}", 200, SEES_DEVICES),
    ("GET", "/devices/{endpoint_id}/live", f"/devices/{VOICE_MODEM}/live", 200, SEES_DEVICES),
    ("GET", "/devices/{endpoint_id}/values", f"/devices/{VOICE_MODEM}/values", 200, SEES_DEVICES),
    ("GET", "/commands", "/commands", 200, SEES_COMMANDS),
    ("GET", "/commands/rows", "/commands/rows", 200, SEES_COMMANDS),
    ("GET", "/commands/{number}", "/commands/99", 404, SEES_COMMANDS),
    ("GET", "/commands/{number}/live", "/commands/99/live", 404, SEES_COMMANDS),
]
FORMS: list[Form] = [
    ("/commands", "/commands", {"endpoint": "nobody", **REASON}, 422, "fleet_ops"),
    (
        "/commands/{number}/cancellation",
        "/commands/99/cancellation",
        REASON,
        404,
        "fleet_ops",
    ),
]
CALLS: list[Call] = [
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
    ("GET", "/units/{serial}/presence", "/units/00000002/presence", None, 200, SEES_DEVICES),
    ("POST", "/units/{serial}/enrolment", "/units/00000004/enrolment", ENROLMENT, 201, ON_SITE),
    (
        "POST",
        "/units/{serial}/console-token",
        "/units/00000002/console-token",
        {"nonce": "00112233445566778899aabbccddeeff"},
        201,
        ON_SITE,
    ),
]
