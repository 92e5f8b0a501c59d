"""The cover of units as the registry stands. All data are made up."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import Engine

from fleet_server.domain.errors import UnknownUnitError
from fleet_server.domain.policy import DEFAULTS, Policy
from fleet_server.domain.warranty import CoverReason, CoverState, Custody
from fleet_server.services import tables as t
from fleet_server.services.chains import read_chains
from fleet_server.services.cover import cover_of, read_cover
from fleet_server.tests.repair_bench import RepairBench, at

DAY = date(2026, 11, 20)
REST = Policy(replacement_starts_own_term=False)


@pytest.fixture
def registry(engine: Engine) -> RepairBench:
    return RepairBench(engine)


def test_a_box_and_its_card_have_terms_of_their_own(registry: RepairBench) -> None:
    (tv,) = registry.position("C-1", "tv-1")
    (slot,) = registry.position("C-2", "card-1")
    until = date(2027, 5, 1)
    box = registry.unit("S1", supplier_warranty_until_on=until)
    card = registry.unit("K1", "CARD")
    registry.stay(box, tv, "2025-06-01", handed_over="2025-06-01")
    registry.stay(card, slot, "2023-06-01", handed_over="2023-06-01")
    registry.insert(t.pairing, card_unit_id=card, box_unit_id=box, since_at=at("2025-06-01"))
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


def test_a_pairing_that_ended_is_not_shown(registry: RepairBench) -> None:
    box, card = registry.unit("S1"), registry.unit("K1", "CARD")
    registry.insert(
        t.pairing,
        card_unit_id=card,
        box_unit_id=box,
        since_at=at("2025-06-01"),
        until_at=at("2025-07-01"),
    )
    with registry.engine.connect() as connection:
        assert read_cover(connection, "S1", DAY, DEFAULTS).paired is None


def test_an_unknown_serial_number_is_said_to_be_so(registry: RepairBench) -> None:
    with registry.engine.connect() as connection, pytest.raises(UnknownUnitError):
        read_cover(connection, "nothing", DAY, DEFAULTS)


def test_a_move_within_the_contract_begins_no_new_term(registry: RepairBench) -> None:
    first, second = registry.position("C-1", "tv-1", "tv-2")
    box = registry.unit("S1")
    registry.stay(box, first, "2026-01-10", "2026-05-01T10:00", handed_over="2026-01-10")
    registry.stay(box, second, "2026-05-01T10:00")
    with registry.engine.connect() as connection:
        cover = cover_of(connection, box, "STB", DAY, DEFAULTS)
    assert (cover.received_on, cover.state) == (date(2026, 1, 10), CoverState.IN_TERM)


def test_a_return_and_another_customer_do(registry: RepairBench) -> None:
    (first,) = registry.position("C-1", "tv-1")
    (second,) = registry.position("C-2", "tv-1")
    box = registry.unit("S1")
    registry.stay(box, first, "2025-01-10", "2026-05-01T10:00", handed_over="2025-01-10")
    registry.stay(box, second, "2026-05-01T10:00")
    with registry.engine.connect() as connection:
        cover = cover_of(connection, box, "STB", DAY, DEFAULTS)
    assert (cover.state, cover.reason) == ("unknown", CoverReason.RECEIPT_NOT_ON_RECORD)


def test_a_unit_that_came_back_is_nobodys_from_the_next_day_on(registry: RepairBench) -> None:
    (tv,) = registry.position("C-1", "tv-1")
    box = registry.unit("S1")
    # 23:30 UTC is the next local day.
    registry.stay(box, tv, "2026-01-10", "2026-05-01T23:30", handed_over="2026-01-10")
    with registry.engine.connect() as connection:
        last = cover_of(connection, box, "STB", date(2026, 5, 2), DEFAULTS)
        after = cover_of(connection, box, "STB", date(2026, 5, 3), DEFAULTS)
    assert (last.custody, after.custody) == (Custody.CUSTOMER, Custody.CAME_BACK)
    assert (after.state, after.held_since_on) == (CoverState.IN_TERM, date(2026, 1, 10))


def test_what_was_corrected_does_not_count(registry: RepairBench) -> None:
    (tv,) = registry.position("C-1", "tv-1")
    box = registry.unit("S1")
    wrong_until = at("2026-06-02")
    registry.stay(box, tv, "2025-06-01", handed_over="2025-06-01", corrected_at=wrong_until)
    with registry.engine.connect() as connection:
        never = cover_of(connection, box, "STB", DAY, DEFAULTS)
    registry.stay(box, tv, "2026-06-01", handed_over="2026-06-01")
    with registry.engine.connect() as connection:
        right = cover_of(connection, box, "STB", DAY, DEFAULTS)
    assert never.custody == Custody.NEVER_HANDED_OVER
    assert (right.state, right.received_on) == ("in_term", date(2026, 6, 1))


def test_a_stay_that_began_at_local_midnight_began_that_day(registry: RepairBench) -> None:
    (tv,) = registry.position("C-1", "tv-1")
    box = registry.unit("S1")
    registry.stay(box, tv, "2026-11-19T23:30")
    with registry.engine.connect() as connection:
        before = cover_of(connection, box, "STB", date(2026, 11, 19), DEFAULTS)
        on = cover_of(connection, box, "STB", date(2026, 11, 20), DEFAULTS)
    assert before.custody == Custody.BEFORE_RECEIPT
    assert on.custody == Custody.CUSTOMER


def test_replaced_twice_each_has_its_own_term_unless_the_setting_says_otherwise(
    registry: RepairBench,
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
        chains = {serial: read_chains(connection, serial) for serial in ("S1", "S2", "S3")}
    assert own.last_covered_on == date(2027, 6, 1)
    assert (rest.last_covered_on, rest.received_on) == (date(2026, 12, 1), date(2026, 6, 1))
    for found in chains.values():
        assert [[link.serial_number for link in chain] for chain in found] == [["S1", "S2", "S3"]]
    assert chains["S1"][0][2].since_on == date(2026, 6, 1)
