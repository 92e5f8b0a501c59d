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


def add_late(connection: Connection, row: Row[Any], policy: Policy, now: datetime) -> int:
    """Add to the last wave what matches by now, and look anew at what was left out.

    Gives how many units more there are.
    """
    plan = decode_plan(row.plan)
    book = Book(connection, row.id, now)
    before = _take_out_excluded(connection, row, book)
    added = _insert(connection, row, plan, policy, now, literal(len(plan.waves)))
    columns = t.campaign_item.c
    excluded = 0
    for why, units in connection.execute(
        select(columns.why, func.count())
        .where(columns.campaign_id == row.id, columns.state == ItemState.EXCLUDED)
        .group_by(columns.why)
    ):
        book.add(0, ItemState.EXCLUDED, Why(why), units)
        excluded += units
    book.add(len(plan.waves), ItemState.WAITING, Why.NONE, added - excluded)
    book.close()
    return added - before


def _take_out_excluded(connection: Connection, row: Row[Any], book: Book) -> int:
    columns = t.campaign_count.c
    for count in connection.execute(
        select(t.campaign_count).where(
            columns.campaign_id == row.id, columns.state == ItemState.EXCLUDED
        )
    ):
        book.add(count.wave, ItemState.EXCLUDED, Why(count.why), -count.units)
    return connection.execute(
        delete(t.campaign_item).where(
            t.campaign_item.c.campaign_id == row.id,
            t.campaign_item.c.state == ItemState.EXCLUDED,
        )
    ).rowcount


def _insert(
    connection: Connection,
    row: Row[Any],
    plan: Plan,
    policy: Policy,
    now: datetime,
    wave: ColumnElement[int],
) -> int:
    matches = Compiler(connection, policy, now).where(parse_selection(row.selection))
    known = exists(
        select(t.campaign_item.c.unit_id)
        .where(t.campaign_item.c.campaign_id == row.id, t.campaign_item.c.unit_id == t.unit.c.id)
        .correlate(t.unit)
    )
    found = (
        select(t.unit.c.id, exclusion(plan, row.id, policy, now).label("why"))
        .where(matches, ~known)
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
