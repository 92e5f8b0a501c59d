"""Reports, announced work, suspension and decisions: what they make of interruptions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select

from fleet_server.domain.causes import Cause
from fleet_server.domain.credit import Decision
from fleet_server.domain.errors import (
    InvalidError,
    InvalidTimeError,
    UnknownNetworkElementError,
    UnknownOutageError,
    UnknownReportError,
    WorkOverError,
)
from fleet_server.domain.liability import Liability
from fleet_server.domain.policy import DEFAULTS
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor
from fleet_server.services.cause_reports import (
    Said,
    Source,
    end_report,
    list_reports,
    record_report,
    withdraw_report,
)
from fleet_server.services.liability import decide_interruption, decide_outage, stretches_of
from fleet_server.services.maintenance import (
    Channel,
    NoticeGiven,
    Plan,
    WorkKind,
    add_notice,
    cancel_work,
    list_work,
    plan_work,
)
from fleet_server.services.pieces import from_ms, segments_of
from fleet_server.services.surroundings import read_topology
from fleet_server.services.views_outages import list_members, list_outages, read_outage
from fleet_server.tests.memory_fleet import NOON, MemoryFleet
from fleet_server.tests.plant import MODEMS, add_plant

STREET_1 = MODEMS[:10]
OPS = Actor.system("test")


@pytest.fixture
def fleet(engine: Engine) -> Iterator[MemoryFleet]:
    made = MemoryFleet(engine)
    add_plant(engine, made.now)
    with engine.begin() as connection:
        connection.execute(
            insert(t.account).values(
                id=1, username="ops", role="fleet_ops", password_hash="", created_at=NOON
            )
        )
    made.take(*(made.connect(endpoint_id) for endpoint_id in MODEMS))
    made.later(3_600)
    yield made


def fall(fleet: MemoryFleet) -> datetime:
    fleet.take(*(fleet.will(endpoint_id) for endpoint_id in STREET_1))
    look(fleet)
    return fleet.now


def look(fleet: MemoryFleet) -> None:
    fleet.later(4)
    fleet.poll()


def causes(fleet: MemoryFleet) -> list[tuple[str, float | None]]:
    """Causes of the first modem's interruption, each with the minutes since NOON of its end."""
    row = next(row for row in fleet.rows(t.interruption) if row.endpoint_id == STREET_1[0])
    return [
        (
            one.cause.value,
            None if one.end_ms is None else (from_ms(one.end_ms) - NOON) / timedelta(minutes=1),
        )
        for one in segments_of(row.segments)
    ]


def report(fleet: MemoryFleet, element: str, minute: float, until: float | None = None) -> int:
    said = Said(
        Cause.PLANT_POWER,
        element,
        NOON + timedelta(minutes=minute),
        None if until is None else NOON + timedelta(minutes=until),
        Source.PLANT_SUPPLY,
    )
    with fleet.engine.begin() as connection:
        return record_report(connection, OPS, said, "supply alarm", fleet.now).id


def test_a_report_of_the_node_outranks_what_the_devices_show_and_types_the_outage(
    fleet: MemoryFleet,
) -> None:
    fall(fleet)
    assert causes(fleet) == [("access network", None)]
    fleet.later(1_200)
    report(fleet, "N-1", 59, 75)
    assert causes(fleet) == [("plant power", 75), ("access network", None)]
    look(fleet)
    (outage,) = fleet.rows(t.outage)
    assert (outage.cause, outage.inferred_cause) == ("plant power", "access network")
    assert outage.confidence == "reported"


def test_a_report_of_another_place_or_time_changes_nothing(fleet: MemoryFleet) -> None:
    fall(fleet)
    fleet.later(1_200)
    report(fleet, "S-2", 59)
    report(fleet, "N-2", 59)
    report(fleet, "N-1", 5, 20)
    assert causes(fleet) == [("access network", None)]


