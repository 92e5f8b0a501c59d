"""What is counted and logged of requests, and the figures for Prometheus."""

from __future__ import annotations

import logging

import pytest

from agent.wire.codes import POWER
from fleet_server.domain.roles import Role
from fleet_server.services import gasps
from fleet_server.services.readiness import CONNECTED, CONTROLLER, ONBOARDING, report
from fleet_server.tests.console_site import Site


def figures(site: Site, role: Role = Role.AUDITOR) -> dict[str, float]:
    answer = site.browser().get("/metrics", headers=site.bearer(role))
    assert answer.status_code == 200, answer.text
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_the_figures_tell_agents_broker_and_requests(site: Site) -> None:
    with site.context.fleet.writing() as connection:
        report(connection, CONTROLLER, CONNECTED, site.now)
        report(connection, ONBOARDING, "7", site.now)
    headers = site.bearer(Role.TECHNICIAN)
    for serial in ("00000002", "00000001", "9"):
        site.browser().get(f"/api/v1/units/{serial}", headers=headers)
    found = figures(site)
    assert found['fleet_agents{state="online"}'] == 3
    assert found['fleet_agents{state="offline"}'] == 0
    assert found["fleet_broker_connected"] == 1
    assert found["fleet_agents_arriving"] == 7
    route = 'method="GET",route="/api/v1/units/{serial}"'
    assert found[f'fleet_http_requests_total{{{route},status="200"}}'] == 2
    assert found[f'fleet_http_requests_total{{{route},status="404"}}'] == 1
    assert found[f"fleet_http_request_seconds_count{{{route}}}"] == 3
    assert not any("00000002" in name for name in found)


def test_the_figures_tell_how_many_power_losses_were_told_in_time(site: Site) -> None:
    row = {"path": POWER, "name": "PowerLoss!", "grade": "measured", "endpoint_id": "a"}
    with site.context.fleet.writing() as connection:
        gasps.count(connection, [(row, True), ({**row, "endpoint_id": "b"}, False)])
    found = figures(site)
    assert found["fleet_power_losses_total"] == 2
    assert found["fleet_gasps_total"] == 1


@pytest.mark.parametrize("role", [Role.CONTRACTOR, Role.WAREHOUSE])
def test_the_figures_are_for_who_may_see_devices(site: Site, role: Role) -> None:
    assert site.browser().get("/metrics", headers=site.bearer(role)).status_code == 403
    assert site.browser().get("/metrics").status_code in (303, 401)


def test_the_log_names_the_route_and_never_what_was_asked_for(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "fleet_server.api.request_log")
    headers = site.bearer(Role.FLEET_OPS)
    caplog.clear()
    browser = site.browser()
    browser.get("/api/v1/units/00000002?x=MARK", headers=headers)
    browser.get("/api/v1/units/MARK", headers=headers)
    browser.post("/api/v1/units/MARK/console-token", json={"nonce": "MARK"}, headers=headers)
    browser.get("/nowhere/MARK?x=MARK")
    said = [
        record.getMessage().partition(",")[0]
        for record in caplog.records
        if record.name == "fleet_server.api.request_log"
    ]
    assert said == [
        "GET /api/v1/units/{serial} 404",
        "POST /api/v1/units/{serial}/console-token 422",
        "GET (no such address) 404",
    ]
