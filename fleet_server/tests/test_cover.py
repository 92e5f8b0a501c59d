"""The cover of units as the registry stands. All data are made up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, Table

from fleet_server.adapters.database import migrate, open_database
from fleet_server.domain.errors import UnknownUnitError
from fleet_server.domain.policy import DEFAULTS, Policy
from fleet_server.domain.warranty import CoverReason, CoverState, Custody
from fleet_server.services import tables as t
from fleet_server.services.chains import read_chains
from fleet_server.services.cover import cover_of, read_cover

DAY = date(2026, 11, 20)
REST = Policy(replacement_starts_own_term=False)


class Registry:
    """Units on positions of made-up contracts, put straight into the tables."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def insert(self, table: Table, **values: object) -> int:
        with self.engine.begin() as connection:
            key = connection.execute(table.insert().values(**values)).inserted_primary_key
        assert key is not None
        return int(key[0])

    def unit(self, serial: str, product_class: str = "STB", **values: object) -> int:
        return self.insert(
            t.unit,
            serial_number=serial,
            manufacturer_oui="00256D",
            product_class=product_class,
            received_at=_at("2024-01-01"),
            **values,
        )

    def position(self, contract: str, *names: str) -> list[int]:
        number = self.insert(t.contract, number=contract, created_at=_at("2024-01-01"))
        return [
            self.insert(
                t.service_position, contract_id=number, name=name, product_classes="STB,CARD"
            )
            for name in names
        ]

    def stay(
        self,
        unit: int,
        position: int,
        since: str,
        until: str = "",
        handed_over: str = "",
        **values: object,
    ) -> int:
        return self.insert(
            t.assignment,
            unit_id=unit,
            service_position_id=position,
            since_at=_at(since),
            until_at=_at(until) if until else None,
            handed_over_on=date.fromisoformat(handed_over) if handed_over else None,
            recorded_at=_at(since),
            **values,
        )


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    engine = open_database(f"sqlite:///{tmp_path / 'fleet.db'}")
    migrate(engine)
    yield Registry(engine)
    engine.dispose()


def test_a_box_and_its_card_have_terms_of_their_own(registry: Registry) -> None:
    (tv,) = registry.position("C-1", "tv-1")
    (slot,) = registry.position("C-2", "card-1")
    until = date(2027, 5, 1)
    box = registry.unit("S1", supplier_warranty_until_on=until)
    card = registry.unit("K1", "CARD")
    registry.stay(box, tv, "2025-06-01", handed_over="2025-06-01")
    registry.stay(card, slot, "2023-06-01", handed_over="2023-06-01")
    registry.insert(t.pairing, card_unit_id=card, box_unit_id=box, since_at=_at("2025-06-01"))
    with registry.engine.connect() as connection:
        found = read_cover(connection, "S1", DAY, DEFAULTS)
        back = read_cover(connection, "K1", DAY, DEFAULTS)
    assert (found.cover.state, found.cover.last_covered_on) == ("expired", date(2026, 6, 1))
    assert (found.supplier.state, found.supplier.until_on) == ("in_term", until)
    assert found.paired is not None
    assert found.paired.serial_number == "K1"
    assert found.paired.cover.last_covered_on == date(2027, 6, 1)
    assert back.paired is not None
    assert back.paired.serial_number == "S1"


def test_a_pairing_that_ended_is_not_shown(registry: Registry) -> None:
    box, card = registry.unit("S1"), registry.unit("K1", "CARD")
    registry.insert(
        t.pairing,
        card_unit_id=card,
        box_unit_id=box,
        since_at=_at("2025-06-01"),
        until_at=_at("2025-07-01"),
    )
    with registry.engine.connect() as connection:
        assert read_cover(connection, "S1", DAY, DEFAULTS).paired is None


def test_an_unknown_serial_number_is_said_to_be_so(registry: Registry) -> None:
    with registry.engine.connect() as connection, pytest.raises(UnknownUnitError):
        read_cover(connection, "nothing", DAY, DEFAULTS)


