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
    Access,
    AccessProvisioning,
    ConditionalAccess,
    Notices,
    OperationRefusedError,
    OperatorSystem,
    Voice,
    WorkOrder,
    WorkOrders,
)

MAC = "02:00:5E:00:00:01"
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
        answer = system.carry_out(name, self.first)
        assert answer.operation_id == name
        assert answer.reference

    def test_the_same_operation_again_is_answered_as_before(self, system: OperatorSystem) -> None:
        name = self.new_id()
        answer = system.carry_out(name, self.first)
        system.carry_out(self.new_id(), self.other)
        assert system.carry_out(name, self.first) == answer

    def test_an_operation_id_means_one_operation_for_ever(self, system: OperatorSystem) -> None:
        name = self.new_id()
        system.carry_out(name, self.first)
        with pytest.raises(OperationRefusedError):
            system.carry_out(name, self.other)

    def test_what_is_not_this_systems_is_refused(self, system: OperatorSystem) -> None:
        with pytest.raises(OperationRefusedError):
            system.carry_out(self.new_id(), self.foreign)


class AccessContract(_Contract):
    first = op.SetAccess(MAC, "TOP L", AccessMode.OPEN)
    other = op.SetAccess(MAC, "TOP L", AccessMode.WALLED_GARDEN)

    def test_the_newest_setting_holds_and_an_old_one_repeated_does_not(
        self, system: AccessProvisioning
    ) -> None:
        assert system.access(MAC) is None
        system.carry_out("c-1", self.first)
        system.carry_out("c-2", self.other)
        system.carry_out("c-1", self.first)
        assert system.access(MAC) == Access("TOP L", AccessMode.WALLED_GARDEN)
        system.carry_out("c-3", op.RemoveAccess(MAC))
        assert system.access(MAC) is None
        system.carry_out("c-4", op.RemoveAccess(MAC))

    def test_an_older_allow_list_does_not_replace_a_newer_one(
        self, system: AccessProvisioning
    ) -> None:
        assert system.allow_list_version() == 0
        system.carry_out("c-1", op.PublishAllowList(7, allow_list(7)))
        system.carry_out("c-2", op.PublishAllowList(6, allow_list(6)))
        assert system.allow_list_version() == 7


class VoiceContract(_Contract):
    first = op.SetLine(LINE, Barring.NONE)
    other = op.SetLine(LINE, Barring.ALL_BUT_EMERGENCY)

    @pytest.mark.parametrize("barring", Barring)
    def test_emergency_numbers_and_those_of_the_list_are_open_however_a_line_is_barred(
        self, system: Voice, barring: Barring
    ) -> None:
        system.carry_out("c-1", op.PublishAllowList(7, allow_list(7)))
        system.carry_out("c-2", op.SetLine(LINE, barring))
        found = system.line(LINE)
        assert found is not None
        assert (found.barring, found.registered) == (barring, True)
        for number in ("112", "192", "193", "194", "080011222"):
            assert system.may_call(LINE, number), number
        assert system.may_call(LINE, "038123456") == (barring is Barring.NONE)

    def test_a_line_that_was_removed_is_gone(self, system: Voice) -> None:
        system.carry_out("c-1", self.first)
        system.carry_out("c-2", op.RemoveLine(LINE))
        assert system.line(LINE) is None
        assert not system.may_call(LINE, "112")


class CardContract(_Contract):
    first = op.PairCard(CARD, BOX)
    other = op.PairCard(CARD, "")

    def test_pairing_entitlement_and_refresh_are_kept_apart(
        self, system: ConditionalAccess
    ) -> None:
        assert system.card(CARD) is None
        system.carry_out("c-1", op.PairCard(CARD, BOX))
        system.carry_out("c-2", op.EntitleCard(CARD, "TOP L"))
        system.carry_out("c-3", op.RefreshCard(CARD))
        system.carry_out("c-3", op.RefreshCard(CARD))
        found = system.card(CARD)
        assert found is not None
        assert (found.box, found.package, found.refreshes) == (BOX, "TOP L", 1)
        system.carry_out("c-4", op.EntitleCard(CARD, ""))
        found = system.card(CARD)
        assert found is not None
        assert (found.box, found.package) == (BOX, "")

    @pytest.mark.parametrize("listed", [CARD, BOX])
    def test_what_is_blacklisted_is_not_paired_until_it_is_off_the_list(
        self, system: ConditionalAccess, listed: str
    ) -> None:
        system.carry_out("c-1", op.SetBlacklisted(listed, True))
        assert system.is_blacklisted(listed)
        with pytest.raises(OperationRefusedError):
            system.carry_out("c-2", op.PairCard(CARD, BOX))
        system.carry_out("c-3", op.SetBlacklisted(listed, False))
        system.carry_out("c-4", op.PairCard(CARD, BOX))
        assert not system.is_blacklisted(listed)

    def test_a_blacklisted_card_gets_no_package(self, system: ConditionalAccess) -> None:
        system.carry_out("c-1", op.SetBlacklisted(CARD, True))
        with pytest.raises(OperationRefusedError):
            system.carry_out("c-2", op.EntitleCard(CARD, "TOP L"))
        system.carry_out("c-3", op.EntitleCard(CARD, ""))


class NoticesContract(_Contract):
    first = op.SendNotice("C-1001", Channel.SMS, "suspension", {"from": "2026-12-01"})
    other = op.SendNotice("C-1001", Channel.EMAIL, "suspension", {"from": "2026-12-01"})

    def test_a_notice_is_sent_once_however_often_it_is_asked_for(self, system: Notices) -> None:
        for _ in range(3):
            system.carry_out("c-1", self.first)
        system.carry_out("c-2", self.other)
        assert system.sent("C-1001") == [self.first, self.other]
        assert system.sent("C-1002") == []


class WorkOrdersContract(_Contract):
    first = op.OpenWorkOrder("O-1", "collect", "C-1001", "00000002", "2026-12-05")
    other = op.CancelWorkOrder("O-1")

    def test_an_order_is_open_until_it_is_cancelled(self, system: WorkOrders) -> None:
        assert system.order("O-1") is None
        system.carry_out("c-1", self.first)
        opened = WorkOrder("collect", "C-1001", "00000002", "2026-12-05", True)
        assert system.order("O-1") == opened
        system.carry_out("c-2", self.other)
        system.carry_out("c-1", self.first)
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
