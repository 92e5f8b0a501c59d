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
    MoveLine,
    PublishAllowList,
    RemoveLine,
    SetAccess,
    SetLine,
)
from fleet_server.services.operator_ports import (
    Access,
    OperationRefusedError,
    SystemBusyError,
    SystemUnavailableError,
)
from fleet_server.tests import operator_contract as contract
from fleet_server.tests.operator_contract import LINE, MAC, OTHER_MAC, allow_list, ask

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
    answer = ask(access, "a-1", OPEN)
    again = SimulatedAccess(tmp_path / "access.db", lambda: NOON)
    assert again.access(MAC) == access.access(MAC)
    assert ask(again, "a-1", OPEN) == answer
    assert [(call.operation_id, call.outcome) for call in again.calls()] == [
        ("a-1", "done"),
        ("a-1", "again"),
    ]
    assert again.calls()[0].arguments["mac_address"] == MAC


def test_it_is_slow_when_told(access: SimulatedAccess, clock: Clock) -> None:
    access.behave(Behaviour(delay_ms=1500))
    ask(access, "a-1", OPEN)
    assert clock.slept_s == 1.5


def test_a_call_that_fails_before_did_nothing(access: SimulatedAccess) -> None:
    access.behave(Behaviour(fail_before=1))
    with pytest.raises(SystemUnavailableError, match="no_answer"):
        ask(access, "a-1", OPEN)
    assert access.access(MAC) is None
    ask(access, "a-1", OPEN)
    assert [call.outcome for call in access.calls()] == ["no_answer", "done"]


def test_a_call_whose_answer_is_lost_was_carried_out(access: SimulatedAccess) -> None:
    access.behave(Behaviour(fail_after=1))
    with pytest.raises(SystemUnavailableError, match="answer_lost"):
        ask(access, "a-1", OPEN)
    assert access.access(MAC) is not None
    ask(access, "a-1", OPEN)
    assert [call.outcome for call in access.calls()] == ["answer_lost", "again"]


def test_an_answer_that_comes_twice_takes_the_place_of_the_next_one(
    access: SimulatedAccess,
) -> None:
    access.behave(Behaviour(answer_twice=1))
    first = ask(access, "a-1", OPEN)
    assert ask(access, "b-2", GARDEN) == first
    assert ask(access, "b-2", GARDEN).operation_id == "b-2"


def test_a_call_that_comes_late_is_carried_out_after_the_next(access: SimulatedAccess) -> None:
    access.behave(Behaviour(late=1))
    with pytest.raises(SystemUnavailableError, match="on_its_way"):
        ask(access, "a-1", OPEN)
    ask(access, "b-1", SetAccess(OTHER_MAC, "TOP L", AccessMode.OPEN))
    assert access.access(MAC) == Access("TOP L", AccessMode.OPEN)


def test_a_call_that_comes_late_undoes_nothing(access: SimulatedAccess) -> None:
    access.behave(Behaviour(late=1))
    with pytest.raises(SystemUnavailableError):
        ask(access, "a-1", OPEN)
    ask(access, "b-2", GARDEN)
    assert access.access(MAC) == Access("TOP L", AccessMode.WALLED_GARDEN)
    assert [call.outcome for call in access.calls()] == ["on_its_way", "done", "overtaken"]


def test_faults_begin_after_the_calls_to_skip(access: SimulatedAccess) -> None:
    access.behave(Behaviour(skip=1, refuse_calls=1))
    ask(access, "a-1", OPEN)
    with pytest.raises(OperationRefusedError, match="refused"):
        ask(access, "b-2", GARDEN)
    ask(access, "c-3", GARDEN)
    assert access.behaviour() == Behaviour()


def test_a_refusal_does_nothing(access: SimulatedAccess) -> None:
    access.behave(Behaviour(refuse_calls=1))
    with pytest.raises(OperationRefusedError, match="refused"):
        ask(access, "a-1", OPEN)
    assert access.access(MAC) is None


def test_the_walled_garden_opens_the_hosts_of_the_list_and_nothing_else(
    access: SimulatedAccess,
) -> None:
    ask(access, "list-1", PublishAllowList(7, allow_list(7)))
    ask(access, "a-1", GARDEN)
    assert access.may_reach(MAC, "mesimi.example")
    assert not access.may_reach(MAC, "shop.example")
    ask(access, "b-2", OPEN)
    assert access.may_reach(MAC, "shop.example")
    ask(access, "c-3", SetAccess(MAC, "TOP L", AccessMode.MANAGEMENT_ONLY))
    assert not access.may_reach(MAC, "mesimi.example")


def test_a_line_in_use_is_not_barred_but_may_be_opened(voice: SimulatedVoice) -> None:
    ask(voice, "a-1", SetLine(LINE, Barring.OUTGOING))
    voice.use_line(LINE, off_hook=True)
    for operation in (SetLine(LINE, Barring.ALL_BUT_EMERGENCY), RemoveLine(LINE)):
        with pytest.raises(SystemBusyError, match="line_in_use"):
            ask(voice, f"{operation}-2", operation)
    ask(voice, "c-3", SetLine(LINE, Barring.NONE))
    assert voice.may_call(LINE, "038123456")


def test_a_line_in_use_stays_with_its_modem(voice: SimulatedVoice) -> None:
    ask(voice, "a-1", SetLine(LINE, Barring.NONE))
    voice.use_line(LINE, off_hook=True)
    ask(voice, "b-2", MoveLine(LINE, MAC))
    with pytest.raises(SystemBusyError, match="line_in_use"):
        ask(voice, "c-3", MoveLine(LINE, OTHER_MAC))
    ask(voice, "d-4", MoveLine(LINE, MAC))
    voice.use_line(LINE, off_hook=False)
    ask(voice, "e-5", MoveLine(LINE, OTHER_MAC))
    found = voice.line(LINE)
    assert found is not None
    assert found.mta_mac == OTHER_MAC


def test_after_an_emergency_call_a_line_stays_open_for_the_call_back(
    voice: SimulatedVoice, clock: Clock
) -> None:
    ask(voice, "a-1", SetLine(LINE, Barring.NONE))
    voice.use_line(LINE, emergency_call_at=NOON - timedelta(minutes=20))
    barring = SetLine(LINE, Barring.ALL_BUT_EMERGENCY)
    with pytest.raises(SystemBusyError) as raised:
        ask(voice, "b-2", barring)
    assert raised.value.until == NOON + timedelta(minutes=40)
    clock.now = raised.value.until
    ask(voice, "b-2", barring)
    assert not voice.may_call(LINE, "038123456")


def test_an_unregistered_line_calls_nobody(voice: SimulatedVoice) -> None:
    ask(voice, "a-1", SetLine(LINE, Barring.NONE))
    voice.use_line(LINE, registered=False)
    assert not voice.may_call(LINE, "112")
