"""A replacement as people see it: where it stands, what a person must do, what each step took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from fleet_server.domain.life_cycle import UnitState
from fleet_server.domain.presence import ONLINE
from fleet_server.domain.swap import (
    Ask,
    Operation,
    Phase,
    Step,
    Swap,
    Target,
    ask,
    may_waive,
)
from fleet_server.domain.swap_remark import Remark, Say, read_remark
from fleet_server.services import swap_store
from fleet_server.services import tables as t
from fleet_server.services.swap_gates import cut_of
from fleet_server.services.swap_orders import Trigger
from fleet_server.services.swap_store import Happened, UnknownSwapOrderError

_MOST_EVENTS = 500
_MILLISECOND = timedelta(milliseconds=1)


class SwapPhase(StrEnum):
    """ORDERED waits for approval, or for the technician; the rest as in domain/swap.py."""

    ORDERED = "ordered"
    FORWARD = "forward"
    BACK = "back"
    PERSON = "person"
    DONE = "done"
    ROLLED_BACK = "rolled_back"


class Todo(StrEnum):
    """What a person has to do; NOTHING while it goes on by itself."""

    NOTHING = "nothing"
    COMPARE = "compare"
    APPROVE = "approve"
    BEGIN = "begin"
    PUT_ON_RECORD = "put_on_record"
    LET_CAMPAIGN_GO_ON = "let_campaign_go_on"
    CONNECT_NEW = "connect_new"
    MOVE_CABLE = "move_cable"
    HAVE_CABLE_MOVED = "have_cable_moved"
    PUT_CARD_IN = "put_card_in"
    CONNECT_OLD_OR_WAIVE = "connect_old_or_waive"
    LOOK_AT_SYSTEM = "look_at_system"
    LOOK_AT_REGISTRY = "look_at_registry"
    LOOK_AT_LOG = "look_at_log"
    TEST_NEW = "test_new"
    FETCH_NEW = "fetch_new"


TO_DO_WORDS = {
    Todo.NOTHING: "Nothing: it goes on by itself.",
    Todo.COMPARE: "A backup was restored: compare with what is so by now, then resume or call off.",
    Todo.APPROVE: "Another person has to approve the order.",
    Todo.BEGIN: "The technician begins it at the customer's.",
    Todo.PUT_ON_RECORD: "Put notice to the customer, or his consent, on record [7.1.7].",
    Todo.LET_CAMPAIGN_GO_ON: "Let its campaign go on, or call this replacement off.",
    Todo.CONNECT_NEW: "Have the new unit connected to the outlet and to power.",
    Todo.MOVE_CABLE: "Move the cable from the old unit to the new one, and switch it on.",
    Todo.HAVE_CABLE_MOVED: "Have the cable moved from the old unit to the new one, and the new one "
    "switched on.",
    Todo.PUT_CARD_IN: "Have the card put into the box: the new card, or the customer's from the "
    "old box into the new one.",
    Todo.CONNECT_OLD_OR_WAIVE: "Have the old unit connected again, or accept that it serves again "
    "only when it is seen.",
    Todo.LOOK_AT_SYSTEM: "Look at the operator's system that refuses or does not answer, then "
    "resume.",
    Todo.LOOK_AT_REGISTRY: "Put right what the registry refuses, then resume.",
    Todo.LOOK_AT_LOG: "Look into the log of the server, then resume.",
    Todo.TEST_NEW: "Test the new unit; if it is faulty, record it as dead on arrival.",
    Todo.FETCH_NEW: "Have the new unit come back to a place of ours before another customer gets "
    "it.",
}


@dataclass(frozen=True, slots=True)
class StepView:
    """One step of the plan; `outcome` is "" while it is not known. `took_ms` from ask to outcome.

    `undo` is the way back of the same step.
    """

    step: Step
    undo: bool
    outcome: str
    asked_at: datetime | None
    known_at: datetime | None
    took_ms: int | None
    text: str


@dataclass(frozen=True, slots=True)
class EventView:
    """One line of the record; `text` is its remark in English."""

    id: int
    at: datetime
    kind: str
    step: str
    target: str
    operation: str
    key: str
    remark: Remark | None

    @property
    def text(self) -> str:
        return _english(self.remark)


@dataclass(frozen=True, slots=True)
class SwapView:
    """`step` is what is asked for now, "" once it has ended; `waiting` why it is not, `because` why
    it goes back or needs a person, both also in English.

    `service_gap_ms`: from the moment the old unit served no more until the new one was proven well;
    `approval_to_service_ms` until then too. None while that has not happened. `owed`: what units
    are told when they are seen, as `target/operation`.
    """

    id: int
    contract: str
    position: str
    kind: str
    old_serial: str | None
    new_serial: str
    trigger: Trigger
    outlets: int
    planned_swap: int | None
    value_cents: int | None
    posted_at: datetime | None
    ordered_by: str
    ordered_at: datetime
    approved_by: str
    approved_at: datetime | None
    phase: SwapPhase
    step: str
    is_undoing: bool
    is_committed: bool
    may_abort: bool
    may_waive: bool
    may_resume: bool
    todo: Todo
    waiting: Remark | None
    because: Remark | None
    owed: tuple[str, ...]
    came_up_at: datetime | None
    ended_at: datetime | None
    paper: str
    service_gap_ms: int | None = None
    approval_to_service_ms: int | None = None
    steps: tuple[StepView, ...] = ()
    events: tuple[EventView, ...] = ()

    @property
    def waits_for(self) -> str:
        return _english(self.waiting)

    @property
    def waits_for_code(self) -> str:
        return self.waiting.code if self.waiting else ""

    @property
    def why(self) -> str:
        return _english(self.because)


def read(connection: Connection, swap_id: int) -> SwapView:
    """A replacement with its steps and its record. Raises UnknownSwapOrderError."""
    row = connection.execute(_swaps().where(t.swap.c.id == swap_id)).one_or_none()
    if row is None:
        raise UnknownSwapOrderError("No replacement %(swap)s was ordered.", swap=swap_id)
    return _view(row, swap_store.value_of(connection, row), _events(connection, swap_id))


def _events(connection: Connection, swap_id: int) -> Sequence[Row[Any]]:
    """The record in its order; of a very long one how it began and how it stands."""
    event = t.swap_event.c
    query = select(t.swap_event).where(event.swap_id == swap_id).limit(_MOST_EVENTS)
    first = connection.execute(query.order_by(event.id)).all()
    if len(first) < _MOST_EVENTS:
        return first
    rest = query.where(event.id > first[-1].id).order_by(event.id.desc())
    return [*first, *reversed(connection.execute(rest).all())]


def list_swaps(
    connection: Connection,
    before: int | None,
    limit: int,
    *,
    phase: SwapPhase | None = None,
    contract: str = "",
    serial_number: str = "",
) -> list[SwapView]:
    """Replacements, the newest first, without their records; `before` is an id to go on from."""
    query = _swaps().order_by(t.swap.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(t.swap.c.id < before)
    if phase is SwapPhase.ORDERED:
        query = query.where(t.swap.c.approved_at.is_(None), t.swap.c.ended_at.is_(None))
    elif phase is not None:
        is_begun = or_(t.swap.c.approved_at.is_not(None), t.swap.c.ended_at.is_not(None))
        query = query.where(t.swap.c.phase == phase, is_begun)
    if contract:
        query = query.where(t.contract.c.number == contract)
    if serial_number:
        ids = select(t.unit.c.id).where(t.unit.c.serial_number == serial_number)
        query = query.where(or_(t.swap.c.old_unit_id.in_(ids), t.swap.c.new_unit_id.in_(ids)))
    rows = connection.execute(query).all()
    return [_view(row, swap_store.value_of(connection, row), ()) for row in rows]


def open_swap_of(connection: Connection, serial_number: str) -> int | None:
    """The replacement under way that a unit takes part in."""
    unit_id = connection.scalar(select(t.unit.c.id).where(t.unit.c.serial_number == serial_number))
    if unit_id is None:
        return None
    return swap_store.claimed_by(connection, swap_store.subjects_of([unit_id], []))


def _swaps() -> Any:
    old, new = t.unit.alias("old"), t.unit.alias("new")
    return (
        select(
            t.swap,
            t.contract.c.number,
            old.c.serial_number.label("old_serial"),
            new.c.serial_number.label("new_serial"),
            t.presence.c.state.label("new_presence"),
            new.c.state.label("new_state"),
            swap_store.new_failed().label("new_failed"),
        )
        .join(t.contract, t.contract.c.id == t.swap.c.contract_id)
        .join(new, new.c.id == t.swap.c.new_unit_id)
        .outerjoin(old, old.c.id == t.swap.c.old_unit_id)
        .outerjoin(t.presence, t.presence.c.endpoint_id == new.c.endpoint_id)
    )


def _view(row: Row[Any], swap: Swap, events: Sequence[Row[Any]]) -> SwapView:
    asked = ask(swap)
    is_ordered = row.approved_at is None and row.ended_at is None
    return SwapView(
        id=row.id,
        contract=row.number,
        position=row.position,
        kind=row.kind,
        old_serial=row.old_serial,
        new_serial=row.new_serial,
        trigger=Trigger(row.trigger),
        outlets=row.outlets,
        planned_swap=row.planned_swap_id,
        value_cents=row.value_cents,
        posted_at=row.posted_at,
        ordered_by=row.ordered_by,
        ordered_at=row.ordered_at,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
        phase=SwapPhase.ORDERED if is_ordered else SwapPhase(swap.phase),
        step=swap.plan[swap.at] if asked else "",
        is_undoing=swap.is_undoing,
        is_committed=swap.is_committed,
        may_abort=asked is not None and not swap.is_committed and not swap.is_undoing,
        may_waive=may_waive(swap),
        may_resume=may_resume(row, swap),
        todo=_todo(row, swap, asked, is_ordered),
        waiting=read_remark(row.waits_for),
        because=read_remark(swap.why),
        owed=tuple(sorted(f"{one.target}/{one.operation}" for one in swap.owed)),
        came_up_at=row.came_up_at,
        ended_at=row.ended_at,
        paper=row.paper,
        service_gap_ms=_between(_dark_at(swap, events), row.came_up_at),
        approval_to_service_ms=_between(row.approved_at, row.came_up_at),
        steps=_steps(events),
        events=tuple(_event(one) for one in events),
    )


def may_resume(row: Row[Any], swap: Swap) -> bool:
    """Whether a person may have it tried at once; `row` is of `swap`."""
    is_under_way = ask(swap) is not None and row.approved_at is not None
    return is_under_way or row.waits_for == Say.RESTORED


def _of_new(row: Row[Any], swap: Swap) -> Todo:
    """What is to be done about the new unit of one that has ended, until somebody did."""
    if swap.phase != Phase.ROLLED_BACK or row.new_state != UnitState.QUARANTINE:
        return Todo.NOTHING
    if row.new_failed:
        return Todo.TEST_NEW
    return Todo.FETCH_NEW if row.trigger == Trigger.POSTED else Todo.NOTHING


_TO_DO_OF = {
    Say.RESTORED: Todo.COMPARE,
    Say.CONSENT: Todo.PUT_ON_RECORD,
    Say.NOTICE: Todo.PUT_ON_RECORD,
    Say.CAMPAIGN: Todo.LET_CAMPAIGN_GO_ON,
    Say.SYSTEM_ANSWER: Todo.LOOK_AT_SYSTEM,
    Say.BROKEN: Todo.LOOK_AT_LOG,
}


def _todo(row: Row[Any], swap: Swap, asked: Ask | None, is_ordered: bool) -> Todo:
    if is_ordered:
        return Todo.BEGIN if row.trigger == Trigger.TECHNICIAN else Todo.APPROVE
    waiting = read_remark(row.waits_for)
    if waiting is not None and waiting.code in _TO_DO_OF:
        return _TO_DO_OF[waiting.code]
    if asked is None:
        return _of_new(row, swap)
    if asked.operation == Operation.SEE:
        return Todo.CONNECT_NEW
    if asked.target == Target.BOX:
        return Todo.PUT_CARD_IN
    if swap.phase != Phase.PERSON:
        is_dark = asked.target == Target.NEW_UNIT and row.new_presence != ONLINE
        return _to_connect(row) if is_dark and not swap.is_undoing else Todo.NOTHING
    if asked.target == Target.OLD_UNIT:
        return Todo.CONNECT_OLD_OR_WAIVE
    return Todo.LOOK_AT_REGISTRY if asked.target == Target.REGISTRY else Todo.LOOK_AT_SYSTEM


def _to_connect(row: Row[Any]) -> Todo:
    """With one outlet somebody at the customer's has to move the cable."""
    if row.outlets == 2 or not row.old_serial or row.trigger == Trigger.POSTED:
        return Todo.CONNECT_NEW
    return Todo.MOVE_CABLE if row.trigger == Trigger.TECHNICIAN else Todo.HAVE_CABLE_MOVED