def test_a_report_is_ended_once_and_a_wrong_one_withdrawn(fleet: MemoryFleet) -> None:
    fall(fleet)
    fleet.later(1_200)
    key = report(fleet, "S-1", 59)
    assert causes(fleet) == [("plant power", None)]
    with fleet.engine.begin() as connection:
        end_report(connection, OPS, key, NOON + timedelta(minutes=70), fleet.now)
    assert causes(fleet) == [("plant power", 70), ("access network", None)]
    with fleet.engine.begin() as connection:
        with pytest.raises(UnknownReportError):
            end_report(connection, OPS, key, NOON + timedelta(minutes=71), fleet.now)
        withdraw_report(connection, OPS, key, "another node was meant", fleet.now)
        assert list_reports(connection, None, 9) == []
    assert causes(fleet) == [("access network", None)]
    kept = [row.segments for row in fleet.rows(t.interruption_verdict) if row.interruption_id == 1]
    assert len(kept) == 5
    with fleet.engine.connect() as connection:
        actions = [one.action for one in audit.history(connection, "network_element:S-1")]
    assert actions == ["cause_report_withdrawn", "cause_report_ended", "cause_reported"]


def test_a_report_needs_an_element_and_a_time_that_can_be(fleet: MemoryFleet) -> None:
    with fleet.engine.begin() as connection:
        for said, error in (
            (Said(Cause.AREA_MAINS, "N-9", NOON, None, Source.UTILITY), UnknownNetworkElementError),
            (Said(Cause.AREA_MAINS, "N-1", NOON, NOON, Source.UTILITY), InvalidTimeError),
            (
                Said(Cause.AREA_MAINS, "N-1", NOON + timedelta(days=2), None, Source.UTILITY),
                InvalidTimeError,
            ),
        ):
            with pytest.raises(error):
                record_report(connection, OPS, said, "", fleet.now)


def plan(fleet: MemoryFleet, start_hour: float, end_hour: float) -> int:
    planned = Plan(
        "N-1",
        WorkKind.UPGRADE,
        NOON + timedelta(hours=start_hour),
        NOON + timedelta(hours=end_hour),
        voice_down=True,
    )
    with fleet.engine.begin() as connection:
        return plan_work(connection, OPS, planned, "new amplifier", fleet.now).id


def announce(fleet: MemoryFleet, work_id: int, start_hour: float, end_hour: float) -> Any:
    given = NoticeGiven(
        Channel.SMS,
        fleet.now,
        NOON + timedelta(hours=start_hour),
        NOON + timedelta(hours=end_hour),
    )
    with fleet.engine.begin() as connection:
        return add_notice(connection, OPS, work_id, given, fleet.now)


def test_announced_work_is_maintenance_and_what_runs_over_is_not(fleet: MemoryFleet) -> None:
    work_id = plan(fleet, 30, 33)
    assert not announce(fleet, work_id, 30, 32).is_announced
    fleet.later(29 * 3_600)
    fall(fleet)
    fleet.later(3 * 3_600)
    assert causes(fleet) == [("maintenance", 32 * 60), ("access network", None)]


def test_work_without_notice_or_with_a_late_one_is_a_fault_of_the_network(
    fleet: MemoryFleet,
) -> None:
    work_id = plan(fleet, 20, 33)
    announce(fleet, work_id, 20, 33)
    fleet.later(20 * 3_600)
    fall(fleet)
    assert causes(fleet) == [("access network", None)]


def test_a_notice_put_on_record_later_revises_and_calling_off_too(fleet: MemoryFleet) -> None:
    work_id = plan(fleet, 30, 33)
    sent_at = fleet.now
    fleet.later(29 * 3_600)
    fall(fleet)
    assert causes(fleet) == [("access network", None)]
    given = NoticeGiven(
        Channel.LETTER, sent_at, NOON + timedelta(hours=30), NOON + timedelta(hours=33)
    )
    with fleet.engine.begin() as connection:
        assert add_notice(connection, OPS, work_id, given, fleet.now).is_announced
    assert causes(fleet) == [("maintenance", 33 * 60), ("access network", None)]
    with fleet.engine.begin() as connection:
        cancel_work(connection, OPS, work_id, "crane broke", fleet.now)
        with pytest.raises(WorkOverError):
            cancel_work(connection, OPS, work_id, "again", fleet.now)
        (work,) = list_work(connection, None, 9)
    assert work.cancelled_at == fleet.now
    assert causes(fleet)[-1] == ("access network", None)


