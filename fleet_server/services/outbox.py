"""The outbox: operations queued with the decision that needs them, carried out until they are done.

1. An operation is queued in the transaction of its decision: either both are there or neither.
2. It is taken by pushing its time a lease ahead and counting a try, committed before the call. A
   process that dies between call and answer leaves it to be called again, under the same id.
3. Operations on one target are carried out in the order they were queued.
4. The operations of one decision have stages: a stage waits until all before it are done, so that
   the operator's systems come before the devices.
5. An operation for a device waits until the device is connected, then becomes a command
   (services/device_orders.py) and ends with it.
6. What failed is tried again ever later (domain/back_off.py), without an end. What a system refuses
   for good waits for a person, who has it tried again or drops it with a reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import takewhile
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    exists,
    func,
    or_,
    select,
    true,
    update,
)

from fleet_server.domain.back_off import retry_after
from fleet_server.domain.errors import OperationNotOpenError, UnknownOperationError
from fleet_server.domain.operations import (
    Operation,
    System,
    decode,
    encode,
    kind_of,
    superseded_by,
)
from fleet_server.domain.presence import ONLINE
from fleet_server.services import audit, commands
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.operator_ports import CALL_TIMEOUT_S
from fleet_server.services.upsert import insert_new

LEASE = timedelta(seconds=30)  # a call begins when it is taken and ends within CALL_TIMEOUT_S
SUPERSEDED = "superseded"
_LONGEST_CODE = 96
_LAST_TRIES = 50
_TRIES_COUNT_FOR = timedelta(minutes=30)  # longer than any wait for the next try
_TARGETS_OF_A_SYSTEM_DOWN = 2  # one alone may be what the system cannot do
_DEVICE_TARGET = f"{System.DEVICE}/device:"

Stage = Sequence[tuple[System, Operation]]


class State(StrEnum):
    """REFUSED waits for a person; DROPPED was given up by one."""

    QUEUED = "queued"
    DONE = "done"
    REFUSED = "refused"
    DROPPED = "dropped"


class Outcome(StrEnum):
    """What came of one try."""

    DONE = "done"
    UNAVAILABLE = "unavailable"
    BUSY = "busy"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Called:
    """Its id and its sequence number in the operator's systems."""

    operation_id: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Taken:
    """An operation that this process calls now; `tries` counts this one, `called` is what an
    operator's system knows it by."""

    id: int
    operation_id: str
    system: System
    operation: Operation
    tries: int
    reference: str
    called: Called


@dataclass(frozen=True, slots=True)
class Result:
    """How a call ended. `again_at`: not before then, None for the usual back-off."""

    outcome: Outcome
    code: str = ""
    reference: str = ""
    again_at: datetime | None = None


def queue(
    connection: Connection, decision: str, stages: Sequence[Stage], now: datetime
) -> list[str]:
    """Add the operations of a decision, in the caller's transaction; gives their operation ids.

    `decision` names what was decided, for ever the same; queueing it again adds nothing.
    """
    rows = _rows(decision, stages, now)
    insert_new(connection, t.outbox, rows, ("id",))
    return [row["operation_id"] for row in rows]


def queue_in_place(
    connection: Connection, decision: str, stages: Sequence[Stage], now: datetime
) -> None:
    """Add operations, and drop what earlier decisions said of the same aspect of a target.

    An operation says what shall be, so that the newest alone has to be carried out. Where an older
    one may be under way, the newer waits until that call has ended; one that was refused has.
    """
    rows = _rows(decision, stages, now)
    for row in rows:
        row["due_at"] = _supersede(connection, row, now)
    insert_new(connection, t.outbox, rows, ("id",))


def _supersede(connection: Connection, row: dict[str, Any], now: datetime) -> datetime:
    """Drop what earlier decisions said of the same; gives when no call of theirs is under way."""
    is_older = and_(
        t.outbox.c.target == row["target"],
        t.outbox.c.kind.in_(superseded_by(row["kind"])),
        t.outbox.c.state.in_([State.QUEUED, State.REFUSED]),
        t.outbox.c.decision != row["decision"],
    )
    older = connection.execute(select(t.outbox).where(is_older)).all()
    if older:
        values = {"state": State.DROPPED, "reference": SUPERSEDED, "finished_at": now}
        connection.execute(update(t.outbox).where(is_older).values(values))
    if row["system"] != System.DEVICE:
        return max([now, *(_call_ends_at(one, now) for one in older)])
    commands.withdraw(connection, [one.reference for one in older if one.reference], now)
    return now


def _call_ends_at(older: Row[Any], now: datetime) -> datetime:
    """When neither a call of an operation nor one that it waits for itself can be under way."""
    if older.state == State.REFUSED:
        return now
    if older.tries:
        return now + timedelta(seconds=CALL_TIMEOUT_S)
    at: datetime = older.due_at
    return at


def _rows(decision: str, stages: Sequence[Stage], now: datetime) -> list[dict[str, Any]]:
    rows = []
    for stage, operations in enumerate(stages, 1):
        for number, (system, operation) in enumerate(operations, 1):
            name = f"{decision}/{stage}.{number}"
            rows.append(_row(name, decision, stage, system, operation, now))
    return rows


