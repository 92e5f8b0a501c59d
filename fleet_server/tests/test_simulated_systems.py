"""The simulations pass the contract of their ports, and misbehave only as they are told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fleet_server.adapters.simulated import (
    Behaviour,
    SimulatedAccess,
    SimulatedConditionalAccess,
    SimulatedNotices,
    SimulatedVoice,
    SimulatedWorkOrders,
)
from fleet_server.domain.operations import (
    AccessMode,
    Barring,
    PublishAllowList,
    RemoveLine,
    SetAccess,
    SetLine,
)
from fleet_server.services.operator_ports import (
    OperationRefusedError,
    SystemBusyError,
    SystemUnavailableError,
)
from fleet_server.tests import operator_contract as contract
from fleet_server.tests.operator_contract import LINE, MAC, allow_list

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
OPEN = SetAccess(MAC, "TOP L", AccessMode.OPEN)
GARDEN = SetAccess(MAC, "TOP L", AccessMode.WALLED_GARDEN)


class Clock:
    """A time that is moved by hand, and what was slept."""

    def __init__(self) -> None:
        self.now = NOON
        self.slept_s = 0.0

    def sleep(self, seconds: float) -> None:
        self.slept_s += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _fixture(kind: type) -> Callable[..., object]:
    def system(tmp_path: Path, clock: Clock) -> object:
        return kind(tmp_path / "system.db", lambda: clock.now, clock.sleep)

    return pytest.fixture(name="system")(staticmethod(system))


class TestAccess(contract.AccessContract):
    system = _fixture(SimulatedAccess)


class TestVoice(contract.VoiceContract):
    system = _fixture(SimulatedVoice)


class TestConditionalAccess(contract.CardContract):
    system = _fixture(SimulatedConditionalAccess)


class TestNotices(contract.NoticesContract):
    system = _fixture(SimulatedNotices)


class TestWorkOrders(contract.WorkOrdersContract):
    system = _fixture(SimulatedWorkOrders)


test_operations_are_stored_and_read_back = contract.test_operations_are_stored_and_read_back


@pytest.fixture
def access(tmp_path: Path, clock: Clock) -> SimulatedAccess:
    return SimulatedAccess(tmp_path / "access.db", lambda: clock.now, clock.sleep)


@pytest.fixture
def voice(tmp_path: Path, clock: Clock) -> SimulatedVoice:
    return SimulatedVoice(tmp_path / "voice.db", lambda: clock.now, clock.sleep)


def test_the_state_outlives_the_process(access: SimulatedAccess, tmp_path: Path) -> None:
    answer = access.carry_out("a", OPEN)
    again = SimulatedAccess(tmp_path / "access.db", lambda: NOON)
    assert again.access(MAC) == access.access(MAC)
    assert again.carry_out("a", OPEN) == answer
    assert [(call.operation_id, call.outcome) for call in again.calls()] == [
        ("a", "done"),
        ("a", "again"),
    ]
    assert again.calls()[0].arguments["mac_address"] == MAC


def test_it_is_slow_when_told(access: SimulatedAccess, clock: Clock) -> None:
    access.behave(Behaviour(delay_ms=1500))
    access.carry_out("a", OPEN)
    assert clock.slept_s == 1.5


def test_a_call_that_fails_before_did_nothing(access: SimulatedAccess) -> None:
    access.behave(Behaviour(fail_before=1))
    with pytest.raises(SystemUnavailableError, match="no_answer"):
        access.carry_out("a", OPEN)
    assert access.access(MAC) is None
    access.carry_out("a", OPEN)
    assert [call.outcome for call in access.calls()] == ["no_answer", "done"]


def test_a_call_whose_answer_is_lost_was_carried_out(access: SimulatedAccess) -> None:
    access.behave(Behaviour(fail_after=1))
    with pytest.raises(SystemUnavailableError, match="answer_lost"):
        access.carry_out("a", OPEN)
    assert access.access(MAC) is not None
    access.carry_out("a", OPEN)
    assert [call.outcome for call in access.calls()] == ["answer_lost", "again"]


def test_an_answer_that_comes_twice_takes_the_place_of_the_next_one(
    access: SimulatedAccess,
) -> None:
    access.behave(Behaviour(answer_twice=1))
    first = access.carry_out("a", OPEN)
    assert access.carry_out("b", GARDEN) == first
    assert access.carry_out("b", GARDEN).operation_id == "b"


def test_a_refusal_does_nothing(access: SimulatedAccess) -> None:
    access.behave(Behaviour(refuse_calls=1))
    with pytest.raises(OperationRefusedError, match="refused"):
        access.carry_out("a", OPEN)
    assert access.access(MAC) is None


def test_the_walled_garden_opens_the_hosts_of_the_list_and_nothing_else(
    access: SimulatedAccess,
) -> None:
    access.carry_out("list", PublishAllowList(7, allow_list(7)))
    access.carry_out("a", GARDEN)
    assert access.may_reach(MAC, "mesimi.example")
    assert not access.may_reach(MAC, "shop.example")
    access.carry_out("b", OPEN)
    assert access.may_reach(MAC, "shop.example")
    access.carry_out("c", SetAccess(MAC, "TOP L", AccessMode.MANAGEMENT_ONLY))
    assert not access.may_reach(MAC, "mesimi.example")


def test_a_line_in_use_is_not_barred_but_may_be_opened(voice: SimulatedVoice) -> None:
    voice.carry_out("a", SetLine(LINE, Barring.OUTGOING))
    voice.use_line(LINE, off_hook=True)
    for operation in (SetLine(LINE, Barring.ALL_BUT_EMERGENCY), RemoveLine(LINE)):
        with pytest.raises(SystemBusyError, match="line_in_use"):
            voice.carry_out(f"b {operation}", operation)
    voice.carry_out("c", SetLine(LINE, Barring.NONE))
    assert voice.may_call(LINE, "038123456")


def test_after_an_emergency_call_a_line_stays_open_for_the_call_back(
    voice: SimulatedVoice, clock: Clock
) -> None:
    voice.carry_out("a", SetLine(LINE, Barring.NONE))
    voice.use_line(LINE, emergency_call_at=NOON - timedelta(minutes=20))
    barring = SetLine(LINE, Barring.ALL_BUT_EMERGENCY)
    with pytest.raises(SystemBusyError) as raised:
        voice.carry_out("b", barring)
    assert raised.value.until == NOON + timedelta(minutes=40)
    clock.now = raised.value.until
    voice.carry_out("b", barring)
    assert not voice.may_call(LINE, "038123456")


def test_an_unregistered_line_calls_nobody(voice: SimulatedVoice) -> None:
    voice.carry_out("a", SetLine(LINE, Barring.NONE))
    voice.use_line(LINE, registered=False)
    assert not voice.may_call(LINE, "112")
