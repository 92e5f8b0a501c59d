"""The HTTP API: sessions, units, enrolment, health, and what an error says."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from sqlalchemy import text

from agent.wire.authorisation import split_token
from fleet_server.api.errors import MEDIA_TYPE
from fleet_server.domain.roles import Role
from fleet_server.services.accounts import form_token
from fleet_server.services.console_context import FORM_TOKEN_HEADER
from fleet_server.services.readiness import CONNECTED, CONNECTING, CONTROLLER, report
from fleet_server.tests.console_site import (
    BLANK,
    CSR,
    START,
    VOICE_MODEM,
    Browser,
    Site,
    add_presence,
    add_unit,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "developer" / "http-api.md"
ENROLMENT = {"csr": base64.b64encode(CSR).decode(), "contract": "C-1004", "position": "voice"}
URL = "/api/v1/units/00000004/enrolment"
NONCE = "00112233445566778899aabbccddeeff"


@pytest.fixture
def technician(site: Site) -> Browser:
    browser = site.browser()
    browser.client.headers.update(site.bearer(Role.TECHNICIAN))
    return browser


def test_a_session_is_opened_used_and_closed(site: Site) -> None:
    browser = site.browser()
    body = {"username": "auditor", "password": site.passwords[Role.AUDITOR]}
    opened = browser.post("/api/v1/session", json=body)
    assert opened.status_code == 201
    assert opened.json()["role"] == "auditor"
    assert opened.json()["expires_at"] == "2026-03-29T00:00:00Z"
    assert "set-cookie" not in opened.headers
    headers = {"Authorization": f"Bearer {opened.json()['token']}"}
    assert browser.get("/api/v1/units/00000002", headers=headers).status_code == 200
    assert browser.request("DELETE", "/api/v1/session", headers=headers).status_code == 204
    assert browser.get("/api/v1/units/00000002", headers=headers).status_code == 401


def test_failed_sign_ins_are_limited_here_too(site: Site) -> None:
    browser = site.browser()
    body = {"username": "auditor", "password": "wrong"}
    codes = [browser.post("/api/v1/session", json=body).status_code for _ in range(6)]
    assert codes == [401] * 5 + [429]
    assert browser.post("/api/v1/session", json=body).headers["retry-after"] == "900"


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer unknown", "Basic dXNlcjpwYXNz", "Bearer ë"]
)
def test_a_token_that_is_none_is_refused(site: Site, header: str) -> None:
    answer = site.browser().get(
        "/api/v1/units/00000002", headers={b"Authorization": header.encode()}
    )
    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:ipko-fleet:problem:not-signed-in"


def test_a_unit_tells_what_it_is_and_where_it_serves(technician: Browser) -> None:
    unit = technician.get("/api/v1/units/00000002").json()
    assert unit["endpoint_id"] == VOICE_MODEM
    assert unit["product_class"] == "VOICEMODEM"
    assert unit["status"] == "in_service"
    assert (unit["contract"], unit["position"]) == ("C-1001", "internet+voice")
    blank = technician.get("/api/v1/units/00000004").json()
    assert (blank["status"], blank["contract"], blank["position"]) == ("in_stock", None, None)


def test_presence_says_since_when_and_as_of_when(site: Site, technician: Browser) -> None:
    add_presence(site, VOICE_MODEM, "offline", "power_loss")
    assert technician.get("/api/v1/units/00000002/presence").json() == {
        "presence": "offline",
        "since": "2026-03-28T12:00:00Z",
        "seen": "2026-03-28T12:00:00Z",
        "as_of": "2026-03-28T12:00:00Z",
    }
    never = technician.get("/api/v1/units/00000004/presence").json()
    assert (never["presence"], never["since"]) == ("never", None)


def test_enrolment_gives_everything_the_unit_must_be_told(technician: Browser) -> None:
    answer = technician.post(URL, json=ENROLMENT)
    assert answer.status_code == 201
    assert answer.json() == {
        "endpoint_id": BLANK,
        "certificate": base64.b64encode(b"certificate").decode(),
        "ca": base64.b64encode(b"root").decode(),
        "command_key": base64.b64encode(bytes(64)).decode(),
        "broker_host": "localhost",
        "broker_port": 8883,
        "controller": "fqdn::fleet.test",
        "position": "voice",
    }
    unit = technician.get("/api/v1/units/00000004").json()
    assert (unit["status"], unit["contract"]) == ("in_service", "C-1004")


@pytest.mark.parametrize(
    ("serial", "changed", "status", "problem"),
    [
        ("99999999", {}, 404, "unknown-unit"),
        ("00000004", {"contract": "C-9"}, 404, "unknown-contract"),
        ("00000004", {"position": "tv-9"}, 404, "unknown-position"),
        ("00000066", {}, 409, "blacklisted"),
        ("00000077", {}, 409, "lab-unit"),
        ("00000002", {}, 409, "unit-in-service"),
        ("00000088", {"contract": "C-1001"}, 409, "position-taken"),
        ("00000004", {"contract": "C-1003", "position": "tv-1"}, 409, "wrong-kind"),
        ("00000004", {"csr": "AAAA"}, 422, "invalid-csr"),
        ("00000004", {"csr": "not base64!"}, 422, "invalid-csr"),
        ("00000004", {"csr": ""}, 422, "not-understood"),
        ("00000004", {"csr": "A" * 9000}, 422, "not-understood"),
        ("0" * 33, {}, 422, "not-understood"),
    ],
)
def test_every_refusal_names_itself_and_says_what_to_do_next(
    site: Site,
    technician: Browser,
    serial: str,
    changed: dict[str, str],
    status: int,
    problem: str,
) -> None:
    add_unit(site, "ops::00256D-VOICEMODEM-00000066", blacklisted=True)
    add_unit(site, "ops::00256D-VOICEMODEM-00000077", lab=True)
    add_unit(site, "ops::00256D-VOICEMODEM-00000088")
    answer = technician.post(f"/api/v1/units/{serial}/enrolment", json={**ENROLMENT, **changed})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == MEDIA_TYPE
    said = answer.json()
    assert said["type"] == f"urn:ipko-fleet:problem:{problem}"
    assert said["status"] == status
    assert said["detail"]
    assert said["next"].endswith(".")
    if serial != "00000002":
        unit = technician.get("/api/v1/units/00000004").json()
        assert unit["status"] == "in_stock"


def test_an_unknown_address_and_a_wrong_method_are_problems_too(technician: Browser) -> None:
    for method, url, status in (("GET", "/api/v1/nothing", 404), ("PUT", "/api/v1/session", 405)):
        answer = technician.request(method, url)
        assert answer.status_code == status
        assert answer.headers["content-type"] == MEDIA_TYPE
        assert "openapi.json" in answer.json()["next"]


def test_a_console_token_is_for_one_unit_one_nonce_and_ten_minutes(technician: Browser) -> None:
    url = "/api/v1/units/00000002/console-token"
    token = technician.post(url, json={"nonce": NONCE}).json()["token"]
    _signed, _signature, claims = split_token(token)
    assert claims["eid"] == VOICE_MODEM
    assert claims["cmd"] == "Console()"
    assert claims["key"] == NONCE
    assert claims["ctr"] == 0
    assert claims["iat"] == int(START.timestamp())
    assert claims["exp"] == int(START.timestamp()) + 600
    for nonce in ("", "XYZ", NONCE.upper(), "00" * 65):
        assert technician.post(url, json={"nonce": nonce}).status_code == 422
    unknown = technician.post("/api/v1/units/9/console-token", json={"nonce": NONCE})
    assert unknown.status_code == 404


def test_a_page_may_call_with_its_cookie_but_change_only_with_its_form_token(site: Site) -> None:
    browser = site.signed_in(Role.TECHNICIAN)
    assert browser.get("/api/v1/units/00000004").status_code == 200
    refused = browser.post(URL, json=ENROLMENT)
    assert refused.status_code == 403
    assert FORM_TOKEN_HEADER in refused.json()["detail"]
    proof = {FORM_TOKEN_HEADER: form_token(browser.client.cookies["session"])}
    assert browser.post(URL, json=ENROLMENT, headers=proof).status_code == 201


def test_healthz_answers_without_a_database(site: Site) -> None:
    with site.engine.begin() as connection:
        connection.execute(text("DROP TABLE presence"))
    assert site.browser().get("/healthz").status_code == 200
    answer = site.browser().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["missing"] == ["database"]


def test_readyz_needs_a_controller_that_lately_had_the_broker(site: Site) -> None:
    browser = site.browser()
    assert browser.get("/readyz").status_code == 503
    for state, status in ((CONNECTED, 200), (CONNECTING, 503)):
        with site.context.fleet.writing() as connection:
            report(connection, CONTROLLER, state, site.now)
        answer = browser.get("/readyz")
        assert answer.status_code == status
        assert answer.json()["agents_online"] == 3
    assert answer.json()["missing"] == ["broker"]


def test_openapi_describes_every_call_and_the_documentation_names_each(site: Site) -> None:
    described = site.browser().get("/api/v1/openapi.json").json()
    calls = [
        f"{method.upper()} /api/v1{path}"
        for path, methods in described["paths"].items()
        for method in methods
    ]
    assert calls
    written = DOCUMENT.read_text()
    named = [*calls, "GET /healthz", "GET /readyz", "GET /api/v1/openapi.json"]
    assert [call for call in named if f"`{call}`" not in written] == []
