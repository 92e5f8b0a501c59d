"""The deadlines of the subscription terms: when something is due, in which state it is, who acts.

- Days are civil days where the customer lives. The day on which a clock starts is not counted, the
  last day counts to its end: `due_at` is the midnight after it and the first moment too late.
- Hours of notice are elapsed hours, whatever the civil clock does meanwhile.
- A clock is made from facts; asking it with a moment gives its state then. Nothing ticks.

Source: subscription terms 3.3, 5.2, 5.3, 7.1.1, 7.1.7, 7.2.1, 7.2.6, 7.3.2, 9.9; the numbers come
from the policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from fleet_server.domain.local_time import ZONE, local_day
from fleet_server.domain.policy import (
    DAYS_AND_DAY_OF_MONTH,
    FROM_CONFIRMATION,
    FROM_EFFECT,
    Policy,
)
from fleet_server.domain.roles import Role


class ClockKind(StrEnum):
    INSTALLATION = "installation"
    DEFECT_ANSWER = "defect_answer"
    COMPENSATION_REQUEST = "compensation_request"
    RETURN = "return"
    SWAP_NOTICE = "swap_notice"


class ClockState(StrEnum):
    """LAPSED is a right that was not used; MISSED was done, but late; STOPPED no longer applies."""

    RUNNING = "running"
    OVERDUE = "overdue"
    MET = "met"
    MISSED = "missed"
    LAPSED = "lapsed"
    STOPPED = "stopped"


class Step(StrEnum):
    """What happens next."""

    INSTALL = "install"
    INSTALL_AND_EXPLAIN = "install_and_explain"
    ANSWER = "answer"
    ANSWER_AT_ONCE = "answer_at_once"
    AWAIT_REQUEST = "await_request"
    AWAIT_RETURN = "await_return"
    REMIND = "remind"
    DECIDE_CHARGE = "decide_charge"
    SEND_NOTICE = "send_notice"
    MOVE_SWAP = "move_swap"
    NOTHING = "nothing"


CUSTOMER = "customer"
NOBODY = "nobody"

_WHO: dict[Step, str] = {
    Step.INSTALL: Role.DISPATCHER,
    Step.INSTALL_AND_EXPLAIN: Role.DISPATCHER,
    Step.ANSWER: Role.CALL_CENTRE,
    Step.ANSWER_AT_ONCE: Role.CALL_CENTRE,
    Step.AWAIT_REQUEST: CUSTOMER,
    Step.AWAIT_RETURN: CUSTOMER,
    Step.REMIND: Role.CALL_CENTRE,
    Step.DECIDE_CHARGE: Role.FLEET_OPS,
    Step.SEND_NOTICE: Role.FLEET_OPS,
    Step.MOVE_SWAP: Role.FLEET_OPS,
    Step.NOTHING: NOBODY,
}
_WHILE_RUNNING = {
    ClockKind.INSTALLATION: Step.INSTALL,
    ClockKind.DEFECT_ANSWER: Step.ANSWER,
    ClockKind.COMPENSATION_REQUEST: Step.AWAIT_REQUEST,
    ClockKind.RETURN: Step.AWAIT_RETURN,
    ClockKind.SWAP_NOTICE: Step.SEND_NOTICE,
}
_WHEN_OVERDUE = {
    ClockKind.INSTALLATION: Step.INSTALL_AND_EXPLAIN,
    ClockKind.DEFECT_ANSWER: Step.ANSWER_AT_ONCE,
    ClockKind.RETURN: Step.REMIND,
    ClockKind.SWAP_NOTICE: Step.MOVE_SWAP,
}


_ARTICLES = {
    ClockKind.INSTALLATION: ("3.3",),
    ClockKind.DEFECT_ANSWER: ("5.2",),
    ClockKind.COMPENSATION_REQUEST: ("5.3",),
    ClockKind.SWAP_NOTICE: ("7.1.7",),
}
_RETURN_ARTICLES = {"MODEM": ("7.1.1", "9.9"), "VOICEMODEM": ("7.3.2", "9.9")}


@dataclass(frozen=True, slots=True)
class Clock:
    """One deadline. `due_at` is the first moment that is too late.

    `binding`: the terms set it; otherwise it is shown only. `charge_from_at`: from when the value
    of an unreturned unit is proposed as a charge; None where none is ever proposed.
    """

    kind: ClockKind
    articles: tuple[str, ...]
    started_at: datetime
    due_at: datetime
    binding: bool = True
    done_at: datetime | None = None
    stopped_at: datetime | None = None
    charge_from_at: datetime | None = None

    @property
    def last_at(self) -> datetime:
        """The last moment in time: what a person reads, for midnight reads as the next day."""
        return self.due_at - timedelta(milliseconds=1)

    def state(self, now: datetime) -> ClockState:
        if self.done_at is not None:
            return ClockState.MET if self.done_at < self.due_at else ClockState.MISSED
        if self.stopped_at is not None:
            return ClockState.STOPPED
        if now < self.due_at:
            return ClockState.RUNNING
        if self.kind == ClockKind.COMPENSATION_REQUEST:
            return ClockState.LAPSED
        return ClockState.OVERDUE

    def step(self, now: datetime) -> Step:
        """What happens next, as things stand."""
        state = self.state(now)
        if state == ClockState.RUNNING:
            return _WHILE_RUNNING[self.kind]
        if self.kind == ClockKind.SWAP_NOTICE and state == ClockState.MISSED:
            return Step.MOVE_SWAP
        if state != ClockState.OVERDUE:
            return Step.NOTHING
        if self.charge_from_at is not None and now >= self.charge_from_at:
            return Step.DECIDE_CHARGE
        if self.kind == ClockKind.INSTALLATION and not self.binding:
            return Step.INSTALL
        return _WHEN_OVERDUE[self.kind]


def articles_of(kind: ClockKind, product_class: str = "") -> tuple[str, ...]:
    """What sets a deadline; that of a return depends on what comes back."""
    if kind == ClockKind.RETURN:
        return _RETURN_ARTICLES.get(product_class, ("7.2.1", "7.2.6", "9.9"))
    return _ARTICLES[kind]


def who_acts(step: Step) -> str:
    """A role, `customer` or `nobody`."""
    return _WHO[step]


def start_of_day(day: date) -> datetime:
    """Local midnight, at which the day begins; the zone changes its clock at other hours."""
    return datetime.combine(day, time(0), ZONE).astimezone(UTC)


def end_of_day(day: date) -> datetime:
    """The midnight after the day."""
    return start_of_day(day + timedelta(days=1))


def installation_clock(
    policy: Policy,
    service: str,
    signed_on: date,
    installed_at: datetime | None = None,
    ended_on: date | None = None,
) -> Clock:
    """One clock per service [3.3]; `service` is internet, voice or tv; `ended_on`: termination."""
    return Clock(
        ClockKind.INSTALLATION,
        articles_of(ClockKind.INSTALLATION),
        start_of_day(signed_on),
        end_of_day(signed_on + timedelta(days=policy.installation_days)),
        binding=service in policy.installation_binding_services,
        done_at=installed_at,
        stopped_at=start_of_day(ended_on) if ended_on is not None else None,
    )


def defect_answer_clock(
    policy: Policy,
    reported_at: datetime,
    answered_at: datetime | None = None,
    cleared_by_phone_at: datetime | None = None,
) -> Clock:
    """A defect that was cleared by phone needs no answer [5.2]."""
    return Clock(
        ClockKind.DEFECT_ANSWER,
        articles_of(ClockKind.DEFECT_ANSWER),
        reported_at,
        _end_after(reported_at, policy.defect_answer_days),
        done_at=answered_at,
        stopped_at=cleared_by_phone_at,
    )


def compensation_clock(
    policy: Policy, reported_at: datetime, requested_at: datetime | None = None
) -> Clock:
    """The customer's right to request compensation [5.3]; a credit does not wait for it."""
    return Clock(
        ClockKind.COMPENSATION_REQUEST,
        articles_of(ClockKind.COMPENSATION_REQUEST),
        reported_at,
        _end_after(reported_at, policy.compensation_request_days),
        done_at=requested_at,
    )


