"""What a campaign does by itself, turn by turn: takes ends in, moves waves, begins items, ends.

Everything is found again from the database, so that a turn may be the first one of a fresh process.
A turn does a bounded amount of work for each campaign, in one transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.exc import OperationalError

from fleet_server.domain.campaign import (
    NOT_BEGUN,
    OPEN,
    UNDER_WAY,
    WORKED_ON,
    Act,
    ItemState,
    Pause,
    State,
    Tally,
    Why,
    may_become,
)
from fleet_server.domain.campaign_pace import (
    Verdict,
    allowance,
    may_begin,
    paid_after,
    too_many_failed,
    wave_verdict,
)
from fleet_server.domain.campaign_plan import OnFailures, Plan, decode_plan
from fleet_server.domain.policy import Policy
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor
from fleet_server.services.campaign_actions import Action, Actions
from fleet_server.services.campaign_begin import MOST_A_TURN, Beginning
from fleet_server.services.campaign_book import Book, read_outcomes, read_places, read_tally
from fleet_server.services.campaign_planning import add_late
from fleet_server.services.campaigns import break_off, end, stand_still

logger = logging.getLogger(__name__)

ACTOR = Actor.system("campaigns")
JOIN_EVERY = timedelta(hours=1)


def step(connection: Connection, actions: Actions, policy: Policy, now: datetime) -> bool:
    """One turn for every campaign that is worked on; whether any item is under way.

    One that cannot go on for a fault of ours holds no other up.
    """
    rows = connection.execute(
        select(t.campaign)
        .where(t.campaign.c.state.in_(WORKED_ON))
        .order_by(t.campaign.c.id)
        .with_for_update()
    ).all()
    return any([_take(_Turn(connection, row, actions, policy, now)) for row in rows])


def _take(turn: _Turn) -> bool:
    try:
        with turn.connection.begin_nested():
            return turn.take()
    except OperationalError:  # the database's, and so everybody's
        raise
    except Exception:
        logger.exception("Campaign %d cannot go on.", turn.row.id)
        return False


def is_any_worked_on(connection: Connection) -> bool:
    """Whether a turn has anything to do; needs no right to write."""
    found = connection.scalar(
        select(t.campaign.c.id).where(t.campaign.c.state.in_(WORKED_ON)).limit(1)
    )
    return found is not None


@dataclass(slots=True)
class _Turn:
    """One turn of one campaign; `row` is as it was at its beginning."""

    connection: Connection
    row: Row[Any]
    actions: Actions
    policy: Policy
    now: datetime

    def take(self) -> bool:
        plan = decode_plan(self.row.plan)
        action = self.actions.of(plan.action)
        book = Book(self.connection, self.row.id, self.now)
        self._take_ends_in(action, book)
        if self.row.state == State.ABORTING:
            self._call_back(action)
        book.close()
        if self._ends(plan):
            return False
        if self.row.state == State.RUNNING and not self._stands_still(plan):
            self._go_on(plan, action, book)
        return self._tally().all(*UNDER_WAY) > 0

    def _tally(self) -> Tally:
        return read_tally(self.connection, self.row.id)

    def _take_ends_in(self, action: Action, book: Book) -> None:
        items = self._under_way()
        references = [item.reference for item in items]
        standings = action.states(self.connection, references, self.now)
        for item in items:
            standing = standings.get(item.reference)
            if standing is None or (standing.state, standing.why) == (item.state, item.why):
                continue
            if may_become(ItemState(item.state), standing.state):
                book.move(item, standing.state, standing.why)

    def _under_way(self) -> Sequence[Row[Any]]:
        return self.connection.execute(
            select(t.campaign_item)
            .where(t.campaign_item.c.campaign_id == self.row.id, t.is_under_way)
            .order_by(t.campaign_item.c.unit_id)
        ).all()

    def _call_back(self, action: Action) -> None:
        """Ask each that is under way, once, to take itself back."""
        asked = [item for item in self._under_way() if not item.stop_asked][:MOST_A_TURN]
        for item in asked:
            action.stop(self.connection, item.reference, self.now)
            self.connection.execute(
                update(t.campaign_item)
                .where(
                    t.campaign_item.c.campaign_id == self.row.id,
                    t.campaign_item.c.unit_id == item.unit_id,
                )
                .values(stop_asked=True)
            )

    def _ends(self, plan: Plan) -> bool:
        if self.row.state == State.PAUSED:
            return False
        is_over = plan.ends_at is not None and plan.ends_at <= self.now
        if self.row.state == State.RUNNING and is_over:
            book = Book(self.connection, self.row.id, self.now)
            book.stop_all_waiting(Why.OVER)
            book.close()
        if self._tally().all(*OPEN):
            return False
        if self.row.state == State.ABORTING:
            end(self.connection, self.row, Act.END_ABORT, self.now)
            return True
        if plan.late_joiners and not is_over:
            return False
        end(self.connection, self.row, Act.FINISH, self.now)
        return True

    def _stands_still(self, plan: Plan) -> bool:
        """Pause or abort on too many failures, since the start or the last resume.

        What turned back or needs a person is one before it has ended: that may take hours, in which
        others would be begun.
        """
        ended, failed = read_outcomes(self.connection, self.row.id)
        ended -= self.row.ended_before
        failed -= self.row.failed_before
        if not too_many_failed(plan.limits, ended, failed):
            return False
        if plan.limits.on_failures == OnFailures.ABORT:
            break_off(self.connection, ACTOR, self.row, Pause.FAILURES, self.actions, self.now)
        else:
            stand_still(self.connection, ACTOR, self.row, Pause.FAILURES, self.now)
        return True

    def _go_on(self, plan: Plan, action: Action, book: Book) -> None:
        if plan.late_joiners:
            self._let_join()
        wave = self._wave(plan)
        if wave is not None and may_begin(self.now, plan, self.policy):
            self._begin(plan, action, book, wave)
            book.close()

    def _let_join(self) -> None:
        """A look at all units goes on piece by piece, one each turn."""
        goes_on = self.row.joined_to > 0
        joined_at = self.row.joined_at
        if not goes_on and joined_at is not None and self.now - joined_at < JOIN_EVERY:
            return
        more, up_to = add_late(self.connection, self.row, self.policy, self.now)
        joined_at = joined_at if goes_on else self.now
        self._set(joined_at=joined_at, joined_to=up_to, units=self.row.units + more)

    def _wave(self, plan: Plan) -> int | None:
        """Up to which wave items may begin; None when the campaign stands still from now on."""
        wave: int = self.row.wave
        ended_at = self.row.wave_ended_at
        tally = self._tally()
        while wave < len(plan.waves):
            verdict = wave_verdict(plan.waves[wave - 1], wave, tally, ended_at, self.now)
            if verdict == Verdict.MISSED and self.row.accepted_wave < wave:
                stand_still(self.connection, ACTOR, self.row, Pause.WAVE_MISSED, self.now)
                return None
            if verdict == Verdict.SOAKS and ended_at is None:
                ended_at = self.now
                self._set(wave_ended_at=ended_at)
                continue
            if verdict in (Verdict.GOES_ON, Verdict.SOAKS):
                break
            wave, ended_at = wave + 1, None
            self._set(wave=wave, wave_ended_at=None)
        return wave

    def _begin(self, plan: Plan, action: Action, book: Book, wave: int) -> None:
        tally = self._tally()
        room = plan.limits.at_once - tally.all(*UNDER_WAY) + self._for_technicians()
        allowed = allowance(self.row.paid_until_at, self.now, plan.limits.per_minute)
        allowed = min(room, allowed, MOST_A_TURN)
        if allowed <= 0 or not any(tally.of(at, *NOT_BEGUN) for at in range(1, wave + 1)):
            return
        beginning = Beginning(self.connection, self.row, plan, action, self.policy, self.now)
        begun = beginning.take(book, wave, allowed)
        if begun:
            per_minute = plan.limits.per_minute
            paid_until_at = paid_after(self.row.paid_until_at, self.now, per_minute, begun)
            self._set(paid_until_at=paid_until_at)

    def _for_technicians(self) -> int:
        """Visits that nobody has begun: the days of an area bound those."""
        places = read_places(self.connection, self.row.id).items()
        return sum(units for (_, _, why), units in places if why == Why.TECHNICIAN)

    def _set(self, **values: Any) -> None:
        connection = self.connection
        connection.execute(
            update(t.campaign).where(t.campaign.c.id == self.row.id).values(**values)
        )
