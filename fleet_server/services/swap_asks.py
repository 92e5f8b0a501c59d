"""Asks of a replacement as commands and decisions of the outbox, and what their ends mean for it.

Key `swap-<id>.<n>`; n counts the asks of a swap, so that a step that is asked for again after an
end that said no is a new one, and one that nobody answered stays the same one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from agent.wire.codes import INVALID_PATH, OBJECT_DOES_NOT_EXIST
from fleet_server.domain.command import State
from fleet_server.domain.swap import (
    Ask,
    Done,
    Event,
    Failed,
    Operation,
    Step,
    Target,
    Unreachable,
)
from fleet_server.domain.swap_remark import Say, moment, remark
from fleet_server.services import commands, outbox, swap_cards, swap_settings, swap_systems
from fleet_server.services import tables as t
from fleet_server.services.commands import Command, Order
from fleet_server.services.fleet import Fleet
from fleet_server.services.subscriptions import REPLACEMENT_HEALTHY
from fleet_server.services.swap_case import Case, Unit, reported
from fleet_server.services.swap_gates import (
    LONGEST_FOR_A_CARD,
    OLD_BACK,
    ever_later,
    may_not_cut,
)
from fleet_server.services.swap_orders import Trigger
from fleet_server.services.swap_plan import read_swap

_OBJECT = "Device.X_IPKO-COM_Replacement."
_NOT_KNOWN_THERE = (INVALID_PATH, OBJECT_DOES_NOT_EXIST)
_BUSY = "busy"
_LIFE = timedelta(days=1)
SOON = timedelta(seconds=0.5)
_LONGEST_FOR_A_UNIT = timedelta(minutes=5)  # whose coming is heard besides
_NEW = timedelta(minutes=1)
_NEW_BACK = Ask(Target.NEW_UNIT, Operation.ROLLBACK)
# The customer has no service meanwhile, and the network's word is enough.
_FOR_THE_NEW_ON_THE_WAY_BACK = timedelta(seconds=15)
_LOOK_EVERY = timedelta(seconds=5)
SYSTEMS = (Target.ACCESS, Target.VOICE, Target.CONDITIONAL_ACCESS)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing is known yet; look again after `again`, `why` is a remark for people."""

    again: timedelta
    why: str = ""


@dataclass(frozen=True, slots=True)
class CalledBack:
    """It was not done in its hours and never will be: to be asked for anew in the next ones."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known now; `text` is a remark, `outputs` are those of the command."""

    event: Event
    text: str = ""
    outputs: dict[str, str] | None = None


def is_looked_at(asked: Ask) -> bool:
    """Whether an ask is answered by what units report, and nothing is sent."""
    return asked.operation in (Operation.SEE, Operation.VERIFY)


def look(connection: Connection, case: Case, asked: Ask, now: datetime) -> Known | Waiting:
    """Whether the unit is there, or well; `asked_at` of the row is when that was first wanted."""
    unit = case.unit(asked.target)
    if unit is None:
        return Known(Failed(asked, remark(Say.NO_UNIT)))
    if asked.target is Target.BOX and case.card is not None and case.card.blacklisted:
        return Known(Done(asked), remark(Say.NOTHING_TO_DO))
    if unit.endpoint_id and not unit.may_connect:
        return Known(Failed(asked, remark(Say.REVOKED, unit=unit.serial_number)))
    since_at = case.row.asked_at or now
    if asked.operation is Operation.SEE:
        is_so, wait = unit.is_online, ever_later(now - since_at, _LONGEST_FOR_A_UNIT)
    elif asked.target is Target.BOX:
        is_so = swap_cards.runs(connection, case)
        wait = ever_later(now - since_at, LONGEST_FOR_A_CARD)
    else:
        begun_at = _adopted_at(connection, case.id) or since_at
        well = reported(connection, unit.endpoint_id, REPLACEMENT_HEALTHY, begun_at)
        is_so, wait = unit.is_online and well in ("true", "1"), SOON
    if is_so:
        return Known(Done(asked))
    if now >= _awaited_from(connection, case, asked, since_at) + _patience(case, asked):
        return Known(Unreachable(asked))
    return Waiting(wait, _what_it_waits_for(case, asked, unit))


