"""The units of a campaign: those that its selection matches, each with a wave or a reason.

One INSERT ... SELECT, whatever their number: no unit passes through this process. Who comes in
which wave is drawn by a fixed rule from campaign and unit, so that the canary is no street and no
delivery, and planning again gives the same.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    and_,
    case,
    column,
    delete,
    exists,
    func,
    insert,
    literal,
    null,
    select,
)

from fleet_server.domain.campaign import ItemState, Why
from fleet_server.domain.campaign_plan import Plan, Wave, decode_plan
from fleet_server.domain.policy import Policy
from fleet_server.domain.selection import parse_selection
from fleet_server.services import tables as t
from fleet_server.services.campaign_book import Book
from fleet_server.services.campaign_exclusions import exclusion
from fleet_server.services.selection_sql import Compiler

_COLUMNS = ("campaign_id", "unit_id", "wave", "state", "why", "due_at", "ended_at")
# Units looked at in one turn of a campaign that others join late: a look at a hundred thousand of
# them at once holds every other writer up for seconds.
LATE_AT_ONCE = 5_000
_LAST = (1 << 63) - 1
_SPREAD = 2_654_435_761
_RANGE = 4_294_967_296


def add_units(connection: Connection, row: Row[Any], policy: Policy, now: datetime) -> int:
    """Add every unit that matches, to a campaign without items; gives how many."""
    plan = decode_plan(row.plan)
    _insert(connection, row, plan, policy, now, _drawn_wave(plan))
    columns = t.campaign_item.c
    counted = (
        select(
            columns.campaign_id,
            columns.wave,
            columns.state,
            columns.why,
            func.count().label("units"),
        )
        .where(columns.campaign_id == row.id)
        .group_by(columns.campaign_id, columns.wave, columns.state, columns.why)
    )
    names = ("campaign_id", "wave", "state", "why", "units")
    connection.execute(insert(t.campaign_count).from_select(names, counted))
    total = connection.scalar(
        select(func.sum(t.campaign_count.c.units)).where(t.campaign_count.c.campaign_id == row.id)
    )
    return int(total or 0)


def add_late(
    connection: Connection, row: Row[Any], policy: Policy, now: datetime
) -> tuple[int, int]:
    """Of the next units behind `joined_to` of the campaign: add to the last wave what matches by
    now, and look anew at what was left out.

    Gives how many units more there are, and up to which unit it came, 0 when these were the last.
    """
    plan = decode_plan(row.plan)
    book = Book(connection, row.id, now)
    up_to = _up_to(connection, row.joined_to)
    last = up_to or _LAST
    columns = t.campaign_item.c
    excluded = (
        columns.campaign_id == row.id,
        columns.state == ItemState.EXCLUDED,
        _within(columns.unit_id, row.joined_to, last),
    )
    before = _count_excluded(connection, book, excluded, -1)
    connection.execute(delete(t.campaign_item).where(*excluded))
    wave = literal(len(plan.waves))
    among = _within(t.unit.c.id, row.joined_to, last)
    added = _insert(connection, row, plan, policy, now, wave, among)
    waiting = added - _count_excluded(connection, book, excluded, 1)
    book.add(len(plan.waves), ItemState.WAITING, Why.NONE, waiting)
    book.close()
    return added - before, up_to


def _up_to(connection: Connection, behind: int) -> int:
    """The last of the next LATE_AT_ONCE units, 0 where there are not so many."""
    query = select(t.unit.c.id).where(t.unit.c.id > behind).order_by(t.unit.c.id)
    return connection.scalar(query.offset(LATE_AT_ONCE - 1).limit(1)) or 0


def _within(unit_id: ColumnElement[Any], behind: int, last: int) -> ColumnElement[bool]:
    return and_(unit_id > behind, unit_id <= last)


def _count_excluded(
    connection: Connection, book: Book, excluded: tuple[ColumnElement[bool], ...], sign: int
) -> int:
    """Put down by reason what is left out, or take it away; gives how many those are."""
    units = 0
    why = t.campaign_item.c.why
    query = select(why, func.count()).where(*excluded).group_by(why)
    for reason, number in connection.execute(query):
        book.add(0, ItemState.EXCLUDED, Why(reason), sign * number)
        units += number
    return units


def _insert(
    connection: Connection,
    row: Row[Any],
    plan: Plan,
    policy: Policy,
    now: datetime,
    wave: ColumnElement[int],
    *among: ColumnElement[bool],
) -> int:
    matches = Compiler(connection, policy, now).where(parse_selection(row.selection))
    known = exists(
        select(t.campaign_item.c.unit_id)
        .where(t.campaign_item.c.campaign_id == row.id, t.campaign_item.c.unit_id == t.unit.c.id)
        .correlate(t.unit)
    )
    found = (
        select(t.unit.c.id, exclusion(plan, row.id, policy, now).label("why"))
        .where(*among, matches, ~known)
        .subquery("found")
    )
    stays_out = found.c.why != ""
    group = case((stays_out, 1), else_=0)
    drawn = (literal(row.id, BigInteger) * 40_503 + found.c.id) * _SPREAD % _RANGE
    numbered = select(
        found.c.id,
        found.c.why,
        func.row_number().over(partition_by=group, order_by=[drawn, found.c.id]).label("number"),
        func.count().over(partition_by=group).label("total"),
    ).subquery("numbered")
    out = numbered.c.why != ""
    moment = literal(now, t.campaign_item.c.due_at.type)
    rows = select(
        literal(row.id, BigInteger),
        numbered.c.id,
        case((out, 0), else_=wave),
        case((out, ItemState.EXCLUDED.value), else_=ItemState.WAITING.value),
        numbered.c.why,
        case((out, null()), else_=moment),
        case((out, moment), else_=null()),
    )
    statement = insert(t.campaign_item).from_select(_COLUMNS, rows)
    return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount


def _drawn_wave(plan: Plan) -> ColumnElement[int]:
    """`domain.campaign_plan.wave_of` as an expression over `numbered`."""
    number: ColumnElement[int] = column("number", BigInteger)
    total: ColumnElement[int] = column("total", BigInteger)
    last: ColumnElement[int] = literal(0)
    steps = []
    for index, wave in enumerate(plan.waves[:-1], 1):
        last = last + _size(wave, total)
        steps.append((number <= last, index))
    return case(*steps, else_=len(plan.waves)) if steps else literal(1)


def _size(wave: Wave, total: ColumnElement[int]) -> ColumnElement[int]:
    if wave.units is not None:
        return literal(wave.units)
    return (total * (wave.percent or 0) + 99) // 100