def drop_stages_to_come(connection: Connection, decision: str, now: datetime) -> None:
    """Give up what waits for a stage of its decision that was refused."""
    connection.execute(
        update(t.outbox)
        .where(
            t.outbox.c.decision == decision,
            t.outbox.c.state == State.QUEUED,
            ~_stages_before_are_done(),
        )
        .values(state=State.DROPPED, reference=SUPERSEDED, finished_at=now)
    )


def queue_one(
    connection: Connection,
    decision: str,
    name: str,
    stage: int,
    to: tuple[System, Operation],
    now: datetime,
) -> None:
    """Add a single operation to a decision whose parts are not known beforehand."""
    row = _row(f"{decision}/{name}", decision, stage, *to, now)
    insert_new(connection, t.outbox, [row], ("id",))


def take(
    connection: Connection, now: datetime, most: int, system: System | None = None
) -> list[Taken]:
    """Operations that are due, of one system or of all; each is this process's own until its lease
    has ended."""
    of_system = t.outbox.c.system == system if system else true()
    rows = connection.execute(
        select(t.outbox)
        .where(_is_due(now), of_system)
        .order_by(t.outbox.c.due_at, t.outbox.c.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        connection.execute(
            update(t.outbox)
            .where(t.outbox.c.id == row.id)
            .values(due_at=now + LEASE, tries=row.tries + 1)
        )
    restorations = _restorations(connection) if rows else ()
    return [_taken(row, restorations) for row in rows]


def due_systems(connection: Connection, now: datetime) -> set[System]:
    """Those for which `take` would find anything; needs no right to write."""
    found = connection.scalars(select(t.outbox.c.system).where(_is_due(now)).distinct())
    return {System(system) for system in found}


def restored(connection: Connection, now: datetime) -> None:
    """This database is a backup that was restored: what is queued from now on is new.

    The operator's systems know orders that it has forgotten: the ids and numbers of those are
    never used again.
    """
    last = connection.scalar(select(func.max(t.outbox.c.id))) or 0
    connection.execute(t.restoration.insert().values(restored_at=now, last_outbox_id=last))


def fails_with(connection: Connection, system: System, now: datetime) -> str:
    """What the system said last while it does not answer; "" where it does.

    It does not when its newest tries, of two targets at least, all failed. What became of the
    operations since is all the same, and tries of long ago say nothing.
    """
    tries = t.outbox_try.c
    newest = (
        select(tries.at, tries.outcome, tries.code, tries.outbox_id, tries.id)
        .where(tries.system == system)
        .order_by(tries.id.desc())
        .limit(_LAST_TRIES)
        .subquery()
    )
    rows = connection.execute(
        select(newest, t.outbox.c.target)
        .join(t.outbox, t.outbox.c.id == newest.c.outbox_id)
        .where(newest.c.at > now - _TRIES_COUNT_FOR)
        .order_by(newest.c.id.desc())
    ).all()
    failed = list(takewhile(lambda row: row.outcome == Outcome.UNAVAILABLE, rows))
    if len({row.target for row in failed}) < _TARGETS_OF_A_SYSTEM_DOWN:
        return ""
    return str(failed[0].code or failed[0].outcome)


def await_command(connection: Connection, taken: Taken, key: str, until: datetime) -> None:
    """The command of this name says how it ends; its end makes the operation due again."""
    connection.execute(
        update(t.outbox)
        .where(t.outbox.c.id == taken.id, t.outbox.c.state == State.QUEUED)
        .values(reference=key, due_at=until)
    )


def settle(connection: Connection, taken: Taken, result: Result, now: datetime) -> None:
    """Put down how a call ended; a second answer to the same operation changes nothing."""
    connection.execute(
        t.outbox_try.insert().values(
            outbox_id=taken.id,
            system=taken.system,
            at=now,
            outcome=result.outcome,
            code=result.code[:_LONGEST_CODE],
        )
    )
    values: dict[str, Any]
    if result.outcome is Outcome.DONE:
        values = {"state": State.DONE, "reference": result.reference[:64], "finished_at": now}
    elif result.outcome is Outcome.REFUSED:
        values = {"state": State.REFUSED, "finished_at": now, "reference": ""}
    else:
        values = {"due_at": result.again_at or now + retry_after(taken.tries), "reference": ""}
    connection.execute(
        update(t.outbox)
        .where(t.outbox.c.id == taken.id, t.outbox.c.state == State.QUEUED)
        .values(**values)
    )


def is_done(connection: Connection, decision: str) -> bool:
    """Whether a decision has operations and every one is done or was dropped."""
    states = set(
        connection.scalars(select(t.outbox.c.state).where(t.outbox.c.decision == decision))
    )
    return bool(states) and states <= {State.DONE, State.DROPPED}


def first_done_at(connection: Connection, decision: str) -> datetime | None:
    """When the first operation of a decision was carried out."""
    at: datetime | None = connection.scalar(
        select(func.min(t.outbox.c.finished_at)).where(
            t.outbox.c.decision == decision, t.outbox.c.state == State.DONE
        )
    )
    return at


def try_again(
    connection: Connection, operation_id: str, actor: Actor, reason: str, now: datetime
) -> None:
    """Have an operation tried at once: one that was refused, or one that waits for its time.

    Raises UnknownOperationError or OperationNotOpenError.
    """
    _check_open(connection, operation_id)
    _note(connection, "operation_tried_again", operation_id, actor, reason, now)
    connection.execute(
        update(t.outbox)
        .where(t.outbox.c.operation_id == operation_id)
        .values(state=State.QUEUED, due_at=now, finished_at=None)
    )


def hurry(connection: Connection, decision: str, now: datetime) -> None:
    """Have the operations of a decision that wait for their next try tried at once."""
    connection.execute(
        update(t.outbox)
        .where(
            t.outbox.c.decision == decision,
            t.outbox.c.state == State.QUEUED,
            t.outbox.c.due_at > now,
        )
        .values(due_at=now)
    )


def drop(
    connection: Connection, operation_id: str, actor: Actor, reason: str, now: datetime
) -> None:
    """Give an operation up, so that what waits for it goes on.

    Raises UnknownOperationError or OperationNotOpenError.
    """
    _check_open(connection, operation_id)
    _note(connection, "operation_dropped", operation_id, actor, reason, now)
    awaited = connection.scalars(
        select(t.outbox.c.reference).where(
            t.outbox.c.operation_id == operation_id, t.outbox.c.system == System.DEVICE
        )
    )
    commands.withdraw(connection, [key for key in awaited if key], now)
    connection.execute(
        update(t.outbox)
        .where(t.outbox.c.operation_id == operation_id)
        .values(state=State.DROPPED, finished_at=now)
    )


def _row(
    name: str, decision: str, stage: int, system: System, operation: Operation, now: datetime
) -> dict[str, Any]:
    return {
        "operation_id": name,
        "decision": decision,
        "stage": stage,
        "system": system,
        "kind": kind_of(operation),
        "arguments": encode(operation),
        "target": f"{system}/{operation.target}",
        "queued_at": now,
        "due_at": now,
        "tries": 0,
        "state": State.QUEUED,
    }


def _restorations(connection: Connection) -> Sequence[Row[Any]]:
    return connection.execute(select(t.restoration).order_by(t.restoration.c.restored_at)).all()


def _taken(row: Row[Any], restorations: Sequence[Row[Any]]) -> Taken:
    return Taken(
        row.id,
        row.operation_id,
        System(row.system),
        decode(row.kind, row.arguments),
        row.tries + 1,
        row.reference,
        _called(row, restorations),
    )


def _called(row: Row[Any], restorations: Sequence[Row[Any]]) -> Called:
    """Above every number given before the newest restore; a new id for what was queued since one.

    Nobody queues a thousand operations in each millisecond between two restores of one backup.
    """
    if not restorations:
        return Called(row.operation_id, row.id)
    numbers_from = _unix_ms(restorations[-1].restored_at) * 1000
    since = [one.restored_at for one in restorations if one.last_outbox_id < row.id]
    prefix = f"{_unix_ms(since[-1])}/" if since else ""
    return Called(prefix + row.operation_id, numbers_from + row.id)


def _unix_ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _is_due(now: datetime) -> ColumnElement[bool]:
    return and_(
        t.outbox.c.state == State.QUEUED,
        t.outbox.c.due_at <= now,
        _is_first_of_target(),
        _stages_before_are_done(),
        or_(
            t.outbox.c.system != System.DEVICE,
            t.outbox.c.reference != "",
            _device_is_there(),
        ),
    )


def _is_first_of_target() -> ColumnElement[bool]:
    earlier = t.outbox.alias("earlier")
    return ~exists().where(
        earlier.c.target == t.outbox.c.target,
        earlier.c.id < t.outbox.c.id,
        earlier.c.state == State.QUEUED,
    )


def _stages_before_are_done() -> ColumnElement[bool]:
    before = t.outbox.alias("before")
    return ~exists().where(
        before.c.decision == t.outbox.c.decision,
        before.c.stage < t.outbox.c.stage,
        before.c.state.in_([State.QUEUED, State.REFUSED]),
    )


def _device_is_there() -> ColumnElement[bool]:
    name = func.substr(t.outbox.c.target, len(_DEVICE_TARGET) + 1)
    return exists().where(t.presence.c.state == ONLINE, t.presence.c.endpoint_id == name)


def _check_open(connection: Connection, operation_id: str) -> None:
    state = connection.scalar(
        select(t.outbox.c.state).where(t.outbox.c.operation_id == operation_id)
    )
    if state is None:
        raise UnknownOperationError("There is no operation %(operation)s.", operation=operation_id)
    if state not in (State.QUEUED, State.REFUSED):
        raise OperationNotOpenError(
            "Operation %(operation)s is %(operation_state)s.",
            operation=operation_id,
            operation_state=state,
        )


def _note(
    connection: Connection, action: str, operation_id: str, actor: Actor, reason: str, now: datetime
) -> None:
    audit.append(connection, actor, [Entry(action, f"operation:{operation_id}")], now, reason)
