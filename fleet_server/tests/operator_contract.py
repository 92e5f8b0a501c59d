"""What every adapter of a port to the operator's systems has to pass, simulated or real.

A test module subclasses the class of its port and gives a fixture `system`, a fresh one for each
test. The targets are made up; an adapter for a real system runs this against its test bench.
"""

from __future__ import annotations

import json
from itertools import count

import pytest

from agent.wire.allow_list import signing_input
from agent.wire.authorisation import token_text
from fleet_server.domain import operations as op
from fleet_server.domain.operations import AccessMode, Barring, Channel
from fleet_server.services.operator_ports import (
    OVERTAKEN,
    Access,
    AccessProvisioning,
    Answer,
    ConditionalAccess,
    Notices,
    OperationRefusedError,
    OperatorSystem,
    Voice,
    WorkOrder,
    WorkOrders,
)

MAC = "02:00:5E:00:00:01"
OTHER_MAC = "02:00:5E:00:00:02"
LINE = "C-1001/voice"
CARD = "0400000001"
BOX = "00000003"
YEAR_2090_S = 3786912000


def allow_list(version: int, number: str = "080011222", host: str = "mesimi.example") -> str:
    """A signed document as far as systems of the operator look into it."""
    signed = signing_input(
        "fqdn::fleet.test", version, 1, YEAR_2090_S, [number], [(1, YEAR_2090_S, [host])]
    )
    return token_text(signed, bytes(64))


def ask(system: OperatorSystem, name: str, operation: op.Operation) -> Answer:
    """One call; the number at the end of its name is its sequence number."""
    return system.carry_out(name, operation, int(name.rpartition("-")[2]))


class _Contract:
    """Idempotency by operation id, for one operation and another on the same target."""

    first: op.Operation
    other: op.Operation
    foreign: op.Operation = op.SetDeviceState("ops::00256D-STB-00000003", "active", "")
    ids = count(1)

    def new_id(self) -> str:
        return f"contract-{next(self.ids)}"

    def test_an_answer_names_the_operation_and_how_the_system_calls_it(
        self, system: OperatorSystem
    ) -> None:
        name = self.new_id()
        answer = ask(system, name, self.first)
        assert answer.operation_id == name
        assert answer.reference

    def test_the_same_operation_again_is_answered_as_before(self, system: OperatorSystem) -> None:
        name = self.new_id()
        answer = ask(system, name, self.first)
        ask(system, self.new_id(), self.other)
        assert ask(system, name, self.first) == answer

    def test_an_operation_id_means_one_operation_for_ever(self, system: OperatorSystem) -> None:
        name = self.new_id()
        ask(system, name, self.first)
        with pytest.raises(OperationRefusedError):
            ask(system, name, self.other)

    def test_what_is_not_this_systems_is_refused(self, system: OperatorSystem) -> None:
        with pytest.raises(OperationRefusedError):
            ask(system, self.new_id(), self.foreign)


class _Settled(_Contract):
    """Order by sequence number, where one operation settles what another settled."""

    def test_what_a_later_operation_overtook_is_refused(self, system: OperatorSystem) -> None:
        ask(system, "contract-3", self.first)
        ask(system, "contract-7", self.other)
        with pytest.raises(OperationRefusedError, match=OVERTAKEN):
            ask(system, "contract-5", self.first)
        ask(system, "contract-8", self.first)
        with pytest.raises(OperationRefusedError, match=OVERTAKEN):
            ask(system, "contract-6", self.other)


