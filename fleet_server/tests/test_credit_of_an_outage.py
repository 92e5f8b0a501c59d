"""A decision on a whole outage reaches the credit of every customer that hung on it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from fleet_server.domain.causes import Cause
from fleet_server.domain.credit import Decision
from fleet_server.domain.liability import Liability
from fleet_server.domain.policy import DEFAULTS
from fleet_server.services import tables as t
from fleet_server.services.credit_sweep import CreditSweep
from fleet_server.services.credits import CreditCase, credits_of_contract
from fleet_server.services.liability import decide_outage
from fleet_server.services.pieces import to_ms
from fleet_server.services.surroundings import read_topology
from fleet_server.tests.console_site import MODEM, SET_TOP_BOX, START, Site

HOURS = timedelta(hours=1)
LENGTH = 30 * HOURS


def sweep(site: Site) -> None:
    site.now += timedelta(seconds=30)
    worker = CreditSweep()
    while worker.sweep(site.context.fleet, site.now):
        pass


def interrupt(site: Site, endpoint_id: str, element: int, started_at: datetime) -> None:
    ended_at = started_at + LENGTH
    cause = Cause.ACCESS_NETWORK.value
    site.insert(
        t.interruption,
        endpoint_id=endpoint_id,
        cause=cause,
        started_at=started_at,
        start_error_ms=0,
        ended_at=ended_at,
        end_error_ms=0,
        length_ms=to_ms(ended_at) - to_ms(started_at),
        length_error_ms=0,
        evidence="[]",
        segments=json.dumps([[cause, to_ms(started_at), to_ms(ended_at), ["outage 1"]]]),
        network_element_id=element,
        revision=1,
        withdrawn=False,
        updated_at=ended_at,
    )


def case(site: Site, number: str) -> CreditCase:
    with site.context.fleet.reading() as connection:
        (found,) = credits_of_contract(connection, number)
    return found


@pytest.fixture
def struck(site: Site) -> Site:
    """Node N-1 fell with the street of C-1002; C-1003 hangs on N-2 and fell for itself."""
    nodes = [
        site.insert(t.network_element, code=code, kind="node", parent_id=None)
        for code in ("N-1", "N-2")
    ]
    street = site.insert(t.network_element, code="S-1", kind="street", parent_id=nodes[0])
    with site.context.fleet.writing() as connection:
        for number, element in (("C-1002", street), ("C-1003", nodes[1])):
            connection.execute(
                update(t.contract)
                .where(t.contract.c.number == number)
                .values(network_element_id=element)
            )
    site.insert(
        t.outage,
        cause=Cause.ACCESS_NETWORK.value,
        inferred_cause=Cause.ACCESS_NETWORK.value,
        confidence="high",
        places=json.dumps([nodes[0]]),
        started_at=START,
        ended_at=START + LENGTH,
        devices=1,
        population=1,
        told=0,
        powerless=0,
        revision=1,
        withdrawn=False,
        updated_at=START,
    )
    site.insert(t.outage_place, outage_id=1, network_element_id=nodes[0])
    interrupt(site, MODEM, street, START)
    interrupt(site, SET_TOP_BOX, nodes[1], START)
    site.now = START + LENGTH
    sweep(site)
    return site


def test_a_decision_on_the_outage_takes_out_its_time_and_only_that(struck: Site) -> None:
    assert [case(struck, number).credit_days for number in ("C-1002", "C-1003")] == [2, 2]
    with struck.context.fleet.writing() as connection:
        decide_outage(
            connection,
            read_topology(connection),
            DEFAULTS,
            1,
            1,
            Decision(Cause.ACCESS_NETWORK, Liability.FORCE_MAJEURE, False),
            "the flood of the night",
            struck.now,
        )
    sweep(struck)
    excluded, other = case(struck, "C-1002"), case(struck, "C-1003")
    assert (excluded.state, excluded.credit_days) == ("none", 0)
    assert excluded.excluded_ms == to_ms(START + LENGTH) - to_ms(START)
    assert (other.state, other.credit_days) == ("proposed", 2)