def issue(
    fleet: Fleet, connection: Connection, case: Case, asked: Ask, key: str, now: datetime
) -> Known | None:
    """Send an ask on its way under `key`; Known where it never can be, or needs nothing."""
    if asked.target in SYSTEMS:
        wanted = swap_systems.wanted(case, asked)
        if not wanted:
            return Known(Done(asked), remark(Say.NOTHING_TO_DO))
        outbox.queue_in_place(connection, key, wanted, now)
        return None
    unit = case.unit(asked.target)
    if asked == OLD_BACK and not case.old_is_in:
        return Known(Done(asked), remark(Say.NOTHING_TO_DO))
    if unit is None:
        return Known(Unreachable(asked), remark(Say.NO_UNIT))
    if not unit.may_connect:
        return Known(Unreachable(asked), remark(Say.REVOKED, unit=unit.serial_number))
    if asked.operation is Operation.RENEW and _are_settings_new(connection, case, now):
        return Known(Done(asked), remark(Say.NOTHING_TO_DO))
    command, args = _command(fleet, connection, case, asked, unit)
    order = Order(unit.endpoint_id, _OBJECT + command, args, now + _LIFE, repeatable=True)
    commands.queue(connection, key, order, now)
    return None


def answer(
    connection: Connection, case: Case, asked: Ask, key: str, now: datetime
) -> Known | Waiting | CalledBack:
    """What has come of the ask under `key`."""
    if asked.target in SYSTEMS:
        return _of_outbox(connection, case, asked, key, now)
    found = commands.find(connection, [key]).get(key)
    if found is None:
        return Known(Unreachable(asked))
    not_now = may_not_cut(connection, case, now) if asked.operation is Operation.HOLD else None
    if not_now is not None:
        commands.withdraw(connection, [key], now)
        found = commands.find(connection, [key])[key]
        if found.state in (State.CANCELLED, State.EXPIRED):
            return CalledBack()
        if not found.has_ended:
            return Waiting(_LOOK_EVERY, not_now.why)
    known = of_command(asked, found)
    if known is not None:
        return known
    is_busy = found.state is State.QUEUED and found.error_text.startswith(_BUSY)
    over_at = _silent_since(case, asked, now) + _patience(case, asked)
    is_technicians = case.row.trigger == Trigger.TECHNICIAN and asked.operation is Operation.HOLD
    if now >= over_at and is_busy and is_technicians:
        commands.withdraw(connection, [key], now)
        minutes = case.policy.swap_answer_minutes
        return Known(Failed(asked, remark(Say.HELD_TOO_LONG, minutes=minutes)))
    if (now >= over_at or _is_unplugged(case, asked)) and not is_busy:
        commands.withdraw(connection, [key], now)
        return Known(Unreachable(asked))
    unit = case.unit(asked.target)
    if unit is not None and is_busy:
        said = remark(Say.UNIT_FREE, unit=unit.serial_number, text=found.error_text)
        return Waiting(_LOOK_EVERY, said)
    if unit is not None and not unit.is_online:
        said = remark(Say.UNIT_ANSWERS, unit=unit.serial_number, at=moment(over_at))
        return Waiting(_LOOK_EVERY, said)
    return Waiting(_LOOK_EVERY)


def of_command(asked: Ask, found: Command) -> Known | None:
    """What the end of a command means; None while it has none."""
    if not found.has_ended:
        return None
    if found.state is State.DONE:
        return Known(Done(asked), outputs=found.outputs)
    if found.state is State.FAILED and found.error_code:
        if found.error_code in _NOT_KNOWN_THERE:
            return Known(Unreachable(asked), remark(Say.OLD_SOFTWARE))
        return Known(Failed(asked, found.error_text or str(found.error_code)))
    return Known(Unreachable(asked), found.error_text)


def _of_outbox(
    connection: Connection, case: Case, asked: Ask, key: str, now: datetime
) -> Known | Waiting:
    rows = connection.execute(
        select(t.outbox).where(t.outbox.c.decision == key).order_by(t.outbox.c.id)
    ).all()
    refused = [row for row in rows if row.state == outbox.State.REFUSED]
    last_stage = min((row.stage for row in refused), default=len(rows))
    queued = [row for row in rows if row.state == outbox.State.QUEUED and row.stage <= last_stage]
    if queued:
        if _has_left_in_the_dark(case, asked, now):
            return Known(Unreachable(asked), remark(Say.NO_ANSWER))
        code = _last_code(connection, [row.id for row in queued])
        said = remark(Say.SYSTEM_ANSWER, system=asked.target, code=code) if code else ""
        return Waiting(_LOOK_EVERY, said)
    if refused:
        outbox.drop_stages_to_come(connection, key, now)
        code = _last_code(connection, [row.id for row in refused])
        return Known(Failed(asked, remark(Say.REFUSES, system=asked.target, code=code)))
    if any(row.state == outbox.State.DROPPED for row in rows):
        return Known(Failed(asked, remark(Say.DROPPED, system=asked.target)))
    return Known(Done(asked))


def _last_code(connection: Connection, outbox_ids: list[int]) -> str:
    return (
        connection.scalar(
            select(t.outbox_try.c.code)
            .where(t.outbox_try.c.outbox_id.in_(outbox_ids), t.outbox_try.c.outcome != "done")
            .order_by(t.outbox_try.c.id.desc())
            .limit(1)
        )
        or ""
    )


