"""What nobody waits for is done in turn, and none keeps the others waiting."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import update

from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.fleet import Fleet
from fleet_server.services.views_clocks import open_counts
from fleet_server.tests.console_site import Site
from fleet_server.worker import CHORES, work_off


def test_a_chore_is_asked_until_it_has_nothing_to_do(site: Site) -> None:
    left = [3, 1, 0, 7]

    def chore(_fleet: Fleet, _now: datetime) -> int:
        return left.pop(0)

    work_off(site.context.fleet, [chore], lambda: site.now)
    assert left == [7]


def test_a_chore_without_end_lets_the_next_one_work(site: Site) -> None:
    done: list[str] = []

    def endless(_fleet: Fleet, _now: datetime) -> int:
        done.append("endless")
        return 1

    def other(_fleet: Fleet, _now: datetime) -> int:
        done.append("other")
        return 0

    work_off(site.context.fleet, [endless, other], lambda: site.now)
    assert done[-1] == "other"


def test_the_worker_keeps_the_deadlines_in_step(site: Site) -> None:
    with site.context.fleet.writing() as connection:
        connection.execute(
            update(t.contract)
            .where(t.contract.c.number == "C-1004")
            .values(signed_on=date(2026, 3, 28))
        )
        audit.append(
            connection, Actor.account(4), [Entry("contract_signed", "contract:C-1004")], site.now
        )
    work_off(site.context.fleet, CHORES, lambda: site.now)
    with site.context.fleet.reading() as connection:
        assert open_counts(connection)["installation"] == 1
