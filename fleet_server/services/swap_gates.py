"""Why a step of a replacement is not asked for now; what is under way is not held up, but for a
hold, which is called back.

The old unit goes out of service only when notice or consent is on record [7.1.7], in the allowed
hours [4.5, 4.6], with no call on the line or in the time after an emergency call [7.3.7, 11.3],
while the operator's systems that the rest needs answer, and while its campaign goes on.
The unit itself refuses too while its line is in use; what it says then is shown.

A technician's is not held for long: whatever held it may end when he has left. It turns back after
`swap_answer_minutes` in which the old unit, which serves still, could not be taken out of service.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from fleet_server.domain.kinds import ProductClass
from fleet_server.domain.local_time import is_between
from fleet_server.domain.operations import System
from fleet_server.domain.service_state import ServiceState
from fleet_server.domain.swap import Ask, Operation, Phase, Step, Target
from fleet_server.domain.swap_remark import Say, hours_remark, moment, remark
from fleet_server.services import campaign_holds, outbox, swap_cards
from fleet_server.services import tables as t
from fleet_server.services.operator_ports import PENDING, Line, SystemUnavailableError
from fleet_server.services.swap_case import Case
from fleet_server.services.swap_orders import Trigger
from fleet_server.services.swap_plan import SwapNotReadyError, require_ready
from fleet_server.services.swap_store import Happened

Lines = Callable[[str], Line | None]

OLD_BACK = Ask(Target.OLD_UNIT, Operation.ROLLBACK)
_CUT = (Step.HOLD_OLD, Step.CLOSE_OLD, Step.OPEN_NEW, Step.PAIR_CARD)
_BEFORE_THE_CUT = Step.RENEW_SETTINGS
_SYSTEM_OF = {
    Step.CLOSE_OLD: System.ACCESS,
    Step.OPEN_NEW: System.ACCESS,
    Step.MOVE_VOICE: System.VOICE,
    Step.PAIR_CARD: System.CONDITIONAL_ACCESS,
}
_TAKES_LINE_DOWN = (Step.RENEW_SETTINGS, Step.HOLD_OLD, Step.CLOSE_OLD, Step.MOVE_VOICE)
AT_ONCE = timedelta(milliseconds=50)
_SOON = timedelta(seconds=2)
_LATER = timedelta(seconds=30)
LONGEST_FOR_A_CARD = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class NotNow:
    """`why` is a remark, or "" for what is over at once; looked at again after `again`."""

    why: str
    again: timedelta = _LATER


def why_not_now(connection: Connection, case: Case, line_of: Lines, now: datetime) -> NotNow | None:
    """None when the step may be asked for. `line_of` is the softswitch's view of a line."""
    asked = case.asked
    if asked is None:
        return None
    if case.swap.phase == Phase.PERSON and asked.target in (Target.OLD_UNIT, Target.NEW_UNIT):
        unit = case.unit(asked.target)
        is_gone = asked == OLD_BACK and not case.old_is_in
        if unit is not None and not unit.is_online and not is_gone:
            # Its coming is heard.
            return NotNow(remark(Say.UNIT_CONNECTED, unit=unit.serial_number))
    if case.swap.is_undoing or case.swap.is_committed:
        return None
    return (
        may_not_cut(connection, case, now)
        or _no_system(connection, case, now)
        or _call(case, line_of, now)
    )


def has_lost_its_contract(case: Case) -> bool:
    """Whether there is nobody to serve any more; not asked once it goes back or is committed."""
    goes_on = not case.swap.is_undoing and not case.swap.is_committed
    return goes_on and case.state is ServiceState.TERMINATED


def is_held_too_long(connection: Connection, case: Case, now: datetime) -> bool:
    """Whether a technician's has come no nearer to its cut for longer than he waits there; whoever
    resumes it has that counted anew."""
    if case.row.trigger != Trigger.TECHNICIAN or not is_before_the_cut(case):
        return False
    event = t.swap_event.c
    query = select(func.max(event.at)).where(event.swap_id == case.id, event.kind != Happened.WAITS)
    since_at: datetime = connection.execute(query).scalar_one()
    return now >= since_at + timedelta(minutes=case.policy.swap_answer_minutes)


def may_not_cut(connection: Connection, case: Case, now: datetime) -> NotNow | None:
    """None when the step may take the customer's service away, or does not."""
    return _before_the_cut(connection, case, now) if is_before_the_cut(case) else None


def is_before_the_cut(case: Case) -> bool:
    """Whether the customer has his service still, and loses it next."""
    is_next = case.step in (_BEFORE_THE_CUT, cut_of(case.swap.plan))
    return is_next and not case.swap.is_undoing


def cut_of(plan: tuple[Step, ...]) -> Step | None:
    """The step that takes the customer's service away."""
    return next((step for step in plan if step in _CUT), None)


def _before_the_cut(connection: Connection, case: Case, now: datetime) -> NotNow | None:
    if case.row.planned_swap_id is not None:
        try:
            require_ready(connection, case.row.planned_swap_id, now)
        except SwapNotReadyError as error:
            return NotNow(error.lacks)
    begin, end = case.policy.cut_over_from, case.policy.cut_over_until
    if case.row.trigger == Trigger.REMOTE and not is_between(now, begin, end):
        return NotNow(hours_remark(begin, end))
    held = campaign_holds.held_back(connection, case, now)
    if held:
        return NotNow(held)
    is_posted_card = case.row.kind == ProductClass.CARD and case.row.trigger == Trigger.POSTED
    if is_posted_card and not swap_cards.is_in(connection, case):
        waited = now - case.row.approved_at
        return NotNow(remark(Say.CARD_IN), ever_later(waited, LONGEST_FOR_A_CARD))
    return None


def _no_system(connection: Connection, case: Case, now: datetime) -> NotNow | None:
    """Nobody is cut while a system that the rest needs does not answer."""
    if not is_before_the_cut(case):
        return None
    for step in case.swap.plan:
        system = _SYSTEM_OF.get(step)
        code = outbox.fails_with(connection, system, now) if system else ""
        if system and code:
            return NotNow(remark(Say.SYSTEM_ANSWER, system=system, code=code))
    return None


def ever_later(waited: timedelta, longest: timedelta) -> timedelta:
    """When to look again at what customers take days for: thousands of them may wait."""
    return min(max(waited / 10, _SOON), longest)


def _call(case: Case, line_of: Lines, now: datetime) -> NotNow | None:
    if case.step not in _TAKES_LINE_DOWN:
        return None
    for name in case.lines:
        try:
            line = line_of(name)
        except SystemUnavailableError as error:
            if error.args[:1] == (PENDING,):
                return NotNow(case.row.waits_for, AT_ONCE)
            return NotNow(remark(Say.LINE_KNOWN, line=name), _SOON)
        if line is not None and line.off_hook:
            return NotNow(remark(Say.CALL_OVER, line=name), _SOON)
        if line is not None and line.emergency_call_at is not None:
            free_at = line.emergency_call_at + timedelta(minutes=case.policy.emergency_hold_minutes)
            if now < free_at:
                return NotNow(remark(Say.EMERGENCY_OVER, line=name, at=moment(free_at)))
    return None