def test_a_suspended_contract_is_suspended_whatever_its_street_does(fleet: MemoryFleet) -> None:
    with fleet.engine.begin() as connection:
        contract = connection.scalar(select(t.contract.c.id).where(t.contract.c.number == "P-0"))
        connection.execute(
            insert(t.service_decision).values(
                contract_id=contract,
                state="suspended",
                ground="debt",
                needs_notice=True,
                decided_at=NOON,
                not_before_at=NOON,
                carried_out_at=NOON + timedelta(minutes=30),
                audit_sequence=0,
            )
        )
    fall(fleet)
    assert causes(fleet) == [("suspended", None)]
    others = {row.cause for row in fleet.rows(t.interruption) if row.endpoint_id != STREET_1[0]}
    assert others == {"access network"}


def test_liability_is_proposed_and_a_persons_decision_goes_before_it(fleet: MemoryFleet) -> None:
    fall(fleet)
    fleet.later(3_600)

    def first() -> Any:
        with fleet.engine.connect() as connection:
            topology = read_topology(connection)
            found = stretches_of(connection, topology, DEFAULTS, STREET_1[:2], NOON, fleet.now)
        return [found[one][0] for one in STREET_1[:2]]

    assert [one.proposal.liability for one in first()] == ["operator", "operator"]
    assert [one.decision for one in first()] == [None, None]
    not_ours = Decision(Cause.ACCESS_NETWORK, Liability.FORCE_MAJEURE, counts=False)
    ours = Decision(Cause.ACCESS_NETWORK, Liability.OPERATOR, counts=True)
    with fleet.engine.begin() as connection:
        topology = read_topology(connection)
        decide_outage(connection, topology, DEFAULTS, 1, 1, not_ours, "landslide", fleet.now)
        key = connection.scalar(
            select(t.interruption.c.id).where(t.interruption.c.endpoint_id == STREET_1[1])
        )
        assert key is not None
        decide_interruption(
            connection, topology, DEFAULTS, 1, key, ours, "cable was loose before", fleet.now
        )
    assert [one.decision for one in first()] == [not_ours, ours]
    with fleet.engine.connect() as connection:
        view = read_outage(connection, 1)
    (liability,) = view.liability
    assert liability.decided is not None
    assert liability.decided.account_id == 1


def test_a_decision_needs_a_reason_and_a_cause_that_the_outage_has(fleet: MemoryFleet) -> None:
    fall(fleet)
    ours = Decision(Cause.ACCESS_NETWORK, Liability.OPERATOR, counts=True)
    other = Decision(Cause.AREA_MAINS, Liability.OPERATOR, counts=True)
    with fleet.engine.begin() as connection:
        topology = read_topology(connection)
        for outage, decision, reason, error in (
            (1, ours, "  ", InvalidError),
            (1, other, "a reason", InvalidError),
            (7, ours, "a reason", UnknownOutageError),
        ):
            with pytest.raises(error):
                decide_outage(
                    connection, topology, DEFAULTS, 1, outage, decision, reason, fleet.now
                )


def test_the_list_and_the_members_are_paged_by_key(fleet: MemoryFleet) -> None:
    fall(fleet)
    with fleet.engine.connect() as connection:
        (row,) = list_outages(connection, only_open=True)
        assert (row.places, row.devices) == (("S-1",), 10)
        assert list_outages(connection, before=(row.started_at, row.id)) == []
        first = list_members(connection, row.id, size=4)
        rest = list_members(connection, row.id, after=first[-1].interruption_id)
        assert [one.endpoint_id for one in first + rest] == sorted(STREET_1)
        with pytest.raises(UnknownOutageError):
            read_outage(connection, 99)
