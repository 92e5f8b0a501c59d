"""Carries replacements on: asks, takes answers in, and pays what is owed; all from the database.

Each swap goes on in a transaction of its own. What is asked is stored before it can leave: commands
and operations are rows too. So a process that dies loses nothing, and asks nothing twice.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, select
from sqlalchemy.exc import OperationalError

from fleet_server.domain.errors import RuleError
from fleet_server.domain.swap import (
    Aborted,
    Ask,
    Done,
    Event,
    Failed,
    Operation,
    Target,
    Unreachable,
    after,
    put_off,
)
from fleet_server.domain.swap_remark import Say, remark
from fleet_server.services import swap_asks, swap_registry, swap_settings, swap_store
from fleet_server.services import tables as t
from fleet_server.services.fleet import Fleet
from fleet_server.services.outbox import State as OutboxState
from fleet_server.services.swap_asks import CalledBack, Known, Waiting
from fleet_server.services.swap_case import Case, load
from fleet_server.services.swap_gates import (
    AT_ONCE,
    Lines,
    has_lost_its_contract,
    is_held_too_long,
    why_not_now,
)
from fleet_server.services.swap_store import STANDSTILL, Happened

logger = logging.getLogger(__name__)

_MOST_AT_ONCE = 200
_MOST_STEPS = 100
_AGAIN_FOR_A_PERSON = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Engine:
    """`line_of` is the softswitch's view of a telephone line."""

    fleet: Fleet
    line_of: Lines

    def advance(self, now: datetime) -> int:
        """Carry on every swap that something happened to; gives how many events were taken in.

        One that cannot go on for a fault of ours is put off, and holds no other up.
        """
        with self.fleet.reading() as connection:
            due = list(connection.scalars(_due(now)))
        taken = 0
        for swap_id in due:
            try:
                taken += self._carry_on(swap_id, now)
            except OperationalError:  # the database's, and so everybody's
                raise
            except Exception:
                logger.exception("Replacement %d cannot go on.", swap_id)
                self._put_off(swap_id, now)
        return taken

    def _put_off(self, swap_id: int, now: datetime) -> None:
        with self.fleet.writing() as connection:
            if swap_store.find(connection, swap_id).waits_for != Say.BROKEN:
                swap_store.note(connection, swap_id, Happened.WAITS, now, text=Say.BROKEN)
            due_at = now + _AGAIN_FOR_A_PERSON
            swap_store.change(connection, swap_id, due_at=due_at, waits_for=Say.BROKEN)

    def _carry_on(self, swap_id: int, now: datetime) -> int:
        taken = 0
        with self.fleet.writing() as connection:
            while taken < _MOST_STEPS:
                case = load(connection, swap_id)
                if not _goes_on(case, now):
                    break
                known = self._look(connection, case, now)
                if known is None:
                    break
                take_in(self.fleet, connection, case, known, now)
                taken += 1
        return taken

    def _look(self, connection: Connection, case: Case, now: datetime) -> Known | None:
        """What became known; None when it has to be waited for."""
        asked = case.asked
        if asked is None:
            return None
        if case.row.ask_key:
            found = swap_asks.answer(connection, case, asked, case.row.ask_key, now)
            return self._or_wait(connection, case, found, now)
        if has_lost_its_contract(case):
            return Known(Failed(asked, remark(Say.CONTRACT_ENDED, contract=case.contract)))
        if is_held_too_long(connection, case, now):
            minutes = case.policy.swap_answer_minutes
            return Known(Aborted(remark(Say.HELD_TOO_LONG, minutes=minutes)))
        not_now = why_not_now(connection, case, self.line_of, now)
        if not_now is not None:
            if not_now.again > AT_ONCE and case.row.asked_at is None:
                swap_store.save(connection, case.id, put_off(case.swap))
            waiting = Waiting(not_now.again, not_now.why)
            return self._or_wait(connection, case, waiting, now)
        if swap_asks.is_looked_at(asked):
            if case.row.asked_at is None:
                case = _asked(connection, case, asked, "", now)
            found = swap_asks.look(connection, case, asked, now)
            return self._or_wait(connection, case, found, now)
        return self._ask(connection, case, asked, now)

    def _ask(self, connection: Connection, case: Case, asked: Ask, now: datetime) -> Known | None:
        if asked.target is Target.REGISTRY:
            _asked(connection, case, asked, "", now)
            return self._in_the_registry(connection, case, asked, now)
        key = f"{case.name}.{case.row.asks + 1}"
        case = _asked(connection, case, asked, key, now)
        known = swap_asks.issue(self.fleet, connection, case, asked, key, now)
        if known is None:
            found = swap_asks.answer(connection, case, asked, key, now)
            return self._or_wait(connection, case, found, now)
        return known

    def _in_the_registry(
        self, connection: Connection, case: Case, asked: Ask, now: datetime
    ) -> Known:
        try:
            with connection.begin_nested():
                swap_registry.carry_out(self.fleet, connection, case, now)
        except RuleError as error:
            return Known(Failed(asked, str(error)))
        return Known(Done(asked))

    def _or_wait(
        self, connection: Connection, case: Case, found: Known | Waiting | CalledBack, now: datetime
    ) -> Known | None:
        if isinstance(found, Known):
            return found
        if isinstance(found, CalledBack):
            _call_back(connection, case, now)
            return None
        if found.why and found.why != case.row.waits_for:
            swap_store.note(
                connection, case.id, Happened.WAITS, now, case.asked, step=case.step, text=found.why
            )
        swap_store.change(connection, case.id, due_at=now + found.again, waits_for=found.why[:256])
        return None


