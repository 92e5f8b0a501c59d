"""Every role against every route: the table is written by hand."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import Mount

from fleet_server.domain.roles import Permission, Role, allows
from fleet_server.services import tables as t
from fleet_server.tests.console_site import BLANK, START, VOICE_MODEM, Site, add_unit
from fleet_server.tests.permissions import CALLS, FORMS, PAGES
from fleet_server.tests.permissions.common import SEES_DEVICES
from fleet_server.tests.permissions.devices import ENROLMENT

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