def swap_notice_clock(
    policy: Policy,
    recorded_at: datetime,
    planned_at: datetime,
    notice_at: datetime | None = None,
    cancelled_at: datetime | None = None,
) -> Clock:
    """The notice before a swap the operator initiates [7.1.7].

    Notice exactly the hours before is in time, so that a millisecond later is the first too late.
    """
    latest = planned_at.astimezone(UTC) - timedelta(hours=policy.swap_notice_hours)
    return Clock(
        ClockKind.SWAP_NOTICE,
        articles_of(ClockKind.SWAP_NOTICE),
        recorded_at,
        latest + timedelta(milliseconds=1),
        done_at=notice_at,
        stopped_at=cancelled_at,
    )


def return_clock(
    policy: Policy,
    product_class: str,
    effect_on: date,
    confirmed_at: datetime | None,
    returned_at: datetime | None = None,
    stopped_at: datetime | None = None,
) -> Clock | None:
    """When a unit of a terminated contract is due back, and when its value is proposed.

    None while nothing has started it [9.9]. `stopped_at`: who pays is decided apart, as for a
    stolen unit.
    """
    start = _return_starts(policy, effect_on, confirmed_at)
    if start is None:
        return None
    rule, charge = _return_rule(policy, product_class)
    last_day = start + timedelta(days=policy.return_days)
    charge_day = last_day
    if rule == DAYS_AND_DAY_OF_MONTH:
        charge_day = max(last_day, next_day_of_month(start, policy.return_day_of_month))
    return Clock(
        ClockKind.RETURN,
        articles_of(ClockKind.RETURN, product_class),
        start_of_day(start),
        end_of_day(last_day),
        done_at=returned_at,
        stopped_at=stopped_at,
        charge_from_at=end_of_day(charge_day) if charge else None,
    )


