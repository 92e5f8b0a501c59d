"""What pages say where a rule refuses: the reason itself, in the reader's language. All made up."""

from __future__ import annotations

import html
import re

import pytest

from fleet_server.domain.roles import Role
from fleet_server.tests.console_site import VOICE_MODEM, Site

WHY = "a reason in words"
# (role, address, fields, words in Albanian)
REFUSED = [
    (
        Role.FLEET_OPS,
        "/services/C-1001/decision",
        {"state": "active", "ground": "paid", "not_before": "", "reason": WHY},
        "Nga gjendja 'aktiv' shërbimet mund të kalojnë në: thirrjet dalëse të bllokuara",
    ),
    (
        Role.FLEET_OPS,
        "/allow-lists",
        {"text": "version = 8", "reason": WHY},
        "Lista ka pikërisht expires, hosts, numbers, version; shiko expires, hosts, numbers.",
    ),
    (
        Role.WAREHOUSE,
        "/returns",
        {"serial": "00000004", "place": "STORE-1", "condition": "complete"},
        "Nuk ka vend 'STORE-1'.",
    ),
    (
        Role.FLEET_OPS,
        "/owed/00000004",
        {"decision": "waive", "reason": WHY},
        "Gjendja e njësisë 00000004: në stok. Për të nuk detyrohet asgjë.",
    ),
    (
        Role.FLEET_OPS,
        "/losses",
        {
            "serial": "00000003",
            "cause": "stolen",
            "reason": WHY,
            "reference": "P-1",
            "reported_on": "2026-05-01",
        },
        "Raporti i policisë është në të ardhmen.",
    ),
    (
        Role.FLEET_OPS,
        "/commands",
        {"endpoint": VOICE_MODEM, "command": "Device.Reboot()", "args": "Cause", "reason": WHY},
        "Argumentet janë EMRI=VLERA, një për rresht, çdo emër një herë.",
    ),
    (
        Role.ADMINISTRATOR,
        "/settings/swap_notice_hours",
        {"value": "soon", "reason": WHY},
        "Nuk është numër i plotë: 'soon'.",
    ),
    (
        Role.FLEET_OPS,
        "/maintenance",
        {
            "element": "NODE-0",
            "kind": "upgrade",
            "starts": "2026-04-02T01:00",
            "ends": "2026-04-02T03:00",
            "reason": WHY,
        },
        "Nuk ka element të rrjetit 'NODE-0'.",
    ),
    (
        Role.FLEET_OPS,
        "/deadlines/C-1001/swaps",
        {
            "planned": "2026-03-01T03:00",
            "position": "internet",
            "ground": "operator",
            "reason": WHY,
        },
        "Ndërrimi planifikohet për një çast që vjen ende.",
    ),
    (
        Role.CONTRACTOR,
        "/repairs",
        {"serial": "00000003", "symptom": "no_power", "reported_on": "soon"},
        "soon nuk është ditë: shkruaje si 2026-11-26.",
    ),
]


@pytest.mark.parametrize(
    ("role", "address", "fields", "words"), REFUSED, ids=[one[1] for one in REFUSED]
)
def test_why_a_form_is_refused_is_said_in_the_readers_language(
    site: Site, role: Role, address: str, fields: dict[str, str], words: str
) -> None:
    answer = site.signed_in(role, "sq").submit(address, **fields)
    assert answer.status_code in (409, 422)
    alert = re.search(r'role="alert">(.*?)</p>', answer.text, re.DOTALL)
    assert alert
    assert 'lang="en"' not in alert[1]
    assert words in html.unescape(re.sub(r"<[^>]+>", "", alert[1]))