def _dark_at(swap: Swap, events: Sequence[Row[Any]]) -> datetime | None:
    """When the old unit served no more: it was held, or closed in the network; None where there
    was none in service."""
    if Step.RETIRE_OLD not in swap.plan:
        return None
    cut = cut_of(swap.plan)
    moments = [
        event.at
        for event in events
        if event.kind == Happened.DONE
        and event.operation in (Operation.HOLD, Operation.CLOSE_OLD, Operation.MOVE_TO_NEW)
        and (event.operation != Operation.MOVE_TO_NEW or cut == Step.PAIR_CARD)
    ]
    return min(moments, default=None)


def _between(begin: datetime | None, end: datetime | None) -> int | None:
    return (end - begin) // _MILLISECOND if begin is not None and end is not None else None


_OUTCOMES = (Happened.DONE, Happened.FAILED, Happened.UNREACHABLE)
_UNDOING = (
    Operation.RELEASE,
    Operation.ROLLBACK,
    Operation.OPEN_OLD,
    Operation.CLOSE_NEW,
    Operation.MOVE_TO_OLD,
)


def _steps(events: Sequence[Row[Any]]) -> tuple[StepView, ...]:
    """Each step once for each way it was gone, with its last outcome."""
    found: dict[tuple[Step, bool], StepView] = {}
    for event in events:
        if not event.step or event.kind not in (Happened.ASKED, *_OUTCOMES):
            continue
        key = (Step(event.step), event.operation in _UNDOING)
        before = found.get(key)
        asked_at = before.asked_at if before else event.at
        is_known = event.kind != Happened.ASKED
        found[key] = StepView(
            step=key[0],
            undo=key[1],
            outcome=event.kind if is_known else "",
            asked_at=asked_at,
            known_at=event.at if is_known else None,
            took_ms=_between(asked_at, event.at) if is_known else None,
            text=_english(read_remark(event.text)),
        )
    return tuple(found.values())


def _event(row: Row[Any]) -> EventView:
    said = read_remark(row.text)
    return EventView(row.id, row.at, row.kind, row.step, row.target, row.operation, row.key, said)


def _english(remark: Remark | None) -> str:
    return str(remark) if remark else ""
