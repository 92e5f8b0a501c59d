"""Health: the profile our agents get, what a report leaves, what the page tells of it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from agent.wire.telemetry import ROWS, judged
from fleet_server.protocol import usp_pb2 as usp
from fleet_server.services import tables as t
from fleet_server.services import telemetry
from fleet_server.services.onboarding import Onboarding, Target
from fleet_server.services.records import Publication
from fleet_server.services.views_devices import read_device
from fleet_server.tests.memory_fleet import CONTROLLER, MODEM, NOON, STB, VENDOR, MemoryFleet
from fleet_server.tests.test_onboarding import (
    added,
    answer,
    got,
    kind,
    reach_subscriptions,
    subscriptions,
)

PROFILE = "Device.BulkData.Profile.1."
STAMP = int(NOON.timestamp())


@pytest.fixture
def fleet(memory_fleet: MemoryFleet) -> MemoryFleet:
    return memory_fleet


def report(
    fleet: MemoryFleet, number: int, at: int = STAMP, endpoint_id: str = MODEM, **values: object
) -> Publication:
    named = {name.replace("_", "."): value for name, value in values.items()}
    data = json.dumps({"Report": [{"CollectionTime": at, **named}]})
    return fleet.event(endpoint_id, f"n-0a1b2c3d-7-{number}", "Push!", PROFILE, Data=data)


def values(fleet: MemoryFleet) -> dict[str, str]:
    return {row.name: row.value for row in fleet.rows(t.health_value)}


def test_a_report_is_answered_and_leaves_values_but_no_event(fleet: MemoryFleet) -> None:
    outgoing = fleet.take(report(fleet, 1, u=61, d_1=-25, k_1="Operational", x=True))
    assert [one.answers for one in outgoing].count(True) == 1
    assert values(fleet) == {"u": "61", "d.1": "-25", "k.1": "Operational", "x": "true"}
    assert {row.collected_at for row in fleet.rows(t.health_value)} == {NOON}
    assert fleet.rows(t.event) == []
    assert len(fleet.rows(t.health_report)) == 1


def test_a_report_that_comes_again_is_answered_again_and_kept_once(fleet: MemoryFleet) -> None:
    fleet.take(report(fleet, 1, u=1))
    assert any(one.answers for one in fleet.take(report(fleet, 1, u=1)))
    assert len(fleet.rows(t.health_report)) == 1


def test_an_older_report_changes_no_value(fleet: MemoryFleet) -> None:
    fleet.take(report(fleet, 2, STAMP, u=900))
    fleet.take(report(fleet, 1, STAMP - 900, u=5, c=12))
    assert values(fleet) == {"u": "900", "c": "12"}


def test_a_report_from_the_future_counts_as_of_now(fleet: MemoryFleet) -> None:
    fleet.take(report(fleet, 1, STAMP + 10**6, u=1))
    assert [row.collected_at for row in fleet.rows(t.health_value)] == [NOON]


@pytest.mark.parametrize(
    "data",
    [
        "",
        "[]",
        '{"Report":[]}',
        '{"Report":[5]}',
        '{"Report":[{"a":[1]}]}',
        '{"Report":[{"a":"%s"}]}' % ("x" * 65),
        '{"Report":[{"a":"\\u0000"}]}',
        '{"Report":[{"a":"\\ud800"}]}',
        "[" * 9000,
        "x" * 20_000,
    ],
)
def test_what_is_no_report_is_counted_and_not_answered(fleet: MemoryFleet, data: str) -> None:
    event = fleet.event(MODEM, "n-0a1b2c3d-7-1", "Push!", PROFILE, Data=data)
    assert not any(one.answers for one in fleet.take(event))
    assert {row.name: row.value for row in fleet.rows(t.ingest_counter)} == {"health": 1}
    assert fleet.rows(t.health_value) == fleet.rows(t.health_report) == []


def test_reports_are_removed_after_the_time_they_are_kept(fleet: MemoryFleet) -> None:
    fleet.take(report(fleet, 1, u=1))
    fleet.poll()
    fleet.later(timedelta(days=29).total_seconds())
    fleet.take(report(fleet, 2, int(fleet.now.timestamp()), u=2))
    fleet.poll()
    assert len(fleet.rows(t.health_report)) == 2
    fleet.later(timedelta(days=2).total_seconds())
    fleet.poll()
    assert len(fleet.rows(t.health_report)) == 1
    assert values(fleet) == {"u": "2"}


def machine(endpoint_id: str) -> tuple[Onboarding, usp.Msg]:
    """An onboarding that has just seen the state, and what it asks next."""
    numbers = iter(range(1, 1000))
    run = Onboarding(Target(endpoint_id, CONTROLLER, 60), lambda: f"c-{next(numbers)}", set())
    (ask,) = run.take(subscriptions(reach_subscriptions(run), [], interval="60"), NOON)
    while kind(ask) == "add":
        (ask,) = run.take(added(ask), NOON)
    (ask,) = run.take(got(ask, "Device.", {}), NOON)
    return run, ask


def test_a_fresh_agent_gets_a_profile_that_bears_its_name_last() -> None:
    run, ask = machine(MODEM)
    assert list(ask.body.request.get.param_paths) == ["Device.BulkData.Profile."]
    (add,) = run.take(got(ask, "Device.BulkData.Profile.", {}), NOON)
    settings = add.body.request.add.create_objs[0].param_settings
    assert {one.param: one.value for one in settings} == {
        "Name": "fleet-health",
        "ReportingInterval": "900",
    }
    (ask,) = run.take(added(add), NOON)
    names = []
    while kind(ask) == "add":
        assert ask.ByteSize() < 3000
        rows = ask.body.request.add.create_objs
        assert {row.obj_path for row in rows} == {PROFILE + "Parameter."}
        names += [one.value for row in rows for one in row.param_settings if one.param == "Name"]
        (ask,) = run.take(added(ask), NOON)
    assert names == [row[0] for row in ROWS]
    updates = ask.body.request.set.update_objs
    assert [update.obj_path for update in updates] == [PROFILE, "Device.BulkData."]
    named = {one.param: one.value for one in updates[0].param_settings}
    assert named == {"Enable": "true", "Name": telemetry.profile_name("MODEM", 900)}
    (ask,) = run.take(answer(ask), NOON)
    assert ask.body.request.operate.command == PROFILE + "ForceCollection()"
    assert run.take(answer(ask), NOON) == []
    assert run.findings().finished


def test_an_agent_with_the_right_profile_is_left_alone() -> None:
    run, ask = machine(MODEM)
    there = {"Name": telemetry.profile_name("MODEM", 900)}
    assert run.take(got(ask, PROFILE, there), NOON) == []
    assert run.findings().finished


def test_a_profile_of_another_version_or_cut_off_half_way_is_replaced() -> None:
    for name in ("fleet-health", "fleet-health-00000000"):
        run, ask = machine(STB)
        (remove,) = run.take(got(ask, PROFILE, {"Name": name}), NOON)
        assert list(remove.body.request.delete.obj_paths) == [PROFILE]
        (add,) = run.take(answer(remove), NOON)
        assert kind(add) == "add"


def test_the_profile_of_another_controller_is_not_touched() -> None:
    run, ask = machine(STB)
    (add,) = run.take(got(ask, PROFILE, {"Name": "somebody's"}), NOON)
    assert kind(add) == "add"


def test_a_vendors_agent_gets_no_profile() -> None:
    numbers = iter(range(1, 1000))
    run = Onboarding(Target(VENDOR, CONTROLLER, 60), lambda: f"c-{next(numbers)}", set())
    (ask,) = run.take(subscriptions(reach_subscriptions(run), [], interval="60"), NOON)
    assert run.take(added(ask), NOON) == []
    assert run.findings().finished


def test_the_device_shows_levels_in_order_with_verdict_and_time(fleet: MemoryFleet) -> None:
    fleet.take(report(fleet, 1, d_10=20, d_2=151, n_2=350, k_1="Operational", c=96, zz=1, u=5))
    with fleet.engine.connect() as connection:
        device = read_device(connection, MODEM)
    assert [(one.name, one.channel, one.value, one.verdict) for one in device.health] == [
        ("u", 0, "5", ""),
        ("c", 0, "96", "fail"),
        ("k", 1, "Operational", "pass"),
        ("d", 2, "151", "fail"),
        ("d", 10, "20", "pass"),
        ("n", 2, "350", "pass"),
    ]
    assert device.health[0].collected_at == NOON


@pytest.mark.parametrize(
    ("name", "channel", "found", "verdict"),
    [
        ("d", "1", {"d.1": "-150"}, "pass"),
        ("d", "1", {"d.1": "-151"}, "fail"),
        ("n", "1", {"n.1": "300", "d.1": "0"}, "pass"),
        ("n", "1", {"n.1": "320", "d.1": "-61"}, ""),
        ("n", "1", {"n.1": "234", "d.1": "0"}, "fail"),
        ("p", "1", {"p.1": "570"}, "pass"),
        ("p", "1", {"p.1": "511", "p.2": "1", "p.3": "1", "p.4": "1"}, "fail"),
        ("p", "1", {"p.1": "much"}, ""),
        ("k", "1", {"k.1": "NotSynchronized"}, "fail"),
        ("t", "1", {"t.1": "95"}, "pass"),
        ("t", "1", {"t.1": "96"}, "fail"),
        ("u", "", {"u": "1"}, ""),
    ],
)
def test_verdicts_follow_the_limits(
    name: str, channel: str, found: dict[str, str], verdict: str
) -> None:
    assert judged(name, channel, found) == verdict
