"""What is on contracts: putting on, taking off, replacing, correcting, and asking for any day.

Days are those of Europe/Belgrade; NOW is 15 January 2027, 13:00 there. The timelines are written
by hand.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import update

from fleet_server.domain import errors
from fleet_server.domain.approval import UnapprovedModelError
from fleet_server.domain.life_cycle import LifeCycleError, UnitState
from fleet_server.services import as_of
from fleet_server.services import tables as t
from fleet_server.services.assignments import (
    NotInServiceError,
    Papers,
    release,
    replace_unit,
)
from fleet_server.services.audit import verify
from fleet_server.services.corrections import (
    Correction,
    UnknownAssignmentError,
    correct,
    withdraw,
)
from fleet_server.services.models import list_models, record_approval
from fleet_server.services.pairings import NotPairedError, PairedAlreadyError, pair, unpair
from fleet_server.tests.registry_desk import CLERK, NOW, RegistryDesk

TODAY = date(2027, 1, 15)


def correct_(
    registry: RegistryDesk, number: int, since_on: date, papers: Papers, reason: str = "typed wrong"
) -> list[int]:
    with registry.engine.begin() as connection:
        return correct(
            connection, CLERK, number, Correction(since_on, papers), reason, registry.now
        )


def test_a_voice_modem_in_two_positions_is_one_box_with_one_paper(registry: RegistryDesk) -> None:
    registry.assign("00000002", "C-1001", "voice+internet", TODAY, 5500)
    assert registry.on("C-1001", TODAY) == [("internet", "00000002"), ("voice", "00000002")]
    assert {row.value_cents for row in registry.rows(t.assignment)} == {5500}
    assert registry.unit("00000002").state == "installed"
    action, detail, _ = registry.log("unit:00000002")[0]
    assert (action, detail) == (
        "unit_assigned",
        {
            "contract": "C-1001",
            "position": "internet+voice",
            "handed_over": "2027-01-15",
            "value_cents": 5500,
        },
    )


REFUSED: list[tuple[str, str, str, type[errors.RuleError]]] = [
    ("99999999", "C-1001", "voice", errors.UnknownUnitError),
    ("00000002", "C-9999", "voice", errors.UnknownContractError),
    ("00000002", "C-1003", "voice", errors.UnknownPositionError),
    ("00000002", "C-1001", "fax", errors.InvalidError),
    ("00000001", "C-1001", "voice", errors.WrongProductClassError),
    ("00000001", "C-1001", "internet+voice", errors.WrongProductClassError),
    ("00000003", "C-1001", "internet", errors.WrongProductClassError),
    ("00000041", "C-1002", "internet", UnapprovedModelError),
]


def test_what_does_not_fit_is_refused_and_changes_nothing(registry: RegistryDesk) -> None:
    registry.load_history()
    before = len(registry.rows(t.assignment)), len(registry.rows(t.audit_entry))
    for serial, contract, position, error in REFUSED:
        with pytest.raises(error):
            registry.assign(serial, contract, position)
    assert (len(registry.rows(t.assignment)), len(registry.rows(t.audit_entry))) == before


def test_a_unit_serves_once_and_a_position_has_one_unit(registry: RegistryDesk) -> None:
    registry.assign("00000002", "C-1001", "internet")
    with pytest.raises(errors.UnitInServiceError):
        registry.assign("00000002", "C-1004", "voice")
    with pytest.raises(errors.PositionTakenError, match="00000002"):
        registry.assign("00000001", "C-1001", "internet")


def test_an_approval_lets_a_model_onto_contracts_and_its_end_keeps_it_off(
    registry: RegistryDesk,
) -> None:
    registry.load_history()
    with registry.engine.begin() as connection:
        model = next(one for one in list_models(connection, 0, 50) if one.model_name == "CM-41")
        assert not model.approved
        record_approval(connection, CLERK, model.id, "EXAMPLE-9", "letter of today", NOW)
        with pytest.raises(errors.ConflictError):
            record_approval(connection, CLERK, model.id, "EXAMPLE-9", "again", NOW)
        with pytest.raises(errors.InvalidError):
            record_approval(connection, CLERK, model.id, "", " ", NOW)
    registry.assign("00000041", "C-1002", "internet")
    assert registry.log(f"model:{model.id}")[0] == (
        "model_approval_changed",
        {"from": "", "to": "EXAMPLE-9", "article": "7.1.8"},
        "letter of today",
    )


def test_a_scrapped_unit_does_not_come_back_onto_a_contract(registry: RegistryDesk) -> None:
    with registry.engine.begin() as connection:
        connection.execute(
            update(t.unit).where(t.unit.c.serial_number == "00000001").values(state="scrapped")
        )
    with pytest.raises(LifeCycleError):
        registry.assign("00000001", "C-1002", "internet")


def test_replaced_twice_on_one_day_and_asked_for_each_day(registry: RegistryDesk) -> None:
    registry.load_history()
    registry.take(
        "models",
        [
            {
                "manufacturer_oui": "00256D",
                "product_class": "MODEM",
                "model_name": "CM-51",
                "manufacturer": "Example Devices",
                "approval_reference": "EXAMPLE-5",
            }
        ],
    )
    unit = {
        "product_class": "MODEM",
        "manufacturer_oui": "00256D",
        "model_name": "CM-51",
        "place": "VAN-1",
    }
    registry.take(
        "units",
        [
            {**unit, "serial_number": "M-2", "mac_cable": "00256D300002"},
            {**unit, "serial_number": "M-3", "mac_cable": "00256D300003"},
        ],
    )
    registry.assign("00000001", "C-1002", "internet", TODAY, 4000)
    registry.now = datetime(2027, 5, 3, 9, 0, tzinfo=UTC)
    for before, successor in (("00000001", "M-2"), ("M-2", "M-3")):
        with registry.engine.begin() as connection:
            replace_unit(
                connection,
                CLERK,
                before,
                successor,
                UnitState.RETURNED,
                Papers(date(2027, 5, 3), 4500),
                registry.now,
                reason="no sync",
            )
        registry.later(hours=4)
    assert registry.on("C-1002", date(2027, 5, 2)) == [("internet", "00000001")]
    assert registry.on("C-1002", date(2027, 5, 3)) == [
        ("internet", "00000001"),
        ("internet", "M-2"),
        ("internet", "M-3"),
    ]
    assert registry.on("C-1002", date(2027, 5, 4)) == [("internet", "M-3")]
    assert registry.on("C-1002", date(2027, 1, 14)) == []
    with registry.reading() as connection:
        chain = as_of.contract_history(connection, "C-1002")
        assert verify(connection).broken_at is None
    assert [(one.serial_number, one.replaces) for one in chain] == [
        ("00000001", None),
        ("M-2", "00000001"),
        ("M-3", "M-2"),
    ]


MIDNIGHTS = [
    # 22:59:59.999 UTC is still 15 January in Belgrade, a millisecond later is the 16th.
    (datetime(2027, 1, 15, 22, 59, 59, 999000, tzinfo=UTC), date(2027, 1, 15)),
    (datetime(2027, 1, 15, 23, 0, tzinfo=UTC), date(2027, 1, 16)),
    # The last Sunday of March 2027 has 23 hours, that of October 25.
    (datetime(2027, 3, 28, 21, 59, 59, tzinfo=UTC), date(2027, 3, 28)),
    (datetime(2027, 3, 28, 22, 0, tzinfo=UTC), date(2027, 3, 29)),
    (datetime(2027, 10, 31, 22, 59, 59, tzinfo=UTC), date(2027, 10, 31)),
    (datetime(2027, 10, 31, 23, 0, tzinfo=UTC), date(2027, 11, 1)),
    (datetime(2028, 2, 28, 23, 0, tzinfo=UTC), date(2028, 2, 29)),
]


def test_a_day_begins_at_local_midnight(registry: RegistryDesk) -> None:
    registry.assign("00000001", "C-1002", "internet")
    for at, day in MIDNIGHTS:
        with registry.engine.begin() as connection:
            connection.execute(update(t.assignment).values(since_at=at))
        assert registry.on("C-1002", day) == [("internet", "00000001")], at
        assert registry.on("C-1002", day - timedelta(days=1)) == [], at


def test_a_correction_keeps_what_was_believed_before(registry: RegistryDesk) -> None:
    registry.assign("00000002", "C-1001", "internet+voice", TODAY, 5500)
    corrected_at = registry.later(days=20)
    made = correct_(registry, registry.number("00000002"), date(2027, 1, 3), Papers(None, 5600))
    assert len(made) == 2
    early = date(2027, 1, 4)
    both = [("internet", "00000002"), ("voice", "00000002")]
    assert registry.on("C-1001", early) == both
    assert registry.on("C-1001", early, NOW) == []
    assert registry.on("C-1001", TODAY, NOW) == both
    with registry.reading() as connection:
        believed = as_of.contract_on(connection, "C-1001", TODAY, NOW)
        known = as_of.contract_on(connection, "C-1001", TODAY)
        told = as_of.contract_history(connection, "C-1001")
    assert [(one.handed_over_on, one.value_cents) for one in believed] == [(TODAY, 5500)] * 2
    assert [(one.handed_over_on, one.value_cents) for one in known] == [(None, 5600)] * 2
    assert [one.corrected_at for one in told] == [None, corrected_at] * 2
    assert registry.log("unit:00000002")[0] == (
        "assignment_corrected",
        {
            "contract": "C-1001",
            "position": "internet+voice",
            "since_was": "2027-01-15",
            "since": "2027-01-03",
            "handed_over_was": "2027-01-15",
            "handed_over": None,
            "value_cents_was": 5500,
            "value_cents": 5600,
        },
        "typed wrong",
    )


def test_an_end_that_was_not_known_yet_is_not_shown_as_known(registry: RegistryDesk) -> None:
    registry.assign("00000001", "C-1002", "internet")
    registry.later(days=10)
    with registry.engine.begin() as connection:
        release(connection, CLERK, "00000001", UnitState.RETURNED, registry.now)
    with registry.reading() as connection:
        (believed,) = as_of.contract_on(connection, "C-1002", TODAY, NOW)
        (known,) = as_of.contract_on(connection, "C-1002", TODAY)
    assert (believed.until_at, known.until_at) == (None, registry.now)


def test_an_assignment_that_never_was_is_withdrawn(registry: RegistryDesk) -> None:
    registry.assign("00000001", "C-1002", "internet", TODAY)
    registry.later(days=1)
    number = registry.number("00000001")
    with registry.engine.begin() as connection:
        withdraw(connection, CLERK, number, "wrong box", registry.now)
    assert registry.on("C-1002", TODAY) == []
    assert registry.on("C-1002", TODAY, NOW) == [("internet", "00000001")]
    assert registry.unit("00000001").state == "returned"
    with (
        registry.engine.begin() as connection,
        pytest.raises(UnknownAssignmentError, match="corrected already"),
    ):
        withdraw(connection, CLERK, number, "again", registry.now)


def test_a_correction_that_cannot_be_is_refused(registry: RegistryDesk) -> None:
    registry.load_history()
    registry.now = datetime(2027, 1, 20, 12, 0, tzinfo=UTC)
    with registry.engine.begin() as connection:
        release(connection, CLERK, "00000012", UnitState.RETURNED, registry.now)
    number = registry.number("00000012")
    tomorrow, none = date(2027, 1, 21), Papers()
    with pytest.raises(errors.InvalidError, match="Say why"):
        correct_(registry, number, TODAY, none, " ")
    with pytest.raises(errors.InvalidError, match="in the future"):
        correct_(registry, number, tomorrow, none)
    with pytest.raises(errors.InvalidError, match="hand-over is in the future"):
        correct_(registry, number, TODAY, Papers(tomorrow))
    with pytest.raises(errors.PositionTakenError, match="00000011 held 'internet' of C-1101"):
        correct_(registry, number, date(2026, 10, 1), none)
    with pytest.raises(UnknownAssignmentError):
        correct_(registry, 999, TODAY, none)


def test_taking_off_a_unit_needs_one_that_is_on(registry: RegistryDesk) -> None:
    with registry.engine.begin() as connection, pytest.raises(NotInServiceError):
        release(connection, CLERK, "00000001", UnitState.RETURNED, NOW)


def test_where_a_unit_was_on_any_day(registry: RegistryDesk) -> None:
    registry.load_history()
    unit_id = registry.unit("00000011").id
    with registry.reading() as connection:
        days = (date(2025, 12, 10), date(2026, 6, 1), date(2026, 10, 17), date(2027, 1, 1))
        stays = [as_of.stay_on(connection, unit_id, day) for day in days]
    assert [(stay.state, stay.place) if stay else None for stay in stays] == [
        None,
        ("installed", None),
        ("returned", "WH-1"),
        ("returned", "WH-1"),
    ]


def test_a_card_belongs_into_one_box_and_the_past_is_kept(registry: RegistryDesk) -> None:
    registry.load_history()
    assert registry.on("C-1101", TODAY) == [
        ("internet", "00000012"),
        ("tv-1", "00000013"),
        ("card-1", "EX000013"),
    ]
    with registry.engine.begin() as connection:
        pair(connection, CLERK, "EX000013", "00000013", NOW)
        with pytest.raises(PairedAlreadyError, match="Card EX000013"):
            pair(connection, CLERK, "EX000013", "00000031", NOW)
        with pytest.raises(PairedAlreadyError, match="Box 00000013"):
            pair(connection, CLERK, "EX000031", "00000013", NOW)
        with pytest.raises(errors.WrongProductClassError):
            pair(connection, CLERK, "00000031", "00000013", NOW)
        with pytest.raises(NotPairedError):
            unpair(connection, CLERK, "EX000031", NOW)
        later = registry.later(days=2)
        unpair(connection, CLERK, "EX000013", later, "card does not answer")
        pair(connection, CLERK, "EX000031", "00000013", later)
        asked = [
            [(one.card, one.box) for one in as_of.pairings_on(connection, ["00000013"], day)]
            for day in (TODAY, date(2027, 1, 17), date(2027, 1, 18))
        ]
    assert asked == [
        [("EX000013", "00000013")],
        [("EX000013", "00000013"), ("EX000031", "00000013")],
        [("EX000031", "00000013")],
    ]
    assert registry.log("unit:EX000013")[0] == (
        "card_unpaired",
        {"card": "EX000013", "box": "00000013"},
        "card does not answer",
    )