class AccessContract(_Settled):
    first = op.SetAccess(MAC, "TOP L", AccessMode.OPEN)
    other = op.SetAccess(MAC, "TOP L", AccessMode.WALLED_GARDEN)

    def test_the_newest_setting_holds_and_an_old_one_repeated_does_not(
        self, system: AccessProvisioning
    ) -> None:
        assert system.access(MAC) is None
        ask(system, "c-1", self.first)
        ask(system, "c-2", self.other)
        ask(system, "c-1", self.first)
        assert system.access(MAC) == Access("TOP L", AccessMode.WALLED_GARDEN)
        ask(system, "c-3", op.RemoveAccess(MAC))
        assert system.access(MAC) is None
        ask(system, "c-4", op.RemoveAccess(MAC))

    def test_a_late_order_does_not_open_what_was_closed_after_it(
        self, system: AccessProvisioning
    ) -> None:
        ask(system, "c-2", op.RemoveAccess(MAC))
        with pytest.raises(OperationRefusedError, match=OVERTAKEN):
            ask(system, "c-1", self.first)
        assert system.access(MAC) is None

    def test_orders_for_different_addresses_overtake_nothing(
        self, system: AccessProvisioning
    ) -> None:
        ask(system, "c-2", op.SetAccess(OTHER_MAC, "TOP L", AccessMode.OPEN))
        ask(system, "c-1", self.first)
        assert system.access(MAC) is not None

    def test_an_older_allow_list_does_not_replace_a_newer_one(
        self, system: AccessProvisioning
    ) -> None:
        assert system.allow_list_version() == 0
        ask(system, "c-1", op.PublishAllowList(7, allow_list(7)))
        ask(system, "c-2", op.PublishAllowList(6, allow_list(6)))
        assert system.allow_list_version() == 7


class VoiceContract(_Settled):
    first = op.SetLine(LINE, Barring.NONE)
    other = op.SetLine(LINE, Barring.ALL_BUT_EMERGENCY)

    @pytest.mark.parametrize("barring", Barring)
    def test_emergency_numbers_and_those_of_the_list_are_open_however_a_line_is_barred(
        self, system: Voice, barring: Barring
    ) -> None:
        ask(system, "c-1", op.PublishAllowList(7, allow_list(7)))
        ask(system, "c-2", op.SetLine(LINE, barring))
        found = system.line(LINE)
        assert found is not None
        assert (found.barring, found.registered) == (barring, True)
        for number in ("112", "192", "193", "194", "080011222"):
            assert system.may_call(LINE, number), number
        assert system.may_call(LINE, "038123456") == (barring is Barring.NONE)

    def test_a_line_is_bound_to_one_voice_modem_whatever_its_barring(self, system: Voice) -> None:
        ask(system, "c-1", self.first)
        assert _bound_to(system) == ""
        ask(system, "c-2", op.MoveLine(LINE, MAC))
        ask(system, "c-3", op.MoveLine(LINE, OTHER_MAC))
        assert _bound_to(system) == OTHER_MAC
        ask(system, "c-4", self.other)
        assert _bound_to(system) == OTHER_MAC
        ask(system, "c-5", op.MoveLine(LINE, ""))
        assert _bound_to(system) == ""

    def test_a_move_and_a_barring_do_not_overtake_each_other(self, system: Voice) -> None:
        ask(system, "c-1", self.first)
        ask(system, "c-4", op.MoveLine(LINE, MAC))
        ask(system, "c-3", self.other)
        with pytest.raises(OperationRefusedError, match=OVERTAKEN):
            ask(system, "c-2", op.MoveLine(LINE, OTHER_MAC))
        found = system.line(LINE)
        assert found is not None
        assert (found.barring, found.mta_mac) == (Barring.ALL_BUT_EMERGENCY, MAC)

    def test_what_came_before_the_removal_of_a_line_does_not_bring_it_back(
        self, system: Voice
    ) -> None:
        ask(system, "c-1", self.first)
        ask(system, "c-4", op.RemoveLine(LINE))
        for late in (self.other, op.MoveLine(LINE, MAC)):
            with pytest.raises(OperationRefusedError, match=OVERTAKEN):
                ask(system, "c-2" if late is self.other else "c-3", late)
        assert system.line(LINE) is None

    def test_there_is_no_moving_a_line_that_is_not_there(self, system: Voice) -> None:
        with pytest.raises(OperationRefusedError):
            ask(system, "c-1", op.MoveLine(LINE, MAC))

    def test_a_line_that_was_removed_is_gone(self, system: Voice) -> None:
        ask(system, "c-1", self.first)
        ask(system, "c-2", op.RemoveLine(LINE))
        assert system.line(LINE) is None
        assert not system.may_call(LINE, "112")


