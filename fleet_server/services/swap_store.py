"""How a replacement is kept: the value of domain/swap.py in a row, its debts, and what happened.

A swap is stored before anything is asked, so that a process that dies goes on from the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, exists, or_, select, update

from fleet_server.domain.errors import ConflictError, NotFoundError
from fleet_server.domain.event import storable
from fleet_server.domain.swap import Ask, Operation, Phase, Step, Swap, Target
from fleet_server.domain.swap_remark import Say
from fleet_server.services import tables as t

_LONGEST_TEXT = 256
# What waits for these is not taken up by an answer that came.
STANDSTILL = (Say.BROKEN, Say.RESTORED)
_POSTED = "posted"
_FOR_EVER = timedelta(days=36_500)
CUTS = (Operation.HOLD, Operation.CLOSE_OLD, Operation.OPEN_NEW, Operation.MOVE_TO_NEW)


class UnknownSwapOrderError(NotFoundError):
    """No replacement of this number was ordered."""


class SwapTakenError(ConflictError):
    """A replacement has the unit or the position, or the unit did not hear the end of one."""


class Happened(StrEnum):
    """What a row of `swap_event` says."""

    ORDERED = "ordered"
    APPROVED = "approved"
    ASKED = "asked"
    WAITS = "waits"
    DONE = "done"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    ABORTED = "aborted"
    WAIVED = "waived"
    RESUMED = "resumed"
    PAID = "paid"
    WRITTEN_OFF = "written_off"
    NOTE = "note"
    ENDED = "ended"


def find(connection: Connection, swap_id: int) -> Row[Any]:
    """The row, locked against another change meanwhile. Raises UnknownSwapOrderError."""
    row = connection.execute(
        select(t.swap).where(t.swap.c.id == swap_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise UnknownSwapOrderError("No replacement %(swap)s was ordered.", swap=swap_id)
    return row


def value_of(connection: Connection, row: Row[Any]) -> Swap:
    """Where the swap of a row stands."""
    debts = connection.execute(select(t.swap_debt).where(t.swap_debt.c.swap_id == row.id))
    return Swap(
        plan=tuple(Step(name) for name in row.plan.split(",")),
        at=row.at,
        phase=Phase(row.phase),
        is_undoing=row.is_undoing,
        skipped=frozenset(Step(name) for name in row.skipped.split(",") if name),
        owed=frozenset(Ask(Target(debt.target), Operation(debt.operation)) for debt in debts),
        why=row.why,
    )


def columns_of(swap: Swap) -> dict[str, Any]:
    """All of a swap but its debts, which have rows of their own."""
    return {
        "plan": ",".join(swap.plan),
        "at": swap.at,
        "phase": swap.phase,
        "is_undoing": swap.is_undoing,
        "skipped": ",".join(sorted(swap.skipped)),
        "why": storable(swap.why, _LONGEST_TEXT),
    }


def save(connection: Connection, swap_id: int, swap: Swap, **values: Any) -> None:
    """Store where a swap stands, with other columns of its row."""
    change(connection, swap_id, **columns_of(swap), **values)


def change(connection: Connection, swap_id: int, **values: Any) -> None:
    connection.execute(update(t.swap).where(t.swap.c.id == swap_id).values(**values))


def wake(connection: Connection, endpoint_ids: Iterable[str], now: datetime) -> None:
    """Have swaps looked at now that may wait for these units, which came or went."""
    names = sorted(endpoint_ids)
    if not names:
        return
    swap = t.swap.c
    units = select(t.unit.c.id).where(t.unit.c.endpoint_id.in_(names))
    connection.execute(
        update(t.swap)
        .where(
            swap.ended_at.is_(None),
            swap.approved_at.is_not(None),
            swap.due_at > now,
            swap.waits_for != Say.RESTORED,
            or_(swap.new_unit_id.in_(units), swap.old_unit_id.in_(units)),
        )
        .values(due_at=now)
    )


def hold_all(connection: Connection, now: datetime) -> None:
    """Have nothing that is under way or owed go on before somebody resumes it.

    Commands that were under way are called back by the caller: resumed, they are asked anew.
    """
    swap, debt = t.swap.c, t.swap_debt.c
    is_under_way = swap.ended_at.is_(None) & swap.approved_at.is_not(None)
    connection.execute(
        update(t.swap)
        .where(or_(is_under_way, swap.id.in_(select(debt.swap_id))))
        .values(due_at=now + _FOR_EVER, waits_for=Say.RESTORED)
    )
    commands = select(t.command.c.command_key)
    connection.execute(update(t.swap).where(swap.ask_key.in_(commands)).values(ask_key=""))
    connection.execute(update(t.swap_debt).values(ask_key=""))


def settle_debts(
    connection: Connection,
    swap_id: int,
    before: frozenset[Ask],
    after: frozenset[Ask],
    endpoints: dict[Target, str],
    now: datetime,
) -> None:
    """Bring the rows of debts in step with the swap; `endpoints` are those of its units."""
    for debt in before - after:
        connection.execute(delete(t.swap_debt).where(*_is(swap_id, debt)))
    for debt in after - before:
        connection.execute(
            t.swap_debt.insert().values(
                swap_id=swap_id,
                target=debt.target,
                operation=debt.operation,
                endpoint_id=endpoints[debt.target],
                since_at=now,
                due_at=now,
                ask_key="",
            )
        )


def change_debt(connection: Connection, swap_id: int, debt: Ask, **values: Any) -> None:
    connection.execute(update(t.swap_debt).where(*_is(swap_id, debt)).values(**values))


def note(
    connection: Connection,
    swap_id: int,
    kind: Happened,
    now: datetime,
    asked: Ask | None = None,
    *,
    step: Step | None = None,
    key: str = "",
    text: str = "",
) -> None:
    """Put down what happened, for people and for the measured times."""
    connection.execute(
        t.swap_event.insert().values(
            swap_id=swap_id,
            at=now,
            kind=kind,
            step=step or "",
            target=asked.target if asked else "",
            operation=asked.operation if asked else "",
            key=key,
            text=storable(text, _LONGEST_TEXT),
        )
    )


def new_failed() -> ColumnElement[bool]:
    """Whether the new unit of a row of `swap` failed in it: it did not take over, was not well, or
    never came up beside the old one.

    One that was posted and that nobody plugged in may be well; so may one whose customer left.
    """
    event = t.swap_event.c
    is_new = event.target == Target.NEW_UNIT
    proven = (is_new & (event.operation == Operation.ADOPT)) | (event.operation == Operation.VERIFY)
    seen = is_new & (event.operation == Operation.SEE) & (t.swap.c.trigger != _POSTED)
    return (
        exists()
        .where(
            event.swap_id == t.swap.c.id,
            event.kind.in_([Happened.FAILED, Happened.UNREACHABLE]),
            proven | seen,
            ~event.text.startswith(Say.CONTRACT_ENDED, autoescape=True),
        )
        .correlate(t.swap)
    )


def has_new_failed(connection: Connection, swap_id: int) -> bool:
    return bool(connection.scalar(select(new_failed()).where(t.swap.c.id == swap_id)))


def free(connection: Connection, swap_id: int) -> None:
    """Others may have what the swap had claimed."""
    connection.execute(delete(t.swap_claim).where(t.swap_claim.c.swap_id == swap_id))


def check_free(
    connection: Connection, unit_ids: Iterable[int], position_ids: Iterable[int]
) -> None:
    """Raises SwapTakenError where a replacement that has not ended has one of these."""
    other = claimed_by(connection, subjects_of(unit_ids, position_ids))
    if other is not None:
        raise SwapTakenError(
            "Replacement %(swap)s has the unit or the position; end it or let it end first.",
            swap=other,
        )


def check_owes_nothing(connection: Connection, unit: Row[Any]) -> None:
    """Raises SwapTakenError where the unit has yet to hear the end of a replacement."""
    owes = connection.scalar(
        select(t.swap_debt.c.swap_id).where(t.swap_debt.c.endpoint_id == unit.endpoint_id).limit(1)
    )
    if owes is not None:
        raise SwapTakenError(
            "Unit %(unit)s did not hear the end of replacement %(swap)s; connect it, and "
            "try again when it has.",
            unit=unit.serial_number,
            swap=owes,
        )


def subjects_of(unit_ids: Iterable[int], position_ids: Iterable[int]) -> list[str]:
    """What a replacement of these claims."""
    units = [f"unit:{unit_id}" for unit_id in unit_ids]
    return [*units, *(f"position:{position_id}" for position_id in position_ids)]


def claimed_by(connection: Connection, subjects: Iterable[str]) -> int | None:
    """The swap that has one of these already."""
    found: int | None = connection.scalar(
        select(t.swap_claim.c.swap_id).where(t.swap_claim.c.subject.in_(list(subjects))).limit(1)
    )
    return found


def _is(swap_id: int, debt: Ask) -> tuple[Any, ...]:
    columns = t.swap_debt.c
    return (
        columns.swap_id == swap_id,
        columns.target == debt.target,
        columns.operation == debt.operation,
    )
