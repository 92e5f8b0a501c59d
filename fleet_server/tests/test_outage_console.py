"""Outages, announced work and lines at risk as people and their systems meet them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from fleet_server.domain.roles import Role
from fleet_server.services import tables as t
from fleet_server.tests.console_site import Browser, Site
from fleet_server.tests.memory_fleet import MemoryFleet
from fleet_server.tests.plant import MODEMS, add_plant

STREET_1 = MODEMS[:10]
SERIAL = MODEMS[1].rsplit("-", 1)[1]


@pytest.fixture
def fleet(site: Site) -> Iterator[MemoryFleet]:
    """The controller on the console's database; a street of ten modems has just fallen."""
    made = MemoryFleet(site.engine)
    add_plant(site.engine, made.now)
    made.take(*(made.connect(endpoint_id) for endpoint_id in MODEMS))
    made.later(60)
    made.take(*(made.will(endpoint_id) for endpoint_id in STREET_1))
    made.later(4)
    made.poll()
    site.now = made.now
    yield made


def ops(site: Site) -> tuple[Browser, dict[str, str]]:
    return site.browser(), site.bearer(Role.FLEET_OPS)


def test_the_outage_is_listed_and_told_in_full(site: Site, fleet: MemoryFleet) -> None:
    browser, headers = ops(site)
    listed = browser.get("/api/v1/outages?open=true", headers=headers).json()
    (row,) = listed["items"]
    assert (row["cause"], row["places"], row["devices"]) == ("access network", ["S-1"], 10)
    found = browser.get(f"/api/v1/outages/{row['id']}", headers=headers).json()
    (liability,) = found["liability"]
    assert (liability["proposed"], liability["decided"]) == ("operator", None)
    assert [one["cause"] for one in found["verdicts"]] == ["access network"]
    url = f"/api/v1/outages/{row['id']}/interruptions?limit=6"
    first = browser.get(url, headers=headers).json()
    rest = browser.get(f"{url}&after={first['next']}", headers=headers).json()
    assert len(first["items"]) == 6
    assert len(rest["items"]) == 4
    assert rest["next"] is None


@pytest.mark.parametrize(
    ("language", "title", "cause"),
    [
        ("en", "Outages", "fault in the access network"),
        ("sq", "Ndërprerjet në rrjet", "defekt në rrjetin e qasjes"),
        ("sr", "Prekidi u mreži", "kvar u pristupnoj mreži"),
    ],
)
def test_the_pages_speak_three_languages(
    site: Site, fleet: MemoryFleet, language: str, title: str, cause: str
) -> None:
    browser = site.signed_in(Role.DISPATCHER, language)
    page = browser.get("/outages?open=1").text
    assert title in page
    assert cause in page
    one = browser.get("/outages/1").text
    assert "S-1" in one
    assert STREET_1[0] in one


def test_a_dispatcher_decides_who_answers_and_the_page_names_who_it_was(
    site: Site, fleet: MemoryFleet
) -> None:
    browser = site.signed_in(Role.DISPATCHER)
    fields = {"cause": "access network", "liability": "operator", "counts": "yes"}
    refused = browser.submit("/outages/1", **{**fields, "reason": " "})
    assert refused.status_code == 422
    assert "Nothing was decided" in refused.text
    wrong = {**fields, "liability": "force_majeure", "reason": "counts and does not"}
    assert browser.submit("/outages/1", **wrong).status_code == 422
    assert browser.submit("/outages/1", **fields, reason="cable was cut").status_code == 303
    page = browser.get("/outages/1").text
    assert "counts for a credit (dispatcher" in page
    assert "nobody has decided yet" not in page


def test_a_system_reports_plant_power_and_takes_it_back(site: Site, fleet: MemoryFleet) -> None:
    browser, headers = ops(site)
    report = {
        "cause": "plant power",
        "element": "N-1",
        "from_at": (site.now - timedelta(minutes=5)).isoformat(),
        "source": "plant_supply",
        "reason": "supply alarm",
    }
    answer = browser.post("/api/v1/cause-reports", json=report, headers=headers)
    assert answer.status_code == 201
    fleet.later(4)
    fleet.poll()
    (row,) = browser.get("/api/v1/outages", headers=headers).json()["items"]
    assert (row["cause"], row["confidence"]) == ("plant power", "reported")
    url = f"/api/v1/cause-reports/{answer.json()['id']}"
    body = {"reason": "another node"}
    assert browser.post(f"{url}/withdrawal", json=body, headers=headers).status_code == 204
    assert browser.get("/api/v1/cause-reports", headers=headers).json()["items"] == []
    for wrong, code in (
        ({"cause": "device"}, "invalid"),
        ({"element": "N-9"}, "unknown-element"),
        ({"until_at": report["from_at"]}, "invalid-time"),
    ):
        problem = browser.post("/api/v1/cause-reports", json={**report, **wrong}, headers=headers)
        assert problem.json()["type"].endswith(f":{code}")


