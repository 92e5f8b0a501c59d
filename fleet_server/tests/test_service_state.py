"""Suspension, barring, restoration and termination, told by hand from the terms."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from fleet_server.adapters.simulated import Behaviour
from fleet_server.domain.errors import (
    ServiceStateError,
    UnknownContractError,
    UnknownDecisionError,
)
from fleet_server.domain.kinds import ProductClass
from fleet_server.domain.operations import (
    AccessMode,
    Barring,
    Channel,
    PublishAllowList,
    SendNotice,
    SetDeviceState,
)
from fleet_server.domain.policy import DEFAULTS, Policy, with_texts
from fleet_server.domain.service_state import (
    Ground,
    Served,
    ServedUnit,
    ServiceState,
    check_change,
    costs_reconnection,
    needs_notice,
    stages,
)
from fleet_server.services import audit, service_state
from fleet_server.services import tables as t
from fleet_server.services.operator_ports import Access, Card
from fleet_server.services.service_state import Wanted
from fleet_server.tests.operator_contract import allow_list
from fleet_server.tests.service_desk import (
    CARD,
    CLERK,
    CONTRACT,
    LINE,
    MAC,
    NOON,
    STB,
    VOICE_MODEM,
    ServiceDesk,
)

POLICY = with_texts(DEFAULTS, {"reconnection_cents": "500"})
S, G = ServiceState, Ground


def decide(
    desk: ServiceDesk,
    state: ServiceState,
    ground: Ground,
    not_before_at: datetime | None = None,
    policy: Policy = POLICY,
) -> int:
    with desk.fleet.writing() as connection:
        return service_state.decide(
            connection,
            CONTRACT,
            Wanted(state, ground, not_before_at),
            CLERK,
            "words of a clerk",
            policy,
            desk.now,
        )


def step(desk: ServiceDesk) -> None:
    desk.work()
    with desk.fleet.writing() as connection:
        service_state.step(connection, POLICY, desk.now)
    desk.work()


def current(desk: ServiceDesk) -> str:
    with desk.fleet.reading() as connection:
        return service_state.state_of(connection, 1)


def device_states(desk: ServiceDesk) -> list[str]:
    told = desk.devices.told.get(VOICE_MODEM, [])
    return [one.state for one in told if isinstance(one, SetDeviceState)]


# Written by hand from 2, 8.6, 8.8, 9.9, 10.1, 10.2: from, to, ground, possible, needs notice
STEPS: list[tuple[ServiceState, ServiceState, Ground, bool, bool]] = [
    (S.ACTIVE, S.SUSPENDED, G.DEBT, True, True),
    (S.ACTIVE, S.SUSPENDED, G.FRAUD, True, True),
    (S.ACTIVE, S.SUSPENDED, G.OTHER_BREACH, True, False),
    (S.ACTIVE, S.SUSPENDED, G.PAID, False, False),
    (S.ACTIVE, S.SUSPENDED, G.CUSTOMER_REQUEST, False, False),
    (S.ACTIVE, S.OUTGOING_BARRED, G.DEBT, True, True),
    (S.ACTIVE, S.OUTGOING_BARRED, G.MISTAKE, False, False),
    (S.ACTIVE, S.TERMINATED, G.CUSTOMER_REQUEST, True, False),
    (S.ACTIVE, S.TERMINATED, G.DEBT, True, True),
    (S.ACTIVE, S.TERMINATED, G.OTHER_BREACH, True, False),
    (S.ACTIVE, S.ACTIVE, G.PAID, False, False),
    (S.OUTGOING_BARRED, S.SUSPENDED, G.DEBT, True, True),
    (S.OUTGOING_BARRED, S.ACTIVE, G.PAID, True, False),
    (S.OUTGOING_BARRED, S.ACTIVE, G.DEBT, False, False),
    (S.SUSPENDED, S.ACTIVE, G.PAID, True, False),
    (S.SUSPENDED, S.ACTIVE, G.BREACH_ENDED, True, False),
    (S.SUSPENDED, S.ACTIVE, G.MISTAKE, True, False),
    (S.SUSPENDED, S.ACTIVE, G.CUSTOMER_REQUEST, False, False),
    (S.SUSPENDED, S.OUTGOING_BARRED, G.DEBT, False, True),
    (S.SUSPENDED, S.TERMINATED, G.DEBT, True, True),
    (S.SUSPENDED, S.TERMINATED, G.CUSTOMER_REQUEST, True, False),
    (S.TERMINATED, S.ACTIVE, G.PAID, False, False),
    (S.TERMINATED, S.ACTIVE, G.MISTAKE, False, False),
    (S.TERMINATED, S.SUSPENDED, G.DEBT, False, True),
]


@pytest.mark.parametrize(("before", "after", "ground", "possible", "notice"), STEPS)
def test_which_steps_there_are_and_which_need_notice(
    before: ServiceState, after: ServiceState, ground: Ground, possible: bool, notice: bool
) -> None:
    if possible:
        check_change(before, after, ground)
    else:
        with pytest.raises(ServiceStateError):
            check_change(before, after, ground)
    assert needs_notice(after, ground) == notice


@pytest.mark.parametrize(
    ("before", "ground", "costs"),
    [
        (S.SUSPENDED, G.PAID, True),
        (S.SUSPENDED, G.BREACH_ENDED, True),
        (S.SUSPENDED, G.MISTAKE, False),  # the operator's own error
        (S.OUTGOING_BARRED, G.PAID, False),  # 8.6 speaks of suspension
    ],
)
def test_what_coming_back_costs(before: ServiceState, ground: Ground, costs: bool) -> None:
    assert costs_reconnection(before, ground) == costs


@pytest.mark.parametrize(
    ("state", "mode", "barring", "package", "device"),
    [
        (S.ACTIVE, AccessMode.OPEN, Barring.NONE, "TOP L", "active"),
        (S.OUTGOING_BARRED, AccessMode.OPEN, Barring.OUTGOING, "TOP L", "active"),
        (S.SUSPENDED, AccessMode.WALLED_GARDEN, Barring.ALL_BUT_EMERGENCY, "", "restricted"),
        (S.TERMINATED, AccessMode.MANAGEMENT_ONLY, Barring.ALL_BUT_EMERGENCY, "", "terminated"),
    ],
)
def test_what_a_state_means(
    desk: ServiceDesk,
    state: ServiceState,
    mode: AccessMode,
    barring: Barring,
    package: str,
    device: str,
) -> None:
    desk.voice.carry_out("list", PublishAllowList(7, allow_list(7)), 0)
    if state is S.ACTIVE:
        decide(desk, S.SUSPENDED, G.OTHER_BREACH)
        step(desk)
        decide(desk, S.ACTIVE, G.MISTAKE)
    else:
        decide(desk, state, G.OTHER_BREACH)
    step(desk)
    assert desk.access.access(MAC) == Access("TOP L", mode)
    assert desk.cards.card(CARD) == Card("", package, False, 0)
    line = desk.voice.line(LINE)
    assert line is not None
    assert (line.barring, line.registered) == (barring, True)
    for number in ("112", "192", "193", "194", "080011222"):
        assert desk.voice.may_call(LINE, number), number
    for endpoint_id in (VOICE_MODEM, STB):
        last = desk.devices.told[endpoint_id][-1]
        assert isinstance(last, SetDeviceState)
        assert (last.state, last.profile) == (device, "TOP L")


def test_a_suspension_for_debt_waits_for_its_notice_and_the_hours_after_it(
    desk: ServiceDesk,
) -> None:
    decide(desk, S.SUSPENDED, G.DEBT)
    assert desk.notices.sent(CONTRACT) == []
    step(desk)
    values = {"ground": "debt", "hours": "72"}
    assert desk.notices.sent(CONTRACT) == [
        SendNotice(CONTRACT, Channel.SMS, "suspended_notice", values),
        SendNotice(CONTRACT, Channel.EMAIL, "suspended_notice", values),
    ]
    desk.later(hours=72, seconds=-1)
    step(desk)
    assert (current(desk), desk.access.calls(), device_states(desk)) == ("active", [], [])
    desk.later(seconds=1)
    step(desk)
    assert (current(desk), device_states(desk)) == ("suspended", ["restricted"])
    assert desk.access.access(MAC) == Access("TOP L", AccessMode.WALLED_GARDEN)


def test_hours_of_notice_run_from_its_delivery_not_from_the_decision(desk: ServiceDesk) -> None:
    desk.notices.behave(Behaviour(fail_before=1000))
    decide(desk, S.SUSPENDED, G.DEBT)
    for _ in range(4):
        step(desk)
        desk.later(days=2)
    assert current(desk) == "active"
    desk.notices.behave(Behaviour())
    step(desk)
    delivered_at = desk.now
    desk.later(hours=71)
    step(desk)
    assert current(desk) == "active"
    desk.later(hours=1)
    step(desk)
    assert current(desk) == "suspended"
    assert desk.now == delivered_at + timedelta(hours=72)


def test_another_breach_needs_no_notice(desk: ServiceDesk) -> None:
    decide(desk, S.SUSPENDED, G.OTHER_BREACH)
    desk.work()
    assert desk.notices.sent(CONTRACT) == []
    assert current(desk) == "suspended"


def test_who_pays_before_the_hours_have_passed_is_not_suspended(desk: ServiceDesk) -> None:
    decide(desk, S.SUSPENDED, G.DEBT)
    step(desk)
    with desk.fleet.writing() as connection:
        service_state.cancel(connection, CONTRACT, CLERK, "Paid in a store.", desk.now)
    desk.later(days=30)
    step(desk)
    assert (current(desk), desk.access.calls()) == ("active", [])
    with pytest.raises(UnknownDecisionError), desk.fleet.writing() as connection:
        service_state.cancel(connection, CONTRACT, CLERK, "Again.", desk.now)


def test_one_decision_at_a_time(desk: ServiceDesk) -> None:
    decide(desk, S.SUSPENDED, G.DEBT)
    with pytest.raises(ServiceStateError, match="cancel it first"):
        decide(desk, S.OUTGOING_BARRED, G.DEBT)


def test_what_is_impossible_leaves_no_trace(desk: ServiceDesk) -> None:
    with pytest.raises(ServiceStateError):
        decide(desk, S.ACTIVE, G.PAID)
    with pytest.raises(UnknownContractError), desk.fleet.writing() as connection:
        service_state.cancel(connection, "C-9", CLERK, "x", desk.now)
    assert (desk.rows(t.service_decision), desk.rows(t.outbox)) == ([], [])


def test_restoration_undoes_a_suspension_that_the_network_has_not_seen_yet(
    desk: ServiceDesk,
) -> None:
    desk.access.behave(Behaviour(refuse_calls=1))
    decide(desk, S.SUSPENDED, G.OTHER_BREACH)
    step(desk)
    assert device_states(desk) == []  # the network refused: the device waits
    decide(desk, S.ACTIVE, G.MISTAKE)
    desk.later(seconds=10)
    step(desk)
    assert desk.access.access(MAC) == Access("TOP L", AccessMode.OPEN)
    assert device_states(desk) == ["active"]
    desk.later(days=1)
    step(desk)
    assert device_states(desk) == ["active"]


def test_a_silent_device_is_told_the_newest_state_only(desk: ServiceDesk) -> None:
    desk.set_presence(VOICE_MODEM, "offline")
    decide(desk, S.SUSPENDED, G.OTHER_BREACH)
    step(desk)
    decide(desk, S.ACTIVE, G.BREACH_ENDED)
    step(desk)
    desk.later(days=3)
    desk.set_presence(VOICE_MODEM, "online")
    step(desk)
    assert device_states(desk) == ["active"]


def test_a_line_in_an_emergency_call_back_is_left_alone_and_so_is_everything_after_it(
    desk: ServiceDesk,
) -> None:
    decide(desk, S.OUTGOING_BARRED, G.OTHER_BREACH)
    step(desk)
    desk.voice.use_line(LINE, emergency_call_at=NOON)
    decide(desk, S.SUSPENDED, G.OTHER_BREACH)
    step(desk)
    desk.later(minutes=59)
    step(desk)
    assert desk.access.access(MAC) == Access("TOP L", AccessMode.OPEN)
    assert device_states(desk) == ["active"]
    desk.later(minutes=1)
    step(desk)
    assert desk.access.access(MAC) == Access("TOP L", AccessMode.WALLED_GARDEN)
    assert device_states(desk) == ["active", "restricted"]


@pytest.mark.parametrize(("ground", "cents"), [(G.PAID, 500), (G.MISTAKE, 0)])
def test_the_reconnection_price_is_proposed(desk: ServiceDesk, ground: Ground, cents: int) -> None:
    decide(desk, S.SUSPENDED, G.OTHER_BREACH)
    step(desk)
    decide(desk, S.ACTIVE, ground)
    *_, last = desk.rows(t.service_decision)
    assert last.reconnection_cents == cents
    first, *_ = desk.rows(t.service_decision)
    assert first.reconnection_cents is None


def test_the_customer_chooses_the_moment_of_the_end_and_has_it_confirmed(
    desk: ServiceDesk,
) -> None:
    end = datetime(2026, 12, 1, 23, 30, tzinfo=UTC)  # the 2nd of December, local time
    decide(desk, S.TERMINATED, G.CUSTOMER_REQUEST, end)
    step(desk)
    assert current(desk) == "active"
    desk.now = end
    desk.access.behave(Behaviour(fail_before=1))
    step(desk)
    contract = desk.rows(t.contract)[0]
    assert (contract.terminated_on, contract.termination_confirmed_at) == (date(2026, 12, 2), None)
    assert desk.notices.sent(CONTRACT) == []  # not before the network has done it
    desk.later(seconds=2)
    step(desk)
    assert [one.template for one in desk.notices.sent(CONTRACT)] == ["termination_confirmed"]
    contract = desk.rows(t.contract)[0]
    assert contract.termination_confirmed_at == end + timedelta(seconds=2)
    assert {desk.state_of(each) for each in ("20000002", "20000003", CARD)} == {"to_be_returned"}
    with pytest.raises(ServiceStateError, match="new contract"):
        decide(desk, S.ACTIVE, G.MISTAKE)


def test_a_confirmation_on_paper_counts_too(desk: ServiceDesk) -> None:
    desk.notices.behave(Behaviour(refuse_calls=1))
    decide(desk, S.TERMINATED, G.CUSTOMER_REQUEST)
    step(desk)
    desk.later(hours=2)
    given = desk.now
    desk.later(hours=1)
    for wrong in (NOON - timedelta(seconds=1), desk.now + timedelta(seconds=1)):
        with pytest.raises(ServiceStateError), desk.fleet.writing() as connection:
            service_state.confirm_termination(connection, CONTRACT, CLERK, "x", wrong, desk.now)
    with desk.fleet.writing() as connection:
        service_state.confirm_termination(
            connection, CONTRACT, CLERK, "Handed over.", given, desk.now
        )
    assert desk.rows(t.contract)[0].termination_confirmed_at == given
    with pytest.raises(UnknownDecisionError), desk.fleet.writing() as connection:
        service_state.confirm_termination(connection, CONTRACT, CLERK, "x", given, desk.now)


def test_every_step_is_in_the_audit_log(desk: ServiceDesk) -> None:
    decide(desk, S.SUSPENDED, G.OTHER_BREACH)
    step(desk)
    with desk.fleet.reading() as connection:
        changed, decided = audit.history(connection, f"contract:{CONTRACT}")
        assert audit.verify(connection).broken_at is None
    assert (decided.action, decided.actor, decided.reason) == (
        "service_state_decided",
        CLERK,
        "words of a clerk",
    )
    assert decided.detail["ground"] == "other_breach"
    assert (changed.action, changed.evidence) == ("service_state_changed", ("decision:1",))


def test_a_blacklisted_unit_gets_nothing() -> None:
    barred = ServedUnit("1", ProductClass.CARD, None, (MAC,), "", True)
    assert stages(Served("TOP L", (), (barred,)), S.ACTIVE, "paid") == ((), (), ())