def next_day_of_month(after: date, day_of_month: int) -> date:
    """The first such day later than `after`; `day_of_month` is 28 at most."""
    if after.day < day_of_month:
        return after.replace(day=day_of_month)
    first_of_next = (after.replace(day=1) + timedelta(days=32)).replace(day=1)
    return first_of_next.replace(day=day_of_month)


def _end_after(moment: datetime, days: int) -> datetime:
    return end_of_day(local_day(moment) + timedelta(days=days))


def _return_starts(policy: Policy, effect_on: date, confirmed_at: datetime | None) -> date | None:
    if policy.return_clock_starts == FROM_EFFECT:
        return effect_on
    if confirmed_at is None:
        return None
    confirmed_on = local_day(confirmed_at)
    if policy.return_clock_starts == FROM_CONFIRMATION:
        return confirmed_on
    return max(effect_on, confirmed_on)


def _return_rule(policy: Policy, product_class: str) -> tuple[str, bool]:
    """The rule for overdue, and whether a charge is ever proposed."""
    if product_class == "MODEM":
        return policy.return_rule_modem, policy.propose_unreturned_modem
    if product_class == "VOICEMODEM":
        return policy.return_rule_voice_modem, policy.propose_unreturned_voice_modem
    if product_class == "CARD":
        return policy.return_rule_card, policy.propose_unreturned_card
    return policy.return_rule_stb, policy.propose_unreturned_stb


def swap_may_start(
    policy: Policy,
    operators: bool,
    planned_at: datetime,
    notice_at: datetime | None,
    consent_at: datetime | None,
) -> datetime | None:
    """From when a planned swap may be done; None while notice or consent is missing [7.1.7].

    `operators`: the operator initiates it and has announced it for `planned_at`; else the unit is
    faulty, and the customer's consent is enough.
    """
    if not operators:
        return consent_at if policy.faulty_swap_needs_consent else planned_at
    notice = timedelta(hours=policy.swap_notice_hours)
    if notice_at is None or planned_at.astimezone(UTC) - notice < notice_at:
        return None
    return planned_at