def test_work_is_entered_announced_and_called_off(site: Site, fleet: MemoryFleet) -> None:
    browser = site.signed_in(Role.DISPATCHER)
    fields = {"element": "S-2", "kind": "upgrade", "reason": "amplifier"}
    times = {"starts": "2027-03-28T01:30", "ends": "2027-03-28T03:30"}
    skipped = {**fields, "starts": "2027-03-28T02:30", "ends": "2027-03-28T03:30"}
    assert browser.submit("/maintenance", **skipped).status_code == 422
    sent = browser.submit("/maintenance", **fields, **times, voice_down="yes")
    assert sent.status_code == 303
    url = sent.headers["location"]
    (row,) = fleet.rows(t.maintenance)
    assert row.ends_at - row.starts_at == timedelta(hours=1)
    assert "nobody was told in time" in browser.get(url).text
    notice = {"channel": "sms", "sent": "2027-01-15T12:30", **times}
    assert browser.submit(f"{url}/notices", **notice).status_code == 303
    assert "nobody was told in time" not in browser.get(url).text
    assert browser.submit(f"{url}/cancellation", reason="rain").status_code == 303
    assert browser.submit(f"{url}/cancellation", reason="rain").status_code == 409
    assert "called off" in browser.get("/maintenance").text
    _, headers = ops(site)
    listed = site.browser().get("/api/v1/maintenance", headers=headers).json()["items"]
    assert [(one["element"], one["is_announced"]) for one in listed] == [("S-2", False)]


def test_lines_at_risk_are_counted_listed_and_exported(site: Site, fleet: MemoryFleet) -> None:
    fleet.later(60)
    fleet.poll()
    site.now = fleet.now
    browser, headers = ops(site)
    nodes = browser.get("/api/v1/voice-risk/nodes", headers=headers).json()["items"]
    assert {"node": "N-1", "cannot": 0, "unknown": 10} in nodes
    listed = browser.get("/api/v1/voice-risk?node=N-1", headers=headers).json()["items"]
    assert {one["reason"] for one in listed} == {"Silent", "NotReported"}
    span = "from_at=2027-01-15T00:00:00Z&until_at=2027-01-16T00:00:00Z"
    spans = browser.get(f"/api/v1/voice-risk/history?{span}", headers=headers).json()["items"]
    exported = browser.get(f"/api/v1/voice-risk/history.csv?{span}", headers=headers)
    header, *lines = exported.text.splitlines()
    assert header.startswith("contract,endpoint_id,node,element,reach,reason,from_at")
    assert len(lines) == len(spans)
    backwards = "from_at=2027-01-16T00:00:00Z&until_at=2027-01-15T00:00:00Z"
    assert (
        browser.get(f"/api/v1/voice-risk/history?{backwards}", headers=headers).status_code == 422
    )
    page = site.signed_in(Role.CALL_CENTRE).get("/voice-risk?node=N-1").text
    assert "the device is silent" in page
    assert "P-1" in page


def test_a_voice_modem_seen_elsewhere_is_on_the_pages_until_it_is_settled(
    site: Site, fleet: MemoryFleet
) -> None:
    browser, headers = ops(site)
    sighting = {"serial": SERIAL, "source": "cmts", "seen_at": site.now.isoformat()}
    fits = browser.post("/api/v1/sightings", json={**sighting, "element": "N-1"}, headers=headers)
    assert fits.json() == {"finding": None}
    told = browser.post(
        "/api/v1/sightings", json={**sighting, "element": "N-2"}, headers=headers
    ).json()["finding"]
    assert (told["expected"], told["seen"], told["contract"]) == ("S-1", "N-2", "P-1")
    waiting = browser.get("/api/v1/misplaced-units", headers=headers).json()["items"]
    assert waiting == [told]
    desk = site.signed_in(Role.CALL_CENTRE)
    assert "Units seen at another place than their contract says: 1" in desk.get("/outages").text
    assert "Call the customer now" in desk.get("/voice-risk").text
    url = f"/voice-risk/findings/{told['id']}"
    assert desk.submit(url, outcome="contract_moved", reason="").status_code == 422
    assert desk.submit(url, outcome="contract_moved", reason="moved house").status_code == 303
    assert "Call the customer now" not in desk.get("/voice-risk").text
