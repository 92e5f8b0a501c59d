"""Devices are told the days of their warranty, once for each change."""

from __future__ import annotations

from datetime import date
from typing import Any

from fleet_server.domain.operations import TellWarranty, decode
from fleet_server.services import corrections, outbox, pairings, warranty_days
from fleet_server.services import tables as t
from fleet_server.services.assignments import Papers
from fleet_server.services.corrections import Correction
from fleet_server.tests.registry_desk import CLERK, RegistryDesk

STB = "ops::00256D-STB-00000003"


def told(registry: RegistryDesk) -> list[Any]:
    """What was queued for devices and not dropped for something newer."""
    with registry.engine.begin() as connection:
        while warranty_days.follow(connection, registry.now):
            pass
    rows = [row for row in registry.rows(t.outbox) if row.kind == "tell_warranty"]
    return [decode(row.kind, row.arguments) for row in rows if row.state != outbox.State.DROPPED]


def add_card(registry: RegistryDesk) -> None:
    with registry.engine.begin() as connection:
        connection.execute(
            t.unit.insert().values(
                serial_number="9000077",
                manufacturer_oui="00256D",
                product_class="CARD",
                received_at=registry.now,
            )
        )


def test_a_box_learns_its_days_and_those_of_its_card(registry: RegistryDesk) -> None:
    registry.assign("00000003", "C-1003", "tv-1", date(2027, 1, 14))
    assert told(registry) == [TellWarranty(STB, "2027-01-14", "2028-01-14", "none", "none")]
    add_card(registry)
    with registry.engine.begin() as connection:
        pairings.pair(connection, CLERK, "9000077", "00000003", registry.now)
    assert told(registry)[-1] == TellWarranty(STB, "2027-01-14", "2028-01-14", "unknown", "unknown")


def test_the_same_days_are_not_told_again_and_new_ones_replace_what_waits(
    registry: RegistryDesk,
) -> None:
    registry.assign("00000003", "C-1003", "tv-1", date(2027, 1, 14))
    assert len(told(registry)) == 1
    assert len(told(registry)) == 1
    number = registry.number("00000003")
    with registry.engine.begin() as connection:
        corrections.correct(
            connection,
            CLERK,
            number,
            Correction(date(2027, 1, 11), Papers(date(2027, 1, 11), None)),
            "the papers say the 11th",
            registry.later(hours=1),
        )
    assert told(registry) == [TellWarranty(STB, "2027-01-11", "2028-01-11", "none", "none")]


def test_a_modem_has_no_term_and_stock_is_told_nothing(registry: RegistryDesk) -> None:
    registry.assign("00000001", "C-1002", "internet")
    modem = "ops::00256D-MODEM-00000001"
    assert told(registry) == [TellWarranty(modem, "unknown", "none", "none", "none")]