def _bound_to(system: Voice) -> str | None:
    found = system.line(LINE)
    return found.mta_mac if found else None


class CardContract(_Settled):
    first = op.PairCard(CARD, BOX)
    other = op.PairCard(CARD, "")

    def test_pairing_entitlement_and_refresh_are_kept_apart(
        self, system: ConditionalAccess
    ) -> None:
        assert system.card(CARD) is None
        ask(system, "c-1", op.PairCard(CARD, BOX))
        ask(system, "c-2", op.EntitleCard(CARD, "TOP L"))
        ask(system, "c-3", op.RefreshCard(CARD))
        ask(system, "c-3", op.RefreshCard(CARD))
        found = system.card(CARD)
        assert found is not None
        assert (found.box, found.package, found.refreshes) == (BOX, "TOP L", 1)
        ask(system, "c-4", op.EntitleCard(CARD, ""))
        found = system.card(CARD)
        assert found is not None
        assert (found.box, found.package) == (BOX, "")

    def test_a_late_pairing_does_not_take_a_card_back(self, system: ConditionalAccess) -> None:
        ask(system, "c-2", op.PairCard(CARD, BOX))
        ask(system, "c-1", op.EntitleCard(CARD, "TOP L"))
        with pytest.raises(OperationRefusedError, match=OVERTAKEN):
            ask(system, "c-0", op.PairCard(CARD, ""))
        found = system.card(CARD)
        assert found is not None
        assert (found.box, found.package) == (BOX, "TOP L")

    @pytest.mark.parametrize("listed", [CARD, BOX])
    def test_what_is_blacklisted_is_not_paired_until_it_is_off_the_list(
        self, system: ConditionalAccess, listed: str
    ) -> None:
        ask(system, "c-1", op.SetBlacklisted(listed, True))
        assert system.is_blacklisted(listed)
        with pytest.raises(OperationRefusedError):
            ask(system, "c-2", op.PairCard(CARD, BOX))
        ask(system, "c-3", op.SetBlacklisted(listed, False))
        ask(system, "c-4", op.PairCard(CARD, BOX))
        assert not system.is_blacklisted(listed)

    def test_a_blacklisted_card_gets_no_package(self, system: ConditionalAccess) -> None:
        ask(system, "c-1", op.SetBlacklisted(CARD, True))
        with pytest.raises(OperationRefusedError):
            ask(system, "c-2", op.EntitleCard(CARD, "TOP L"))
        ask(system, "c-3", op.EntitleCard(CARD, ""))


class NoticesContract(_Contract):
    first = op.SendNotice("C-1001", Channel.SMS, "suspension", {"from": "2026-12-01"})
    other = op.SendNotice("C-1001", Channel.EMAIL, "suspension", {"from": "2026-12-01"})

    def test_a_notice_is_sent_once_however_often_it_is_asked_for(self, system: Notices) -> None:
        for _ in range(3):
            ask(system, "c-1", self.first)
        ask(system, "c-2", self.other)
        assert system.sent("C-1001") == [self.first, self.other]
        assert system.sent("C-1002") == []


class WorkOrdersContract(_Settled):
    first = op.OpenWorkOrder("O-1", "collect", "C-1001", "00000002", "2026-12-05")
    other = op.CancelWorkOrder("O-1")

    def test_an_order_is_open_until_it_is_cancelled(self, system: WorkOrders) -> None:
        assert system.order("O-1") is None
        ask(system, "c-1", self.first)
        opened = WorkOrder("collect", "C-1001", "00000002", "2026-12-05", True)
        assert system.order("O-1") == opened
        ask(system, "c-2", self.other)
        ask(system, "c-1", self.first)
        found = system.order("O-1")
        assert found is not None
        assert not found.open


def test_operations_are_stored_and_read_back() -> None:
    contracts = (AccessContract, VoiceContract, CardContract, NoticesContract, WorkOrdersContract)
    for contract in contracts:
        for operation in (contract.first, contract.other, contract.foreign):
            text = op.encode(operation)
            assert json.loads(text)
            assert op.decode(op.kind_of(operation), text) == operation