def _command(
    fleet: Fleet, connection: Connection, case: Case, asked: Ask, unit: Unit
) -> tuple[str, dict[str, str]]:
    args = {"Swap": case.name}
    if asked.operation in (Operation.PREPARE, Operation.RENEW):
        return "Prepare()", {**args, "SettingsKey": swap_settings.settings_point(fleet)}
    if asked.operation is Operation.HOLD:
        return "Fence()", args
    if asked.operation is Operation.FENCE:
        return "Fence()", {**args, "Final": "true"}
    if asked.operation is Operation.ADOPT:
        settings = swap_settings.sealed_for(fleet, connection, case.id, unit.endpoint_id)
        line = next(iter(case.lines), "")
        args |= {"Profile": case.package, "Line": line}
        return "Adopt()", args | ({"Settings": settings} if settings else {})
    return "Rollback()", args


def _patience(case: Case, asked: Ask) -> timedelta:
    """How long a unit has; a customer has days to connect one."""
    if asked == _NEW_BACK:
        return _FOR_THE_NEW_ON_THE_WAY_BACK
    is_customers = asked.operation is Operation.SEE or asked.target is Target.BOX
    if is_customers and case.row.trigger != Trigger.TECHNICIAN:
        return timedelta(days=case.policy.swap_wait_days)
    return timedelta(minutes=case.policy.swap_answer_minutes)


def _has_left_in_the_dark(case: Case, asked: Ask, now: datetime) -> bool:
    """Whether the old unit serves no more and the network has not said for long that it is closed.

    The network may serve it still: better it goes back than that the customer waits.
    """
    asked_at: datetime = case.row.asked_at or now
    is_closing = asked.operation is Operation.CLOSE_OLD and Step.HOLD_OLD not in case.swap.skipped
    return is_closing and now >= asked_at + timedelta(minutes=case.policy.swap_answer_minutes)


def _are_settings_new(connection: Connection, case: Case, now: datetime) -> bool:
    """Whether the old unit handed its settings over a moment ago."""
    event = t.swap_event.c
    query = select(event.id).where(
        event.swap_id == case.id,
        event.kind == "done",
        event.operation.in_((Operation.PREPARE, Operation.RENEW)),
        event.text != Say.NOTHING_TO_DO,
        event.at > now - _NEW,
    )
    return connection.scalar(query.limit(1)) is not None


def _awaited_from(connection: Connection, case: Case, asked: Ask, since_at: datetime) -> datetime:
    """From when on a unit has its time to come: a posted one not before the moment announced."""
    planned = case.row.planned_swap_id
    if asked.operation is not Operation.SEE or case.row.trigger != Trigger.POSTED or not planned:
        return since_at
    return max(since_at, read_swap(connection, planned).may_start_at or since_at)


def _silent_since(case: Case, asked: Ask, now: datetime) -> datetime:
    """From when on a unit does not answer: since it was asked, or since it went if nobody is served
    until it did."""
    asked_at: datetime = case.row.asked_at or now
    unit = case.unit(asked.target)
    is_before = asked.operation in (Operation.PREPARE, Operation.RENEW)
    if not is_before or unit is None or unit.away_since is None:
        return asked_at
    return min(asked_at, unit.away_since)


def _is_unplugged(case: Case, asked: Ask) -> bool:
    """Whether nobody waits for a unit that is gone: one that shall serve no more, for which the
    network's word is enough; one whose settings are known; one that is asked once more later."""
    unit = case.unit(asked.target)
    is_needless = asked.operation in (Operation.RENEW, Operation.HOLD, Operation.FENCE)
    is_needless |= asked == _NEW_BACK
    is_needless |= asked == OLD_BACK and (case.swap.is_early or not case.old_is_in)
    return is_needless and unit is not None and not unit.is_online


def _adopted_at(connection: Connection, swap_id: int) -> datetime | None:
    """When the new unit was first asked to serve."""
    at: datetime | None = connection.scalar(
        select(t.swap_event.c.at)
        .where(
            t.swap_event.c.swap_id == swap_id,
            t.swap_event.c.kind == "asked",
            t.swap_event.c.step == Step.ADOPT_NEW,
        )
        .order_by(t.swap_event.c.id)
        .limit(1)
    )
    return at


def _what_it_waits_for(case: Case, asked: Ask, unit: Unit) -> str:
    if asked.operation is Operation.SEE:
        return remark(Say.UNIT_CONNECTED, unit=unit.serial_number)
    if asked.target is Target.BOX and case.card is not None and case.card is not case.new:
        return remark(Say.CARD_MOVED, unit=unit.serial_number, card=case.card.serial_number)
    if asked.target is Target.BOX:
        return remark(Say.CARD_READ, unit=unit.serial_number)
    return remark(Say.UNIT_WELL, unit=unit.serial_number)