def _goes_on(case: Case, now: datetime) -> bool:
    """Whether an answer can be had or something asked; what needs a person is asked seldom."""
    is_open = case.row.approved_at is not None and case.row.ended_at is None
    has_asked = bool(case.row.ask_key) and case.row.waits_for not in STANDSTILL
    return is_open and (has_asked or case.row.due_at <= now)


def take_in(fleet: Fleet, connection: Connection, case: Case, known: Known, now: datetime) -> None:
    """Store what an event makes of a swap, with what it says on record."""
    event, row = known.event, case.row
    asked = getattr(event, "ask", None)
    _keep_what_was_said(fleet, connection, case, known, now)
    text = known.text or getattr(event, "why", "")
    swap_store.note(
        connection, case.id, _kind_of(event), now, asked, step=case.step, key=row.ask_key, text=text
    )
    changed = after(case.swap, event)
    values: dict[str, Any] = {"ask_key": "", "waits_for": "", "due_at": now, "asked_at": None}
    if changed.at == case.swap.at and changed.is_undoing == case.swap.is_undoing:
        values["due_at"] = _again_at(case, event, now)
    if _came_up(case, event):
        values["came_up_at"] = now
    if changed.has_ended:
        values["ended_at"] = now
        swap_store.free(connection, case.id)
    swap_store.save(connection, case.id, changed, **values)
    swap_store.settle_debts(connection, case.id, case.swap.owed, changed.owed, case.endpoints, now)
    if changed.has_ended:
        swap_store.note(connection, case.id, Happened.ENDED, now, text=changed.phase)
        logger.info("Replacement %d ended: %s.", case.id, changed.phase)


def _again_at(case: Case, event: Event, now: datetime) -> datetime:
    """When what stays as it was is asked again; a unit that is away, as soon as it is back."""
    unit = case.unit(case.asked.target) if case.asked else None
    is_away = isinstance(event, Unreachable) and unit is not None and not unit.is_online
    return now if is_away else now + _AGAIN_FOR_A_PERSON


def _kind_of(event: Event) -> Happened:
    kinds: dict[type[Any], Happened] = {
        Done: Happened.DONE,
        Failed: Happened.FAILED,
        Unreachable: Happened.UNREACHABLE,
        Aborted: Happened.ABORTED,
    }
    return kinds[type(event)]


def _asked(connection: Connection, case: Case, asked: Ask, key: str, now: datetime) -> Case:
    """The case once it stands on record that this is asked for."""
    values: dict[str, Any] = {"ask_key": key, "asks": case.row.asks + bool(key)}
    values["asked_at"] = case.row.asked_at or now
    swap_store.change(connection, case.id, **values)
    swap_store.note(connection, case.id, Happened.ASKED, now, asked, step=case.step, key=key)
    return replace(case, row=swap_store.find(connection, case.id))


def _call_back(connection: Connection, case: Case, now: datetime) -> None:
    """The step is to be asked for anew, as if it never had been."""
    swap_store.note(
        connection, case.id, Happened.NOTE, now, case.asked, step=case.step, text=Say.CALLED_BACK
    )
    changed = put_off(case.swap)
    swap_store.save(connection, case.id, changed, ask_key="", asked_at=None, due_at=now)


def _came_up(case: Case, event: Event) -> bool:
    """Whether the new unit served its customer for the first time."""
    is_verified = isinstance(event, Done) and event.ask.operation is Operation.VERIFY
    return is_verified and case.step is case.swap.proof and case.row.came_up_at is None


def _keep_what_was_said(
    fleet: Fleet, connection: Connection, case: Case, known: Known, now: datetime
) -> None:
    """The customer's settings from the old unit; nothing of them stays in a command."""
    event = known.event
    asked = getattr(event, "ask", None)
    takes = (Operation.PREPARE, Operation.RENEW)
    if asked is None or asked.operation not in (*takes, Operation.ADOPT):
        return
    sealed = (known.outputs or {}).get("Settings", "")
    if asked.operation in takes and isinstance(event, Done) and known.outputs is not None:
        kept = bool(sealed) and swap_settings.keep(fleet, case.id, case.contract, sealed, now)
        if not kept and asked.operation is Operation.PREPARE:
            swap_store.note(connection, case.id, Happened.NOTE, now, asked, text=Say.NO_SETTINGS)
    if case.row.ask_key:
        swap_settings.forget_in_command(connection, case.row.ask_key)


def _due(now: datetime) -> Any:
    swap, command, operation = t.swap.c, t.command.c, t.outbox.c
    command_ended = exists().where(
        command.command_key == swap.ask_key, command.finished_at.is_not(None)
    )
    has_asked = (swap.ask_key != "") & swap.waits_for.not_in(STANDSTILL)
    return (
        select(swap.id)
        .where(
            swap.ended_at.is_(None),
            swap.approved_at.is_not(None),
            (swap.due_at <= now) | (has_asked & (command_ended | _decided(operation))),
        )
        .order_by(swap.due_at, swap.id)
        .limit(_MOST_AT_ONCE)
    )


def _decided(operation: Any) -> ColumnElement[bool]:
    """Whether every operation of the decision that is under way has ended."""
    of_swap = operation.decision == t.swap.c.ask_key
    open_one = exists().where(of_swap, operation.state == OutboxState.QUEUED)
    return exists().where(of_swap) & ~open_one