def test_a_move_within_the_contract_begins_no_new_term(registry: Registry) -> None:
    first, second = registry.position("C-1", "tv-1", "tv-2")
    box = registry.unit("S1")
    registry.stay(box, first, "2026-01-10", "2026-05-01T10:00", handed_over="2026-01-10")
    registry.stay(box, second, "2026-05-01T10:00")
    with registry.engine.connect() as connection:
        cover = cover_of(connection, box, "STB", DAY, DEFAULTS)
    assert (cover.received_on, cover.state) == (date(2026, 1, 10), CoverState.IN_TERM)


def test_a_return_and_another_customer_do(registry: Registry) -> None:
    (first,) = registry.position("C-1", "tv-1")
    (second,) = registry.position("C-2", "tv-1")
    box = registry.unit("S1")
    registry.stay(box, first, "2025-01-10", "2026-05-01T10:00", handed_over="2025-01-10")
    registry.stay(box, second, "2026-05-01T10:00")
    with registry.engine.connect() as connection:
        cover = cover_of(connection, box, "STB", DAY, DEFAULTS)
    assert (cover.state, cover.reason) == ("unknown", CoverReason.RECEIPT_NOT_ON_RECORD)


def test_what_was_corrected_does_not_count(registry: Registry) -> None:
    (tv,) = registry.position("C-1", "tv-1")
    box = registry.unit("S1")
    wrong_until = _at("2026-06-02")
    registry.stay(box, tv, "2025-06-01", handed_over="2025-06-01", corrected_at=wrong_until)
    with registry.engine.connect() as connection:
        never = cover_of(connection, box, "STB", DAY, DEFAULTS)
    registry.stay(box, tv, "2026-06-01", handed_over="2026-06-01")
    with registry.engine.connect() as connection:
        right = cover_of(connection, box, "STB", DAY, DEFAULTS)
    assert never.custody == Custody.NEVER_HANDED_OVER
    assert (right.state, right.received_on) == ("in_term", date(2026, 6, 1))


def test_a_stay_that_began_at_local_midnight_began_that_day(registry: Registry) -> None:
    (tv,) = registry.position("C-1", "tv-1")
    box = registry.unit("S1")
    registry.stay(box, tv, "2026-11-19T23:30")
    with registry.engine.connect() as connection:
        before = cover_of(connection, box, "STB", date(2026, 11, 19), DEFAULTS)
        on = cover_of(connection, box, "STB", date(2026, 11, 20), DEFAULTS)
    assert before.custody == Custody.BEFORE_RECEIPT
    assert on.custody == Custody.CUSTOMER


def test_replaced_twice_each_has_its_own_term_unless_the_setting_says_otherwise(
    registry: Registry,
) -> None:
    (tv,) = registry.position("C-1", "tv-1")
    one, two, three = (registry.unit(serial) for serial in ("S1", "S2", "S3"))
    registry.stay(one, tv, "2025-12-01", "2026-02-01", handed_over="2025-12-01")
    registry.stay(
        two, tv, "2026-02-01", "2026-06-01", handed_over="2026-02-01", replaces_unit_id=one
    )
    registry.stay(three, tv, "2026-06-01", handed_over="2026-06-01", replaces_unit_id=two)
    with registry.engine.connect() as connection:
        own = cover_of(connection, three, "STB", DAY, DEFAULTS)
        rest = cover_of(connection, three, "STB", DAY, REST)
        chains = {unit: read_chains(connection, unit) for unit in (one, two, three)}
    assert own.last_covered_on == date(2027, 6, 1)
    assert (rest.last_covered_on, rest.received_on) == (date(2026, 12, 1), date(2026, 6, 1))
    for found in chains.values():
        assert [[link.serial_number for link in chain] for chain in found] == [["S1", "S2", "S3"]]
    assert chains[one][0][2].since_on == date(2026, 6, 1)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
